"""What each lever does to the line: one at a time is put back to the reference day's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.breakeven import constants
from tmuxmeter.breakeven.light import drawn
from tmuxmeter.breakeven.model import Pace
from tmuxmeter.breakeven.whatif import suppose
from tmuxmeter.records import NamedTuple, replace

if TYPE_CHECKING:
    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.breakeven.model import Model


class Effect(NamedTuple):
    """One lever.

    Attributes
    ----------
    lever : str
        "cache_hit", "pool", "verification" or "drift".
    today, reference : float or None
        Its value, None: unknown. Cache hits as a share, the pool in tasks, verification in
        minutes an hour of work, drift in input tokens.
    line_tokens : int or None
        How much farther out (nearer: negative) the line is than with the reference value; None
        where that can't be told.
    """

    lever: str
    today: float | None
    reference: float | None
    line_tokens: int | None


def effects(day: Day, model: Model) -> list[Effect]:
    """Return the four levers of a day, the largest effect first."""
    free = drawn(day, model)
    pool = _pool(day, model) if free is day else Effect("pool", day.pool, _most(day), None)
    found = [_hits(free, model), pool, _verification(free, model), _drift(day)]
    return sorted(found, key=lambda effect: -abs(effect.line_tokens or 0))


def _hits(day: Day, model: Model) -> Effect:
    reference = model.reference_hit_rate
    rate = day.cache_hit_rate
    if rate is None:
        return Effect("cache_hit", None, reference, None)
    other, _ = suppose(day, model, {"cache_hit": reference})
    return Effect("cache_hit", rate, reference, _moved(model, day, other))


def _pool(day: Day, model: Model) -> Effect:
    """Compare with a pool that has a task for every agent."""
    reference = _most(day)
    if day.pool is None:
        return Effect("pool", None, reference, None)
    other = replace(day, pool=reference)
    return Effect("pool", day.pool, reference, _moved(model, day, other))


def _most(day: Day) -> int:
    return max(day.agents, constants.REFERENCE_AGENTS)


def _verification(day: Day, model: Model) -> Effect:
    """Compare minutes of review per hour of work with the reference day's."""
    hourly = constants.REFERENCE_HANDOFFS * model.minutes_per_handoff / constants.HOURS_PER_DAY
    if not day.hours_worked:
        return Effect("verification", None, hourly, None)
    minutes = day.review_minutes
    if minutes is None:
        minutes = day.handoffs * model.minutes_per_handoff
    other = replace(day, review_minutes=hourly * day.hours_worked)
    return Effect("verification", minutes / day.hours_worked, hourly, _moved(model, day, other))


def _drift(day: Day) -> Effect:
    """Count what was spent on correcting: it used up as much of the way to the line."""
    return Effect("drift", day.drift_tokens, 0, -day.drift_tokens)


def _moved(model: Model, day: Day, other: Day) -> int | None:
    line, without = Pace.of(model, day).line(model), Pace.of(model, other).line(model)
    if line is None or without is None:
        return None
    return round(line - without)
