"""The rules by which events are booked, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ledger_data import NOON, chunk, dump, log, price, usage

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
from tmuxmeter.ledger.booking import EVENTS_PER_FLUSH, IMPLAUSIBLE, MOST_TOKENS
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import Event, Usage


@pytest.fixture
def writer() -> Iterator[Writer]:
    with Writer.memory(None, 0) as writer:
        yield writer


def one(writer: Writer, columns: str, table: str = "usage") -> Any:
    rows = writer._connection.execute(f"SELECT {columns} FROM {table}").fetchall()
    assert len(rows) == 1
    return rows[0] if "," in columns else rows[0][0]


def book(writer: Writer, *events: Event, name: str = "a.jsonl", restart: bool = False) -> Any:
    return writer.book([chunk(log(name), events, restart=restart)], price)


LATER = NOON + 1000


@pytest.mark.parametrize("together", [True, False])
def test_the_highest_output_wins_whole(writer: Writer, together: bool) -> None:
    low = usage(output=5, fresh=900, model="low", cwd="/low", time_ms=LATER)
    high = usage(output=7, fresh=100, model="high", cwd="/high", branch="b", time_ms=NOON)
    for order in ([low, high], [high, low]):
        if together:
            book(writer, *order)
        else:
            for event in order:
                book(writer, event)
        assert one(writer, "output, fresh, time_ms") == (7, 100, NOON)
        (row,) = dump(writer)["usage"]
        assert row[3] == "high"
        assert row[6:8] == ("/high", "b")
        assert row[-1] == price("claude", high)


@pytest.mark.parametrize("together", [True, False])
def test_a_tie_in_one_file_goes_to_the_last(writer: Writer, together: bool) -> None:
    lines = [usage(output=7, fresh=3, time_ms=LATER), usage(output=7, fresh=2, time_ms=NOON)]
    if together:
        book(writer, *lines)
    else:
        for line in lines:
            book(writer, line)
    assert one(writer, "fresh, time_ms") == (2, NOON)


@pytest.mark.parametrize("first", ["a.jsonl", "b.jsonl"])
def test_a_tie_between_files_goes_to_the_file_seen_first(writer: Writer, first: str) -> None:
    writer.register([log("a.jsonl"), log("b.jsonl")])
    lines = {"a.jsonl": usage(output=7, fresh=3), "b.jsonl": usage(output=7, fresh=9)}
    book(writer, lines[first], name=first)
    other = "b.jsonl" if first == "a.jsonl" else "a.jsonl"
    book(writer, lines[other], name=other)
    assert one(writer, "fresh, file_id") == (3, 1)


@pytest.mark.parametrize("order", [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")])
def test_the_file_seen_first_owns_the_request_whoever_wins(
    writer: Writer, order: tuple[str, str]
) -> None:
    writer.register([log("a.jsonl"), log("b.jsonl")])
    lines = {
        "a.jsonl": usage(session="original", output=7),
        "b.jsonl": usage(session="fork", output=8),
    }
    for name in order:
        book(writer, lines[name], name=name)
    (row,) = dump(writer)["usage"]
    assert row[1] == "original"
    assert row[8:10] == ("b.jsonl", "a.jsonl")
    assert one(writer, "output") == 8


@pytest.mark.parametrize("order", [("aside.jsonl", "main.jsonl"), ("main.jsonl", "aside.jsonl")])
def test_a_main_transcript_owns_what_a_side_chain_replays(
    writer: Writer, order: tuple[str, str]
) -> None:
    writer.register([log("aside.jsonl"), log("main.jsonl")])
    lines = {
        "aside.jsonl": usage(session="aside", output=7, sidechain=True, cwd="/aside"),
        "main.jsonl": usage(session="main", output=7, cwd="/main"),
    }
    for name in order:
        book(writer, lines[name], name=name)
    (row,) = dump(writer)["usage"]
    assert row[1] == "main"
    assert row[6] == "/main"
    assert one(writer, "sidechain, owner_sidechain") == (0, 0)


def test_a_line_read_again_changes_nothing(writer: Writer) -> None:
    events: list[Event] = [
        SessionStart(key=1, session="s1", time_ms=NOON, cwd="/w"),
        usage(output=3),
        Prompt(key=2, session="s1", time_ms=NOON, human=True),
        RateLimit(key=3, session="s1", time_ms=NOON, window_minutes=300, used_percent=5.0),
    ]
    first = book(writer, *events)
    assert first.changed
    assert (first.requests, first.sessions) == (1, frozenset({("claude", "s1")}))
    before = dump(writer)
    again = book(writer, *events, restart=True)
    assert not again.changed
    assert (again.requests, again.others) == (0, 0)
    assert dump(writer) == before


def test_a_correction_is_a_change(writer: Writer) -> None:
    book(writer, usage(output=3))
    assert book(writer, usage(output=4)).changed
    assert one(writer, "cost") == price("claude", usage(output=4))


def test_what_was_priced_keeps_its_price(writer: Writer) -> None:
    writer.register([log("copy"), log()])
    request = usage(output=3)
    book(writer, request)

    def dearer(_agent: str, _usage: Usage, /) -> int | None:
        return 10**6

    writer.book([chunk(log(), [request], restart=True)], dearer)
    assert one(writer, "cost") == price("claude", request)
    # a copy in a file found earlier takes it over, but it is the same spend
    writer.book([chunk(log("copy"), [usage(output=3, session="s2")])], dearer)
    assert dump(writer)["usage"][0][1] == "s2"
    assert one(writer, "cost") == price("claude", request)
    writer.book([chunk(log(), [usage(output=4)])], dearer)
    assert one(writer, "cost") == 10**6


def test_unknown_prices_are_null_never_zero(writer: Writer) -> None:
    book(writer, usage(output=3, model="unpriced"))
    assert one(writer, "cost") is None


def test_more_than_one_flush(writer: Writer) -> None:
    number = EVENTS_PER_FLUSH + 10
    pieces = [chunk(log(), [usage(f"m{i}", output=1) for i in range(number)])]
    pieces.append(chunk(log(), [usage("m0", output=2), usage("new", output=1)], 200))
    booked = writer.book(pieces, price)
    assert booked.requests == number + 2
    count, output = writer._connection.execute("SELECT count(*), sum(output) FROM usage").fetchone()
    assert (count, output) == (number + 1, number + 2)


def test_other_events_count_once_and_belong_to_the_file_seen_first(writer: Writer) -> None:
    writer.register([log("a.jsonl"), log("b.jsonl")])

    def events(session: str) -> list[Event]:
        return [
            Prompt(key=1, session=session, time_ms=NOON, human=True, corrects=True),
            TurnEnd(key=2, session=session, time_ms=NOON, reason="done", asked=True),
            ToolResult(key=3, session=session, time_ms=NOON, tool="Bash", ok=False),
            FileTouch(key=4, session=session, time_ms=NOON, edit=True, path="/w/a.py"),
            Compaction(key=5, session=session, time_ms=NOON, trigger="auto", tokens_before=9),
            Estimate(key=6, session=session, time_ms=NOON, input=7, output=8),
        ]

    book(writer, *events("fork"), name="b.jsonl")
    book(writer, *events("original"), name="a.jsonl")
    book(writer, *events("fork"), name="b.jsonl", restart=True)
    content = dump(writer)
    for table in ("prompt", "turn_end", "tool_result", "file_touch", "compaction", "estimate"):
        assert [row[1:4] for row in content[table]] == [("original", NOON, 1)], table
    assert content["tool_result"][0][4:] == ("Bash", 0)
    assert content["file_touch"][0][4:] == ("/w/a.py", 1)
    assert content["turn_end"][0][4:] == ("done", -1, 1)
    assert content["compaction"][0][4:] == ("auto", 9)
    assert content["estimate"][0][4:] == (7, 8)


@pytest.mark.parametrize("together", [True, False])
def test_a_later_line_of_the_same_file_may_know_more(writer: Writer, together: bool) -> None:
    def turn(time_ms: int, duration_ms: int, reason: str) -> TurnEnd:
        return TurnEnd(key=1, session="s", time_ms=time_ms, reason=reason, duration_ms=duration_ms)

    def result(time_ms: int, tool: str, *, ok: bool) -> ToolResult:
        return ToolResult(key=2, session="s", time_ms=time_ms, tool=tool, ok=ok)

    lines: list[Event] = [
        turn(NOON, -1, "done"),
        turn(LATER, 900, "error"),
        turn(NOON, -1, "interrupted"),
        turn(NOON, 900, "done"),
        result(NOON, "", ok=True),
        result(NOON + 1, "Bash", ok=True),
        result(NOON + 2, "", ok=True),
        result(LATER, "Bash", ok=False),
        result(NOON + 3, "Bash", ok=True),
        Compaction(key=3, session="s", time_ms=NOON, tokens_before=9),
        Compaction(key=3, session="s", time_ms=LATER),
    ]
    if together:
        book(writer, *lines)
    else:
        for line in lines:
            book(writer, line)
    assert one(writer, "time_ms, reason, duration_ms", "turn_end") == (LATER, "error", 900)
    assert one(writer, "time_ms, ok", "tool_result") == (LATER, 0)
    assert dump(writer)["tool_result"][0][4] == "Bash"
    assert one(writer, "time_ms, tokens_before", "compaction") == (NOON, 9)


def test_facts_of_a_session_are_the_first_word_and_the_earliest_start(writer: Writer) -> None:
    writer.register([log("a.jsonl"), log("b.jsonl", root="/other")])

    def start(time_ms: int, **facts: Any) -> SessionStart:
        return SessionStart(key=0, session="s", time_ms=time_ms, **facts)

    writer.book(
        [
            chunk(
                log("b.jsonl", root="/other"),
                [start(NOON - 5, cwd="/late", parent="p2", version="2", branch="b2")],
            ),
            chunk(
                log("a.jsonl"),
                [
                    *(start(0), start(NOON, cwd="/w"), start(NOON - 9)),
                    start(LATER, cwd="/x", parent="p", spawned=True),
                ],
            ),
        ],
        price,
    )
    assert dump(writer)["session"] == [
        ("claude", "s", "/home/u/.claude", "a.jsonl", "p", 1, NOON - 9, "/w", "b2", "2")
    ]


def test_the_newest_rate_limit_stays(writer: Writer) -> None:
    def limit(time_ms: int, used: float, window: int = 300) -> RateLimit:
        return RateLimit(
            key=0, session="s", time_ms=time_ms, window_minutes=window, used_percent=used
        )

    book(writer, limit(NOON, 40.0), limit(LATER, 10.0), limit(NOON - 1, 99.0), limit(NOON, 1.0, 60))
    rows = dump(writer)["rate_limit"]
    assert [(row[3], row[5]) for row in rows] == [(300, 10.0), (60, 1.0)]


def test_skipped_records_add_up_until_the_file_is_read_anew(writer: Writer) -> None:
    def skip(reason: str, count: int, offset: int) -> Skipped:
        return Skipped(key=0, session="", time_ms=0, reason=reason, count=count, offset=offset)

    book(writer, skip("bad json", 2, 10), skip("bad json", 1, 20), skip("no time", 1, 30))
    booked = book(writer, skip("bad json", 1, 90))
    assert booked.skipped == 1
    assert not booked.changed
    book(writer, skip("bad json", 5, 5), name="other")
    assert dump(writer)["skipped"] == [
        ("a.jsonl", "bad json", 4, 90),
        ("a.jsonl", "no time", 1, 30),
        ("other", "bad json", 5, 5),
    ]
    book(writer, skip("bad json", 1, 10), restart=True)
    assert dump(writer)["skipped"] == [("a.jsonl", "bad json", 1, 10), ("other", "bad json", 5, 5)]
    assert writer._connection.execute("SELECT count(*) FROM session").fetchone() == (0,)


@pytest.mark.parametrize(
    "event",
    [
        usage("bad", output=MOST_TOKENS),
        usage("bad", output=10**30),
        usage("bad", fresh=-1),
        usage("bad", cache_read=-(10**25), cache_write_1h=5),
        usage("bad", time_ms=10**18),
        usage("bad", time_ms=-1),
        usage("bad", context_window=2**63),
        RateLimit(key=1, session="x", time_ms=NOON, window_minutes=1, used_percent=float("nan")),
        RateLimit(key=1, session="x", time_ms=NOON, window_minutes=2**70, used_percent=1.0),
        RateLimit(
            key=1, session="x", time_ms=NOON, window_minutes=1, used_percent=1, resets_ms=2**64
        ),
        TurnEnd(key=1, session="x", time_ms=NOON, reason="done", duration_ms=2**64),
        Compaction(key=1, session="x", time_ms=NOON, tokens_before=-(2**64)),
        Prompt(key=1, session="x", time_ms=2**80, human=True),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_true_are_skipped(writer: Writer, event: Event) -> None:
    book(writer, usage("good", output=1), event)
    content = dump(writer)
    assert [row[15] for row in content["usage"]] == [1]
    assert content["skipped"] == [("a.jsonl", IMPLAUSIBLE, 1, 0)]
    assert not content["rate_limit"]
    assert not content["turn_end"]
    assert not content["compaction"]
    assert not content["prompt"]


NASTY = [
    "'; DROP TABLE usage; --",
    '"',
    "a\0b",
    "\ud800 lone",
    "#{E:@x}",
    "[bold]",
    "é" * 1_000_000,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_is_stored_literally_whatever_it_is(writer: Writer, text: str) -> None:
    file = log(name=text, root=text)
    events: list[Event] = [
        SessionStart(key=1, session=text, time_ms=NOON, cwd=text, branch=text, parent=text),
        usage(session=text, model=text, tier=text, geo=text, cwd=text, branch=text, output=2),
        Prompt(key=2, session=text, time_ms=NOON, human=True),
        TurnEnd(key=3, session=text, time_ms=NOON, reason=text),
        ToolResult(key=4, session=text, time_ms=NOON, tool=text, ok=True),
        FileTouch(key=5, session=text, time_ms=NOON, edit=True, path=text),
        Compaction(key=6, session=text, time_ms=NOON, trigger=text),
        RateLimit(key=7, session=text, time_ms=NOON, window_minutes=1, used_percent=1, limit=text),
        Skipped(key=0, session="", time_ms=0, reason=text),
    ]
    assert writer.book([chunk(file, events)], price).changed
    assert not writer.book([chunk(file, events, restart=True)], price).changed
    # names of files are identities and come back exactly
    assert list(writer.positions()) == [("claude", text, text)]
    shown = "\\ud800 lone" if "lone" in text else text
    (piece,) = writer.reader().slices(NOON, NOON + 1)
    assert (piece.session, piece.project, piece.branch, piece.model) == (shown,) * 4
    assert writer.reader().skipped()[0].reason == shown


def test_an_error_in_the_middle_books_nothing_and_can_be_tried_again(writer: Writer) -> None:
    def failing(_agent: str, _usage: Usage, /) -> int | None:
        raise ZeroDivisionError

    content = [SessionStart(key=1, session="s1", time_ms=NOON, cwd="/w"), usage(output=1)]
    empty = dump(writer)
    with pytest.raises(ZeroDivisionError):
        writer.book([chunk(log(), content)], failing)
    assert dump(writer) == empty
    # ids that were made and undone must not be used again
    book(writer, usage("other", session="s9", model="x", cwd="/y", output=1), name="other")
    book(writer, *content)
    with Writer.memory(None, 0) as plain:
        book(plain, usage("other", session="s9", model="x", cwd="/y", output=1), name="other")
        book(plain, *content)
        assert dump(writer) == dump(plain)


def test_positions_come_with_the_events(writer: Writer) -> None:
    writer.register([log("b"), log("a")])
    book(writer, usage(output=1), name="a")
    positions = writer.positions()
    assert [(name, position.offset) for (_, _, name), position in positions.items()] == [
        ("b", 0),
        ("a", 100),
    ]
    moved = log("a")
    moved = type(moved)(moved.agent, moved.root, moved.name, "/archive/a.zst")
    writer.book([chunk(moved, [], 300)], price)
    assert dump(writer)["file"][1][4] == "/archive/a.zst"
    assert list(writer.positions().values())[1].offset == 300


def test_reprice_tells_before_it_writes(writer: Writer) -> None:
    book(
        writer,
        usage("a", output=10),
        usage("b", output=20, time_ms=LATER),
        usage("c", output=30, model="unpriced", time_ms=LATER),
        usage("d", output=40, model="same", time_ms=LATER),
    )

    def anew(agent: str, request: Usage, /) -> int | None:
        if request.model == "same":
            return price(agent, request)
        return 7 if request.model == "unpriced" else None

    old = price("claude", usage(output=20))
    changes = writer.reprice(anew, LATER, apply=False)
    assert [(c.model, *c[4:]) for c in changes] == [
        ("claude-sonnet-4-6", 1, old, 0, 0, 1),
        ("unpriced", 1, 0, 1, 7, 0),
    ]
    before = dump(writer)
    assert writer.reprice(anew, LATER, apply=True) == changes
    assert dump(writer) != before
    assert writer.reprice(anew, LATER, apply=False) == []


def test_meta(writer: Writer) -> None:
    assert writer.meta("x") is None
    writer.set_meta("x", "1")
    writer.set_meta("x", "2")
    assert writer.meta("x") == "2"
    assert writer.reader().meta("x") == "2"
