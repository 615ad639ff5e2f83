"""Files that users or agents name and that are none: a pipe, a folder, a device without an end."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until
from watching import tmuxmeter

from tmuxmeter.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS: dict[str, Callable[[Path], object]] = {
    "named pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Give each kind of thing that is no file."""
    name: str = request.param
    return name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "cursor", "FILE"), "tmuxmeter: FILE: it is a KIND, not a file\n"),
        (
            ("calibrate", "--from", "FILE"),
            "tmuxmeter: --from FILE: can't be read: it is a KIND, not a file\n",
        ),
    ],
)
def test_tables(tmp_path: Path, kind: str, words: tuple[str, ...], said: str) -> None:
    file = tmp_path / "odd.csv"
    KINDS[kind](file)
    done = tmuxmeter(*(word.replace("FILE", str(file)) for word in words), check=False)
    assert done.stdout == ""
    if kind == "named pipe":  # a pipe will do; nobody writes to this one, and nobody waits for it
        assert done.returncode in {1, 2}
        assert done.stderr.startswith(f"tmuxmeter: {file}:")
        assert "column" in done.stderr
    else:
        wanted = said.replace("FILE", str(file)).replace("KIND", kind)
        assert (done.returncode, done.stderr) == (2, wanted)


def test_a_table_may_come_from_a_pipe(tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    os.mkfifo(file)
    with subprocess.Popen(["sh", "-c", 'sleep 0.2; printf %s "$1" > "$0"', file, "content"]):
        # until its writer has come it is empty, and not waited for
        wait_until(lambda: read_regular(file, 100, piped=True) == b"content")


def test_the_null_device_is_an_empty_file(home: Path) -> None:
    file = home / ".config/tmuxmeter/config.toml"
    file.parent.mkdir(parents=True)
    file.symlink_to(os.devnull)
    assert tmuxmeter("config").returncode == 0


def test_a_configuration(home: Path, kind: str) -> None:
    file = home / ".config/tmuxmeter/config.toml"
    file.parent.mkdir(parents=True)
    KINDS[kind](file)
    problem = f"{file}: can't be read: it is a {kind}, not a file"
    for command in ("today", "panes", "config", "scan", "prices"):
        done = tmuxmeter(command, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"tmuxmeter: {problem}\n")
    assert f"BAD   configuration: {problem}\n" in tmuxmeter("doctor", check=False).stdout


def test_the_agents_settings(home: Path, kind: str) -> None:
    files = [home / ".claude/settings.json", home / ".gemini/settings.json"]
    for file in files:
        file.parent.mkdir()
        KINDS[kind](file)
    found = tmuxmeter("doctor").stdout
    assert "\n      → left alone; repair the file first\n" in found
    done = tmuxmeter("hooks", "install", "--yes", check=False)
    assert done.returncode == 1
    for file in files:
        assert f"unusable, {file}: it is no file" in found
        assert f"{file}: it is no file; left alone\n" in done.stderr


def test_what_codex_keeps_beside_its_hooks(home: Path, kind: str) -> None:
    (home / ".codex").mkdir()
    tmuxmeter("hooks", "install", "codex", "--yes")
    KINDS[kind](home / ".codex/config.toml")
    hooks = json.loads(tmuxmeter("hooks", "status", "--json").stdout)["hooks"]
    # whether they are trusted can't be seen there
    assert [each["state"] for each in hooks] == ["installed"]


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * (1 << 20))
    (tmp_path / "link").symlink_to(file)
    assert len(read_regular(tmp_path / "link", 1 << 20)) == 1 << 20
    with file.open("ab") as more:
        more.write(b"x")
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_regular(file, 1 << 20)
