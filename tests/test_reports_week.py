"""The shape of a week, from events to data."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from test_levers_rules import World

from tmuxmeter.breakeven.explain import explain
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.reports.days import local_day_bounds
from tmuxmeter.reports.week import DayFacts, week_report

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = date(2026, 7, 8)
ZONE = ZoneInfo("UTC")
DAY = 24 * 60


@pytest.fixture
def world() -> Iterator[World]:
    with Writer.memory(None, 0) as writer:
        yield World(writer)


def week(world: World, tasks: dict[date, int] | None = None) -> dict[str, Any]:
    reader = world.writer.reader()
    days = []
    for number in range(7):
        day = LAST - timedelta(days=6 - number)
        begin, end = local_day_bounds(day, ZONE)
        facts = reader.span_facts(begin, end)
        found = levers(facts)
        light = explain(found.day, Scale.of(Model()))
        count = None if tasks is None else tasks.get(day, 0)
        total = reader.total(begin, end)
        days.append(DayFacts(day, total, found, facts.activity, light, count))
    return week_report(days)


def work(world: World, day: int, handoffs: int, *, fresh: int = 100, session: str = "s1") -> None:
    """So many hand-offs on a day, counted from the last; fourteen minutes each."""
    start = day * DAY
    for number in range(handoffs + 1):
        minute = start + number * 14
        world.asked(minute, session)
        world.request(minute + 1, session, fresh=fresh)
        world.edited(minute + 2, f"/{session}/a.py", session)
        world.ended(minute + 4, session)


def test_a_week_is_its_days_in_order_and_their_sum(world: World) -> None:
    work(world, -5, 4)
    work(world, -1, 1)
    found = week(world)
    assert [row["date"] for row in found["days"]] == [
        str(LAST - timedelta(days=6 - number)) for number in range(7)
    ]
    assert [row["requests"] for row in found["days"]] == [0, 5, 0, 0, 0, 2, 0]
    # what was done last before days off is taken up after them
    assert [row["handoffs"] for row in found["days"]] == [0, 4, 0, 0, 0, 2, 0]
    assert found["total"]["input_tokens"] == 700
    assert found["total"]["days"] == 2
    assert [len(row["hours"]) for row in found["days"]] == [24] * 7
    json.dumps(found)


def test_the_early_days_stand_against_the_late_ones(world: World) -> None:
    for day, handoffs in ((-6, 9), (-5, 6), (-4, 3), (-2, 2), (0, 1)):
        work(world, day, handoffs)
    found = week(world)
    assert (found["early"]["days"], found["late"]["days"]) == (2, 2)
    assert (found["early"]["tasks"], found["early"]["tasks_are"]) == (16, "handoffs")
    assert found["late"]["tasks"] == 5
    assert found["early"]["tasks_per_hour"] == 16 / found["early"]["hours_worked"]


def test_counted_tasks_count_instead_of_handoffs(world: World) -> None:
    work(world, -1, 3)
    found = week(world, {LAST - timedelta(days=1): 5})
    assert (found["total"]["tasks"], found["total"]["tasks_are"]) == (5, "tasks")


def test_days_over_the_line_are_named(world: World) -> None:
    for session in ("s1", "s2"):
        work(world, -3, 8, fresh=20_000, session=session)
    work(world, -2, 8, fresh=400_000)
    found = week(world)
    verdicts = [row["light"]["verdict"] for row in found["days"] if row["requests"]]
    assert verdicts[0] in {"red", "amber"}
    assert verdicts[1] == "neutral"
    assert found["over_line"] == [str(LAST - timedelta(days=3))]
    assert [point["date"] for point in found["points"]] == [
        str(LAST - timedelta(days=number)) for number in (3, 2)
    ]


def test_days_far_outside_the_scale_are_not_held_against_a_line(world: World) -> None:
    for session in ("s1", "s2"):
        for minute in range(-3 * DAY, 60 - 3 * DAY, 6):
            world.asked(minute, session)
            for step in range(1, 6):
                world.request(minute + step, session, cache_read=80_000)
    found = week(world)
    (light,) = (row["light"] for row in found["days"] if row["requests"])
    assert light["verdict"] == "amber", light["reason"]
    assert not light["believed"]
    assert light["input_tokens"] > light["line_input_tokens"] > 0
    assert (found["over_line"], found["beyond_scale"]) == ([], [str(LAST - timedelta(days=3))])


def test_an_empty_week_is_a_report_too(world: World) -> None:
    found = week(world)
    assert (found["over_line"], found["points"]) == ([], [])
    assert found["total"]["tasks_per_hour"] is None
