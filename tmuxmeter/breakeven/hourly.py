"""A day's hours as calibration fits them, from plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.breakeven.handoffs import handoffs
from tmuxmeter.breakeven.hours import Hour
from tmuxmeter.breakeven.intervals import common, length
from tmuxmeter.breakeven.levers import in_fresh_tokens
from tmuxmeter.breakeven.waste import spent
from tmuxmeter.breakeven.work import presence, signs_of_life, working

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tmuxmeter.ledger.activity import Request
    from tmuxmeter.ledger.span import SpanFacts

HOUR_MS = 3_600_000
AT_WORK_MS = 5 * 60_000
"""An agent that was at work for less than this in an hour didn't work in it."""

COMMITS, HANDOFFS, DONE = "commits", "handoffs", "done"
"""What a task is."""


def hourly(
    facts: SpanFacts, day: date, tasks: str = COMMITS, commits: Iterable[int] = ()
) -> list[Hour]:
    """Return a day's hours with any work in them, in their order.

    Parameters
    ----------
    facts : SpanFacts
        The day's rows.
    day : date
        Its name.
    tasks : str
        :data:`COMMITS`, :data:`HANDOFFS` (those logged by hand too) or :data:`DONE`.
    commits : iterable of int
        When the user committed in repositories where agents ran, in epoch milliseconds.
    """
    done = facts.activity
    finished = _finished(facts, tasks, commits)
    signs = signs_of_life(done)
    seen = [(look.start_ms, look.end_ms) for look in facts.attention]
    at_work, there = working(done, signs), presence(done, signs, seen)
    found: list[Hour] = []
    so_far: list[Request] = []
    equivalent = 0.0
    for begin in range(done.start_ms, done.end_ms, HOUR_MS):
        end = min(begin + HOUR_MS, done.end_ms)
        hour = [(begin, end)]
        minutes = [length(common(spans, hour)) for spans in at_work.values()]
        requests = [
            row for line in done.timelines for row in line.requests if begin <= row.time_ms < end
        ]
        worked = length(common(there, hour))
        count = sum(begin <= time < end for time in finished)
        if not (requests or worked or count):
            continue
        total = spent(requests)
        # what the hour adds to the day: of models at other prices, hours by themselves don't add up
        so_far += requests
        before, equivalent = equivalent, in_fresh_tokens(so_far, facts.prices)
        found.append(
            Hour(
                day=day,
                agents_working=sum(each >= AT_WORK_MS for each in minutes),
                hours_worked=worked / HOUR_MS,
                input_tokens=total.input_tokens,
                price_equivalent=equivalent - before,
                cost_microdollars=total.cost_microdollars,
                tasks=count,
            )
        )
    return found


def projects(facts: SpanFacts) -> set[str]:
    """Return the folders in which agents ran, where they are known."""
    return {line.thread.project for line in facts.activity.timelines if line.thread.project}


def _finished(facts: SpanFacts, tasks: str, commits: Iterable[int]) -> list[int]:
    if tasks == HANDOFFS:
        taken = [each.taken_ms for each in handoffs(facts.activity) if each.taken_ms is not None]
        return taken + [row.time_ms for row in facts.logged_handoffs]
    if tasks == DONE:
        return [row.time_ms for row in facts.done_marks]
    return list(commits)
