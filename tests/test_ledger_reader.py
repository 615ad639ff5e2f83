"""What the ledger answers, and that it never reads the whole history for one day."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON, chunk, log, price, usage

from tmuxmeter.events import (
    Compaction,
    Estimate,
    FileTouch,
    Prompt,
    RateLimit,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
)
from tmuxmeter.ledger import session_queries, slices
from tmuxmeter.ledger.slices import Measures
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import Event
    from tmuxmeter.ledger.reader import Reader

MINUTE = 60_000
HUMAN = {"human": True}


@pytest.fixture
def writer() -> Iterator[Writer]:
    with Writer.memory(None, 0) as writer:
        yield writer


@pytest.fixture
def reader(writer: Writer) -> Reader:
    return writer.reader()


def book(
    writer: Writer, *events: Event, name: str = "a", root: str = "/r", agent: str = "claude"
) -> None:
    writer.book([chunk(log(name, root, agent), events)], price)


def test_slices_hold_all_measures(writer: Writer, reader: Reader) -> None:
    kinds = {
        "fresh": 1,
        "cache_read": 20,
        "cache_write_5m": 300,
        "cache_write_1h": 4000,
        "output": 50_000,
        "reasoning": 7,
        "web_searches": 2,
    }
    book(
        writer,
        SessionStart(key=0, session="s1", time_ms=NOON, cwd="/start"),
        usage("a", cwd="/elsewhere", branch="main", tier="fast", **kinds),
        usage("b", time_ms=NOON + 9, cwd="/elsewhere", branch="main", tier="fast", **kinds),
        usage("c", model="unpriced", **kinds),
        usage("d", session="s2", cwd="/place", output=1),
        usage("before", time_ms=NOON - 1, output=1),
        usage("after", time_ms=NOON + 10, output=1),
    )
    found = {(p.session, p.model): p for p in reader.slices(NOON, NOON + 10)}
    assert len(found) == 3
    piece = found["s1", "claude-sonnet-4-6"]
    assert piece[:9] == (
        *("claude", "s1", "/r", "", False, "/start", "main"),
        *("claude-sonnet-4-6", "fast"),
    )
    assert (piece.first_ms, piece.last_ms) == (NOON, NOON + 9)
    cost = price("", usage(**kinds)) or 0
    assert piece.measures == Measures(2, 2, 40, 600, 8000, 100_000, 14, 4, 2 * cost, 0, 0)
    assert piece.measures.input == 8642
    unpriced = found["s1", "unpriced"].measures
    assert unpriced == Measures(1, 1, 20, 300, 4000, 50_000, 7, 2, 0, 1, 54_321)
    # where a session's start is unknown, its requests tell their place
    assert found["s2", "claude-sonnet-4-6"].project == "/place"


def test_recent_sessions(writer: Writer, reader: Reader) -> None:
    book(
        writer,
        SessionStart(key=0, session="s1", time_ms=NOON, cwd="/w", branch="b"),
        Prompt(key=1, session="s1", time_ms=NOON + 1, human=True),
        Prompt(key=2, session="s1", time_ms=NOON + 8, human=False),
        usage("a", time_ms=NOON + 2, fresh=9, output=1),
        usage(
            "b",
            time_ms=NOON + 3,
            model="new",
            fresh=1,
            cache_read=2,
            cache_write_5m=4,
            cache_write_1h=8,
            output=99,
            context_window=200_000,
        ),
        usage("c", time_ms=NOON + 4, model="side", fresh=500, sidechain=True),
        TurnEnd(key=3, session="s1", time_ms=NOON + 5, reason="interrupted"),
        TurnEnd(key=4, session="s1", time_ms=NOON + 6, reason="done", asked=True),
        ToolResult(key=5, session="s1", time_ms=NOON + 11, tool="Bash", ok=True),
        FileTouch(key=6, session="s1", time_ms=NOON + 12, edit=True, path="/w/a"),
    )
    book(writer, SessionStart(key=0, session="quiet", time_ms=NOON + 1), name="b", root="/r2")
    child = SessionStart(key=0, session="sub", time_ms=NOON, parent="s1", spawned=True)
    book(writer, child, usage("d", "sub", NOON + 20, fresh=3, sidechain=True), name="c")
    book(writer, usage("old", "old", NOON - 1, output=1), name="d")
    first, second, third = reader.recent_sessions(NOON)
    assert first.session == "quiet"
    assert first[2:] == (
        *("/r2", "", "", "", 0, NOON + 1, NOON + 1, None, None),
        *("", 0, "", 0, 0),
    )
    assert second == session_queries.RecentSession(
        *("claude", "s1", "/r", "/w", "b", "", 0, NOON, NOON + 12, NOON + 1, NOON + 6),
        *("done", 1, "new", 15, 200_000),
    )
    # a sub-agent's own chain is a side chain to its parent only
    assert (third.session, third.parent, third.spawned) == ("sub", "s1", 1)
    assert third.context_tokens == 3
    assert len(reader.recent_sessions(NOON - 1)) == 4
    assert [row.session for row in reader.recent_sessions(NOON + 13)] == ["sub"]
    # asked by name they answer the same, if they did anything
    named = [("claude", "old"), ("claude", "s1"), ("claude", "nobody"), ("codex", "sub")]
    assert reader.recent_of(named, NOON) == [second]
    assert [row.session for row in reader.recent_of(named, NOON - 1)] == ["old", "s1"]
    assert reader.recent_of([("claude", "sub"), ("claude", "quiet")], NOON) == [first, third]
    assert reader.recent_of([], NOON) == []


def test_unmetered_sessions(writer: Writer, reader: Reader) -> None:
    def prompt(key: int, session: str, time_ms: int = NOON, *, human: bool = True) -> Prompt:
        return Prompt(key=key, session=session, time_ms=time_ms, human=human)

    book(
        writer,
        SessionStart(key=0, session="mute", time_ms=NOON, cwd="/mute"),
        prompt(1, "mute"),
        TurnEnd(key=2, session="turns", time_ms=NOON, reason="done"),
        prompt(3, "machine", human=False),
        prompt(4, "yesterday", NOON - 1),
        prompt(5, "metered"),
        usage("later", "metered", NOON + 99 * MINUTE, output=1),
        prompt(6, "delegates"),
        SessionStart(key=0, session="sub", time_ms=NOON, parent="delegates", spawned=True),
        prompt(7, "sub"),
        usage("subs", "sub", NOON, output=1),
        SessionStart(key=0, session="mutesub", time_ms=NOON, parent="mute", spawned=True),
        prompt(8, "mutesub"),
    )
    late = NOON + 31 * 24 * 60 * MINUTE
    due = NOON + session_queries.ANSWERED_MS
    assert reader.unmetered_sessions(NOON, NOON + MINUTE, late) == [
        ("claude", "mute", "/r", "/mute", 1, 0, 0, due),
        ("claude", "turns", "/r", "", 1, 0, 0, 0),
    ]
    # estimates of its own texts and of its sub-agents', in the span, where they are asked for
    book(
        writer,
        Estimate(key=1, session="mute", time_ms=NOON - 1, input=500, output=500),
        Estimate(key=2, session="mute", time_ms=NOON, input=3, output=40),
        Estimate(key=3, session="mutesub", time_ms=NOON, input=20, output=100),
        Estimate(key=4, session="metered", time_ms=NOON, input=9, output=9),
        # an answer that went on being written, and then was told by less of it
        Estimate(key=2, session="mute", time_ms=NOON, input=3, output=60),
        Estimate(key=2, session="mute", time_ms=NOON, input=1, output=1),
    )
    assert reader.unmetered_sessions(NOON, NOON + MINUTE, late, estimated=True) == [
        ("claude", "mute", "/r", "/mute", 1, 23, 160, due),
        ("claude", "turns", "/r", "", 1, 0, 0, 0),
    ]
    assert {row[5:7] for row in reader.unmetered_sessions(NOON, NOON + MINUTE, late)} == {(0, 0)}
    # what was told longer ago than a month makes silence no news
    book(writer, prompt(9, "late", late))
    (row,) = reader.unmetered_sessions(late, late + 1, 2 * late)
    assert (row.session, row.told_before) == ("late", 0)


def test_a_first_answer_that_may_still_come_leaves_nobody_unmetered(
    writer: Writer, reader: Reader
) -> None:
    def said(key: int, session: str, at: int = NOON) -> Prompt:
        return Prompt(key=key, session=session, time_ms=at, human=True)

    later = NOON + 9 * MINUTE
    book(
        writer,
        said(1, "fresh"),
        # asked again while nothing came is no new beginning
        said(2, "fresh", later),
        said(3, "ended"),
        TurnEnd(key=4, session="ended", time_ms=NOON + 1, reason="error"),
        # a turn that ended without tokens stays one while the next is under way
        said(5, "ended", later),
    )
    # this agent's logs never tell tokens: there is nothing to wait for
    book(writer, said(6, "never"), agent="cursor")
    # the configuration doesn't describe it any more
    book(writer, said(7, "gone"), agent="mine")

    def silent(now_ms: int) -> list[str]:
        rows = reader.unmetered_sessions(NOON, NOON + 60 * MINUTE, now_ms)
        return sorted(row.session for row in rows)

    assert silent(NOON + 10 * MINUTE - 1) == ["ended", "never"]
    assert silent(NOON + 10 * MINUTE) == ["ended", "fresh", "gone", "never"]


def test_bindings_of_a_span(writer: Writer, reader: Reader) -> None:
    for number, (start, end) in enumerate([(0, 5), (5, 9), (9, None)]):
        binding = writer.bind(
            "claude", f"s{number}", "outside", None, 1, "2", NOON + start, "argv", 0.7, NOON
        )
        if end is not None:
            writer.end_binding(binding, NOON + end)
    assert [row.session for row in reader.bindings(NOON + 5, NOON + 9)] == ["s1"]
    assert [row.session for row in reader.bindings(NOON + 4, NOON + 10)] == ["s0", "s1", "s2"]
    row = reader.bindings(NOON + 20, NOON + 21)[0]
    assert (row.evidence, row.confidence, row.end_ms) == ("argv", 0.7, None)


def test_the_rest(writer: Writer, reader: Reader) -> None:
    skip = Skipped(key=0, session="", time_ms=0, reason="bad", count=3, offset=7)
    limit = RateLimit(
        key=1,
        session="s1",
        time_ms=NOON,
        window_minutes=300,
        used_percent=12.5,
        resets_ms=NOON + 5,
        limit="codex",
        plan="pro",
    )
    book(writer, skip, limit, usage("a", model="unpriced", output=1))
    book(writer, Compaction(key=1, session="s1", time_ms=NOON), name="\ud800")
    assert reader.skipped() == [("claude", "/r", "a", "/r/a", "bad", 3, 7)]
    assert reader.files() == [
        ("claude", "/r", "a", "/r/a", 100, 100, 0),
        ("claude", "/r", "\\ud800", "/r/\\ud800", 100, 100, 0),
    ]
    assert reader.models() == [("claude", "unpriced")]
    assert reader.rate_limits() == [
        ("claude", "/r", "codex", 300, NOON, 12.5, NOON + 5, "pro"),
    ]
    assert reader.counts() == {
        "file": 2,
        "session": 1,
        "usage": 1,
        "prompt": 0,
        "turn_end": 0,
        "tool_result": 0,
        "file_touch": 0,
        "compaction": 1,
        "pane": 0,
        "binding": 0,
        "unpriced": 1,
    }


def test_sessions_with_all_they_spent(writer: Writer, reader: Reader) -> None:
    assert reader.request_span() is None
    book(
        writer,
        SessionStart(key=0, session="s1", time_ms=NOON, cwd="/w", version="2"),
        usage("a", time_ms=NOON + 1, fresh=1, output=1),
        usage("b", time_ms=NOON + 5, fresh=2, output=1),
        usage("c", "s2", time_ms=NOON + 9, fresh=4, output=1, model="unpriced"),
        Prompt(key=1, session="idle", time_ms=NOON + 20, human=True),
    )
    writer.bind("claude", "s1", "outside", None, 1, "2", NOON + 3, "argv", 0.7, NOON)
    stories = reader.sessions(NOON + 5, 9)
    assert [story.row.session for story in stories] == ["idle", "s2", "s1"]
    assert [story.open for story in stories] == [False, False, True]
    assert [story.where.where for story in stories] == ["unattributed", "unattributed", "outside"]
    # all of it, cut where it moved, also what came before the time asked for
    assert [(p.where.where, p.measures.fresh) for p in stories[2].slices] == [
        ("unattributed", 1),
        ("outside", 2),
    ]
    assert len(reader.sessions(NOON, 1)) == 1
    assert reader.request_span() == (NOON + 1, NOON + 9)
    assert reader.unpriced_models() == [("claude", "unpriced", "standard", 1, 5)]
    assert reader.damage() == []


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (slices.BY_TIME, (1, 2)),
        (slices.BY_SESSION, (1, 1, 2)),
        (session_queries.RECENT_SESSIONS, (1,)),
        (session_queries.UNMETERED, (1, 2)),
    ],
    ids=["by time", "by session", "recent", "unmetered"],
)
def test_no_question_about_a_day_reads_the_history(
    writer: Writer, statement: str, values: tuple[int, ...]
) -> None:
    for number in range(50):
        book(writer, usage(f"m{number}", f"s{number}", NOON + number, output=1), name=str(number))
    connection = writer._connection
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement, values)]
    # what is scanned is the small result of a step before
    steps = [step for step in plan if step.startswith("SCAN")]
    assert set(steps) <= {"SCAN g", "SCAN active", "SCAN a", "SCAN n"}, plan


def test_reading_loads_nothing_heavy() -> None:
    code = """
import sys
import tmuxmeter.ledger.reader, tmuxmeter.reports.days
heavy = {"msgspec", "watchdog", "genai_prices", "psutil", "libtmux", "rich", "zoneinfo",
         "tmuxmeter.events", "click", "hypothesis"}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
