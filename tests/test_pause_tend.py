"""Nothing stays held that nobody could let go any more."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pausing import Counted, Stage, now_ms
from tmux_fixtures import wait_until

from tmuxmeter.pause.look import ALARMED, STYLES, own_styles
from tmuxmeter.pause.method import LookLeftError
from tmuxmeter.pause.records import RESUMING
from tmuxmeter.pause.tend import FLAG_GONE, GRACE_MS, tend
from tmuxmeter.pause.terminal import opened, takes_output
from tmuxmeter.pause.ways import pause, resume
from tmuxmeter.tmux import client
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from pathlib import Path

    from tmux_fixtures import TmuxServer

    from tmuxmeter.pause.records import Pause


@pytest.fixture
def stage(home: Path, tmux_server: TmuxServer) -> Stage:
    return Stage(home, tmux_server)


def paused(stage: Stage, counted: Counted, session: str = "") -> Pause:
    target = replace(stage.target(counted.pane), session=session)
    return pause(stage.means, target, None, "you", now_ms())


ENDS = {
    *("its pane was closed", "its pane runs something else"),
    *("its agent has ended", "somebody else let it go on"),
}
"""Of a pane that is closed or respawned; what is seen first is a matter of luck."""


def tended(stage: Stage, later_ms: int = 0) -> list[str]:
    """Tend what is paused; return why pauses were ended."""
    return [why for _, why in tend(stage.means, stage.means.store.all(), now_ms() + later_ms)]


@pytest.mark.parametrize("how", ["bash", "wrapper"])
def test_a_pause_that_holds_is_left_alone(stage: Stage, how: str) -> None:
    counted = stage.start(how, child=True)
    made = paused(stage, counted)
    assert tended(stage, 60_000) == []
    assert counted.stands_still()
    assert stage.means.store.all() == [made]


def test_a_terminal_is_let_go_when_its_agent_ends(stage: Stage) -> None:
    counted = stage.start("bash")
    made = paused(stage, counted)
    assert made.method == "tcflow"
    tty, device = made.undo["tty"], made.undo["device"]
    os.kill(counted.pid, signal.SIGKILL)
    wait_until(lambda: stage.means.table.source.now(counted.pid) is None)
    with opened(tty, device) as descriptor:
        assert not takes_output(descriptor)
        assert tended(stage) == ["its agent has ended"]
        assert takes_output(descriptor)
    stage.server.send(counted.pane, "echo it is $((40 + 2))")
    wait_until(lambda: "it is 42" in stage.server.capture(counted.pane))
    assert stage.means.store.all() == []
    assert own_styles(Tmux(stage.server.socket), counted.pane) == dict.fromkeys(STYLES)


@pytest.mark.parametrize("how", ["bash", "wrapper", "pane"])
def test_a_pane_closed_while_paused_leaves_no_process_behind(stage: Stage, how: str) -> None:
    counted = stage.start(how, child=True)
    paused(stage, counted)
    stage.table.scan()
    below = [counted.pid, *(entry.pid for entry in stage.table.descendants(counted.pid))]
    assert len(below) == 2
    stage.server.run("kill-pane", "-t", counted.pane)
    # told at once, in whatever order its processes end
    assert tended(stage) == ["its pane was closed"]
    source = stage.means.table.source
    wait_until(lambda: all(source.now(pid) is None for pid in below))
    assert stage.means.store.all() == []


@pytest.mark.parametrize("how", ["wrapper", "bash"])
def test_a_pane_that_runs_something_else_by_now_has_its_look_and_input_back(
    stage: Stage, how: str
) -> None:
    counted = stage.start(how, "opencode")
    made = paused(stage, counted)
    assert made.method == ("suspend" if how == "bash" else "subtree")
    stage.server.run("respawn-pane", "-k", "-t", counted.pane, "cat")
    assert wait_until(lambda: tended(stage))[0] in ENDS
    assert own_styles(Tmux(stage.server.socket), counted.pane) == dict.fromkeys(STYLES)
    assert stage.server.format("#{pane_input_off}", counted.pane) == "0"
    stage.server.send(counted.pane, "hello")
    wait_until(lambda: "hello" in stage.server.capture(counted.pane))
    assert stage.means.table.source.now(counted.pid) is None


def test_a_pane_that_stays_when_its_agent_ends_has_its_look_back(stage: Stage) -> None:
    counted = stage.start("pane", "claude", run=True)
    stage.server.run("set-option", "-w", "-t", counted.pane, "remain-on-exit", "on")
    paused(stage, counted)
    os.kill(int(stage.server.format("#{pane_pid}", counted.pane)), signal.SIGKILL)
    assert wait_until(lambda: tended(stage))[0] in ENDS
    assert stage.server.format("#{pane_dead}", counted.pane) == "1"
    assert own_styles(Tmux(stage.server.socket), counted.pane) == dict.fromkeys(STYLES)
    wait_until(lambda: stage.means.table.source.now(counted.pid) is None)


def test_a_pane_that_was_moved_is_still_the_same(stage: Stage) -> None:
    counted = stage.start("wrapper")
    made = paused(stage, counted)
    stage.server.run("new-session", "-d", "-s", "elsewhere")
    stage.server.run("move-pane", "-d", "-s", counted.pane, "-t", "elsewhere:")
    assert tended(stage, 60_000) == []
    assert counted.stands_still()
    resume(stage.means, made)
    assert counted.counts_on()
    assert own_styles(Tmux(stage.server.socket), counted.pane) == dict.fromkeys(STYLES)


def test_what_can_t_be_removed_is_tried_again(stage: Stage) -> None:
    counted = stage.start("wrapper")
    made = paused(stage, counted)
    pauses = stage.means.store.all()
    record = stage.means.store.folder / f"{made.id}.json"
    # as on a disk that is read-only for now
    kept = record.rename(record.with_suffix(".kept"))
    record.mkdir()
    flag = stage.means.flags.set("claude", "nobody's", "you", 1)
    os.kill(counted.pid, signal.SIGCONT)
    assert tend(stage.means, pauses, now_ms()) == []
    record.rmdir()
    kept.rename(record)
    wait_until(lambda: tended(stage) == ["somebody else let it go on"])
    assert not flag.exists()


def test_a_server_that_is_gone(stage: Stage) -> None:
    counted = stage.start("wrapper")
    made = paused(stage, counted)
    stage.server.run("kill-server")
    wait_until(lambda: stage.means.table.source.now(made.pane_pid) is None)
    assert tended(stage) == ["its pane was closed"]
    wait_until(lambda: stage.means.table.source.now(counted.pid) is None)


def test_a_look_that_can_t_be_given_back_now_is_not_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "REST_SECONDS", 0.0)
    stage.means = replace(stage.means, tmux=lambda socket: Tmux(socket, timeout=0.3))
    counted = stage.start("wrapper")
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-style", "fg=red")
    made = paused(stage, counted)
    server = made.server_pid
    os.kill(server, signal.SIGSTOP)
    try:
        # the agent doesn't wait for it
        with pytest.raises(LookLeftError, match="it goes on, but its tmux server"):
            resume(stage.means, made)
        assert counted.counts_on()
        [left] = stage.means.store.all()
        assert RESUMING in left.undo
        assert tended(stage) == []
    finally:
        os.kill(server, signal.SIGCONT)
    wait_until(lambda: tended(stage) == ["somebody else let it go on"])
    found = own_styles(Tmux(stage.server.socket), counted.pane)
    assert found == {"window-style": "fg=red", "window-active-style": None}


def test_a_look_that_was_left_behind_is_nobody_s_own(stage: Stage) -> None:
    counted = stage.start("wrapper")
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-style", ALARMED)
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-active-style", "fg=blue")
    resume(stage.means, paused(stage, counted))
    found = own_styles(Tmux(stage.server.socket), counted.pane)
    assert found == {"window-style": None, "window-active-style": "fg=blue"}


def test_a_pane_paused_twice_has_its_own_look_back(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("wrapper")
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-style", "fg=red")
    target = replace(stage.target(counted.pane), session="abc")
    for way in ("hold", "freeze"):
        pause(stage.means, target, way, "you", now_ms())
    for made in reversed(stage.means.store.all()):
        resume(stage.means, made)
    found = own_styles(Tmux(stage.server.socket), counted.pane)
    assert found == {"window-style": "fg=red", "window-active-style": None}


def test_somebody_else_let_it_go_on(stage: Stage) -> None:
    counted = stage.start("wrapper")
    paused(stage, counted)
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()
    assert tended(stage) == ["somebody else let it go on"]
    assert own_styles(Tmux(stage.server.socket), counted.pane) == dict.fromkeys(STYLES)


def test_a_pause_that_was_never_finished_is_undone(stage: Stage) -> None:
    # as if whoever paused it had been killed in the middle
    counted = stage.start("wrapper", child=True)
    made = paused(stage, counted)
    stage.means.store.replace(replace(made, seen=""))
    assert tended(stage) == []
    assert counted.stands_still()
    assert tended(stage, GRACE_MS + 1) == ["it was never finished"]
    assert counted.counts_on()


def test_after_a_reboot_nothing_is_done_to_strangers(stage: Stage) -> None:
    counted = stage.start("wrapper")
    made = paused(stage, counted)
    other = stage.start("wrapper")
    # the same pids, used again
    stage.means.store.replace(
        replace(made, pane_pid_start="1", pid_start="1", undo={"stopped": [[other.pid, "1"]]})
    )
    os.kill(other.pid, signal.SIGSTOP)
    assert tended(stage) == ["its pane was closed"]
    assert other.stands_still()
    os.kill(other.pid, signal.SIGCONT)
    os.kill(counted.pid, signal.SIGCONT)


def test_flags_and_pauses_go_together(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("bash")
    made = paused(stage, counted, session="abc")
    assert made.way == "hold"
    flags = stage.means.flags
    flags.set("claude", "nobody's", "you", now_ms())
    assert tended(stage) == []
    assert len(flags.active()) == 2  # the other may be in the making
    assert tended(stage, GRACE_MS + 1) == []
    assert [flag.session for flag in flags.active()] == ["abc"]
    flags.clear("claude", "abc")
    assert tended(stage) == [FLAG_GONE]
