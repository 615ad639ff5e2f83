"""The light: green, amber, red or neither, and in one line why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.estimates import Draw
from tmuxmeter.breakeven.model import Bill, Model, Pace, possible, reference_day, review_cost
from tmuxmeter.records import dataclass, fields, replace

if TYPE_CHECKING:
    from collections.abc import Collection

    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.breakeven.estimates import Fit

GREEN, AMBER, RED, NEUTRAL = "green", "amber", "red", "neutral"
GLYPHS = {GREEN: "▲", AMBER: "◆", RED: "▼", NEUTRAL: "–"}
"""So that the light can be told without colour."""
ASCII_GLYPHS = {GREEN: "+", AMBER: "=", RED: "!", NEUTRAL: "-"}
UNCALIBRATED_MARK = "?"
"""Follows the glyph of a verdict that rests on somebody else's week."""

ONE_AGENT = "one agent"
TWO_AGENTS = "two agents on independent work, a third only to verify"
NO_FURTHER = "no further agent"

OUT_OF_RANGE = 3
"""Beyond so many times the line an uncalibrated curve is not believed."""
LEAST_HOURS = 0.25
"""A day with less work than this says nothing yet."""
LEAST_PARALLEL = 0.1
"""Where several agents worked at once for less than this share of the time, it was one agent."""
UNPRICED_SHARE = 0.1
"""More unpriced tokens than this, and the bill is too low to call anything green."""
LOW, HIGH = 0.05, 0.95
"""Which quantiles of the calibrated curves span the uncertainty."""


@dataclass(frozen=True)
class Scale:
    """The curve in force and how sure it is.

    Attributes
    ----------
    model : Model
        The constants in force.
    variants : tuple of Model
        The same within their uncertainty: 0.7 and 1.3 × the knee, or calibration's resamples.
    calibrated : bool
        Whether they are the user's own.
    reach : float
        x (input tokens at the reference hit rate) up to which there is data behind it.
    """

    model: Model
    variants: tuple[Model, ...]
    calibrated: bool
    reach: float

    @classmethod
    def of(cls, model: Model, fit: Fit | None = None, fixed: Collection[str] = ()) -> Scale:
        """Return the scale of the settings, or that of the user's own fit.

        Parameters
        ----------
        model : Model
            The constants of the settings.
        fit : Fit or None
            The fit in force.
        fixed : collection of str
            Constants that the user's settings name: no fit changes these.
        """
        if fit is None:
            return cls._assumed(model)
        # x may have been expressed at another hit rate when the fit was made
        stretch = model.at_reference(1.0) / replace(
            model, reference_hit_rate=fit.reference_hit_rate
        ).at_reference(1.0)

        def fitted(draw: Draw) -> Model:
            constants = {
                "k_high": draw.k_high,
                "k_low": draw.k_low,
                "knee": draw.knee * stretch,
                "token_multiplier": draw.m,
                "steepness": fit.steepness,
            }
            own: dict[str, Any] = {k: v for k, v in constants.items() if k not in fixed}
            curve = replace(model, **own)
            if curve.k_low <= curve.k_high:
                return curve
            # one of both is the user's, and goes further than the fit's other one: it wins
            k = curve.k_low if "k_low" in fixed else curve.k_high
            return replace(curve, k_low=k, k_high=k)

        best = Draw(fit.multiplier.value, fit.k_high.value, fit.k_low.value, fit.knee.value)
        variants = tuple(fitted(draw) for draw in fit.draws)
        return cls(fitted(best), variants, True, fit.x_max * stretch)

    def supposing(self, model: Model) -> Scale:
        """Return the scale with some constants of its model supposed to be others."""
        changed: dict[str, Any] = {
            field.name: getattr(model, field.name)
            for field in fields(Model)
            if getattr(model, field.name) != getattr(self.model, field.name)
        }
        if not self.calibrated:
            return self._assumed(model)
        variants = tuple(replace(variant, **changed) for variant in self.variants)
        return replace(self, model=model, variants=variants)

    @classmethod
    def _assumed(cls, model: Model) -> Scale:
        share = model.uncertainty
        variants = tuple(
            replace(model, knee=model.knee * factor) for factor in (1 - share, 1 + share)
        )
        reference = Pace.of(model, reference_day(model))
        line = reference.line(model)
        reach = OUT_OF_RANGE * (reference.x_at(line) if line else model.knee)
        return cls(model, variants, False, reach)


@dataclass(frozen=True)
class Light:
    """A day's verdict and the figures it rests on.

    Attributes
    ----------
    verdict : str
        "green": working in parallel pays; "red": it doesn't; "amber": can't be told; "neutral":
        nothing runs in parallel, or there is nothing yet.
    reason : str
        One line, with its figures.
    advice : str
        How many agents, "" where there is none to give.
    calibrated : bool
        Whether the curve is the user's own.
    believed : bool
        Whether the day lies where the curve has data behind it.
    tokens : int
        N, the day's input tokens.
    x : float
        The same at the reference hit rate.
    line : float or None
        N*; 0: pays at no N, None: always does.
    line_low, line_high : float or None
        N* within the curve's uncertainty.
    speedup : float
        k(x), no more than was possible.
    needed : float
        k*, the speed-up that would pay.
    possible : float or None
        The speed-up that was possible, None where nothing was measured.
    ratio, ratio_low, ratio_high : float
        R, and R within the curve's uncertainty.
    bill : Bill
        W, S and V in dollars.
    """

    verdict: str
    reason: str
    advice: str
    calibrated: bool
    believed: bool
    tokens: int
    x: float
    line: float | None
    line_low: float | None
    line_high: float | None
    speedup: float
    needed: float
    possible: float | None
    ratio: float
    ratio_low: float
    ratio_high: float
    bill: Bill


def light(day: Day, scale: Scale, *, band: bool = True) -> Light:
    """Return a day's light.

    Parameters
    ----------
    band : bool
        Whether to look for the line's band as well, which takes most of the time (13 ms for 200
        variants) and has no say in the verdict; else ``line_low`` and ``line_high`` are the line.
    """
    model = scale.model
    pace = Pace.of(model, drawn(day, model))
    tokens, x = model.counted(day), model.at_reference(day.price_equivalent)
    bill = Bill(day.hours_worked * model.hourly_rate, day.spend, review_cost(model, day))
    # hours nobody worked make no bill to compare; the pace of such a day is that of a full one
    charged = bill if day.hours_worked else pace.bill
    needed = charged.needed(model.token_multiplier)
    ceiling = possible(day)

    def capped(speedup: float) -> float:
        return speedup if ceiling is None else min(speedup, ceiling)

    speedup = capped(model.speedup(x))
    line = pace.line(model)
    ratios = sorted(
        capped(variant.speedup(x)) / charged.needed(variant.token_multiplier)
        for variant in scale.variants
    )
    lines = sorted((pace.line(variant) for variant in scale.variants), key=_endless) if band else []
    low, high = _spread(len(ratios))
    reach = min(scale.reach, _own_reach(scale, pace, line))
    result = Light(
        verdict=AMBER,
        reason="",
        advice="",
        calibrated=scale.calibrated,
        believed=x <= reach,
        tokens=tokens,
        x=x,
        line=line,
        line_low=lines[low] if band else line,
        line_high=lines[high] if band else line,
        speedup=speedup,
        needed=needed,
        possible=ceiling,
        ratio=speedup / needed,
        ratio_low=ratios[low],
        ratio_high=ratios[high],
        bill=bill,
    )
    verdict, reason = _verdict(day, result)
    return replace(result, verdict=verdict, reason=reason, advice=_advice(day, verdict))


def drawn(day: Day, model: Model) -> Day:
    """Return the day whose line and curve are shown.

    One with nothing to judge limits nothing: its line is the one that several agents would have at
    its pace, and no line at zero because only one was at work.
    """
    if not _nothing_to_judge(day, model.counted(day)):
        return day
    return replace(day, agents=0, k_busy=None, pool=None)


def _own_reach(scale: Scale, pace: Pace, line: float | None) -> float:
    """Return x up to which the curve is believed on a day with this line."""
    if scale.calibrated or not line:
        return scale.reach
    return OUT_OF_RANGE * pace.x_at(line)


def _verdict(day: Day, found: Light) -> tuple[str, str]:
    """Return the colour and the reason; what needs no curve is asked first."""
    nothing = _nothing_to_judge(day, found.tokens)
    if not found.tokens:
        return NEUTRAL, nothing
    needs, most = f"needs {times(found.needed)}", found.possible
    known = "" if most is None or day.k_busy is None else f", up to {times(most)} possible"
    if nothing:
        return NEUTRAL, f"{nothing}; parallel work {needs}{known}"
    if day.pool is not None and day.pool <= 1:
        return RED, f"{needs}{known}, and the agents have one independent task between them"
    if most is not None and most < found.needed:
        return RED, f"{needs}, no more than {times(most)} was possible"
    if not found.believed:
        why = (
            "beyond all days your scale was fitted to"
            if found.calibrated
            else "your scale is not calibrated"
        )
        return AMBER, f"{needs}{known}; {why}"
    gets = f"{needs}, gets {times(found.speedup)}{known}"
    if found.ratio_low < 1 < found.ratio_high or found.ratio == 1:
        return AMBER, f"{gets}; too near the line to tell"
    if found.ratio < 1:
        return RED, gets
    unpriced = day.unpriced_tokens
    if unpriced > UNPRICED_SHARE * (day.input_tokens + day.output):
        return AMBER, f"{needs} or more{known}; tokens without a known price are not in the bill"
    return GREEN, gets


def _nothing_to_judge(day: Day, tokens: int) -> str:
    """Return why a day has no colour, "" if it can have one."""
    if not tokens:
        return "nothing spent yet"
    if day.agents <= 1:
        return "one agent at a time"
    if day.parallel_share is not None and day.parallel_share < LEAST_PARALLEL:
        return f"one agent at a time but for {day.parallel_share:.0%} of the work"
    if not day.hours_worked:
        return "the agents worked without you"
    if day.hours_worked < LEAST_HOURS:
        return "too early to tell"
    return ""


def _advice(day: Day, verdict: str) -> str:
    if verdict == RED or (day.pool is not None and day.pool <= 1):
        return ONE_AGENT
    return {GREEN: TWO_AGENTS, AMBER: NO_FURTHER}.get(verdict, "")


def _spread(count: int) -> tuple[int, int]:
    """Return the places of the low and the high quantile among so many sorted figures."""
    return round(LOW * (count - 1)), round(HIGH * (count - 1))


def _endless(line: float | None) -> float:
    return float("inf") if line is None else line


def times(factor: float, digits: int = 1) -> str:
    """Return a factor for people with so many digits, more where 1 would hide a difference.

    >>> times(1.6), times(2.0), times(0.998), times(1.204, 2)
    ('1.6×', '2×', '0.998×', '1.2×')
    """
    text = f"{factor:.{digits}f}"
    if digits < 3 and float(text) == 1 != factor:
        return times(factor, digits + 1)
    return text.rstrip("0").rstrip(".") + "×"
