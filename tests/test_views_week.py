"""The shape of a week as people read it: from events to lines of text."""

from __future__ import annotations

import io
import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from ledger_data import NOON
from test_levers_rules import MINUTE, World
from test_reports_week import LAST, work

from tmuxmeter.breakeven.explain import explain
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.reports.days import local_day_bounds
from tmuxmeter.reports.week import DayFacts, typical_day, week_report
from tmuxmeter.views.days import Circumstances
from tmuxmeter.views.fitting import width
from tmuxmeter.views.show import show
from tmuxmeter.views.week import graph_of_week, week_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONE = ZoneInfo("UTC")
DAY = 24 * 60


@pytest.fixture
def world() -> Iterator[World]:
    with Writer.memory(None, 0) as writer:
        yield World(writer)


def report(
    world: World, *, days: int = 7, last: date = LAST, zone: ZoneInfo = ZONE, tasks: Any = None
) -> dict[str, Any]:
    reader, scale = world.writer.reader(), Scale.of(Model())
    facts = []
    for number in range(days):
        day = last - timedelta(days=days - 1 - number)
        begin, end = local_day_bounds(day, zone)
        rows = reader.span_facts(begin, end)
        found = levers(rows)
        light = explain(found.day, scale)
        count = None if tasks is None else tasks.get(day, 0)
        facts.append(DayFacts(day, reader.total(begin, end), found, rows.activity, light, count))
    typical = typical_day(facts)
    return week_report(facts, explain(typical, scale) if typical else None)


def lines(
    full: dict[str, Any], tasks: str = "commits", *, zone: ZoneInfo = ZONE, **options: Any
) -> list[str]:
    parts = week_parts(full, Circumstances("/home/u"), zone, tasks, **options)
    stream = io.StringIO()
    show(parts, stream, colours=False, limit=options.get("limit"))
    return stream.getvalue().splitlines()


def block(found: list[str], start: str) -> list[str]:
    first = next(number for number, line in enumerate(found) if line.startswith(start))
    return found[first : [*found, ""].index("", first)]


def map_rows(found: list[str]) -> list[str]:
    """Return the lines of the heat map."""
    return [line for line in found if re.match(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)( .*)? │", line)]


def side_by_side(world: World, day: int, *, fresh: int = 1000) -> None:
    """Two agents in two panes for an hour."""
    for session in ("s1", "s2"):
        world.pane(session, "%1" if session == "s1" else "%2")
        for minute in range(0, 60, 6):
            world.asked(day * DAY + minute, session)
            for step in range(1, 6):
                world.request(day * DAY + minute + step, session, fresh=fresh)


def test_what_was_lost_without_a_price_is_unknown_not_nothing(world: World) -> None:
    for day in (-5, -1):
        for minute in range(0, 40, 10):
            world.asked(day * DAY + minute, corrects=minute == 20)
            world.request(day * DAY + minute + 1, model="unpriced")
    found = lines(report(world))
    assert "Error loops and drift: ? early, ? late." in found
    (row,) = (line for line in found if line.startswith("Fri 03 Jul  "))
    assert row.split()[-4:] == ["0", "?", "–", "neutral"]
    later = lines(report(world, days=21))
    assert [line.split()[-1] for line in later if line.startswith("Wed 08 Jul")] == ["?"]


def test_every_day_has_a_row(world: World) -> None:
    work(world, -5, 4)
    side_by_side(world, -1)
    table = block(lines(report(world)), "day ")
    assert table[0].split() == [
        *("day", "cost", "input", "k", "cached"),
        *("hand-offs", "loops", "drift", "light"),
    ]
    days = [line[:10] for line in table[1:]]
    assert days == [
        *("Thu 02 Jul", "Fri 03 Jul", "Sat 04 Jul", "Sun 05 Jul"),
        *("Mon 06 Jul", "Tue 07 Jul", "Wed 08 Jul"),
    ]
    cells = {line[:10]: line[10:].split() for line in table[1:]}
    assert cells["Sat 04 Jul"] == []
    assert cells["Fri 03 Jul"][1:] == ["500", "1×", "0%", "4", "–", "neutral"]
    assert cells["Tue 07 Jul"][1:3] == ["100k", "2×"]
    assert cells["Tue 07 Jul"][-1] in {"green", "amber", "red"}
    assert "?" in cells["Tue 07 Jul"][-2]


def test_tasks_have_a_column_where_they_were_counted(world: World) -> None:
    work(world, -5, 4)
    full = report(world, tasks={LAST - timedelta(days=5): 3})
    table = block(lines(full), "day ")
    assert table[0].split()[3] == "commits"
    assert table[2].split()[5] == "3"
    assert block(lines(full, "done"), "day ")[0].split()[3] == "tasks"
    # hand-offs have their own column already
    assert "commits" not in block(lines(report(world)), "day ")[0]


def test_early_stands_against_late(world: World) -> None:
    for day in (-6, -5, -1, 0):
        work(world, day, 2)
    done = {LAST - timedelta(days=number): 8 if number > 3 else 1 for number in range(7)}
    full = report(world, tasks=done)
    early, late = full["early"]["tasks_per_hour"], full["late"]["tasks_per_hour"]
    assert early > late > 0
    found = lines(full)
    (line,) = (line for line in found if line.startswith("Commits an hour: "))
    change = round((late - early) / early * 100)
    assert line.startswith(
        f"Commits an hour: {early:.2f} early in the week, {late:.2f} late (−{-change}%)."
    )
    early, late = full["early"]["tasks_per_dollar"], full["late"]["tasks_per_dollar"]
    assert f"Commits a dollar: {early:.3f} early, {late:.3f} late." in found


def test_early_is_early_in_each_of_several_weeks(world: World) -> None:
    for week in (-7, 0):
        work(world, week - 5, 8)
        work(world, week, 2)
    full = report(world, days=14)
    assert (full["early"]["days"], full["late"]["days"]) == (2, 2)
    assert full["early"]["tasks"] > full["late"]["tasks"]


def test_days_over_their_line_are_named(world: World) -> None:
    work(world, -3, 1)
    side_by_side(world, -1, fresh=1)
    found = lines(report(world))
    assert "No day with agents side by side was over its line." in found
    side_by_side(world, -5, fresh=2_000_000)
    full = report(world)
    assert full["over_line"] == ["2026-07-03"]
    assert "Over the line: Fri 03 Jul." in lines(full)
    full["over_line"], full["beyond_scale"] = [], full["over_line"]
    found = lines(full)
    assert "Too far outside the scale's data to have a line: Fri 03 Jul." in found
    assert not any("over its line" in line for line in found)


def test_the_heat_map_is_by_the_clock(world: World) -> None:
    # 12:30 and 23:30 UTC are 14:30 and, a day later, 01:30 in Vienna
    world.request(30 - DAY, fresh=1000)
    world.request(11.5 * 60 - DAY, fresh=10)
    zone = ZoneInfo("Europe/Vienna")
    found = lines(report(world, zone=zone), zone=zone)
    rows = {line[:10]: line for line in map_rows(found)}
    assert len(rows) == 7
    assert rows["Tue 07 Jul"].partition("│")[2] == " " * 28 + "██" + " " * 18 + "│"
    assert rows["Wed 08 Jul"].partition("│")[2] == " " * 2 + "··" + " " * 44 + "│"
    scale = found[found.index(rows["Wed 08 Jul"]) + 1]
    assert scale.index("12") == rows["Tue 07 Jul"].index("█") - 4


def test_hours_of_days_on_which_the_clock_changes_keep_their_columns() -> None:
    zone = ZoneInfo("Europe/Vienna")
    for last in (date(2026, 3, 31), date(2026, 10, 27)):
        with Writer.memory(None, 0) as writer:
            world = World(writer)
            for number in range(7):
                _, end = local_day_bounds(last - timedelta(days=number), zone)
                world.request((end - NOON) / MINUTE - 30)
            found = lines(report(world, last=last, zone=zone), zone=zone)
        rows = map_rows(found)
        # 23:30 by the clock is in the last column on every day
        assert {line.partition("│")[2] for line in rows} == {" " * 46 + "██│"}


def test_several_weeks_have_a_row_each_and_a_map_by_weekday(world: World) -> None:
    for day in (0, -7, -14):
        work(world, day, 3)
    full = report(world, days=28)
    assert [week["requests"] for week in full["weeks"]] == [0, 4, 4, 4]
    assert (
        sum(week["cost_microdollars"] for week in full["weeks"])
        == (full["total"]["cost_microdollars"])
    )
    found = lines(full)
    table = block(found, "week to ")
    assert [line[:10] for line in table[1:]] == [
        *("Wed 17 Jun", "Wed 24 Jun", "Wed 01 Jul", "Wed 08 Jul")
    ]
    rows = map_rows(found)
    assert [line[:3] for line in rows] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [line[:3] for line in rows if "█" in line] == ["Wed"]


def test_the_curve_has_a_point_a_day(world: World) -> None:
    for day in (-6, -3, 0):
        side_by_side(world, day, fresh=1000 * (7 + day))
    full = report(world)
    graph = graph_of_week(full)
    assert graph is not None
    assert [mark.label for mark in graph.marks] == ["Thu 02 Jul", "Sun 05 Jul", "Wed 08 Jul"]
    assert [mark.tokens for mark in graph.marks] == [
        day["input_tokens"]["total"] for day in full["days"] if day["requests"]
    ]
    found = lines(full)
    assert sum(line.count("●") for line in found if not line.startswith("● a day")) == 3
    assert any("│ the line of a typical one" in line for line in found)
    assert any(line.startswith("Not calibrated") for line in found)


def test_a_typical_day_is_the_mean_of_those_with_spend(world: World) -> None:
    work(world, -5, 1, fresh=100)
    work(world, 0, 1, fresh=300)
    full = report(world)
    assert full["typical"]["input_tokens"] == (200 + 600) // 2
    hours = [day["hours_worked"] for day in full["days"] if day["requests"]]
    assert full["typical"]["hours_worked"] == pytest.approx(sum(hours) / 2)
    assert "curve" not in full["typical"]
    json.dumps(full)


def test_nothing_spent_is_one_line(world: World) -> None:
    full = report(world)
    assert full["typical"] is None
    assert graph_of_week(full) is None
    assert lines(full) == ["2026-07-02 to 2026-07-08: nothing spent."]


@pytest.mark.parametrize("limit", [80, 100, 140])
@pytest.mark.parametrize("days", [7, 21])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_it_fits(world: World, limit: int, days: int, ascii_only: bool) -> None:
    for day in range(-6, 1):
        side_by_side(world, day, fresh=9_000_000)
        for minute in (3, 4, 5, 6):
            world.tool(day * DAY + minute, "s2", ok=False)
    full = report(world, days=days, tasks={LAST: 1234})
    found = lines(full, limit=limit, ascii_only=ascii_only)
    assert max(map(width, found)) <= limit
    assert "".join(found).isascii() == ascii_only
