"""What would be charged and why, as data for a view."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tmuxmeter.prices import tables
from tmuxmeter.prices.lists import DAY_MS
from tmuxmeter.prices.quotes import Quote, Quotes

if TYPE_CHECKING:
    from fractions import Fraction

    from tmuxmeter.prices.card import Bracket


@dataclass(frozen=True)
class PriceRow:
    """Dollars per million tokens for requests with more than ``above`` tokens of input (-1: all).

    ``web_search`` is in dollars per thousand. None: no price is known.
    """

    above: int
    fresh: Decimal | None
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    output: Decimal | None
    web_search: Decimal | None


@dataclass(frozen=True)
class Explanation:
    """One model's prices on a day.

    Attributes
    ----------
    model, tier, geo : str
        What was asked for.
    provider, priced_as : str
        Whose model it is taken for; "" if unpriced.
    rows : tuple of PriceRow
        By size of the input, smallest first; empty if unpriced.
    valid_from, valid_until : date or None
        First UTC day of these prices, and first day on which others may hold; None: unbounded.
    whence : tuple of str
        Who says so, the base first, then what multiplies it; why not, if unpriced.
    tiers : tuple of str
        All tiers with a price on that day.
    """

    model: str
    tier: str
    geo: str
    provider: str
    priced_as: str
    rows: tuple[PriceRow, ...]
    valid_from: date | None
    valid_until: date | None
    whence: tuple[str, ...]
    tiers: tuple[str, ...]

    @property
    def priced(self) -> bool:
        """Whether there is a price."""
        return bool(self.rows)


def explanation(model: str, quotes: Quotes, tier: str, geo: str, time_ms: int) -> Explanation:
    """Return what is known of a model's price at a time."""
    answer = quotes.at(tier, geo, time_ms)
    starts = [
        start
        for start in quotes.starts(tier)[0]
        # a moment at which only other tiers change is none for this one
        if quotes.at(tier, geo, start - 1) != quotes.at(tier, geo, start)
    ]
    period = bisect_right(starts, time_ms)
    quoted = answer if isinstance(answer, Quote) else None
    return Explanation(
        model=model,
        tier=tier,
        geo=geo,
        provider=quoted.provider if quoted else "",
        priced_as=quoted.priced_as if quoted else "",
        rows=tuple(_row(bracket) for bracket in quoted.brackets) if quoted else (),
        valid_from=_day(starts[period - 1]) if period else None,
        valid_until=_day(starts[period]) if period < len(starts) else None,
        whence=answer.whence if isinstance(answer, Quote) else (answer.reason,),
        tiers=tuple(t for t in tables.TIERS if isinstance(quotes.at(t, geo, time_ms), Quote)),
    )


def _row(bracket: Bracket) -> PriceRow:
    *tokens, search = bracket.rates
    # searches are sold by the thousand
    rates = [*tokens, None if search is None else search / 1000]
    return PriceRow(bracket.above, *map(_dollars, rates))


def _dollars(rate: Fraction | None) -> Decimal | None:
    return None if rate is None else Decimal(rate.numerator) / Decimal(rate.denominator)


def _day(time_ms: int) -> date:
    return date.fromordinal(time_ms // DAY_MS + date(1970, 1, 1).toordinal())
