"""The user's own curve from their own hours, how sure it is, and when it can't be told.

Hours with exactly one agent at work are the baseline, hours with more the treatment, each at the
day's running total at its end. Intervals come from resampling whole days, since hours of one day
are alike.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.breakeven.estimates import Draw, Estimate, Fit, Refusal
from tmuxmeter.breakeven.fit import (
    STEEPNESSES,
    Candidates,
    Curve,
    Point,
    constant_misfit,
    falling_rate,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from tmuxmeter.breakeven.hours import Hour
    from tmuxmeter.breakeven.model import Model

LEAST_DAYS = 5
"""Fewer working days than this are not a sample of days."""
LEAST_BASELINE, LEAST_TREATMENT = 12.0, 24.0
"""Least hours with one agent, and with more."""
LEAST_BESIDE = 8
"""Least rows of hours on each side of the knee; fewer, and it lies at the edge of the data."""
LEAST_REACH = 1.5
"""The middle 80 % of running totals must differ by this factor, or nothing varies."""
LEAST_EVIDENCE = 8.0
"""How much better than a constant the curve must fit (an F ratio; ``docs/breakeven.md``)."""
LEAST_DROP = 0.25
"""A smaller loss of speed-up than this is no knee."""
WIDEST_KNEE = 2.0
"""A knee whose interval spans more than this factor can't be told."""
MOST_SPEEDUP = 50.0
"""A greater speed-up than this is an error in the data."""
POOLS = 60
"""Into how many points hours are pooled at most."""
DRAWS = 200
"""Resamples of the days."""
KEPT = 40
"""Of these go into the fit: each costs time whenever a light is computed."""
LOW, HIGH = 0.05, 0.95
"""The intervals hold the middle 90 % of the resamples."""


class _Row(NamedTuple):
    """One parallel hour."""

    x: float
    hours: float
    tasks: float


@dataclass
class _DaySums:
    """What a fit needs of one day."""

    hours: float = 0.0
    tasks: float = 0.0
    cost: float = 0.0
    parallel_hours: float = 0.0
    parallel_cost: float = 0.0
    rows: list[_Row] | None = None
    pooled: dict[int, tuple[float, float]] | None = None

    @property
    def used(self) -> bool:
        return bool(self.hours or self.parallel_hours)


def calibrate(hours: Iterable[Hour], model: Model, *, seed: int = 0) -> Fit | Refusal:
    """Fit M, k_high, k_low and the knee to hours, or say why that can't be done.

    Parameters
    ----------
    hours : iterable of Hour
        In the order of time.
    model : Model
        The constants in force: the hit rate at which x is expressed.
    seed : int
        Of the resampling; the same hours and seed give the same fit.
    """
    days = _days(hours, model)
    used = {day: sums for day, sums in days.items() if sums.used}
    rows = sorted(row for sums in used.values() for row in sums.rows or ())
    baseline = sum(sums.hours for sums in used.values())
    treatment = sum(row.hours for row in rows)

    def refused(reason: str) -> Refusal:
        return Refusal(reason, baseline, treatment, len(used))

    if reason := _too_little(used, rows, baseline, treatment):
        return refused(reason)
    candidates = Candidates.of(_pool(used, rows))
    everything = list(used.values())
    points = _points(everything, candidates.xs)
    curve, weights = falling_rate(points, candidates)
    evidence = _evidence(points, weights, curve)
    rate = sum(sums.tasks for sums in everything) / baseline
    if reason := _no_knee(rows, curve, rate, evidence):
        return refused(reason)
    draws = _resampled(everything, candidates, curve, random.Random(seed))  # noqa: S311
    multiplier = _multiplier(everything)
    if multiplier is None or len(draws) < DRAWS * HIGH:
        return refused("the hours with one agent are too few or cost nothing on too many days")
    fit = Fit(
        multiplier=_estimate(multiplier, [draw.m for draw in draws]),
        k_high=_estimate(curve.high / rate, [draw.k_high for draw in draws]),
        k_low=_estimate(max(curve.low, 0.0) / rate, [draw.k_low for draw in draws]),
        knee=_estimate(curve.knee, [draw.knee for draw in draws]),
        steepness=curve.steepness,
        draws=tuple(draws[:: DRAWS // KEPT]),
        x_max=rows[-1].x,
        baseline_hours=baseline,
        treatment_hours=treatment,
        baseline_tasks=sum(sums.tasks for sums in everything),
        treatment_tasks=sum(row.tasks for row in rows),
        days=len(used),
        first_day=min(used),
        last_day=max(used),
        evidence=evidence,
        reference_hit_rate=model.reference_hit_rate,
    )
    reason = _not_sure(fit)
    return refused(reason) if reason else fit


def _days(hours: Iterable[Hour], model: Model) -> dict[date, _DaySums]:
    """Return each day's sums; x is the day's running total at the end of the hour."""
    days: dict[date, _DaySums] = defaultdict(_DaySums)
    running: dict[date, float] = defaultdict(float)
    for hour in hours:
        running[hour.day] += model.at_reference(hour.price_equivalent)
        if hour.hours_worked <= 0:
            continue
        sums = days[hour.day]
        if hour.agents_working == 1:
            sums.hours += hour.hours_worked
            sums.tasks += hour.tasks
            sums.cost += hour.cost_microdollars
        elif hour.agents_working >= 2 and running[hour.day] > 0:
            sums.parallel_hours += hour.hours_worked
            sums.parallel_cost += hour.cost_microdollars
            sums.rows = sums.rows or []
            sums.rows.append(_Row(running[hour.day], hour.hours_worked, hour.tasks))
    return days


def _too_little(
    used: dict[date, _DaySums], rows: Sequence[_Row], baseline: float, treatment: float
) -> str:
    """Return why there is too little to fit anything to, "" if there is enough."""
    if baseline < LEAST_BASELINE:
        return f"too few hours with one agent: {baseline:.1f} of at least {LEAST_BASELINE:g}"
    if treatment < LEAST_TREATMENT or len(rows) < 2 * LEAST_BESIDE:
        return f"too few hours with several agents: {treatment:.1f} of at least {LEAST_TREATMENT:g}"
    if len(used) < LEAST_DAYS:
        return f"too few days: {len(used)} of at least {LEAST_DAYS}"
    if not any(sums.tasks for sums in used.values()):
        return "no task was finished in the hours with one agent"
    if not any(row.tasks for row in rows):
        return "no task was finished in the hours with several agents"
    if not any(sums.cost for sums in used.values()):
        return "the hours with one agent cost nothing"
    if rows[len(rows) * 9 // 10].x < LEAST_REACH * rows[len(rows) // 10].x:
        return (
            "no variation: the hours with several agents all lie at nearly the same running total"
        )
    return ""


def _no_knee(rows: Sequence[_Row], curve: Curve, rate: float, evidence: float) -> str:
    """Return why the best curve has no knee that could be believed, "" if it has one."""
    first, last = rows[0].x, rows[-1].x
    if evidence < LEAST_EVIDENCE or (curve.high - curve.low) / rate < LEAST_DROP:
        return (
            f"no knee: the speed-up doesn't fall between {first:,.0f} and {last:,.0f} input tokens "
            "a day; if you have one, it lies outside your data"
        )
    before = sum(row.x < curve.knee for row in rows)
    if min(before, len(rows) - before) < LEAST_BESIDE:
        side = "below" if before < LEAST_BESIDE else "above"
        return (
            f"the knee lies outside the data: only {min(before, len(rows) - before)} hours "
            f"{side} {curve.knee:,.0f} input tokens a day, at least {LEAST_BESIDE} are needed"
        )
    return ""


def _not_sure(fit: Fit) -> str:
    """Return which of the fit's own checks it fails, "" if none."""
    if fit.knee.high > WIDEST_KNEE * fit.knee.low:
        return (
            "the knee can't be told: somewhere between "
            f"{fit.knee.low:,.0f} and {fit.knee.high:,.0f} input tokens a day"
        )
    if fit.k_high.value > MOST_SPEEDUP:
        return f"a speed-up of {fit.k_high.value:,.0f} makes no sense"
    return ""


def _pool(used: dict[date, _DaySums], rows: Sequence[_Row]) -> list[float]:
    """Sort each day's parallel hours into pools of equally many; return the pools' mean log x."""
    count = min(POOLS, len(rows) // 2)
    edges = [rows[len(rows) * number // count].x for number in range(1, count)]
    total: list[float] = [0.0] * count
    members = [0] * count
    from bisect import bisect_right

    for sums in used.values():
        sums.pooled = {}
        for row in sums.rows or ():
            pool = bisect_right(edges, row.x)
            hours, tasks = sums.pooled.get(pool, (0.0, 0.0))
            sums.pooled[pool] = (hours + row.hours, tasks + row.tasks)
            total[pool] += log(row.x)
            members[pool] += 1
    return [total[pool] / (members[pool] or 1) for pool in range(count)]


def _points(days: Sequence[_DaySums], centres: Sequence[float]) -> list[Point]:
    """Return the pools with the hours of some days."""
    hours = [0.0] * len(centres)
    tasks = [0.0] * len(centres)
    for sums in days:
        for pool, (spent, done) in (sums.pooled or {}).items():
            hours[pool] += spent
            tasks[pool] += done
    return [Point(*each) for each in zip(centres, hours, tasks, strict=True)]


def _evidence(points: Sequence[Point], weights: Sequence[float], curve: Curve) -> float:
    """Return the F ratio of the curve (three more constants) against the same rate everywhere."""
    flat = constant_misfit(points, weights)
    left = len(points) - 4
    if left <= 0 or flat <= 0:
        return 0.0
    # data without any noise: as sure as can be
    noise = max(curve.misfit / left, 1e-12 * flat)
    return (flat - curve.misfit) / 3 / noise


def _resampled(
    days: Sequence[_DaySums], candidates: Candidates, curve: Curve, chance: random.Random
) -> list[Draw]:
    """Return the constants of resampled days; resamples that can carry none are left out."""
    near = [candidates.as_steep_as(s) for s in STEEPNESSES if 0.6 <= s / curve.steepness <= 1.7]
    draws = []
    for _ in range(DRAWS):
        sample = chance.choices(days, k=len(days))
        baseline = sum(sums.hours for sums in sample)
        tasks = sum(sums.tasks for sums in sample)
        points = _points(sample, candidates.xs)
        multiplier = _multiplier(sample)
        if not baseline or not tasks or multiplier is None:
            continue
        found, _ = falling_rate(points, chance.choice(near))
        rate = tasks / baseline
        draws.append(Draw(multiplier, found.high / rate, max(found.low, 0.0) / rate, found.knee))
    return draws


def _multiplier(days: Sequence[_DaySums]) -> float | None:
    """Return M: spend per hour with several agents ÷ with one."""
    hours, cost = sum(d.hours for d in days), sum(d.cost for d in days)
    parallel, spent = sum(d.parallel_hours for d in days), sum(d.parallel_cost for d in days)
    if not (hours and cost and parallel and spent):
        return None
    return (spent / parallel) / (cost / hours)


def _estimate(value: float, draws: Sequence[float]) -> Estimate:
    ordered = sorted(draws)
    last = len(ordered) - 1
    return Estimate(value, ordered[round(LOW * last)], ordered[round(HIGH * last)])
