"""The light with everything it rests on, as plain data: what ``breakeven --json`` prints."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.effects import effects
from tmuxmeter.breakeven.light import drawn, light
from tmuxmeter.breakeven.model import Pace, budget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.breakeven.light import Scale

POINTS = 120
"""Points of the curve."""


def explain(day: Day, scale: Scale, burn_per_hour: float | None = None) -> dict[str, Any]:
    """Return what :func:`reasons` does, and the ``curve``."""
    points = [{"input_tokens": n, "ratio": ratio} for n, ratio in curve(day, scale)]
    return {**reasons(day, scale, burn_per_hour), "curve": points}


def reasons(day: Day, scale: Scale, burn_per_hour: float | None = None) -> dict[str, Any]:
    """Return a day's light with its figures, and what each lever does to the line.

    Parameters
    ----------
    day : Day
        The day so far.
    scale : Scale
        The curve in force.
    burn_per_hour : float or None
        Input tokens an hour at present; None: the day's mean over the hours worked.

    Returns
    -------
    dict
        Tokens are tokens, money is dollars (``spend`` in microdollars too), figures that can't be
        told are None. ``docs/breakeven.md`` describes the keys; there only ever are new ones.
    """
    found = light(day, scale)
    model = scale.model
    if burn_per_hour is None and day.hours_worked:
        burn_per_hour = found.tokens / day.hours_worked
    room = None if found.line is None else found.line - found.tokens
    hours_left = room / burn_per_hour if room is not None and room > 0 and burn_per_hour else None
    return {
        "input_tokens": found.tokens,
        "reference_tokens": round(found.x),
        "cache_hit_rate": day.cache_hit_rate,
        "speedup": found.speedup,
        "ratio": found.ratio,
        "ratio_low": found.ratio_low,
        "ratio_high": found.ratio_high,
        "line_input_tokens": _whole(found.line),
        "line_low": _whole(found.line_low),
        "line_high": _whole(found.line_high),
        "verdict": found.verdict,
        "calibrated": found.calibrated,
        "believed": found.believed,
        "reason": found.reason,
        "advice": found.advice,
        "needed_speedup": found.needed,
        "possible_speedup": found.possible,
        "k_busy": day.k_busy,
        "tokens_to_line": None if room is None else round(room),
        "burn_tokens_per_hour": burn_per_hour,
        "hours_to_line": hours_left,
        "budget_tokens": None if found.line is None else budget(found.line),
        "spend_microdollars": day.spend_microdollars,
        "handoffs": day.handoffs,
        "hours_worked": day.hours_worked,
        "agents": day.agents,
        "pool": day.pool,
        "dollars": {"work": found.bill.work, "spend": day.spend, "review": found.bill.review},
        "unpriced_tokens": day.unpriced_tokens,
        "levers": [effect._asdict() for effect in effects(day, model)],
        "constants": {
            "hourly_rate": model.hourly_rate,
            "minutes_per_handoff": model.minutes_per_handoff,
            "token_multiplier": model.token_multiplier,
            "k_high": model.k_high,
            "k_low": model.k_low,
            "knee": model.knee,
            "steepness": model.steepness,
            "reference_hit_rate": model.reference_hit_rate,
            "hours_per_day": model.hours_per_day,
            "uncertainty": model.uncertainty,
            "input_counts": model.input_counts,
        },
    }


def curve(day: Day, scale: Scale) -> Iterator[tuple[int, float]]:
    """Yield points (N, R) of a day's curve, from 0 to beyond the line and the day's own N."""
    model = scale.model
    pace = Pace.of(model, drawn(day, model))
    line = pace.line(model)
    knee = model.knee / pace.x * pace.tokens
    # a line far outside the curve's bend would squeeze the bend to nothing
    end = 1.5 * max(knee, line if line and line < 4 * knee else 0)
    tokens = model.counted(day)
    end = max(end, 1.15 * tokens)
    for number in range(POINTS + 1):
        n = ceil(end * number / POINTS)
        yield n, pace.ratio_at(model, n)


def _whole(tokens: float | None) -> int | None:
    return None if tokens is None else round(tokens)
