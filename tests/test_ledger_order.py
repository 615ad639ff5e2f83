"""Whatever the order, the pieces and the repetitions of reading: the ledger is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_data import NOON, dump, log, price, usage

from tmuxmeter.events import (
    Chunk,
    Compaction,
    FileTouch,
    Position,
    Prompt,
    RateLimit,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from tmuxmeter.events import Event

FILES = [log("a"), log("b", root="/other"), log("c")]
SESSIONS = st.sampled_from(["s1", "s2", "s3"])
TIMES = st.integers(0, 5).map(lambda n: NOON + n * 20 * 86_400_000)
SMALL = st.integers(0, 3)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        usage,
        st.sampled_from(["m1", "m2", "m3"]),
        SESSIONS,
        TIMES,
        model=st.sampled_from(["x", "unpriced"]),
        output=SMALL,
        fresh=SMALL,
        cwd=st.sampled_from(["", "/w"]),
        sidechain=st.booleans(),
    ),
    st.builds(Prompt, key=SMALL, session=SESSIONS, time_ms=TIMES, human=st.booleans()),
    st.builds(
        ToolResult,
        key=SMALL,
        session=SESSIONS,
        time_ms=TIMES,
        tool=st.sampled_from(["Bash", ""]),
        ok=st.booleans(),
    ),
    st.builds(
        TurnEnd,
        key=SMALL,
        session=SESSIONS,
        time_ms=TIMES,
        reason=st.sampled_from(["done", "interrupted"]),
        duration_ms=st.integers(-1, 2),
    ),
    st.builds(
        Compaction, key=SMALL, session=SESSIONS, time_ms=TIMES, tokens_before=st.integers(-1, 2)
    ),
    st.builds(
        FileTouch,
        key=SMALL,
        session=SESSIONS,
        time_ms=TIMES,
        edit=st.booleans(),
        path=st.just("/f"),
    ),
    st.builds(
        RateLimit,
        key=SMALL,
        session=SESSIONS,
        time_ms=TIMES,
        window_minutes=st.sampled_from([300, 10080]),
        used_percent=st.floats(0, 100),
    ),
    st.builds(
        SessionStart,
        key=SMALL,
        session=SESSIONS,
        time_ms=st.one_of(st.just(0), TIMES),
        cwd=st.sampled_from(["", "/w", "/x"]),
        parent=st.sampled_from(["", "s1", "p"]),
        spawned=st.booleans(),
    ),
    st.builds(
        Skipped,
        key=st.just(0),
        session=st.just(""),
        time_ms=st.just(0),
        reason=st.sampled_from(["bad", "odd"]),
        count=st.integers(1, 3),
        offset=SMALL,
    ),
)  # fmt: skip


def piece(file: int, events: list[Event], start: int, end: int) -> Chunk:
    return Chunk(FILES[file], events[start:end], Position(offset=end), start == 0)


@settings(max_examples=200, deadline=None)
@given(
    contents=st.tuples(*[st.lists(EVENTS, max_size=8) for _ in FILES]),
    data=st.data(),
)
def test_any_order_any_pieces_any_repetition_gives_the_same_ledger(
    contents: tuple[list[Event], ...], data: st.DataObject
) -> None:
    with Writer.memory(None, 0) as single, Writer.memory(None, 0) as wild:
        single.register(FILES)
        for number, events in enumerate(contents):
            single.book([piece(number, events, 0, len(events))], price)

        wild.register(FILES)
        done = [-1] * len(FILES)
        steps = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=30))
        batch: list[Chunk] = []
        for number, size in steps:
            if size == 9:
                wild.book(batch, price)
                batch = []
            elif size == 8 and done[number] == len(contents[number]):
                done[number] = -1
            else:
                start = max(0, done[number])
                done[number] = min(start + size, len(contents[number]))
                batch.append(piece(number, contents[number], start, done[number]))
        for number, events in enumerate(contents):
            batch.append(piece(number, events, max(0, done[number]), len(events)))
        wild.book(batch, price)

        assert dump(wild) == dump(single)
        assert requests(single) == expected(contents)


def requests(writer: Writer) -> dict[int, tuple[Any, ...]]:
    rows = writer._connection.execute(
        "SELECT u.key, s.key, output, fresh, time_ms, sidechain, cost"
        " FROM usage u JOIN session s ON s.id = session_id"
    )
    return {key: tuple(rest) for key, *rest in rows}


def expected(contents: tuple[list[Event], ...]) -> dict[int, tuple[Any, ...]]:
    """Apply the documented rules to everything at once, the plain way."""
    lines: dict[int, list[tuple[int, int, Usage]]] = {}
    for number, events in enumerate(contents):
        for place, event in enumerate(events):
            if isinstance(event, Usage):
                lines.setdefault(event.key, []).append((number, place, event))
    result = {}
    for key, shown in lines.items():
        *_, best = max(shown, key=lambda s: (s[2].output, not s[2].sidechain, -s[0], s[1]))
        *_, owner = min(shown, key=lambda s: (s[2].sidechain, s[0], s[1]))
        result[key] = (
            *(owner.session, best.output, best.fresh, best.time_ms),
            *(best.sidechain, price("claude", best)),
        )
    return result
