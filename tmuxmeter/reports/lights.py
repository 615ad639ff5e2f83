"""The light as the status line shows it, up to date between two looks at the levers."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from tmuxmeter.breakeven.day import price_equivalent
from tmuxmeter.breakeven.light import light
from tmuxmeter.reports.live import LiveLight

if TYPE_CHECKING:
    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.breakeven.light import Scale
    from tmuxmeter.ledger.slices import Measures


def with_tokens(day: Day, then: Measures, now: Measures) -> Day:
    """Return a day with the tokens and the spend of now.

    What takes a look at every row (minutes, hand-offs, independence) stays what it was then; new
    tokens are weighed by the vendors' usual ratios.

    Parameters
    ----------
    day : Day
        As it was measured.
    then, now : Measures
        The day's sums when it was measured, and now.
    """
    if then == now:
        return day
    added = price_equivalent(
        now.fresh - then.fresh,
        now.cache_read - then.cache_read,
        now.cache_write_5m - then.cache_write_5m,
        now.cache_write_1h - then.cache_write_1h,
    )
    return replace(
        day,
        fresh=now.fresh,
        cache_read=now.cache_read,
        cache_write=now.cache_write_5m + now.cache_write_1h,
        output=now.output,
        # a correction may take away more than these ratios gave
        price_equivalent=max(0.0, day.price_equivalent + added),
        spend_microdollars=now.cost_microdollars,
        unpriced_tokens=now.unpriced_tokens,
    )


def live_light(day: Day, scale: Scale, *, budget_share: float | None, pending: int) -> LiveLight:
    """Return the light of a day."""
    found = light(day, scale, band=False)
    line = inf if found.line is None else found.line
    return LiveLight(
        verdict=found.verdict,
        reason=found.reason,
        calibrated=found.calibrated,
        input_tokens=found.tokens,
        line_tokens=line if found.believed else None,
        needed=found.needed,
        possible=found.possible,
        ratio=found.ratio,
        budget_share=budget_share,
        handoffs=day.handoffs,
        pending=pending,
    )
