"""Which requests show that a pause doesn't hold."""

from __future__ import annotations

import pytest
from ledger_data import NOON, chunk, log, price, usage
from pictures import SOCKET, agent, in_pane, picture

from tmuxmeter.events import SessionStart, event_key
from tmuxmeter.ledger.session_queries import RequestAfter
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.panes.pausing import with_pauses
from tmuxmeter.panes.picture import PauseNow, Picture
from tmuxmeter.reports.pauses import LAST_LINE_MS, LONGEST_REQUEST_MS, spent_after

SECOND = 1_000


def after(*each: tuple[float, int]) -> list[RequestAfter]:
    """Return requests of ten tokens: seconds after the pause, and whose."""
    return [RequestAfter(who, 7, NOON + round(at * SECOND), 10) for at, who in each]


@pytest.mark.parametrize(
    ("way", "requests", "spent"),
    [
        # what ran is finished
        ("hold", after((30, 1)), 0),
        ("hold", after((30, 1), (31, 1)), 10),
        # each sub-agent may have had one running
        ("hold", after((30, 1), (31, 2)), 0),
        ("hold", after((30, 1), (31, 2), (32, 2), (33, 1)), 20),
        ("hold", after((LONGEST_REQUEST_MS / SECOND + 1, 1)), 10),
        # a stopped process writes no more than what was on its way
        ("freeze", after((LAST_LINE_MS / SECOND, 1)), 0),
        ("freeze", after((1, 1), (LAST_LINE_MS / SECOND + 1, 1)), 10),
        ("interrupt", after((2, 1), (60, 1)), 10),
        ("hold", [], 0),
    ],
)
def test_what_began_after_a_pause(way: str, requests: list[RequestAfter], spent: int) -> None:
    assert spent_after(requests, NOON, way) == spent


def test_a_sub_agent_of_the_same_session_has_one_of_its_own() -> None:
    both = [RequestAfter(1, 7, NOON + 9, 10), RequestAfter(1, 8, NOON + 10, 10)]
    assert spent_after(both, NOON, "hold") == 0
    assert spent_after([*both, RequestAfter(1, 8, NOON + 11, 10)], NOON, "hold") == 10


def test_the_ledger_tells_a_session_s_requests_and_its_sub_agents() -> None:
    with Writer.memory(None, 0) as writer:
        start = SessionStart(
            key=event_key("claude", "start", "b"),
            session="b",
            time_ms=NOON,
            parent="a",
            spawned=True,
        )
        events = [
            usage("m0", "a", NOON, fresh=7),
            usage("m1", "a", NOON + 1, fresh=1, cache_read=2, cache_write_5m=3, output=4),
            usage("m2", "b", NOON + 2, fresh=5),
            usage("m3", "c", NOON + 3, fresh=99),
        ]
        writer.book([chunk(log(), [start, *events])], price)
        found = writer.reader().requests_after("claude", "a", NOON)
    assert [(row.time_ms - NOON, row.tokens) for row in found] == [(1, 10), (2, 5)]


def pause(session: str = "a", pid: int = 9) -> PauseNow:
    return PauseNow("claude", session, pid, NOON, "you", "hold")


def states(seen: Picture) -> list[str]:
    [now] = seen.panes
    return [each.state for each in (now.main, *now.others) if each]


def test_who_is_paused_neither_works_nor_waits() -> None:
    scene = picture(in_pane("%1", agent("a", "waiting")))
    shown = with_pauses(scene, {(SOCKET, 7, "%1"): [pause(pid=1)]})
    assert states(shown) == ["paused"]
    assert shown.panes[0].pauses
    for other in ((SOCKET, 8, "%1"), (SOCKET, 7, "%2"), ("/tmp/other", 7, "%1")):
        assert states(with_pauses(scene, {other: [pause()]})) == ["waiting"]


def test_another_agent_of_the_pane_goes_on() -> None:
    scene = picture(in_pane("%1", agent("a"), agent("b")))
    found = {(SOCKET, 7, "%1"): [pause("a", pid=1)]}
    assert states(with_pauses(scene, found)) == ["paused", "working"]


def test_who_has_ended_is_gone() -> None:
    scene = picture(in_pane("%1", agent("a", "gone")))
    assert states(with_pauses(scene, {(SOCKET, 7, "%1"): [pause()]})) == ["gone"]
