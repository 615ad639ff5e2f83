"""tmux servers that hang while others go on, and a watcher that was suspended."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_watcher import following, status
from tmux_fixtures import wait_until
from watching import tmuxmeter

from tmuxmeter.errors import TmuxSilentError
from tmuxmeter.tmux import client
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmux_fixtures import TmuxServer


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process stand still for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_server_that_hung_is_not_waited_for_again_at_once(
    tmux_server: TmuxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    binary = tmp_path / "tmux"
    binary.write_text(f'#!/bin/sh\necho >> {calls}\nexec tmux "$@"\n')
    binary.chmod(0o755)
    asked = ["display-message", "-p", "here"]
    tmux = Tmux(tmux_server.socket, str(binary), timeout=0.5)
    with stopped(int(tmux_server.format("#{pid}"))):
        with pytest.raises(TmuxSilentError, match=r"did not answer within 0\.5 s"):
            tmux.run(asked)
        # whoever else asks, the answer is at hand
        for _ in range(3):
            with pytest.raises(TmuxSilentError):
                Tmux(tmux_server.socket, str(binary), timeout=0.5).run(asked)
        assert len(calls.read_text()) == 1
        monkeypatch.setitem(client._silent, tmux_server.socket, 0.0)
        with pytest.raises(TmuxSilentError):
            tmux.run(asked)
        assert len(calls.read_text()) == 2
    monkeypatch.setitem(client._silent, tmux_server.socket, 0.0)
    assert tmux.run(asked) == "here\n"
    assert tmux_server.socket not in client._silent


def test_turning_off_says_what_a_server_that_hangs_keeps(
    home: Path, tmux_server: TmuxServer
) -> None:
    tmux_server.run("set", "-g", "status-right", "#{tmuxmeter_total}")
    own = tmux_server.run("show", "-g", "status-right")
    here = ("--socket", tmux_server.socket, "--home", home)
    tmuxmeter("up", *here)
    with stopped(int(tmux_server.format("#{pid}"))):
        done = tmuxmeter("down", *here, check=False)
    assert done.returncode == 4
    assert "is off for" not in done.stdout
    assert f"{tmux_server.socket}: tmux did not answer" in done.stderr
    assert "`tmuxmeter down --socket`" in done.stderr
    assert tmux_server.run("show", "-g", "status-right") != own
    tmuxmeter("down", *here)
    assert tmux_server.run("show", "-g", "status-right") == own


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_suspended_watcher_goes_on_with_up_and_ends_with_down(
    home: Path, tmux_server: TmuxServer
) -> None:
    here = ("--socket", tmux_server.socket, "--home", home)
    tmuxmeter("up", *here)
    pid = following(home)["pid"]
    try:
        os.kill(pid, signal.SIGSTOP)
        tmuxmeter("up", *here)
        wait_until(lambda: state_of(pid) != "T")
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: state_of(pid) == "T")
        assert "The watcher has ended." in tmuxmeter("down", *here).stdout
    finally:
        if status(home)["running"]:
            os.kill(pid, signal.SIGKILL)
    assert not status(home)["running"]


def test_up_says_why_its_watcher_did_not_start(home: Path, tmux_server: TmuxServer) -> None:
    folder = home / ".local/state/tmuxmeter"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "ledger.db").write_text("no database at all")
    here = ("--socket", tmux_server.socket, "--home", home)
    done = tmuxmeter("up", *here, check=False)
    assert done.returncode == 1
    assert "tmuxmeter: the watcher did not start (" in done.stderr
    assert "ledger.db is damaged" in done.stderr
    tmuxmeter("down", *here)
