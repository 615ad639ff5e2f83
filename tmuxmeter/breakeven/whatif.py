"""Hypothetical days: the same day with another hit rate, other hand-offs, other constants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven import constants
from tmuxmeter.breakeven.day import OUTPUT_WEIGHT, price_equivalent
from tmuxmeter.config.checks import Number
from tmuxmeter.config.settings import BreakevenSettings
from tmuxmeter.errors import UsageError
from tmuxmeter.records import fields, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.breakeven.model import Model

DAY_KEYS: Mapping[str, tuple[float, float]] = {
    "input_tokens": (0, 1e12),
    "cache_hit": (0, 1),
    "spend": (0, 1e6),
    "handoffs": (0, 1000),
    "hours": (0.01, 24),
    "agents": (0, 1000),
    "pool": (0, 1000),
    "k_busy": (0, 1000),
}
"""What a day can be asked for, and in which range; ``spend`` is in dollars."""
WHOLE = ("input_tokens", "handoffs", "agents", "pool")
"""Of these there are only whole ones."""
MODEL_KEYS: Mapping[str, tuple[float, float]] = {
    field.name: (field.metadata["check"].low, field.metadata["check"].high)
    for field in fields(BreakevenSettings)
    if isinstance(field.metadata["check"], Number)
}
"""The model's constants, by the names and in the ranges of the settings."""
KEYS = {**DAY_KEYS, **MODEL_KEYS}


def parse(texts: Iterable[str]) -> dict[str, float]:
    """Return the figures of ``key=value`` texts; ``20%`` is 0.2, ``340k`` and ``1.2M`` are tokens.

    Raises
    ------
    UsageError
        A key nobody knows, no number, or one out of range.
    """
    values: dict[str, float] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if key not in KEYS:
            raise UsageError(_unknown(key))
        if not equals:
            message = f"--what-if {key} lacks its value: --what-if {key}=VALUE"
            raise UsageError(message)
        low, high = KEYS[key]
        number = _number(value)
        if number is None or not low <= number <= high or (key in WHOLE and number % 1):
            kind = "a whole number" if key in WHOLE else "a number"
            message = f"--what-if {key} takes {kind} from {low:g} to {high:.15g}, not {value!r}"
            raise UsageError(message)
        values[key] = number
    return values


def suppose(day: Day, model: Model, values: Mapping[str, float]) -> tuple[Day, Model]:
    """Return the day and the model with some figures replaced.

    Tokens keep their kinds, their price and what they cost; a hit rate moves tokens between the
    cache and the rest, at the same total and with what that does to the price. Hand-offs keep
    their minutes.

    Raises
    ------
    UsageError
        The constants don't go together.
    """
    constants_given: dict[str, Any] = {k: v for k, v in values.items() if k in MODEL_KEYS}
    model = replace(model, **constants_given)
    if model.k_low > model.k_high:
        message = f"--what-if k_low ({model.k_low:g}) can't be above k_high ({model.k_high:g})"
        raise UsageError(message)
    if "minutes_per_handoff" in values:
        day = replace(day, review_minutes=None)
    if "input_tokens" in values:
        day = _of_size(day, round(values["input_tokens"]))
    if "cache_hit" in values:
        day = _hitting(day, values["cache_hit"])
    if "spend" in values:
        day = replace(day, spend_microdollars=round(values["spend"] * 1e6), unpriced_tokens=0)
    if "handoffs" in values:
        day = _handing_over(day, round(values["handoffs"]))
    if "hours" in values:
        day = replace(day, hours_worked=values["hours"])
    if "agents" in values:
        # what was possible was measured with as many agents as there were
        agents = round(values["agents"])
        share = day.parallel_share if agents > 1 and day.agents > 1 else None
        day = replace(day, agents=agents, parallel_share=share, k_busy=_fewer(day, agents))
    if "pool" in values:
        day = replace(day, pool=round(values["pool"]))
    if "k_busy" in values:
        day = replace(day, k_busy=values["k_busy"])
    return day, model


def _of_size(day: Day, tokens: int) -> Day:
    """Return the day with another N, all else in proportion; of an empty day, fresh tokens."""
    before = day.input_tokens
    if not before:
        price = constants.REFERENCE_INPUT_PRICE
        return replace(
            day, fresh=tokens, price_equivalent=tokens, spend_microdollars=round(tokens * price)
        )
    share = tokens / before
    read, written = round(day.cache_read * share), round(day.cache_write * share)
    return replace(
        day,
        fresh=max(tokens - read - written, 0),
        cache_read=read,
        cache_write=written,
        output=round(day.output * share),
        price_equivalent=day.price_equivalent * share,
        spend_microdollars=round(day.spend_microdollars * share),
        drift_tokens=round(day.drift_tokens * share),
        unpriced_tokens=round(day.unpriced_tokens * share),
    )


def _hitting(day: Day, rate: float) -> Day:
    """Return the day with another share of its input read from the cache."""
    total = day.input_tokens
    if not total:
        return day
    read = round(total * rate)
    rest = total - read
    missed = day.fresh + day.cache_write
    written = round(rest * day.cache_write / missed) if missed else 0
    # what a token that missed the cache costs today: fresh ones and writes in today's mix
    dear = max(day.price_equivalent - price_equivalent(0, day.cache_read), 0.0)
    each = dear / missed if missed else 1.0
    equivalent = price_equivalent(0, read) + rest * each
    paid = day.price_equivalent + day.output * OUTPUT_WEIGHT
    price = day.spend_microdollars / paid if paid else 0.0
    return replace(
        day,
        fresh=rest - written,
        cache_read=read,
        cache_write=written,
        price_equivalent=equivalent,
        spend_microdollars=max(
            round(day.spend_microdollars + price * (equivalent - day.price_equivalent)), 0
        ),
    )


def _handing_over(day: Day, handoffs: int) -> Day:
    minutes = day.review_minutes
    if minutes is not None:
        minutes = minutes / day.handoffs * handoffs if day.handoffs else None
    return replace(day, handoffs=handoffs, review_minutes=minutes)


def _fewer(day: Day, agents: int) -> float | None:
    """Return what is known to be possible with so many agents: nothing about more than today's."""
    if day.k_busy is None or agents > day.agents:
        return None
    return min(day.k_busy, agents)


def _number(text: str) -> float | None:
    factor = 1.0
    for ending, times in (("%", 0.01), ("k", 1e3), ("M", 1e6)):
        if text.endswith(ending):
            text, factor = text.removesuffix(ending), times
            break
    try:
        number = float(text) * factor
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unknown(text: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(text, KEYS, 1)
    hint = f"did you mean {near[0]}?" if near else "it takes " + ", ".join(KEYS)
    return f"--what-if takes KEY=VALUE, and {text!r} is none: {hint}"
