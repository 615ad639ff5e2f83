"""tmux is asked in one call, and nothing a user or an agent writes can confuse the answer."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import TmuxServer, wait_until

from tmuxmeter.errors import MissingProgramError, TmuxError
from tmuxmeter.tmux.client import Tmux, installed_version, parse_version, require_version
from tmuxmeter.tmux.servers import Servers, canonical_socket, socket_in_environment
from tmuxmeter.tmux.snapshot import parse_snapshot, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("tmux 3.3a", (3, 3)),
        ("3.2", (3, 2)),
        ("tmux next-3.6", (3, 6)),
        ("tmux 10.12b", (10, 12)),
        ("tmux openbsd-7.6", None),
        ("tmux master", None),
    ],
)
def test_versions_are_understood(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


def test_an_old_tmux_is_refused_with_what_is_needed() -> None:
    with pytest.raises(TmuxError, match=r"tmux 3\.1c is too old.*3\.2"):
        require_version("tmux 3.1c")
    require_version("tmux 3.2a")
    require_version("tmux master")


def test_a_missing_tmux_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingProgramError, match="not installed"):
        installed_version(str(tmp_path / "tmux"))
    assert parse_version(installed_version()) is not None


def test_commands_run_without_a_shell(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux.run(["set-option", "-g", "@x", "$(echo no) `echo no`; é"])
    assert tmux.run(["show-options", "-gv", "@x"]) == "$(echo no) `echo no`; é\n"


def test_source_runs_many_lines_in_one_call(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    value = "x" * 1000
    tmux.source([f"set-option -g @v{n} '{value}'" for n in range(200)])
    assert tmux.run(["show-options", "-gv", "@v199"]).strip() == value
    assert tmux.source([]) == ""


def test_errors_of_tmux_are_raised(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    with pytest.raises(TmuxError, match="unknown command"):
        tmux.run(["no-such-command"])


def test_a_dead_server_is_an_error_and_none_is_started(tmux_server: TmuxServer) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.kill()
    wait_until(lambda: not tmux_server.alive())
    with pytest.raises(TmuxError):
        take_snapshot(tmux)
    with pytest.raises(TmuxError):
        tmux.run(["new-session", "-d"])
    assert not tmux_server.alive()


def test_a_hanging_server_is_given_up(tmux_server: TmuxServer) -> None:
    pid = int(tmux_server.format("#{pid}"))
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TmuxError, match="did not answer"):
            take_snapshot(Tmux(tmux_server.socket, timeout=0.2))
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_snapshot_tells_server_panes_and_clients(tmux_server: TmuxServer, tmp_path: Path) -> None:
    second = tmux_server.window("sleep 600", cwd=tmp_path)
    client = tmux_server.attach(100, 30)
    wait_until(lambda: tmux_server.format("#{pane_current_path}", second))
    snapshot = take_snapshot(Tmux(tmux_server.socket))
    assert snapshot.server_pid == int(tmux_server.format("#{pid}"))
    assert snapshot.server_started == int(tmux_server.format("#{start_time}"))
    assert snapshot.version == tmux_server.format("#{version}")
    assert [pane.pane_id for pane in snapshot.panes] == ["%0", second]
    pane = snapshot.panes[1]
    assert pane.pid == int(tmux_server.format("#{pane_pid}", second))
    assert pane.tty == tmux_server.format("#{pane_tty}", second)
    assert (pane.session_name, pane.window_index, pane.pane_index) == ("main", 1, 0)
    assert (pane.active, pane.window_active, pane.attached, pane.dead) == (True, False, 1, False)
    assert pane.current_path == os.path.realpath(tmp_path)
    (seen,) = snapshot.clients
    assert (seen.tty, seen.pid) == (client.tty, client.process.pid)
    assert (seen.pane_id, seen.width, seen.height, seen.control_mode) == ("%0", 100, 30, False)
    assert abs(seen.activity_s - snapshot.server_started) < 600


NAMES = [
    "a|b",
    "a\\|b|",
    "|S|1|2|3|",
    "x\\",
    "é ␞ \u2028 ‮",
    "#{pid}#(echo no)",
    "tab\tand\x1funit",
    "'\"; kill-server",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_can_not_break_the_answer(tmux_server: TmuxServer, name: str) -> None:
    tmux_server.run("set-option", "-g", "automatic-rename", "off")
    # tmux 3.8 refuses control characters
    may_fail = not name.isprintable()
    tmux_server.run("rename-window", "-t", "main:0", name.replace("#", "##"), check=not may_fail)
    renamed = "s" + name.replace("#", "##")
    tmux_server.run("rename-session", "-t", "main", renamed, check=not may_fail)
    tmux_server.run("split-window", "-d", "-t", "%0", "sleep 600")
    snapshot = take_snapshot(Tmux(tmux_server.socket))
    assert [pane.pane_id for pane in snapshot.panes] == ["%0", "%1"]
    for pane in snapshot.panes:
        assert pane.pid == int(tmux_server.format("#{pane_pid}", pane.pane_id))
        assert pane.window_name == tmux_server.format("#{window_name}", pane.pane_id)
        assert pane.session_name == tmux_server.format("#{session_name}", pane.pane_id)


def test_a_path_with_newline_and_separators_comes_through(
    tmux_server: TmuxServer, tmp_path: Path
) -> None:
    folder = tmp_path / "a\nP|%9|1|b\\"
    folder.mkdir()
    pane_id = tmux_server.window("sleep 600", cwd=folder)

    def paths() -> dict[str, str]:
        snapshot = take_snapshot(Tmux(tmux_server.socket))
        found = {pane.pane_id: pane.current_path for pane in snapshot.panes}
        # for a moment after its start a process has no folder that tmux could name
        return found if all(found.values()) else {}

    found = wait_until(paths)
    assert list(found) == ["%0", pane_id]
    assert found[pane_id] == str(folder)


def test_a_window_in_several_sessions_is_one(tmux_server: TmuxServer) -> None:
    tmux_server.run("new-session", "-d", "-s", "other")
    tmux_server.run("link-window", "-s", "main:0", "-t", "other:5")
    tmux_server.run("new-session", "-d", "-s", "grouped", "-t", "main")
    snapshot = take_snapshot(Tmux(tmux_server.socket))
    assert sorted(pane.pane_id for pane in snapshot.panes) == ["%0", "%1"]
    # Shown under the session somebody looks at.
    tmux_server.attach(target="other:5")
    snapshot = take_snapshot(Tmux(tmux_server.socket))
    shown = next(pane for pane in snapshot.panes if pane.pane_id == "%0")
    assert (shown.session_name, shown.window_index) == ("other", 5)


def test_a_dead_pane_is_seen_as_dead(tmux_server: TmuxServer) -> None:
    tmux_server.run("set-option", "-g", "remain-on-exit", "on")
    pane_id = tmux_server.window("true")
    tmux = Tmux(tmux_server.socket)

    def dead() -> bool:
        return any(p.dead for p in take_snapshot(tmux).panes if p.pane_id == pane_id)

    assert wait_until(dead)


def test_a_server_without_sessions_is_alive(tmux_servers: Callable[..., TmuxServer]) -> None:
    server = tmux_servers()
    server.start()
    server.run("set-option", "-g", "exit-empty", "off")
    server.run("kill-session", "-t", "main")
    snapshot = take_snapshot(Tmux(server.socket))
    assert (snapshot.panes, snapshot.clients) == ((), ())


@pytest.mark.parametrize(
    "text", ["", "garbage", "S|1|2|", "P|%0|", "S|x|2|3.3a|", "S|1|2|3.3a|\nP|%0|1|"]
)
def test_a_broken_answer_is_an_error(text: str) -> None:
    with pytest.raises(TmuxError):
        parse_snapshot(Path("/nowhere"), text)


def test_an_old_server_is_refused() -> None:
    with pytest.raises(TmuxError, match="too old"):
        parse_snapshot(Path("/nowhere"), "S|1|2|3.1c|\n")


def test_registered_servers_are_kept_until_forgotten(tmp_path: Path) -> None:
    servers = Servers(tmp_path / "run")
    assert servers.registered() == ()
    socket = tmp_path / "a b\udcff" / "socket"
    servers.register(socket)
    servers.register(socket)
    servers.register(tmp_path / "z")
    assert set(servers.registered()) == {canonical_socket(socket), tmp_path / "z"}
    for path in (servers.folder, *servers.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert servers.forget(socket)
    assert not servers.forget(socket)
    assert servers.registered() == (tmp_path / "z",)


def test_one_socket_by_two_names_is_one_server(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    servers = Servers(tmp_path / "run")
    servers.register(tmp_path / "link" / "s")
    servers.register(tmp_path / "real" / "s")
    assert servers.registered() == (tmp_path / "real" / "s",)


def test_what_is_no_registration_is_left_alone(tmp_path: Path) -> None:
    servers = Servers(tmp_path / "run")
    servers.register(tmp_path / "s")
    (servers.folder / "x.server").mkdir()
    (servers.folder / "empty.server").touch()
    (servers.folder / "note").write_text("/elsewhere")
    os.mkfifo(servers.folder / "fifo.server")
    assert servers.registered() == (tmp_path / "s",)


def test_the_tmux_variable_names_socket_and_server(tmp_path: Path) -> None:
    assert socket_in_environment(f"{tmp_path}/a,b,123,0") == (tmp_path / "a,b", 123)
    assert socket_in_environment("") is None
    assert socket_in_environment("x,y,z") is None
