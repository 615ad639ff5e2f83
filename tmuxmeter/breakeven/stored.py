"""A fit as plain data and back: what ``calibrate --json`` prints and ``--apply`` keeps."""

from __future__ import annotations

from datetime import date
from math import inf
from typing import Any

from tmuxmeter.breakeven.estimates import Draw, Estimate, Fit, Refusal

VERSION = 1
"""Of the data's shape."""
ESTIMATES = {"M": "multiplier", "k_high": "k_high", "k_low": "k_low", "knee": "knee"}
PLAIN = (
    "steepness",
    "x_max",
    "baseline_hours",
    "treatment_hours",
    "baseline_tasks",
    "treatment_tasks",
    "evidence",
    "reference_hit_rate",
)


def as_data(fit: Fit) -> dict[str, Any]:
    """Return a fit's constants, their 90 % intervals and what it rests on."""
    data: dict[str, Any] = {"fitted": True}
    data |= {key: getattr(fit, name).value for key, name in ESTIMATES.items()}
    data["intervals"] = {
        key: [getattr(fit, name).low, getattr(fit, name).high] for key, name in ESTIMATES.items()
    }
    data |= {name: getattr(fit, name) for name in PLAIN}
    data["days"] = fit.days
    data["first_day"], data["last_day"] = fit.first_day.isoformat(), fit.last_day.isoformat()
    return data


def refusal_data(refusal: Refusal) -> dict[str, Any]:
    """Return why there is no fit."""
    return {
        "fitted": False,
        "reason": refusal.reason,
        "baseline_hours": refusal.baseline_hours,
        "treatment_hours": refusal.treatment_hours,
        "days": refusal.days,
    }


def to_keep(fit: Fit) -> dict[str, Any]:
    """Return all of a fit, its resamples included, as JSON can hold it."""
    return {"version": VERSION, **as_data(fit), "draws": [list(draw) for draw in fit.draws]}


def kept(data: Any) -> Fit:
    """Return the fit that :func:`to_keep` made data of.

    Raises
    ------
    ValueError
        It is none, or of a newer shape.
    """
    try:
        if data["version"] != VERSION:
            msg = f"its version is {data['version']}, not {VERSION}"
            raise ValueError(msg)
        constants: dict[str, Any] = {
            name: Estimate(float(data[key]), *_numbers(data["intervals"][key], 2))
            for key, name in ESTIMATES.items()
        }
        constants |= {name: float(data[name]) for name in PLAIN}
        fit = Fit(
            **constants,
            days=int(data["days"]),
            draws=tuple(Draw(*_numbers(draw, 4)) for draw in data["draws"]),
            first_day=date.fromisoformat(data["first_day"]),
            last_day=date.fromisoformat(data["last_day"]),
        )
    except (KeyError, TypeError) as error:
        msg = f"it lacks or misspells {error}"
        raise ValueError(msg) from error
    if not _sound(fit):
        msg = "no curve has such numbers"
        raise ValueError(msg)
    return fit


def _sound(fit: Fit) -> bool:
    """Tell whether a light can be computed with a fit: the file may have been damaged."""
    best = Draw(fit.multiplier.value, fit.k_high.value, fit.k_low.value, fit.knee.value)
    return (
        bool(fit.draws)
        and all(_curve(draw) for draw in (best, *fit.draws))
        and fit.k_low.value <= fit.k_high.value
        and 0 < fit.steepness < inf
        and 0 <= fit.reference_hit_rate < 1
        and 0 <= fit.x_max < inf
    )


def _curve(draw: Draw) -> bool:
    return 0 < draw.m < inf and 0 < draw.knee < inf and 0 <= min(draw[1:3]) <= max(draw[1:3]) < inf


def _numbers(values: Any, count: int) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) != count:
        msg = f"{count} numbers were expected, not {len(numbers)}"
        raise ValueError(msg)
    return numbers
