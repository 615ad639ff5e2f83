"""Sessions as the ledger tells them, models, and what has no price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON, chunk, log, price, usage

from tmuxmeter.events import Prompt, SessionStart
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.slices import Measures
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import Event

MINUTE = 60_000


@pytest.fixture
def writer() -> Iterator[Writer]:
    with Writer.memory(None, 0) as writer:
        yield writer


def book(writer: Writer, *events: Event) -> None:
    writer.book([chunk(log(), events)], price)


def pane(writer: Writer, name: str) -> int:
    return writer.pane(PaneRun("/tmp/t", 1, 1000, name, 10, "77", "main", 2, "w"), NOON)


def bind(writer: Writer, session: str, name: str, minute: int) -> int:
    place = ("pane", pane(writer, name), 7, f"start{name}")
    return writer.bind("claude", session, *place, NOON + minute * MINUTE, "x", 1.0, NOON)


def test_sessions_are_newest_first_and_hold_all_they_spent(writer: Writer) -> None:
    book(
        writer,
        SessionStart(key=0, session="a", time_ms=NOON, cwd="/a", branch="b", version="2.1"),
        usage("a1", "a", NOON, fresh=1, output=2),
        usage("a2", "a", NOON + 9 * MINUTE, model="other", fresh=10, output=20),
        usage("b1", "b", NOON + 5 * MINUTE, output=1),
        Prompt(key=1, session="mute", time_ms=NOON + 20 * MINUTE, human=True),
    )
    stories = writer.reader().sessions(0, 10)
    assert [story.row.session for story in stories] == ["mute", "a", "b"]
    row = stories[1].row
    assert (row.cwd, row.branch, row.version) == ("/a", "b", "2.1")
    assert (row.started_ms, row.last_ms) == (NOON, NOON + 9 * MINUTE)
    assert sum(piece.measures.fresh for piece in stories[1].slices) == 11
    assert [piece.model for piece in stories[1].slices] == ["claude-sonnet-4-6", "other"]
    assert stories[0].slices == []
    # what it spent before counts although it is asked for those of late
    late = writer.reader().sessions(NOON + 9 * MINUTE, 10)
    assert [story.row.session for story in late] == ["mute", "a"]
    assert len(late[1].slices) == 2
    assert [story.row.session for story in writer.reader().sessions(0, 1)] == ["mute"]


def test_a_session_that_moved_is_cut_where_it_moved(writer: Writer) -> None:
    minutes = (0, 3, 6, 9)
    book(writer, *(usage(f"u{m}", "a", NOON + m * MINUTE, fresh=1, output=0) for m in minutes))
    first = bind(writer, "a", "%1", 0)
    writer.end_binding(first, NOON + 4 * MINUTE)
    bind(writer, "a", "%2", 8)
    (story,) = writer.reader().sessions(0, 10)
    spent: dict[str, Measures] = {}
    for piece in story.slices:
        spent[piece.where.pane] = spent.get(piece.where.pane, Measures()).plus(piece.measures)
    assert {name: measures.requests for name, measures in spent.items()} == {
        "%1": 2,
        "": 1,
        "%2": 1,
    }
    assert (story.where.pane, story.open) == ("%2", True)


def test_where_it_last_was_stays_known(writer: Writer) -> None:
    book(writer, usage("u", "a", NOON, output=1))
    writer.end_binding(bind(writer, "a", "%1", -5), NOON + MINUTE)
    book(writer, Prompt(key=1, session="a", time_ms=NOON + 5 * MINUTE, human=True))
    (story,) = writer.reader().sessions(0, 10)
    assert (story.where.pane, story.open) == ("%1", False)


def test_models_and_what_has_no_price(writer: Writer) -> None:
    reader = writer.reader()
    assert (reader.models(), reader.request_span(), reader.unpriced_models()) == ([], None, [])
    book(
        writer,
        usage("a", time_ms=NOON + 1, output=1),
        usage("b", time_ms=NOON, model="unpriced", fresh=5, cache_read=7, output=1),
        usage("c", time_ms=NOON + 2, model="unpriced", tier="fast", output=3),
        usage("d", time_ms=NOON + 2, model="", output=3),
    )
    assert reader.models() == [("claude", "claude-sonnet-4-6"), ("claude", "unpriced")]
    assert reader.request_span() == (NOON, NOON + 2)
    assert [row[1:] for row in reader.unpriced_models() if row.model] == [
        ("unpriced", "fast", 1, 3),
        ("unpriced", "standard", 1, 13),
    ]
    assert reader.damage() == []
