"""The shape of a week: what ``week --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.day import Day
from tmuxmeter.records import NamedTuple
from tmuxmeter.reports.days import estimated, sums
from tmuxmeter.reports.levers import spent_row
from tmuxmeter.reports.today import hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.ledger.activity import Activity
    from tmuxmeter.ledger.session_queries import Unmetered
    from tmuxmeter.ledger.slices import Measures

Row = dict[str, Any]

DAYS = 7


class DayFacts(NamedTuple):
    """One day of a week. ``tasks`` None: nobody counted; ``light`` as data, its curve left out."""

    day: date
    total: Measures
    levers: Levers
    activity: Activity
    light: Row
    tasks: int | None


def week_report(
    days: Sequence[DayFacts], typical: Row | None = None, unmetered: Sequence[Unmetered] = ()
) -> Row:
    """Return days as rows, the early ones against the late ones, and the curve with their points.

    Parameters
    ----------
    days : sequence of DayFacts
        In order, empty ones included: a week or several.
    typical : dict or None
        The light of :func:`typical_day` as data, with its curve.
    unmetered : sequence of Unmetered
        Sessions that worked in these days and tell no tokens.
    """
    rows = [_day(each) for each in days]
    weeks = [rows[first : first + DAYS] for first in range(0, len(rows), DAYS)]
    early, late = [], []
    for week in weeks:
        worked = _worked(week)
        half = len(worked) // 2
        early += worked[:half]
        late += worked[len(worked) - half :]
    worked = _worked(rows)
    return {
        "days": rows,
        "weeks": [
            {"first": week[0]["date"], "last": week[-1]["date"], **_together(_worked(week))}
            for week in weeks
        ],
        "early": _together(early),
        "late": _together(late),
        "total": _together(worked),
        "over_line": [row["date"] for row in worked if _over(row)],
        "beyond_scale": [row["date"] for row in worked if _beyond_scale(row)],
        "typical": _without_curve(typical) if typical else None,
        "curve": list(typical["curve"]) if typical else [],
        "unmetered_sessions": len(unmetered),
        "estimated": estimated(
            sum(row.input for row in unmetered), sum(row.output for row in unmetered)
        ),
        "points": [
            {
                "date": row["date"],
                "input_tokens": row["light"]["input_tokens"],
                "ratio": row["light"]["ratio"],
            }
            for row in worked
        ],
    }


def typical_day(days: Sequence[DayFacts]) -> Day | None:
    """Return the mean of the days on which anything was spent, None without any.

    What limits the speed-up on one day (agents at work, independent tasks) says nothing of the
    curve that is common to all, and is left out.
    """
    spent = [each.levers.day for each in days if each.levers.day.input_tokens]
    if not spent:
        return None

    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(spent)

    return Day(
        fresh=round(mean(day.fresh for day in spent)),
        cache_read=round(mean(day.cache_read for day in spent)),
        cache_write=round(mean(day.cache_write for day in spent)),
        output=round(mean(day.output for day in spent)),
        price_equivalent=mean(day.price_equivalent for day in spent),
        spend_microdollars=round(mean(day.spend_microdollars for day in spent)),
        handoffs=round(mean(day.handoffs for day in spent)),
        review_minutes=mean(day.review_minutes or 0 for day in spent),
        hours_worked=mean(day.hours_worked for day in spent),
    )


def _worked(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["requests"]]


def _without_curve(light: Row) -> Row:
    return {key: value for key, value in light.items() if key != "curve"}


def _day(facts: DayFacts) -> Row:
    levers, light = facts.levers, facts.light
    return {
        "date": facts.day.isoformat(),
        **sums(facts.total),
        "tasks": facts.tasks,
        "handoffs": levers.reviews.handoffs,
        "review_minutes": levers.reviews.minutes,
        "hours_worked": levers.day.hours_worked,
        "agents": levers.day.agents,
        "k_busy": levers.day.k_busy,
        "pool_depth": levers.independence.pool_depth,
        "overlaps": len(levers.independence.overlaps),
        "error_loops": spent_row(levers.waste.loops),
        "drift": spent_row(levers.waste.drift),
        "cold_starts": spent_row(levers.waste.cold_starts),
        "effective_share": levers.waste.effective_share,
        "light": _without_curve(light),
        "hours": hours(facts.activity),
    }


def _together(rows: Sequence[Row]) -> Row:
    """Return sums of days and what they come to: tasks an hour and a dollar, of those known.

    A dollar is one of tokens, hours and reviews together; a task is what was counted, else a
    hand-off.
    """
    tasks = sum(row["handoffs"] if row["tasks"] is None else row["tasks"] for row in rows)
    worked = sum(row["hours_worked"] for row in rows)
    bill = sum(sum(row["light"]["dollars"].values()) for row in rows)
    return {
        "days": len(rows),
        "cost_microdollars": sum(row["cost_microdollars"] for row in rows),
        "unpriced_tokens": sum(row["unpriced_tokens"] for row in rows),
        "unpriced_requests": sum(row["unpriced_requests"] for row in rows),
        "requests": sum(row["requests"] for row in rows),
        "input_tokens": sum(row["input_tokens"]["total"] for row in rows),
        "cache_read_tokens": sum(row["input_tokens"]["cache_read"] for row in rows),
        "hours_worked": worked,
        "tasks": tasks,
        "tasks_are": "handoffs" if any(row["tasks"] is None for row in rows) else "tasks",
        "tasks_per_hour": tasks / worked if worked else None,
        "tasks_per_dollar": tasks / bill if bill else None,
        "lost_cost_microdollars": sum(
            row["error_loops"]["cost_microdollars"] + row["drift"]["cost_microdollars"]
            for row in rows
        ),
        "lost_unpriced_tokens": sum(
            row["error_loops"]["unpriced_tokens"] + row["drift"]["unpriced_tokens"] for row in rows
        ),
    }


def _over(row: Row) -> bool:
    """Tell whether a day with agents side by side was beyond its line; alone there is none."""
    light = row["light"]
    line = light["line_input_tokens"]
    if light["verdict"] == "neutral" or line is None or _beyond_scale(row):
        return False
    return bool(light["input_tokens"] > line)


def _beyond_scale(row: Row) -> bool:
    """Tell whether a day has a line that isn't believed: it lies far outside the curve's data.

    A line at no tokens at all is believed: more speed-up was needed than possible.
    """
    light = row["light"]
    return bool(
        light["verdict"] != "neutral" and not light["believed"] and light["line_input_tokens"]
    )
