"""Which way is taken and which refused, what a pane looks like, and that nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pausing import Counted, Stage, now_ms
from tmux_fixtures import wait_until

from tmuxmeter.agents import AGENTS
from tmuxmeter.agents.base import Root
from tmuxmeter.errors import PauseError, TmuxError
from tmuxmeter.panes.glance import glance
from tmuxmeter.pause.find import target_in
from tmuxmeter.pause.interrupt import KEYS
from tmuxmeter.pause.look import DIMMED, STYLES, own_styles
from tmuxmeter.pause.marks import Mark, running
from tmuxmeter.pause.ways import follow, pause, resume
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from pathlib import Path

    from tmux_fixtures import TmuxServer

    from tmuxmeter.pause.records import Pause

YOU = "you"
SESSION = str(uuid.uuid4())
"""Not shared with a suite that runs beside this one: a session of two agents is nobody's."""


@pytest.fixture
def stage(home: Path, tmux_server: TmuxServer) -> Stage:
    return Stage(home, tmux_server)


@pytest.fixture
def unwatched(home: Path, tmux_server: TmuxServer) -> Stage:
    return Stage(home, tmux_server, watched=False)


def paused(stage: Stage, counted: Counted, how: str | None = None) -> Pause:
    return pause(stage.means, stage.target(counted.pane), how, YOU, now_ms())


def refused(stage: Stage, counted: Counted, how: str | None, why: str) -> str:
    """See that it is refused for this reason and that nothing was changed; return all reasons."""
    before = counted.terminal()
    with pytest.raises(PauseError, match=why) as caught:
        paused(stage, counted, how)
    assert counted.counts_on()
    assert counted.terminal() == before
    assert stage.means.store.all() == []
    assert stage.means.flags.active() == []
    assert styles(stage, counted) == dict.fromkeys(STYLES)
    assert stage.server.format("#{pane_input_off}", counted.pane) == "0"
    return str(caught.value)


def styles(stage: Stage, counted: Counted) -> dict[str, str | None]:
    return own_styles(Tmux(stage.server.socket), counted.pane)


# refusals


def test_an_unknown_agent_as_the_pane_s_own_command(stage: Stage) -> None:
    counted = stage.start("pane", "opencode")
    reasons = refused(stage, counted, None, "tmuxmeter run -- opencode")
    assert [part.partition(":")[0] for part in reasons.split("; ")] >= ["freeze"]
    assert "hold: its hooks aren't installed" in reasons
    assert "interrupt: what it does can't be told" in reasons


SELDOM = """
import os, sys, time
number = 0
while True:
    number += 1
    if number % 30 == 1:
        os.write(1, b"up")
    with open(sys.argv[1] + "/count", "w") as file:
        file.write(str(number))
    time.sleep(0.01)
"""


def test_a_held_terminal_is_told_once_its_agent_stands_still(stage: Stage) -> None:
    # until its next byte, three times a second, it goes on
    script, folder = stage.home / "seldom.py", stage.home / "seldom"
    script.write_text(SELDOM)
    folder.mkdir()
    pane = stage.server.window(f"exec {stage.program('claude')} -S {script} {folder}")
    counted = Counted(stage.server, pane, folder)
    for _ in range(3):
        wait_until(lambda: counted.count() % 30 == 5)
        made = pause(stage.means, stage.target(pane), "freeze", YOU, now_ms())
        count = counted.count()
        assert (made.method, made.seen) == ("tcflow", "terminal output held; it stands still")
        time.sleep(0.4)
        assert counted.count() == count
        resume(stage.means, made)
        wait_until(lambda known=count: counted.count() > known)


def test_a_held_terminal_takes_a_watcher(unwatched: Stage) -> None:
    counted = unwatched.start("pane")
    reasons = refused(unwatched, counted, None, "tmuxmeter up")
    # the next way would have cost the turn
    assert "interrupt" not in reasons


def test_without_a_watcher_claude_is_suspended(unwatched: Stage) -> None:
    counted = unwatched.start("bash", child=True)
    made = paused(unwatched, counted)
    assert made.method == "suspend"
    assert counted.stands_still()
    resume(unwatched.means, made)
    assert counted.counts_on()


def test_who_does_not_suspend_itself_goes_on(stage: Stage) -> None:
    counted = stage.start("bash", "opencode", deaf=True)
    refused(stage, counted, "freeze", "doesn't suspend itself")
    counted.got(b"\x1a")


def test_keys_are_not_typed_into_other_panes(stage: Stage) -> None:
    counted = stage.start("bash", "opencode")
    stage.server.run("split-window", "-d", "-t", counted.pane, "cat")
    stage.server.run("set-option", "-w", "-t", counted.pane, "synchronize-panes", "on")
    refused(stage, counted, "freeze", "synchronize-panes")


def test_an_agent_in_a_terminal_of_its_own(stage: Stage) -> None:
    if shutil.which("script") is None:
        pytest.fail("script(1) is missing")
    folder = stage.home / "inner"
    folder.mkdir()
    program, counter = stage.program("opencode"), stage.counter
    pane = stage.server.window(f"script -qec 'exec {program} -S {counter} {folder}' /dev/null")
    counted = Counted(stage.server, pane, folder)
    wait_until(lambda: counted.count() > 2)
    core = stage.means.table.source.now(counted.pid)
    assert core is not None
    target = replace(stage.target(pane), core=core)
    with pytest.raises(PauseError, match="continued at once"):
        pause(stage.means, target, "freeze", YOU, now_ms())
    assert counted.counts_on()


def test_a_process_elsewhere_is_never_stopped(stage: Stage) -> None:
    counted = stage.start("bash")
    outside = stage.means.table.source.now(os.getpid())
    assert outside is not None
    target = replace(stage.target(counted.pane), core=outside)
    # a pane's agent that is this test would end the test
    with pytest.raises(PauseError, match="isn't below its pane's process"):
        pause(stage.means, target, "freeze", YOU, now_ms())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's process")
def test_another_user_s_agent(stage: Stage) -> None:
    pane = stage.server.window("exec setpriv --reuid 65534 --clear-groups sh -c 'sleep 60; true'")
    wait_until(lambda: "sleep" in stage.server.format("#{pane_current_command}", pane) or True)
    target = wait_until(lambda: _unless_none(stage, pane))
    with pytest.raises(PauseError, match="another user"):
        pause(stage.means, target, "freeze", YOU, now_ms())


def _unless_none(stage: Stage, pane: str) -> object:
    try:
        return stage.target(pane)
    except PauseError:
        return None


def test_a_pane_without_an_agent(stage: Stage) -> None:
    with pytest.raises(PauseError, match="no agent"):
        stage.target(stage.server.window("bash --norc -i"))


@pytest.mark.parametrize(("how", "name"), [("bash", "ssh"), ("wrapper", "docker")])
def test_a_window_to_elsewhere_is_neither_stopped_nor_typed_into(
    stage: Stage, how: str, name: str
) -> None:
    counted = stage.start(how, name, deaf=True)
    with pytest.raises(PauseError, match=f"{name} only shows what runs elsewhere"):
        stage.target(counted.pane)
    assert counted.counts_on()
    assert counted.keys() == b""


def test_a_pane_that_runs_something_else_by_now(stage: Stage) -> None:
    counted = stage.start("pane")
    target = stage.target(counted.pane)
    stage.server.run("respawn-pane", "-k", "-t", counted.pane, "cat")
    with pytest.raises(PauseError, match="something else by now"):
        pause(stage.means, target, None, YOU, now_ms())
    stage.server.run("kill-pane", "-t", counted.pane)
    with pytest.raises(TmuxError):
        pause(stage.means, target, None, YOU, now_ms())
    assert stage.means.store.all() == []


def test_what_is_stopped_already_is_left_alone(stage: Stage) -> None:
    counted = stage.start("bash", run=True)
    os.kill(counted.pid, signal.SIGSTOP)
    with pytest.raises(PauseError, match="stopped already"):
        paused(stage, counted, "freeze")
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()


def test_no_way_of_that_name(stage: Stage) -> None:
    refused(stage, stage.start("bash"), "kill", "no way to pause")


def test_who_pauses_from_below_the_agent_is_not_stopped_with_it(stage: Stage) -> None:
    # as with `!tmuxmeter pause` typed at the agent
    counted = stage.start("wrapper", child=True)
    stage.table.scan()
    (child,) = stage.table.descendants(counted.pid)
    made = pause(
        replace(stage.means, own_pid=child.pid),
        stage.target(counted.pane),
        "freeze",
        YOU,
        now_ms(),
    )
    assert made.undo["stopped"] == [[counted.pid, made.pid_start]]
    resume(stage.means, made)


# what comes back


def test_a_child_that_was_stopped_before_stays_stopped(stage: Stage) -> None:
    counted = stage.start("wrapper", child=True)
    source = stage.means.table.source
    stage.table.scan()
    (child,) = stage.table.descendants(counted.pid)
    os.kill(child.pid, signal.SIGSTOP)
    resume(stage.means, paused(stage, counted, "freeze"))
    entry = running(source, Mark.of(child))
    assert entry is not None
    assert entry.state == "T"
    os.kill(child.pid, signal.SIGCONT)
    assert counted.counts_on()


def test_the_pane_is_dimmed_and_gets_its_own_look_back(stage: Stage) -> None:
    counted = stage.start("wrapper")
    assert styles(stage, counted) == dict.fromkeys(STYLES)
    made = paused(stage, counted)
    assert styles(stage, counted) == dict.fromkeys(STYLES, DIMMED)
    resume(stage.means, made)
    assert styles(stage, counted) == dict.fromkeys(STYLES)
    own = "fg=red,bg=#{?pane_active,black,blue}"
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-style", own)
    made = paused(stage, counted)
    resume(stage.means, made)
    assert styles(stage, counted) == {"window-style": own, "window-active-style": None}


def test_a_look_that_somebody_chose_meanwhile_stays(stage: Stage) -> None:
    counted = stage.start("wrapper")
    made = paused(stage, counted)
    stage.server.run("set-option", "-p", "-t", counted.pane, "window-style", "bg=green")
    resume(stage.means, made)
    assert styles(stage, counted) == {"window-style": "bg=green", "window-active-style": None}


def test_a_suspended_pane_drops_what_is_typed_and_leaves_copy_mode(stage: Stage) -> None:
    counted = stage.start("bash", "opencode")
    stage.server.run("copy-mode", "-t", counted.pane)
    made = paused(stage, counted)
    assert stage.server.format("#{pane_input_off}", counted.pane) == "1"
    resume(stage.means, made)
    assert stage.server.format("#{pane_input_off}", counted.pane) == "0"
    assert counted.counts_on()


def test_a_pane_without_input_stays_so(stage: Stage) -> None:
    counted = stage.start("bash", "opencode")
    stage.server.run("select-pane", "-d", "-t", counted.pane)
    resume(stage.means, paused(stage, counted))
    assert counted.counts_on()
    assert stage.server.format("#{pane_input_off}", counted.pane) == "1"


def test_an_agent_that_somebody_brought_back_is_left_where_it_is(stage: Stage) -> None:
    counted = stage.start("bash", "opencode")
    made = paused(stage, counted)
    stage.server.run("select-pane", "-e", "-t", counted.pane)
    stage.server.send(counted.pane, "fg")
    assert counted.counts_on()
    assert resume(stage.means, made) == "was brought back already"
    counted.type("k")
    counted.got(b"k")


def test_modes_the_agent_forgets_are_set_again(stage: Stage) -> None:
    # stopped from outside it doesn't put its terminal back itself, nor takes it again
    counted = stage.start("bash", "opencode")
    before = counted.terminal()
    made = paused(stage, counted)
    undo = {**made.undo, "modes": {**made.undo["modes"], "local": made.undo["modes"]["local"] | 8}}
    assert resume(stage.means, replace(made, undo=undo)) == "goes on, terminal modes set again"
    assert counted.terminal()[0][3] == before[0][3] | 8


def test_a_pane_can_be_paused_in_two_ways(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("wrapper", "claude")
    target = replace(stage.target(counted.pane), session="s")
    held = pause(stage.means, target, "hold", YOU, now_ms())
    frozen = pause(stage.means, target, "freeze", YOU, now_ms())
    assert counted.stands_still()
    resume(stage.means, frozen)
    assert counted.counts_on()
    resume(stage.means, held)
    assert styles(stage, counted) == dict.fromkeys(STYLES)


# hold


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("working", "held at next tool call"),
        ("idle", "held: its next prompt is not sent"),
        ("", "held at next tool call or prompt"),
    ],
)
def test_holding_sets_the_flag_of_the_session(stage: Stage, state: str, said: str) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("bash")
    target = replace(stage.target(counted.pane), session="abc", state=state)
    made = pause(stage.means, target, None, "guard: over", 1_000)
    assert (made.way, made.seen) == ("hold", said)
    (flag,) = stage.means.flags.active()
    assert (flag.agent, flag.session, flag.who, flag.since_ms) == (
        *("claude", "abc"),
        *("guard: over", 1_000),
    )
    assert counted.counts_on()
    assert resume(stage.means, made) == "goes on"
    assert stage.means.flags.active() == []


def test_when_the_last_request_ended_is_told(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("bash")
    last = now_ms() - 30_000
    target = replace(stage.target(counted.pane), session="abc", last_request_ms=last)
    made = pause(stage.means, target, "hold", YOU, now_ms())
    ago = re.fullmatch(
        r"held at next tool call or prompt; last request ended ([0-9.]+) s ago", made.seen
    )
    assert ago
    assert abs(float(ago[1]) - (made.since_ms - last) / 1000) < 0.06


def test_a_pause_begins_when_it_is_done_not_when_it_was_asked_for(stage: Stage) -> None:
    """A request that ended in between is no alarm: nothing held the agent yet."""
    stage.installed["claude"] = 1
    counted = stage.start("bash")
    target = replace(stage.target(counted.pane), session="abc", state="working")
    made = pause(stage.means, target, "hold", YOU, now_ms() - 400)
    flag = stage.means.flags.path("claude", "abc").stat()
    assert flag.st_mtime_ns // 1_000_000 <= made.since_ms <= now_ms()
    assert stage.means.store.all() == [made]
    assert made.state == "working"


def test_holding_takes_hooks_a_session_and_a_watcher(stage: Stage) -> None:
    counted = stage.start("bash")
    refused(stage, counted, "hold", "tmuxmeter hooks install claude")
    stage.installed["claude"] = 1
    refused(stage, counted, "hold", "which session it runs can't be told")


def test_a_folder_of_flags_that_can_t_be_used_leaves_the_next_way(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("wrapper")
    flags = stage.means.flags
    elsewhere = stage.home / "elsewhere"
    elsewhere.mkdir()
    flags.folder.parent.mkdir(parents=True)
    flags.folder.symlink_to(elsewhere)
    target = replace(stage.target(counted.pane), session="abc")
    with pytest.raises(PauseError, match="symbolic link"):
        pause(stage.means, target, "hold", YOU, now_ms())
    made = pause(stage.means, target, None, YOU, now_ms())
    assert made.method == "subtree"
    assert list(elsewhere.iterdir()) == []
    resume(stage.means, made)


@pytest.mark.parametrize(
    ("agent", "started_ms", "hooked", "way"),
    [
        ("codex", 100_000, False, "freeze"),
        ("codex", 100_000, True, "hold"),
        ("codex", 200_000, False, "hold"),
    ],
)
def test_who_was_started_before_its_hooks_is_not_said_to_be_held(
    stage: Stage, agent: str, started_ms: int, hooked: bool, way: str
) -> None:
    stage.installed[agent] = 150_000
    counted = stage.start("wrapper")
    target = replace(
        *(stage.target(counted.pane),),
        agent=agent,
        session="abc",
        started_ms=started_ms,
        hooked=hooked,
    )
    made = pause(stage.means, target, None, YOU, now_ms())
    assert made.way == way
    resume(stage.means, made)


def test_the_settings_of_an_agent_are_found_by_its_own_environment(stage: Stage) -> None:
    counted = stage.start("bash", "opencode", before=f"HOME={stage.home}/other XDG_CONFIG_HOME=")
    # its data, and so its logs, lie elsewhere
    assert stage.target(counted.pane).settings == f"{stage.home}/other/.config/opencode"
    counted = stage.start("bash", before=f"CLAUDE_CONFIG_DIR={stage.home}/account")
    assert stage.target(counted.pane).settings == f"{stage.home}/account"


def test_holding_without_a_watcher_is_refused_and_the_turn_is_spared(unwatched: Stage) -> None:
    unwatched.installed["claude"] = 1
    counted = unwatched.start("pane")
    target = replace(unwatched.target(counted.pane), session="abc")
    with pytest.raises(PauseError, match="tmuxmeter up") as caught:
        pause(unwatched.means, target, None, YOU, now_ms())
    assert "interrupt" not in str(caught.value)
    assert unwatched.means.flags.active() == []
    assert counted.counts_on()


def test_who_can_be_frozen_without_a_watcher_is(unwatched: Stage) -> None:
    unwatched.installed["claude"] = 1
    counted = unwatched.start("bash", run=True)
    target = replace(unwatched.target(counted.pane), session="abc")
    made = pause(unwatched.means, target, None, YOU, now_ms())
    assert made.method == "subtree"
    resume(unwatched.means, made)


def test_a_hold_follows_its_agent_into_another_session(stage: Stage) -> None:
    stage.installed["claude"] = 1
    counted = stage.start("bash")
    target = replace(stage.target(counted.pane), session="old")
    made = pause(stage.means, target, "hold", YOU, 1_000)
    assert follow(stage.means, made, "", 2_000) == made
    moved = follow(stage.means, made, "new", 2_000)
    assert stage.means.store.all() == [moved]
    assert [flag.session for flag in stage.means.flags.active()] == ["new"]
    resume(stage.means, moved)
    assert stage.means.flags.active() == []


# interrupt

TURNING = """
import json, os, sys, tty
from pathlib import Path
folder = Path(sys.argv[1]) / "sessions"
folder.mkdir(parents=True, exist_ok=True)
start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
def say(status):
    facts = {"pid": os.getpid(), "sessionId": sys.argv[2], "cwd": "/", "status": status,
             "startedAt": 1, "updatedAt": 2, "procStart": start}
    draft = folder / "draft"
    draft.write_text(json.dumps(facts))
    draft.replace(folder / f"{os.getpid()}.json")
tty.setraw(0)
escapes = 0
say(sys.argv[3])
os.write(1, b"up")
while True:
    read = os.read(0, 64)
    os.write(1, read.hex().encode())
    escapes += read == b"\x1b"
    if escapes >= int(sys.argv[4] if sys.argv[4:] else 1):
        say("idle")
"""


def turning(stage: Stage, *words: str, below: str = "exec {}") -> str:
    """Start a Claude that is in this state, and ends its turn on Escape; return its pane."""
    script = stage.home / "turning.py"
    script.write_text(TURNING)
    command = [stage.program("claude"), "-S", script, stage.home / ".claude", SESSION, *words]
    pane = stage.server.window(below.format(" ".join(map(str, command))))
    wait_until(lambda: "up" in stage.server.capture(pane))
    return pane


def test_a_turn_is_ended_by_its_own_key_and_seen_to_end(stage: Stage) -> None:
    pane = turning(stage, "busy")
    target = stage.target(pane)
    assert (target.state, target.session) == ("working", SESSION)
    made = pause(stage.means, target, "interrupt", YOU, now_ms())
    assert (made.method, made.seen) == ("key", "turn ended by Escape; input off")
    assert stage.target(pane).state == "idle"
    stage.server.run("send-keys", "-t", pane, "-l", "x")
    assert resume(stage.means, made) == "takes prompts again"
    stage.server.run("send-keys", "-t", pane, "-l", "y")
    wait_until(lambda: "up1b79" in stage.server.capture(pane))


def test_keys_that_have_to_be_pressed_twice_are_pressed_one_after_the_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KEYS, "claude", KEYS["opencode"])
    pane = turning(stage, "busy", "2")
    made = pause(stage.means, stage.target(pane), "interrupt", YOU, now_ms())
    assert (made.method, made.seen) == ("key", "turn ended by Escape Escape; input off")
    resume(stage.means, made)


@pytest.mark.parametrize("state", ["idle", "waiting"])
def test_no_key_is_pressed_at_an_agent_that_does_not_work(stage: Stage, state: str) -> None:
    pane = turning(stage, state)
    made = pause(stage.means, stage.target(pane), "interrupt", YOU, now_ms())
    assert (made.method, made.seen) == (
        "input",
        f"it was {state}: nothing to interrupt; input off",
    )
    stage.server.run("send-keys", "-t", pane, "-l", "x")
    assert resume(stage.means, made) == "takes prompts again"
    stage.server.run("send-keys", "-t", pane, "-l", "y")
    wait_until(lambda: "up79" in stage.server.capture(pane))


def test_a_turn_that_goes_on_is_not_called_paused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmuxmeter.pause.interrupt.END_S", 0.3)
    pane = turning(stage, "busy", "9")
    with pytest.raises(PauseError, match="its turn goes on"):
        pause(stage.means, stage.target(pane), "interrupt", YOU, now_ms())
    assert stage.means.store.all() == []
    assert stage.server.format("#{pane_input_off}", pane) == "0"


def test_no_key_is_pressed_where_it_would_reach_something_else(stage: Stage) -> None:
    pane = turning(stage, "busy", below="script -qec 'exec {}' /dev/null")
    target = stage.target(pane)
    try:
        with pytest.raises(PauseError, match="isn't in front"):
            pause(stage.means, target, "interrupt", YOU, now_ms())
        stage.server.run("send-keys", "-t", pane, "-l", "y")
        wait_until(lambda: "up79" in stage.server.capture(pane))
        assert stage.means.store.all() == []
    finally:
        # on a terminal of its own it would outlive the server
        os.kill(target.core.pid, signal.SIGKILL)


def test_only_a_session_that_is_sure_is_held(stage: Stage) -> None:
    pane = turning(stage, "busy")
    now = now_ms()
    roots = [Root("claude", stage.home / ".claude")]
    picture = glance(
        AGENTS, stage.table, [stage.server.socket], roots, [], [], now, now, home=stage.home
    )
    (found,) = (one for one in picture.panes if one.ref.pane == pane)
    assert found.main is not None
    assert target_in(found, stage.table, {}).session == SESSION
    doubted = replace(found, main=replace(found.main, confidence=0.7))
    assert target_in(doubted, stage.table, {}).session == ""
