"""What calibration finds: constants with their intervals, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple, dataclass

if TYPE_CHECKING:
    from datetime import date


class Estimate(NamedTuple):
    """A fitted constant and the interval that holds 90 % of its resamples."""

    value: float
    low: float
    high: float


class Draw(NamedTuple):
    """The constants of one resample."""

    m: float
    k_high: float
    k_low: float
    knee: float


@dataclass(frozen=True)
class Fit:
    """The user's own constants.

    Attributes
    ----------
    multiplier, k_high, k_low, knee : Estimate
        M, k_high, k_low, and the knee in input tokens at the reference hit rate.
    steepness : float
        Of the curve that fits best.
    draws : tuple of Draw
        Some resamples, so that whatever follows from the constants has an interval too.
    x_max : float
        The greatest running total seen in parallel hours.
    baseline_hours, treatment_hours : float
        Hours worked with one agent and with more.
    baseline_tasks, treatment_tasks : float
        Tasks finished in them.
    days : int
        Days with any hours in the fit.
    first_day, last_day : date
        The span of those days.
    evidence : float
        How much better than a constant the curve fits (an F ratio).
    reference_hit_rate : float
        The hit rate that x is expressed at.
    """

    multiplier: Estimate
    k_high: Estimate
    k_low: Estimate
    knee: Estimate
    steepness: float
    draws: tuple[Draw, ...]
    x_max: float
    baseline_hours: float
    treatment_hours: float
    baseline_tasks: float
    treatment_tasks: float
    days: int
    first_day: date
    last_day: date
    evidence: float
    reference_hit_rate: float


@dataclass(frozen=True)
class Refusal:
    """Why the hours can't carry a fit, and how many there were."""

    reason: str
    baseline_hours: float
    treatment_hours: float
    days: int
