"""Fitting the curve to hours: the numbers only. What they are worth is judged in ``calibrate``.

Tasks in an hour are taken for counts around ``hours worked × rate(x)``, where rate falls from
``high`` to ``low`` at the knee as k(x) does. For a given knee and steepness the rate is linear in
``high`` and ``low``, so these come from weighted least squares in closed form, and knee and
steepness from a search. Hours at nearly the same x are pooled first: for counts, their sums of
tasks and of hours hold all that they tell.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STEEPNESSES = (6.0, 8.0, 12.0, 18.0, 30.0, 50.0)
"""Steepnesses that are tried."""
KNEES = 48
"""Knees that are tried, evenly spaced in log x, before the best is refined."""
REFINEMENTS = 6
"""Halvings of the step around the best knee."""


class Point(NamedTuple):
    """Hours at nearly the same x."""

    log_x: float
    hours: float
    tasks: float


class Curve(NamedTuple):
    """A fitted rate of tasks per hour; ``misfit`` is the weighted sum of squares it leaves."""

    high: float
    low: float
    knee: float
    steepness: float
    misfit: float


def constant_rate(points: Sequence[Point], weights: Sequence[float]) -> tuple[float, float]:
    """Return the rate that fits best if it is the same everywhere, and the misfit it leaves."""
    total = sum(weights)
    rates = [point.tasks / point.hours for point in points]
    mean = sum(w * rate for w, rate in zip(weights, rates, strict=True)) / total
    return mean, sum(w * (rate - mean) ** 2 for w, rate in zip(weights, rates, strict=True))


def falling_rate(
    points: Sequence[Point],
    steepnesses: Sequence[float] = STEEPNESSES,
    knees: int = KNEES,
) -> tuple[Curve, list[float]]:
    """Return the best curve, and the weights by which its misfit was taken.

    Parameters
    ----------
    points : sequence of Point
        In rising order of x, at least four.
    steepnesses : sequence of float
        Steepnesses to try.
    knees : int
        How many knees to try between the first and the last point.
    """
    # the spread of a count grows with its mean: weigh by hours first, by hours ÷ rate then
    weights = [point.hours for point in points]
    first = _search(points, weights, steepnesses, knees)
    least = 0.05 * max(first.high, first.low, 1e-9)
    weights = [point.hours / max(rate_at(first, point.log_x), least) for point in points]
    return _search(points, weights, steepnesses, knees), weights


def rate_at(curve: Curve, log_x: float) -> float:
    """Return the fitted tasks per hour at an x."""
    share = _share(log_x, log(curve.knee), curve.steepness)
    return curve.low + (curve.high - curve.low) * share


def _search(
    points: Sequence[Point],
    weights: Sequence[float],
    steepnesses: Sequence[float],
    knees: int,
) -> Curve:
    begin, end = points[0].log_x, points[-1].log_x
    step = (end - begin) / (knees + 1)
    rates = [point.tasks / point.hours for point in points]
    xs = [point.log_x for point in points]
    best = min(
        (
            _solve(xs, rates, weights, begin + step * number, steepness)
            for steepness in steepnesses
            for number in range(1, knees + 1)
        ),
        key=_misfit,
    )
    for _ in range(REFINEMENTS):
        step /= 2
        middle = log(best.knee)
        best = min(
            best,
            _solve(xs, rates, weights, middle - step, best.steepness),
            _solve(xs, rates, weights, middle + step, best.steepness),
            key=_misfit,
        )
    return best


def _misfit(curve: Curve) -> float:
    return curve.misfit


def _share(log_x: float, log_knee: float, steepness: float) -> float:
    """Return which share of the speed-up is left at x: 1 far before the knee, 0 far beyond."""
    power = (log_x - log_knee) * steepness
    if power > 40:
        return 0.0
    return 1 / (1 + exp(power))


def _solve(
    xs: Sequence[float],
    rates: Sequence[float],
    weights: Sequence[float],
    log_knee: float,
    steepness: float,
) -> Curve:
    """Return the best ``high`` and ``low`` for one knee: least squares in two unknowns."""
    aa = ab = bb = ay = by = yy = 0.0
    for x, rate, weight in zip(xs, rates, weights, strict=True):
        a = _share(x, log_knee, steepness)
        b = 1 - a
        wa, wb = weight * a, weight * b
        aa += wa * a
        ab += wa * b
        bb += wb * b
        ay += wa * rate
        by += wb * rate
        yy += weight * rate * rate
    determinant = aa * bb - ab * ab
    if determinant <= 1e-9 * (aa + bb) ** 2:
        mean = (ay + by) / (aa + 2 * ab + bb)
        high = low = mean
    else:
        high = (ay * bb - by * ab) / determinant
        low = (by * aa - ay * ab) / determinant
    misfit = yy - 2 * (high * ay + low * by) + high * high * aa + 2 * high * low * ab
    misfit += low * low * bb
    return Curve(high, low, exp(log_knee), steepness, max(misfit, 0.0))
