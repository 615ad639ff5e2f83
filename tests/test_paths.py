from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from tmuxmeter.config import Config
from tmuxmeter.errors import FolderError
from tmuxmeter.paths import places, private_folder
from tmuxmeter.watcher.roots import agent_roots


def test_default_layout_on_linux(tmp_path: Path) -> None:
    found = places(None, {"HOME": str(tmp_path)}, "linux")
    assert found.home == tmp_path
    assert found.state == tmp_path / ".local/state/tmuxmeter"
    assert found.cache == tmp_path / ".cache/tmuxmeter"
    assert found.config_file == tmp_path / ".config/tmuxmeter/config.toml"
    assert found.runtime == tmp_path / ".local/state/tmuxmeter/run"


def test_default_layout_on_macos(tmp_path: Path) -> None:
    found = places(None, {"HOME": str(tmp_path)}, "darwin")
    assert found.state == tmp_path / "Library/Application Support/tmuxmeter"
    assert found.cache == tmp_path / "Library/Caches/tmuxmeter"
    assert found.config_file == tmp_path / ".config/tmuxmeter/config.toml"
    assert found.runtime == found.state / "run"


def test_xdg_variables_count() -> None:
    env = {
        "HOME": "/home/x",
        "XDG_STATE_HOME": "/s",
        "XDG_CONFIG_HOME": "/c",
        "XDG_CACHE_HOME": "/k",
    }
    found = places(None, env, "linux")
    assert found.state == Path("/s/tmuxmeter")
    assert found.config_file == Path("/c/tmuxmeter/config.toml")
    assert found.cache == Path("/k/tmuxmeter")
    assert found.agent_env is env


def test_relative_xdg_variables_are_ignored() -> None:
    found = places(None, {"HOME": "/home/x", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": ""})
    assert found.state.is_absolute()
    assert "/home/x" in str(found.state)
    assert found.config_file == Path("/home/x/.config/tmuxmeter/config.toml")


@pytest.mark.skipif(sys.platform != "linux", reason="platformdirs chooses by the running system")
@pytest.mark.parametrize("own", [True, False])
def test_agrees_with_platformdirs(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own:
        for name in ("STATE_HOME", "CACHE_HOME", "CONFIG_HOME"):
            monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    found = places(None, os.environ)
    assert found.state == platformdirs.user_state_path("tmuxmeter")
    assert found.cache == platformdirs.user_cache_path("tmuxmeter")
    assert found.config_file.parent == platformdirs.user_config_path("tmuxmeter")


def test_nothing_ends_with_the_login() -> None:
    # a tmux server goes on after it, and the folder of this variable is removed
    env = {"HOME": "/home/x", "XDG_RUNTIME_DIR": "/run/user/1"}
    assert places(None, env) == replace(places(None, {"HOME": "/home/x"}), agent_env=env)


def test_config_variable_names_the_file() -> None:
    found = places(None, {"HOME": "/home/x", "TMUXMETER_CONFIG": "/etc/meter.toml"})
    assert found.config_file == Path("/etc/meter.toml")
    assert found.config_named
    assert not places(None, {"HOME": "/home/x"}).config_named


def test_another_home_ignores_every_variable(tmp_path: Path) -> None:
    env = {
        "HOME": "/home/x",
        "XDG_STATE_HOME": "/s",
        "XDG_CONFIG_HOME": "/c",
        "XDG_CACHE_HOME": "/k",
        "TMUXMETER_CONFIG": "/etc/meter.toml",
        "CLAUDE_CONFIG_DIR": "/claude",
        "CODEX_HOME": "/codex",
    }
    found = places(tmp_path, env, "linux")
    assert found.home == tmp_path
    for path in (found.state, found.config_file, found.runtime, found.cache):
        assert path.is_relative_to(tmp_path)
    assert found.agent_env == {}


def test_another_home_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places(Path("other"), {}).home == tmp_path / "other"


def test_home_is_known_without_a_variable() -> None:
    assert places(None, {}).home.is_absolute()


def test_expand_means_the_home_in_question() -> None:
    found = places(Path("/corpus"), {"HOME": "/home/x"})
    assert found.expand("~") == Path("/corpus")
    assert found.expand("~/.claude-work") == Path("/corpus/.claude-work")
    assert found.expand(".claude-work") == Path("/corpus/.claude-work")
    assert found.expand("/elsewhere") == Path("/elsewhere")
    assert found.expand("~other") == Path("/corpus/~other")


def test_private_folder_is_made_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o277)
    try:
        made = private_folder(tmp_path / "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_private_folder_makes_parents(tmp_path: Path) -> None:
    assert private_folder(tmp_path / "a" / "b" / "c").is_dir()


def test_open_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_symlink_is_refused_and_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(FolderError, match="symbolic link"):
        private_folder(link)
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_dangling_symlink_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FolderError, match="symbolic link"):
        private_folder(link)
    assert not (tmp_path / "nowhere").exists()


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="not a folder"):
        private_folder(tmp_path / "file")
    with pytest.raises(FolderError, match="can't make"):
        private_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, -1)
    with pytest.raises(FolderError, match="belongs to user 12345"):
        private_folder(folder)


def test_a_relative_folder_of_an_agent_is_left_out(tmp_path: Path) -> None:
    # whose folder one in the meter's own environment is below, nobody knows
    told = places(tmp_path, {"CODEX_HOME": "own/codex", "GEMINI_CLI_HOME": "../x"})
    roots = [root.path for _, root in agent_roots(told, Config())]
    assert roots
    assert all(path.is_absolute() for path in roots)
