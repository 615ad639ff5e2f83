"""The shape of a week: what ``week --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tmuxmeter.ledger.slices import Measures
from tmuxmeter.reports.days import sums
from tmuxmeter.reports.levers import spent_row
from tmuxmeter.reports.today import hours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.ledger.activity import Activity
    from tmuxmeter.ledger.slices import Slice

Row = dict[str, Any]


class DayFacts(NamedTuple):
    """One day of a week. ``tasks`` None: nobody counted; ``light`` as data, its curve left out."""

    day: date
    slices: Sequence[Slice]
    levers: Levers
    activity: Activity
    light: Row
    tasks: int | None


def week_report(days: Sequence[DayFacts], curve: Sequence[Row] = ()) -> Row:
    """Return days as rows, the early ones against the late ones, and the curve with their points.

    Parameters
    ----------
    days : sequence of DayFacts
        In order, empty ones included.
    curve : sequence of dict
        The breakeven curve in force: ``input_tokens`` and ``ratio``.
    """
    rows = [_day(each) for each in days]
    worked = [row for row in rows if row["requests"]]
    half = len(worked) // 2
    return {
        "days": rows,
        "early": _together(worked[:half]),
        "late": _together(worked[len(worked) - half :]),
        "total": _together(worked),
        "over_line": [row["date"] for row in worked if _over(row)],
        "curve": list(curve),
        "points": [
            {
                "date": row["date"],
                "input_tokens": row["light"]["input_tokens"],
                "ratio": row["light"]["ratio"],
            }
            for row in worked
        ],
    }


def _day(facts: DayFacts) -> Row:
    total = Measures()
    for piece in facts.slices:
        total = total.plus(piece.measures)
    levers, light = facts.levers, facts.light
    return {
        "date": facts.day.isoformat(),
        **sums(total),
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
        "light": {key: value for key, value in light.items() if key != "curve"},
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
        "input_tokens": sum(row["input_tokens"]["total"] for row in rows),
        "hours_worked": worked,
        "tasks": tasks,
        "tasks_are": "handoffs" if any(row["tasks"] is None for row in rows) else "tasks",
        "tasks_per_hour": tasks / worked if worked else None,
        "tasks_per_dollar": tasks / bill if bill else None,
        "lost_cost_microdollars": sum(
            row["error_loops"]["cost_microdollars"] + row["drift"]["cost_microdollars"]
            for row in rows
        ),
    }


def _over(row: Row) -> bool:
    """Tell whether a day with agents side by side was beyond its line; alone there is none."""
    light = row["light"]
    line = light["line_input_tokens"]
    return light["verdict"] != "neutral" and line is not None and light["input_tokens"] > line
