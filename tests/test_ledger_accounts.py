"""What agents' own accounts say, beside what is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON, chunk, log, usage

from tmuxmeter.events import SessionStart, Usage, event_key
from tmuxmeter.ledger.accounts import QUARTER_MS
from tmuxmeter.ledger.bills import LATE_MS, Bill
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.reports.unlogged import gap, unlogged_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE = 60_000


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path) as writer:
        yield writer


def price(_agent: str, request: Usage, /) -> int | None:
    """A microdollar a token."""
    return None if request.model == "unpriced" else request.fresh


def spend(writer: Writer, name: str, tokens: int, minute: float, session: str = "a") -> None:
    at = NOON + round(minute * MINUTE)
    event = usage(name, session, at, fresh=tokens)
    writer.book([chunk(log(f"{session}.jsonl"), [event])], price)


def begin(writer: Writer, session: str, parent: str, *, spawned: bool) -> None:
    key = event_key("claude", "session", session)
    start = SessionStart(key=key, session=session, time_ms=NOON, parent=parent, spawned=spawned)
    writer.book([chunk(log(f"{session}.jsonl"), [start])], price)


def told(writer: Writer, amount: int, minute: float, session: str = "a") -> bool:
    return writer.account_cost("claude", session, amount, NOON + round(minute * MINUTE))


def parts(writer: Writer, first: float = 0, last: float = 600) -> dict[str, int | None]:
    span = NOON + round(first * MINUTE), NOON + round(last * MINUTE)
    report = unlogged_report(writer.reader().billed(*span))
    sessions = report["sessions"] if report else []
    return {each["session"]: each["unlogged_microdollars"] for each in sessions}


def test_what_is_billed_and_not_logged_is_told(writer: Writer) -> None:
    told(writer, 0, 0)
    spend(writer, "m1", 1_000, 1)
    told(writer, 1_500, 2)
    assert parts(writer) == {"a": 500}
    # what comes after the account's last word is not held against it
    spend(writer, "m2", 9_000, 3)
    assert parts(writer) == {"a": 500}


def test_the_first_word_only_tells_where_the_account_stands(writer: Writer) -> None:
    # resumed, forked, or the hooks were installed in the middle of it
    spend(writer, "m1", 4_000, 1)
    told(writer, 5_000, 2)
    assert parts(writer) == {"a": 0}
    spend(writer, "m2", 700, 3)
    told(writer, 5_900, 4)
    assert parts(writer) == {"a": 200}


def test_a_sub_agent_s_requests_are_logged_too(writer: Writer) -> None:
    told(writer, 0, 0)
    begin(writer, "b", "a", spawned=True)
    begin(writer, "c", "b", spawned=True)
    begin(writer, "d", "a", spawned=False)
    spend(writer, "m1", 1_000, 1)
    spend(writer, "m2", 300, 1, "b")
    spend(writer, "m3", 20, 1, "c")
    spend(writer, "m4", 4_000, 1, "d")
    told(writer, 1_500, 2)
    assert parts(writer) == {"a": 180}


def test_each_span_has_its_own_part(writer: Writer) -> None:
    told(writer, 0, 0)
    spend(writer, "m1", 1_000, 1)
    told(writer, 1_500, 2)
    spend(writer, "m2", 100, 100)
    told(writer, 1_800, 101)
    assert parts(writer, 0, 60) == {"a": 500}
    assert parts(writer, 60, 600) == {"a": 200}
    assert parts(writer) == {"a": 700}
    assert unlogged_report(writer.reader().billed(NOON + 600 * MINUTE, NOON + 700 * MINUTE)) is None


def test_of_a_quarter_of_an_hour_the_last_word_is_kept(writer: Writer) -> None:
    for minute in range(30):
        told(writer, 100 * minute, minute)
    rows = writer._connection.execute("SELECT quarter, told, billed FROM account_cost").fetchall()
    first = NOON // QUARTER_MS
    assert rows == [(first, 1_400, 1_400), (first + 1, 2_900, 2_900)]
    assert parts(writer) == {"a": 2_900}


def test_a_word_that_is_old_or_the_same_changes_nothing(writer: Writer) -> None:
    assert told(writer, 0, 0)
    assert told(writer, 500, 5)
    assert not told(writer, 900, 4)
    assert not told(writer, 500, 6)
    assert parts(writer) == {"a": 500}


def test_a_counter_that_fell_goes_on_from_there(writer: Writer) -> None:
    told(writer, 0, 0)
    told(writer, 3_000, 1)
    # killed, resumed: it begins with what it had when it last ended in order
    told(writer, 1_000, 20)
    told(writer, 1_400, 21)
    assert parts(writer) == {"a": 3_400}


def test_without_a_price_the_part_is_unknown(writer: Writer) -> None:
    event = usage("m1", "a", NOON, fresh=10, model="unpriced")
    writer.book([chunk(log("a.jsonl"), [event])], price)
    told(writer, 0, 0)
    told(writer, 500, 1)
    report = unlogged_report(writer.reader().billed(NOON, NOON + 60 * MINUTE))
    assert report
    assert report["unlogged_microdollars"] == 0
    assert report["unknown_sessions"] == 1


def test_less_than_is_logged_is_kept_apart(writer: Writer) -> None:
    told(writer, 0, 0)
    told(writer, 0, 0, "b")
    spend(writer, "m1", 1_000, 1)
    told(writer, 600, 2)
    spend(writer, "m2", 1_000, 1, "b")
    told(writer, 1_300, 2, "b")
    report = unlogged_report(writer.reader().billed(NOON, NOON + 60 * MINUTE))
    assert report
    assert report["unlogged_microdollars"] == 300
    assert report["lower_microdollars"] == 400


@pytest.mark.parametrize(
    ("bill", "expected"),
    [
        (Bill(9, 1_500, 1_000, 1_000, 3, 0), 500),
        (Bill(9, 1_002, 1_000, 1_000, 3, 0), 0),
        (Bill(9, 997, 1_000, 1_000, 3, 0), 0),
        (Bill(9, 900, 1_000, 1_000, 3, 0), -100),
        # the account is a moment behind the log
        (Bill(9, 900, 1_000, 800, 3, 0), 0),
        (Bill(9, 700, 1_000, 800, 3, 0), -100),
    ],
)
def test_rounding_and_lateness_are_no_difference(bill: Bill, expected: int) -> None:
    assert gap(bill) == expected


def test_a_request_just_logged_may_be_missing_in_the_account(writer: Writer) -> None:
    told(writer, 0, 0)
    spend(writer, "m1", 1_000, 1)
    spend(writer, "m2", 400, 2)
    writer.account_cost("claude", "a", 1_000, NOON + 2 * MINUTE + LATE_MS // 2)
    assert parts(writer) == {"a": 0}


def test_a_plan_s_window_is_noted_once(writer: Writer) -> None:
    window = ("claude", "/home/u/.claude", "", 300)
    assert writer.plan_window(*window, NOON, 12.5, NOON + MINUTE)
    assert not writer.plan_window(*window, NOON, 12.5, NOON + MINUTE)
    [row] = writer.reader().rate_limits()
    assert (row.window_minutes, row.used_percent, row.resets_ms) == (300, 12.5, NOON + MINUTE)


def test_a_pause_is_one_row_from_its_begin(writer: Writer) -> None:
    spend(writer, "m1", 1, 0)
    for minute in (2, 9, 5):
        writer.paused("claude", "a", NOON + MINUTE, NOON + minute * MINUTE)
    writer.paused("claude", "a", NOON + 20 * MINUTE, NOON + 21 * MINUTE)
    rows = writer._connection.execute("SELECT why, start_ms, end_ms FROM standstill").fetchall()
    assert rows == [
        ("paused", NOON + MINUTE, NOON + 9 * MINUTE),
        ("paused", NOON + 20 * MINUTE, NOON + 21 * MINUTE),
    ]
