"""Fitting the curve to hours: the numbers only. What they are worth is judged in ``calibrate``.

Tasks in an hour are taken for counts around ``hours worked × rate(x)``, where rate falls from
``high`` to ``low`` at the knee as k(x) does. For a given knee and steepness the rate is linear in
``high`` and ``low``, so these come from weighted least squares in closed form, and knee and
steepness from a search. Hours at nearly the same x are pooled first: for counts, their sums of
tasks and of hours hold all that they tell.
"""

from __future__ import annotations

from math import exp, log
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STEEPNESSES = (6.0, 8.0, 12.0, 18.0, 30.0, 50.0)
"""Steepnesses that are tried."""
KNEES = 48
"""Knees that are tried, evenly spaced in log x, before the best is refined."""
REFINEMENTS = 4
"""Halvings of the step around the best knee."""


class Point(NamedTuple):
    """Hours at nearly the same x; no hours: a point that some resample left empty."""

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


class Shape(NamedTuple):
    """A knee and a steepness, and which share of the speed-up they leave at each point.

    ``squares`` are those of the shares: resamples share the points, so both are computed once.
    """

    log_knee: float
    steepness: float
    shares: tuple[float, ...]
    squares: tuple[float, ...]


class Candidates(NamedTuple):
    """The shapes that are tried for some points, and the distance between their knees."""

    xs: tuple[float, ...]
    shapes: tuple[Shape, ...]
    step: float

    @classmethod
    def of(cls, xs: Sequence[float]) -> Candidates:
        """Return the candidates for points at these log x, in rising order."""
        step = (xs[-1] - xs[0]) / (KNEES + 1)
        shapes = tuple(
            _shape(xs, xs[0] + step * number, steepness)
            for steepness in STEEPNESSES
            for number in range(1, KNEES + 1)
        )
        return cls(tuple(xs), shapes, step)

    def as_steep_as(self, steepness: float) -> Candidates:
        """Return those of one steepness."""
        return self._replace(
            shapes=tuple(shape for shape in self.shapes if shape.steepness == steepness)
        )


class _Sample(NamedTuple):
    """Weights of the points, their weighted rates, and what no shape changes."""

    weights: list[float]
    weighted: list[float]
    total: float
    rated: float
    squares: float


def constant_misfit(points: Sequence[Point], weights: Sequence[float]) -> float:
    """Return the misfit that the best rate leaves which is the same everywhere."""
    sample = _sample(points, weights)
    return max(sample.squares - sample.rated**2 / sample.total, 0.0)


def falling_rate(points: Sequence[Point], candidates: Candidates) -> tuple[Curve, list[float]]:
    """Return the best curve, and the weights by which its misfit was taken.

    Parameters
    ----------
    points : sequence of Point
        At the candidates' x.
    candidates : Candidates
        What is tried.
    """
    # the spread of a count grows with its mean: weigh by hours first, by hours ÷ rate then
    weights = [point.hours for point in points]
    first = _best(_sample(points, weights), candidates, 0)
    least = 0.05 * max(first.high, first.low, 1e-9)
    weights = [point.hours / max(rate_at(first, point.log_x), least) for point in points]
    return _best(_sample(points, weights), candidates, REFINEMENTS), weights


def rate_at(curve: Curve, log_x: float) -> float:
    """Return the fitted tasks per hour at an x."""
    share = _share(log_x, log(curve.knee), curve.steepness)
    return curve.low + (curve.high - curve.low) * share


def _sample(points: Sequence[Point], weights: Sequence[float]) -> _Sample:
    rates = [point.tasks / point.hours if point.hours else 0.0 for point in points]
    weighted = list(map(mul, weights, rates))
    return _Sample(
        list(weights), weighted, sum(weights), sum(weighted), sum(map(mul, weighted, rates))
    )


def _best(sample: _Sample, candidates: Candidates, refinements: int) -> Curve:
    best = min((_solve(sample, shape) for shape in candidates.shapes), key=_misfit)
    step = candidates.step
    for _ in range(refinements):
        step /= 2
        middle = log(best.knee)
        beside = (_shape(candidates.xs, middle + d, best.steepness) for d in (-step, step))
        best = min(best, *(_solve(sample, shape) for shape in beside), key=_misfit)
    return best


def _misfit(curve: Curve) -> float:
    return curve.misfit


def _shape(xs: Sequence[float], log_knee: float, steepness: float) -> Shape:
    shares = tuple(_share(x, log_knee, steepness) for x in xs)
    return Shape(log_knee, steepness, shares, tuple(map(mul, shares, shares)))


def _share(log_x: float, log_knee: float, steepness: float) -> float:
    """Return which share of the speed-up is left at x: 1 far before the knee, 0 far beyond."""
    power = (log_x - log_knee) * steepness
    return 1 / (1 + exp(power)) if power < 40 else 0.0


def _solve(sample: _Sample, shape: Shape) -> Curve:
    """Return the best ``high`` and ``low`` for one shape: least squares in two unknowns.

    With a the share and b = 1 − a, all sums follow from three: of a, of a², of a × rate.
    """
    aa = sum(map(mul, sample.weights, shape.squares))
    a = sum(map(mul, sample.weights, shape.shares))
    ay = sum(map(mul, sample.weighted, shape.shares))
    ab, bb, by = a - aa, sample.total - 2 * a + aa, sample.rated - ay
    determinant = aa * bb - ab * ab
    if determinant <= 1e-9 * sample.total**2:
        high = low = sample.rated / sample.total
    else:
        high = (ay * bb - by * ab) / determinant
        low = (by * aa - ay * ab) / determinant
    misfit = (
        sample.squares
        - 2 * (high * ay + low * by)
        + high * high * aa
        + 2 * high * low * ab
        + low * low * bb
    )
    return Curve(high, low, exp(shape.log_knee), shape.steepness, max(misfit, 0.0))
