"""Whose a hook's report is, and how far it is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_panes_resolve import START, current, facts, live, run, world

from tmuxmeter.agents.base import Process
from tmuxmeter.hooks.facts import END, Mark, Origin, SessionReport
from tmuxmeter.panes.evidence import Bound
from tmuxmeter.panes.hooked import UNPLACED_MS, Hooked, HookMemory
from tmuxmeter.panes.resolve import resolve
from tmuxmeter.panes.runs import Daemon, Run

SHELL = Mark(900, "1")
TOLD = START + 5_000


def report(
    *pids: int, session: str = "s", agent: str = "claude", event: str = "start", at: int = TOLD
) -> SessionReport:
    """Return what a hook says whose ancestors are these; its TMUX_PANE is that of a pane %9."""
    chain = tuple(Mark(pid, str(START)) for pid in pids)
    return SessionReport(
        *(agent, session, event, "startup", "/w", "", ""),
        Origin((*chain, SHELL), "/tmp/tmux-0/default,7,0", "%9", at),
    )


def placed(
    runs: list[Run], *reports: SessionReport, daemons: tuple[Daemon, ...] = ()
) -> dict[int, str]:
    memory = HookMemory()
    memory.hear(reports)
    return {key[0]: known.session for key, known in memory.place(runs, daemons, TOLD).items()}


def test_the_agent_above_the_hook_reported() -> None:
    assert placed([run(1), run(2)], report(2)) == {2: "s"}


def test_a_nested_agent_s_report_is_its_own() -> None:
    # a `claude -p` in a tool of the one in the pane: both are above its hook, and TMUX_PANE is the
    # outer one's
    nested = run(2, parent_pid=1)
    assert placed([run(1), nested], report(2, 800, 1)) == {2: "s"}
    # another program's agent in between reports for itself, and tells nothing of the outer one
    assert placed([run(1), run(2, "codex")], report(2, 1)) == {}


def test_what_a_shared_daemon_s_child_says_is_nobody_s() -> None:
    # Codex's daemon is a child of the first pane's program and runs the hooks of all panes
    daemon = Daemon(
        "codex", Process(50, 1, "codex", ("codex",), START, str(START), "/w"), "1", True
    )
    told = report(50, 1, agent="codex")
    assert placed([run(1, "codex")], told, daemons=(daemon,)) == {}
    assert placed([run(1, "codex")], told) == {1: "s"}
    below = run(2, "claude", below_daemon="codex")
    assert placed([below], report(2)) == {}


def test_a_pid_used_again_is_another_process() -> None:
    old = replace(report(1).origin, pids=(Mark(1, "77"),))
    assert placed([run(1)], replace(report(1), origin=old)) == {}
    # without start marks, the time tells
    bare = replace(old, pids=(Mark(1, ""),))
    assert placed([run(1)], replace(report(1), origin=bare)) == {1: "s"}
    early = replace(bare, time_ms=START - 60_000)
    assert placed([run(1)], replace(report(1), origin=early)) == {}


def test_the_newest_report_counts_and_an_end_ends_it() -> None:
    memory = HookMemory()
    memory.hear([report(1, session="old"), report(1, session="new", at=TOLD + 9)])
    assert memory.place([run(1)], (), TOLD) == {(1, str(START)): Hooked("new", TOLD + 9)}
    memory.hear([report(1, session="old", event=END, at=TOLD + 10)])
    assert memory.place([run(1)], (), TOLD)
    memory.hear([report(1, session="new", event=END, at=TOLD + 11)])
    assert memory.place([run(1)], (), TOLD) == {}


def test_a_report_waits_for_its_process_to_be_seen() -> None:
    memory = HookMemory()
    memory.hear([report(1)])
    assert memory.place([], (), TOLD + UNPLACED_MS) == {}
    assert memory.place([run(1)], (), TOLD + UNPLACED_MS)
    memory.hear([report(2)])
    assert memory.place([], (), TOLD + UNPLACED_MS + 1) == {}
    assert memory.place([run(2)], (), TOLD + UNPLACED_MS + 1) == {}


def hooked(session: str, at: int = TOLD) -> dict[tuple[int, str], Hooked]:
    return {(1, str(START)): Hooked(session, at)}


def test_a_hook_is_believed_more_than_a_stale_live_file() -> None:
    mine = {"bound_pid": 1, "bound_start": str(START)}
    old = facts("old", last_ms=START + 1_000, **mine)
    new = facts("new", started_ms=TOLD, last_ms=TOLD)
    said = live(1, "old", updated_ms=TOLD + 500)
    known = world(run(1), run(2), sessions=(old, new), live=[said], hooked=hooked("new"))
    (claim,) = resolve(known)
    assert (claim.session, claim.evidence) == ("new", "hook, tree")
    assert claim.confidence > 0.99
    assert claim.since_ms == TOLD


def test_a_hook_that_says_no_more_is_not_believed_for_ever() -> None:
    # taken out of the settings, then /clear: nobody reported the new session
    old = facts("old", last_ms=START + 1_000)
    new = facts("new", started_ms=TOLD + 60_000, last_ms=TOLD + 90_000)
    said = live(1, "new", updated_ms=TOLD + 60_000)
    found = resolve(world(run(1), sessions=(old, new), live=[said], hooked=hooked("old")))
    assert current(found) == {1: "new"}


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_what_a_hook_told_before_a_restart_still_holds(agent: str) -> None:
    before = {(1, str(START)): [Bound("s", "hook, tree", 0.995, START + 10)]}
    other = facts("other", agent, last_prompt_ms=START + 200)
    (claim,) = resolve(world(run(1, agent), sessions=(other,), previous=before))
    assert (claim.session, claim.evidence, claim.since_ms) == ("s", "hook, tree", START + 10)
