"""Days: their bounds, their shape, their sums."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_data import NOON

from tmuxmeter.ledger.session_queries import Unmetered
from tmuxmeter.ledger.slices import UNATTRIBUTED, Measures, Slice, Where
from tmuxmeter.reports.days import (
    day_report,
    days_report,
    local_day_bounds,
    local_day_of,
    span_report,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
PANE = Where("pane", "/tmp/tmux-0/default", 1, 1000, "%3", "main", 2, "api", 0)
DAY = date(2026, 7, 8)


def piece(
    cost: int = 0,
    *,
    agent: str = "claude",
    session: str = "s1",
    model: str = "m",
    project: str = "/w",
    where: Where = PANE,
    first_ms: int = NOON,
    **measures: int,
) -> Slice:
    sums = Measures(1, cost_microdollars=cost)._replace(**measures)
    return Slice(
        *(agent, session, "/r", "", False, project, "b", model, "standard", where),
        *(first_ms, first_ms + 5, sums),
    )


def test_a_day_has_as_many_hours_as_the_clock_says() -> None:
    def hours(day: date, start: int = 0) -> float:
        begin, end = local_day_bounds(day, BERLIN, start)
        return (end - begin) / HOUR

    assert hours(date(2026, 3, 29)) == 23
    assert hours(date(2026, 10, 25)) == 25
    assert hours(DAY) == 24
    # with a later start the change of clocks belongs to the day before
    assert hours(date(2026, 3, 28), 4 * 60) == 23
    assert hours(date(2026, 3, 29), 4 * 60) == 24
    begin, _ = local_day_bounds(DAY, BERLIN, 4 * 60 + 30)
    assert datetime.fromtimestamp(begin / 1000, UTC) == datetime(2026, 7, 8, 2, 30, tzinfo=UTC)


@given(
    day=st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    zone=st.sampled_from(
        [
            *("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu"),
            # midnight doesn't exist, or exists twice, on some days; Samoa skipped a whole day
            *("Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia"),
        ]
    ),
    start=st.integers(0, 24 * 60 - 1),
    share=st.floats(0, 1, exclude_max=True),
)
def test_days_follow_each_other_and_every_moment_has_its_day(
    day: date, zone: str, start: int, share: float
) -> None:
    info = ZoneInfo(zone)
    begin, end = local_day_bounds(day, info, start)
    assert local_day_bounds(day + timedelta(days=1), info, start)[0] == end
    if begin < end:
        moment = begin + int((end - begin) * share)
        assert local_day_of(moment, info, start) == day


def test_the_systems_own_zone_is_used_where_none_is_given() -> None:
    code = (
        "from datetime import date\n"
        "from tmuxmeter.reports.days import local_day_bounds, local_day_of\n"
        "print(*local_day_bounds(date(2026, 10, 25), None, 60), local_day_of(0, None, 60))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": "Europe/Berlin"},
        check=True,
        capture_output=True,
        text=True,
    )
    begin, end = local_day_bounds(date(2026, 10, 25), BERLIN, 60)
    assert result.stdout.split() == [str(begin), str(end), "1970-01-01"]


def test_a_day_in_the_documented_shape() -> None:
    where = Where("outside")
    report = day_report(
        DAY,
        [
            piece(7, fresh=1, cache_read=2, cache_write_5m=3, cache_write_1h=4, output=5),
            piece(model="odd", where=where, unpriced_requests=1, unpriced_tokens=9, output=9),
        ],
        [Unmetered("codex", "s9", "/r", "/x")],
    )
    sums = {
        "requests": 2,
        "input_tokens": {
            "fresh": 1,
            "cache_read": 2,
            "cache_write_5m": 3,
            "cache_write_1h": 4,
            "total": 10,
        },
        "output_tokens": 14,
        "cost_microdollars": 7,
        "unpriced_tokens": 9,
        "unpriced_requests": 1,
        "reasoning_tokens": 0,
        "web_searches": 0,
        "cache_hit_rate": 0.2,
    }
    assert {key: report[key] for key in sums} == sums
    assert list(report)[:6] == [
        *("date", "requests", "input_tokens", "output_tokens", "cost_microdollars"),
        "unpriced_tokens",
    ]
    assert report["date"] == "2026-07-08"
    assert report["by_agent"] == [{"agent": "claude", **sums}]
    assert report["by_project"] == [{"project": "/w", **sums}]
    assert [row["model"] for row in report["by_model"]] == ["m", "odd"]
    assert report["by_model"][1]["cost_microdollars"] == 0
    assert report["by_model"][1]["unpriced_tokens"] == 9
    assert report["by_model"][1]["cache_hit_rate"] is None
    names = ["pane", "server", "session", "window", "window_name", "where"]
    assert [[row[name] for name in names] for row in report["by_pane"]] == [
        ["%3", "/tmp/tmux-0/default", "main", 2, "api", "pane"],
        [None, None, None, None, None, "outside"],
    ]
    assert report["sessions"] == 1
    assert report["unmetered_sessions"] == [
        {"agent": "codex", "session": "s9", "project": "/x", "told_before": False}
        | {"estimated": None}
    ]
    assert json.loads(json.dumps(report)) == report


def test_rows_are_sorted_by_cost_then_tokens_then_name() -> None:
    pieces = [
        piece(1, model="b"),
        piece(1, model="a"),
        piece(5, model="dear"),
        piece(1, model="many", output=9),
        piece(3, model="dear"),
    ]
    assert [row["model"] for row in span_report(pieces)["by_model"]] == ["dear", "many", "a", "b"]


def test_same_pane_id_on_another_server_is_another_pane() -> None:
    other = PANE._replace(server_pid=2)
    rows = span_report([piece(2), piece(1, where=other), piece(2)])["by_pane"]
    assert [(row["cost_microdollars"], row["server_pid"]) for row in rows] == [(4, 1), (1, 2)]


def test_empty_days_appear_and_the_total_is_their_sum() -> None:
    tomorrow = DAY + timedelta(days=1)
    mute = [Unmetered("codex", "s9", "/r", "/x")]
    report = days_report(
        [
            (DAY, [piece(1, output=2)], mute),
            (tomorrow, [], mute),
            (tomorrow + timedelta(days=1), [piece(3, where=UNATTRIBUTED)], []),
        ]
    )
    assert [day["date"] for day in report["days"]] == ["2026-07-08", "2026-07-09", "2026-07-10"]
    empty = report["days"][1]
    assert (empty["requests"], empty["cost_microdollars"], empty["by_pane"]) == (0, 0, [])
    total = report["total"]
    assert "date" not in total
    assert (total["requests"], total["cost_microdollars"], total["output_tokens"]) == (2, 4, 2)
    assert total["unattributed"]["cost_microdollars"] == 3
    assert len(total["unmetered_sessions"]) == 1
    assert total["by_agent"][0]["requests"] == 2


PIECES = st.lists(
    st.builds(
        piece,
        st.integers(0, 10),
        agent=st.sampled_from(["claude", "codex"]),
        model=st.sampled_from("xyz"),
        project=st.sampled_from(["/a", "/b"]),
        where=st.sampled_from([PANE, PANE._replace(pane="%4"), UNATTRIBUTED, Where("outside")]),
        fresh=st.integers(0, 9),
        cache_read=st.integers(0, 9),
        output=st.integers(0, 9),
        unpriced_tokens=st.integers(0, 9),
    ),
    max_size=12,
)


@given(PIECES)
def test_every_breakdown_sums_to_the_total(pieces: Sequence[Slice]) -> None:
    report = span_report(pieces)
    plain = ["requests", "output_tokens", "cost_microdollars", "unpriced_tokens"]
    for name in ("by_agent", "by_model", "by_project", "by_pane"):
        rows: list[dict[str, Any]] = report[name]
        assert {key: sum(row[key] for row in rows) for key in plain} == {
            key: report[key] for key in plain
        }
        for kind, tokens in report["input_tokens"].items():
            assert sum(row["input_tokens"][kind] for row in rows) == tokens


@pytest.mark.parametrize("zone", [UTC, BERLIN])
def test_the_last_moment_of_a_day(zone: Any) -> None:
    begin, end = local_day_bounds(DAY, zone)
    assert local_day_of(begin, zone) == DAY
    assert local_day_of(end - 1, zone) == DAY
    assert local_day_of(end, zone) == DAY + timedelta(days=1)
