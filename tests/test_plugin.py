"""tmuxmeter.tmux as tmux itself runs it, with a stand-in for the tmuxmeter command."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmux_fixtures import TmuxServer

ROOT = Path(__file__).parents[1]
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A copy of the plugin in a folder with a space in its name, with no environment inside."""
    folder = tmp_path / "the plugin's"
    shutil.copytree(ROOT / "shell", folder / "shell")
    shutil.copy(ROOT / "tmuxmeter.tmux", folder)
    return folder


def command(path: Path, log: Path, ending: str = "exit 0") -> None:
    """Write a tmuxmeter that notes which one was called and how."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{log}'\n{ending}\n")
    path.chmod(0o755)


def start(server: TmuxServer, path: str = SYSTEM) -> None:
    """Start the server in the test's own home; the plugin inherits both."""
    server.environment["PATH"] = path
    server.start("cat")


def run_plugin(server: TmuxServer, plugin: Path) -> None:
    server.run("run-shell", f"'{plugin}/tmuxmeter.tmux'".replace("plugin's", "plugin'\\''s"))


def called(log: Path) -> str:
    return wait_until(lambda: log.exists() and log.read_text())


def test_one_run_shell_line_starts_the_meter_for_this_server(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log = tmux_servers(), tmp_path / "log"
    command(tmp_path / "bin/tmuxmeter", log)
    start(server, f"{tmp_path}/bin:{SYSTEM}")
    run_plugin(server, plugin)
    assert called(log) == f"{tmp_path}/bin/tmuxmeter up --socket {server.socket} --quiet\n"


def test_it_works_from_the_configuration_file(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log, config = tmux_servers(), tmp_path / "log", tmp_path / "tmux.conf"
    command(tmp_path / "bin/tmuxmeter", log)
    config.write_text(f"run-shell \"'{tmp_path}/link/tmuxmeter.tmux'\"\n")
    (tmp_path / "link").symlink_to(plugin)
    server.command[-1] = str(config)
    start(server, f"{tmp_path}/bin:{SYSTEM}")
    assert called(log).endswith(f"up --socket {server.socket} --quiet\n")


def test_the_command_is_found_where_tmux_does_not_look(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path, home: Path
) -> None:
    server, log = tmux_servers(), tmp_path / "log"
    start(server)
    if shutil.which("tmuxmeter", path=SYSTEM):
        pytest.skip("tmuxmeter is installed for everybody here")
    command(plugin / ".venv/bin/tmuxmeter", log)
    run_plugin(server, plugin)
    assert called(log).startswith(f"{plugin}/.venv/bin/tmuxmeter up ")
    log.unlink()
    command(home / ".local/bin/tmuxmeter", log)
    run_plugin(server, plugin)
    assert called(log).startswith(f"{home}/.local/bin/tmuxmeter up ")


def test_a_missing_command_is_one_clear_line(
    tmux_servers: Callable[..., TmuxServer], plugin: Path
) -> None:
    if shutil.which("tmuxmeter", path=SYSTEM):
        pytest.skip("tmuxmeter is installed for everybody here")
    server = tmux_servers()
    start(server)
    # Nobody is attached yet, as when tmux reads its configuration.
    run_plugin(server, plugin)
    client = server.attach(200)
    client.wait_for("tmuxmeter: the tmuxmeter command is missing: pipx install")


def test_what_went_wrong_is_shown_literally(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log, mark = tmux_servers(), tmp_path / "log", tmp_path / "m"
    words = f"odd #(touch {mark}) #{{pane_id}} 100%H"
    command(tmp_path / "bin/tmuxmeter", log, f"echo first; echo '{words}' >&2; exit 4")
    start(server, f"{tmp_path}/bin:{SYSTEM}")
    client = server.attach(200)
    run_plugin(server, plugin)
    client.wait_for(f"tmuxmeter: {words}")
    assert not mark.exists()


def test_what_is_wrong_with_options_is_shown_though_the_meter_is_on(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log = tmux_servers(), tmp_path / "log"
    complaint = "tmuxmeter: @tmuxmeter_pause_key: unknown key: Nope"
    command(tmp_path / "bin/tmuxmeter", log, f"echo '{complaint}' >&2; exit 0")
    start(server, f"{tmp_path}/bin:{SYSTEM}")
    client = server.attach(200)
    run_plugin(server, plugin)
    assert b"tmuxmeter: tmuxmeter" not in client.wait_for(complaint)


def test_it_binds_nothing_and_sets_nothing(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log = tmux_servers(), tmp_path / "log"
    command(tmp_path / "bin/tmuxmeter", log)
    start(server, f"{tmp_path}/bin:{SYSTEM}")

    def state() -> list[str]:
        scopes = ("-g", "-gw", "-s")
        return [server.run("list-keys"), *(server.run("show-options", scope) for scope in scopes)]

    before = state()
    run_plugin(server, plugin)
    called(log)
    assert state() == before
    assert server.run("show-hooks", "-g").count("tmuxmeter") == 0


def test_tmux_does_not_wait_for_the_meter(
    tmux_servers: Callable[..., TmuxServer], plugin: Path, tmp_path: Path
) -> None:
    server, log, gate = tmux_servers(), tmp_path / "log", tmp_path / "gate"
    os.mkfifo(gate)
    done = tmp_path / "done"
    command(tmp_path / "bin/tmuxmeter", log, f"read line < '{gate}'; touch '{done}'")
    start(server, f"{tmp_path}/bin:{SYSTEM}")
    run_plugin(server, plugin)
    called(log)
    assert not done.exists()
    gate.write_text("go\n")
    wait_until(done.exists)


def test_outside_tmux_it_says_so(plugin: Path) -> None:
    result = subprocess.run(
        [plugin / "tmuxmeter.tmux"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "tmuxmeter up" in result.stderr


def test_shell_files_are_clean() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    files = [
        ROOT / "tmuxmeter.tmux",
        *(ROOT / "shell").glob("*.sh"),
        *(ROOT / "shell").glob("*.bash"),
    ]
    result = subprocess.run(
        ["shellcheck", "-x", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout == ""
    assert os.access(ROOT / "tmuxmeter.tmux", os.X_OK)
