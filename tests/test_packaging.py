"""What an installed package brings: built, installed and used for real."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = (
    "config.example.toml",
    "shell/hook.sh",
    "shell/opencode.js",
    "shell/plugin.sh",
    "shell/tmuxmeter.bash",
    "shell/tmuxmeter.fish",
    "shell/tmuxmeter.zsh",
    "tmuxmeter.tmux",
)
pytestmark = pytest.mark.slow


def call(*words: str | Path, cwd: Path = ROOT) -> str:
    """Run a program and return what it prints."""
    result = subprocess.run(
        list(map(str, words)), cwd=cwd, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip(*words: str | Path, python: Path | str = sys.executable) -> None:
    """Run pip; skip loudly where it can't reach a package registry."""
    command = [python, "-m", "pip", "--disable-pip-version-check", "-q", *words]
    result = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    told = result.stdout + result.stderr
    if result.returncode and "Could not find a version" in told and "from versions: none" in told:
        pytest.skip("NO PACKAGE REGISTRY WITHIN REACH: packaging was not tested")
    assert result.returncode == 0, told


def virtual(folder: Path) -> Path:
    """Make an environment and return its Python."""
    call(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    python = virtual(folder / "tools")
    pip("install", "build", "hatchling", python=python)
    call(python, "-m", "build", "--no-isolation", "--outdir", folder / "dist", ROOT)
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and nothing else in it."""
    python = virtual(tmp_path_factory.mktemp("venv"))
    (wheel,) = built.glob("*.whl")
    pip("install", wheel, python=python)
    return python.parent


def test_the_sdist_holds_the_checkout_and_no_litter(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    wanted = {*SHARED, "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "tmuxmeter/py.typed"}
    assert wanted <= names
    tracked = set(call("git", "ls-files").splitlines()) if (ROOT / ".git").exists() else names
    hidden = {name for name in names if "/." in f"/{name}"} - tracked
    assert hidden <= {"", ".gitignore"}


def test_the_wheel_holds_the_package_and_what_it_shares(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "tmuxmeter").rglob("*.py")}
    assert package <= names
    assert {f"tmuxmeter/share/{name}" for name in SHARED} <= names
    assert "tmuxmeter/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"tmuxmeter"}


def test_the_installed_command_works_from_anywhere(installed: Path, tmp_path: Path) -> None:
    tool = installed / "tmuxmeter"
    version = call(installed / "python", "-c", "import tmuxmeter; print(tmuxmeter.__version__)")
    assert call(tool, "--version", cwd=tmp_path).strip().endswith(version.strip())
    assert call(tool, "demo", "--print", cwd=tmp_path).startswith("DEMO")
    told = dict(line.split(maxsplit=1) for line in call(tool, "files", cwd=tmp_path).splitlines())
    assert set(told) == {"plugin", "bash", "zsh", "fish", "config"}
    for path in map(Path, told.values()):
        assert path.is_relative_to(installed.parent), path
        assert path.is_file()
    assert os.access(told["plugin"], os.X_OK)


def test_the_installed_plugin_finds_its_helpers(installed: Path, tmp_path: Path) -> None:
    plugin = call(installed / "tmuxmeter", "files", "plugin").strip()
    answer = subprocess.run([plugin], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
    assert "use: tmuxmeter up" in answer.stderr


@pytest.mark.parametrize("how", [["."], ["--editable", "."]])
def test_pip_installs_the_checkout(how: list[str], tmp_path: Path) -> None:
    python = virtual(tmp_path / "venv")
    pip("install", "--no-deps", *how, python=python)
    code = "from importlib.metadata import entry_points as e; print(*e(name='tmuxmeter'))"
    assert "tmuxmeter.cli:main" in call(python, "-c", code, cwd=tmp_path)
    assert call(python, "-c", "import tmuxmeter; print(tmuxmeter.__file__)", cwd=tmp_path).strip()


@pytest.mark.parametrize(
    ("program", "install"),
    [("pipx", ["pipx", "install", "."]), ("uv", ["uv", "tool", "install", "."])],
)
def test_as_the_readme_says(
    program: str, install: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installers of the README, themselves installed into a scratch environment."""
    assert f"\n{' '.join(install)}\n" in (ROOT / "README.md").read_text("utf-8")
    python = virtual(tmp_path / "tools")
    pip("install", program, python=python)
    folder = tmp_path / "bin"
    for name in ("PIPX_BIN_DIR", "UV_TOOL_BIN_DIR"):
        monkeypatch.setenv(name, str(folder))
    for name in ("PIPX_HOME", "UV_TOOL_DIR", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    call(python.parent / program, *install[1:])
    assert call(folder / "tmuxmeter", "demo", "--print", cwd=tmp_path).startswith("DEMO")
