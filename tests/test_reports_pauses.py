"""Which requests show that a pause doesn't hold."""

from __future__ import annotations

import pytest
from ledger_data import NOON, chunk, log, price, usage
from pictures import SOCKET, agent, in_pane, picture

from tmuxmeter.events import Event, Prompt, SessionStart, ToolResult, TurnEnd, event_key
from tmuxmeter.ledger.session_queries import RequestAfter
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.panes.pausing import with_pauses
from tmuxmeter.panes.picture import PauseNow, Picture
from tmuxmeter.reports.pauses import LAST_LINE_MS, LONGEST_REQUEST_MS, spent_after

SECOND = 1_000


def after(*each: tuple[float, int]) -> list[RequestAfter]:
    """Return requests of ten tokens: seconds after the pause, and whose."""
    return [request(who, 7, round(at * SECOND)) for at, who in each]


def request(who: int, file: int, after_ms: int, *, known: int = 1, going: int = 1) -> RequestAfter:
    return RequestAfter(who, file, NOON + after_ms, 10, known, going)


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
    assert spent_after(requests, NOON, way, worked=True) == spent


def test_a_sub_agent_of_the_same_session_has_one_of_its_own() -> None:
    both = [request(1, 7, 9), request(1, 8, 10)]
    assert spent_after(both, NOON, "hold", worked=True) == 0
    assert spent_after([*both, request(1, 8, 11)], NOON, "hold", worked=True) == 10


@pytest.mark.parametrize(
    ("known", "going", "worked", "spent"),
    [
        # an idle agent has nothing to finish
        (1, 0, False, 10),
        (0, 0, False, 10),
        (1, 1, False, 0),
        # its log had told of an end that was none
        (1, 0, True, 0),
        # a sub-agent that began after the pause
        (0, 0, True, 10),
    ],
)
def test_only_what_was_under_way_is_let_pass(
    known: int, going: int, worked: bool, spent: int
) -> None:
    one = request(1, 7, 30 * SECOND, known=known, going=going)
    assert spent_after([one], NOON, "hold", worked=worked) == spent


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
        found = writer.reader().requests_after("claude", "a", NOON, LAST_LINE_MS)
    assert [(row.time_ms - NOON, row.tokens) for row in found] == [(1, 10), (2, 5)]


def prompt(name: str, time_ms: int) -> Prompt:
    return Prompt(key=event_key("claude", "prompt", name), session="a", time_ms=time_ms, human=True)


def turn_end(name: str, time_ms: int) -> TurnEnd:
    key = event_key("claude", "turn", name)
    return TurnEnd(key=key, session="a", time_ms=time_ms, reason="done")


def result(name: str, time_ms: int) -> ToolResult:
    key = event_key("claude", "tool", name)
    return ToolResult(key=key, session="a", time_ms=time_ms, tool="Bash", ok=True)


@pytest.mark.parametrize(
    ("before", "known", "going"),
    [
        ([], 0, 0),
        ([prompt("p", NOON - 9), usage("m", "a", NOON - 5), turn_end("m", NOON - 5)], 1, 0),
        ([prompt("p", NOON - 9), usage("m", "a", NOON - 5)], 1, 1),
        ([turn_end("m", NOON - 5), prompt("p", NOON - 1)], 1, 1),
        # what it was asked for at the same time comes into the log a moment later
        ([usage("m", "a", NOON - 5), turn_end("m", NOON - 5), prompt("p", NOON + 900)], 1, 1),
        ([turn_end("m", NOON - 5), result("t", NOON + LAST_LINE_MS)], 0, 1),
        ([usage("m", "a", NOON - 5), turn_end("m", NOON - 5), prompt("p", NOON + 6000)], 1, 0),
        # it ends right after the pause: until then it went on
        ([prompt("p", NOON - 9), turn_end("m", NOON + 2_000)], 1, 1),
    ],
)
def test_whether_a_turn_went_on_at_a_pause_is_what_its_own_log_tells(
    before: list[Event], known: int, going: int
) -> None:
    made = usage("r", "a", NOON + 2_000)
    with Writer.memory(None, 0) as writer:
        # another log of the same session, a sub-agent's, has no say
        writer.book([chunk(log("b.jsonl"), [usage("x", "a", NOON - 1)])], price)
        writer.book([chunk(log(), [*before, made])], price)
        [row] = writer.reader().requests_after("claude", "a", NOON, LAST_LINE_MS)
    assert (row.known, row.open) == (known, going)


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
