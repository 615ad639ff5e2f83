"""Panes, bindings, and how spend finds its pane."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_data import NOON, chunk, log, price, usage

from tmuxmeter.events import SessionStart
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.ledger.slices import Where

MINUTE = 60_000
FOREVER = 1 << 50


def run(pane: str = "%1", pid: int = 10, window_name: str = "w", server_pid: int = 1) -> PaneRun:
    return PaneRun("/tmp/tmux-0/default", server_pid, 1000, pane, pid, "77", "main", 2, window_name)


@pytest.fixture
def writer() -> Iterator[Writer]:
    with Writer.memory(None, 0) as writer:
        yield writer


def spend(writer: Writer, *minutes: int, session: str = "s1") -> None:
    events = [
        usage(f"{session}-{m}", session, NOON + m * MINUTE, fresh=1, output=0) for m in minutes
    ]
    writer.book([chunk(log(session), events)], price)


def bind(
    writer: Writer,
    start: int,
    pane: int | None,
    confidence: float = 0.9,
    *,
    session: str = "s1",
    now: int | None = None,
    pid: int = 100,
    kind: str = "pane",
) -> int:
    now = start if now is None else now
    return writer.bind(
        *("claude", session, kind, pane, pid, "5", NOON + start * MINUTE),
        *("test", confidence, NOON + now * MINUTE),
    )


def stays(writer: Writer, session: str = "s1") -> list[tuple[str | None, int, int | None]]:
    """Return pane (or kind), start and end in minutes of each binding."""
    return [
        (
            row.pane or row.where_kind,
            (row.start_ms - NOON) // MINUTE,
            None if row.end_ms is None else (row.end_ms - NOON) // MINUTE,
        )
        for row in writer.bindings_of("claude", session)
    ]


def spent(writer: Writer) -> dict[str, int]:
    """Return fresh tokens by pane or by kind of place."""
    total: Counter[str] = Counter()
    for piece in writer.reader().slices(0, FOREVER):
        total[piece.where.pane or piece.where.where] += piece.measures.fresh
    return dict(total)


def test_a_pane_keeps_its_id_while_its_process_lives(writer: Writer) -> None:
    first = writer.pane(run(), NOON)
    assert writer.pane(run(), NOON + 1) == first
    assert writer.pane(run(window_name="renamed"), NOON + 2) == first
    others = {
        writer.pane(run(pid=11), NOON),
        writer.pane(run("%2"), NOON),
        writer.pane(run(server_pid=2), NOON),
    }
    assert len(others | {first}) == 4
    row = writer._connection.execute(
        "SELECT window_name, first_ms, last_ms, ended_ms FROM pane WHERE id = ?", (first,)
    ).fetchone()
    assert row == ("renamed", NOON, NOON + 2, None)
    writer.touch_bindings(NOON + 9)
    writer.end_pane(first, NOON + 10)
    row = writer._connection.execute(
        "SELECT last_ms, ended_ms FROM pane WHERE id = ?", (first,)
    ).fetchone()
    assert row == (NOON + 9, NOON + 10)
    # it was not gone after all
    assert writer.pane(run(window_name="renamed"), NOON + 20) == first
    ended = "SELECT ended_ms FROM pane WHERE id = ?"
    assert writer._connection.execute(ended, (first,)).fetchone() == (None,)


def test_spend_goes_where_its_session_was_at_its_time(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    spend(writer, 0, 1, 2, 3, 4, 5, 6, 7)
    first = bind(writer, 1, one)
    writer.end_binding(first, NOON + 3 * MINUTE)
    bind(writer, 4, two)
    bind(writer, 6, None, kind="without-pane")
    assert stays(writer) == [("%1", 1, 3), ("%2", 4, 6), ("without-pane", 6, None)]
    assert spent(writer) == {"%1": 2, "%2": 2, "without-pane": 2, "unattributed": 2}


def test_a_session_unknown_so_far_can_be_bound(writer: Writer) -> None:
    bind(writer, 0, None, kind="outside")
    assert writer.open_bindings()[0][1:4] == ("claude", "s1", "outside")
    spend(writer, 1)
    assert spent(writer) == {"outside": 1}
    (piece,) = writer.reader().slices(0, FOREVER)
    assert piece.account == "/home/u/.claude"


def test_the_same_process_in_the_same_place_is_one_binding(writer: Writer) -> None:
    pane = writer.pane(run(), NOON)
    first = bind(writer, 5, pane, 0.5)
    assert bind(writer, 3, pane, 0.8, now=6) == first
    assert bind(writer, 9, pane, 0.2, now=9) == first
    (row,) = writer.open_bindings()
    assert (row.start_ms, row.seen_ms) == (NOON + 3 * MINUTE, NOON + 9 * MINUTE)
    assert row.confidence == 0.8
    assert (row.pane_id, row.pane, row.server_pid, row.pid) == (pane, "%1", 1, 100)


def test_better_evidence_books_the_past_anew(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    spend(writer, 1, 2, 3)
    bind(writer, 0, one, 0.4)
    assert spent(writer) == {"%1": 3}
    bind(writer, 0, two, 0.9, now=4)
    assert stays(writer) == [("%2", 0, None)]
    assert spent(writer) == {"%2": 3}


def test_better_evidence_of_a_later_beginning_leaves_what_came_before(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    bind(writer, 0, one, 0.4)
    bind(writer, 2, two, 0.9, now=4)
    assert stays(writer) == [("%1", 0, 2), ("%2", 2, None)]


def test_worse_evidence_counts_from_now_on_only(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    bind(writer, 1, one, 0.9)
    bind(writer, 0, two, 0.4, now=7)
    assert stays(writer) == [("%1", 1, 7), ("%2", 7, None)]


def test_equal_evidence_of_the_same_time_counts_from_now_on_only(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    bind(writer, 1, one, 0.9)
    bind(writer, 1, two, 0.9, now=7)
    assert stays(writer) == [("%1", 1, 7), ("%2", 7, None)]


def test_an_earlier_beginning_takes_over_what_was_known_less_well(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    writer.end_binding(bind(writer, 0, one, 0.4), NOON + 2 * MINUTE)
    writer.end_binding(bind(writer, 2, two, 0.4), NOON + 3 * MINUTE)
    last = bind(writer, 4, two, 0.9)
    assert bind(writer, 1, two, 0.9, now=5) == last
    assert stays(writer) == [("%1", 0, 1), ("%2", 1, None)]


def test_the_very_moment_of_a_move_belongs_to_the_new_place(writer: Writer) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    spend(writer, 0, 5)
    bind(writer, 0, one)
    bind(writer, 5, two)
    assert spent(writer) == {"%1": 1, "%2": 1}


@pytest.mark.parametrize(("confidence", "begin"), [(0.9, 4), (0.5, 4), (1.0, 1)])
def test_a_past_known_as_well_is_left_alone(writer: Writer, confidence: float, begin: int) -> None:
    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    first = bind(writer, 1, one, 0.9)
    writer.end_binding(first, NOON + 4 * MINUTE)
    bind(writer, 0, two, confidence, now=7)
    new = [stay for stay in stays(writer) if stay[0] == "%2"]
    assert new == ([("%2", 0, None)] if begin == 1 else [("%2", begin, None)])
    assert (("%1", 1, 4) in stays(writer)) == (begin == 4)


def test_a_binding_never_ends_before_it_began(writer: Writer) -> None:
    first = bind(writer, 5, None, kind="outside")
    writer.end_binding(first, NOON)
    assert stays(writer) == [("outside", 5, 5)]
    writer.end_binding(first, NOON + 9 * MINUTE)
    assert stays(writer) == [("outside", 5, 5)]


def test_a_respawned_pane_is_one_row_under_its_newest_name(writer: Writer) -> None:
    old = writer.pane(run(pid=10, window_name="old"), NOON)
    new = writer.pane(run(pid=11, window_name="new"), NOON + 9)
    spend(writer, 1, session="s1")
    spend(writer, 1, session="s2")
    bind(writer, 0, old, session="s1")
    bind(writer, 0, new, session="s2")
    places: set[Where] = {piece.where for piece in writer.reader().slices(0, FOREVER)}
    assert [place.window_name for place in places] == ["new"]


def test_sub_agents_spend_where_their_parent_is_and_forks_do_not(writer: Writer) -> None:
    def child(key: str, parent: str, *, spawned: bool) -> None:
        start = SessionStart(key=0, session=key, time_ms=NOON, parent=parent, spawned=spawned)
        writer.book([chunk(log(key), [start])], price)
        spend(writer, 1, 5, session=key)

    one, two = writer.pane(run("%1"), NOON), writer.pane(run("%2"), NOON)
    spend(writer, 1, session="s1")
    child("agent", "s1", spawned=True)
    child("agent-of-agent", "agent", spawned=True)
    child("fork", "s1", spawned=False)
    child("own", "s1", spawned=True)
    child("lost", "nobody", spawned=True)
    child("ring1", "ring2", spawned=True)
    child("ring2", "ring1", spawned=True)
    bind(writer, 0, one, session="s1")
    bind(writer, 4, two, session="s1")
    bind(writer, 0, None, session="own", kind="outside")
    assert spent(writer) == {"%1": 3, "%2": 2, "outside": 2, "unattributed": 8}


@settings(max_examples=150, deadline=None)
@given(
    spends=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=25),
    binds=st.lists(
        st.tuples(
            st.integers(-2, 32),
            st.sampled_from([None, "%1", "%2", "%3"]),
            st.sampled_from([0.2, 0.5, 0.9]),
            st.sampled_from("abc"),
            st.integers(0, 3),
            st.one_of(st.none(), st.integers(0, 10)),
        ),
        max_size=25,
    ),
    span=st.tuples(st.integers(-1, 15), st.integers(0, 32)),
)
def test_all_panes_and_what_is_elsewhere_sum_to_the_total(
    spends: list[tuple[int, str]],
    binds: list[tuple[int, str | None, float, str, int, int | None]],
    span: tuple[int, int],
) -> None:
    with Writer.memory(None, 0) as writer:
        for number, (minute, session) in enumerate(spends):
            request = usage(f"m{number}", session, NOON + minute * MINUTE, fresh=1 + number)
            writer.book([chunk(log(session), [request])], price)
        parent = SessionStart(key=0, session="b", time_ms=NOON, parent="a", spawned=True)
        writer.book([chunk(log("b"), [parent])], price)
        ends: list[tuple[int, int]] = []
        for start, pane, confidence, session, later, end in binds:
            pane_id = None if pane is None else writer.pane(run(pane), NOON)
            binding = bind(
                *(writer, start, pane_id, confidence),
                session=session,
                now=start + later,
                kind="outside" if pane is None else "pane",
                pid=len(pane or ""),
            )
            if end is not None:
                writer.end_binding(binding, NOON + (start + end) * MINUTE)
                ends.append((binding, end))

        for session in "abc":
            rows = writer.bindings_of("claude", session)
            for row, following in pairwise(rows):
                assert row.end_ms is not None
                assert row.end_ms <= following.start_ms

        begin, end_ms = NOON + span[0] * MINUTE, NOON + span[1] * MINUTE
        pieces = writer.reader().slices(begin, end_ms)
        within = [
            (1 + number, minute, session)
            for number, (minute, session) in enumerate(spends)
            if span[0] <= minute < span[1]
        ]
        assert sum(piece.measures.fresh for piece in pieces) == sum(n for n, *_ in within)
        assert sum(piece.measures.requests for piece in pieces) == len(within)

        # each request lies where a plain look at the bindings puts it
        expected: Counter[str] = Counter()
        known = {session: writer.bindings_of("claude", session) for session in "abc"}
        for fresh, minute, session in within:
            rows = known[session] or (known["a"] if session == "b" else [])
            time_ms = NOON + minute * MINUTE
            places = [
                row.pane or row.where_kind
                for row in rows
                if row.start_ms <= time_ms and (row.end_ms is None or time_ms < row.end_ms)
            ]
            expected[places[0] if places else "unattributed"] += fresh
        found: Counter[str] = Counter()
        for piece in pieces:
            found[piece.where.pane or piece.where.where] += piece.measures.fresh
        assert found == expected
