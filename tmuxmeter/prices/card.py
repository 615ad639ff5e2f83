"""A price list for one model, tier and place at one time, as whole numbers."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction


class Rates(NamedTuple):
    """Microdollars per token (the same number as dollars per million tokens), and per web search.

    None: that kind has no known price.
    """

    fresh: Fraction | None
    cache_read: Fraction | None
    cache_write_5m: Fraction | None
    cache_write_1h: Fraction | None
    output: Fraction | None
    web_search: Fraction | None


@dataclass(frozen=True)
class Bracket:
    """Rates for a whole request whose input of all kinds is more than ``above`` tokens."""

    above: int
    rates: Rates


class Card:
    """Computes what a request costs, exactly, with a single rounding at the end.

    Parameters
    ----------
    brackets : sequence of Bracket
        In rising order of ``above``; the first one's is -1.
    """

    __slots__ = ("_denominator", "_gaps", "_numerators", "_starts", "brackets")

    def __init__(self, brackets: Sequence[Bracket]) -> None:
        self.brackets = tuple(brackets)
        self._starts = [bracket.above for bracket in brackets[1:]]
        known = [rate for bracket in brackets for rate in bracket.rates if rate is not None]
        self._denominator = lcm(*(rate.denominator for rate in known))
        self._numerators = [
            tuple(int((rate or 0) * self._denominator) for rate in bracket.rates)
            for bracket in brackets
        ]
        self._gaps = [
            [index for index, rate in enumerate(bracket.rates) if rate is None]
            for bracket in brackets
        ]

    def cost(
        self,
        fresh: int,
        cache_read: int,
        cache_write_5m: int,
        cache_write_1h: int,
        output: int,
        web_searches: int,
    ) -> int | None:
        """Return microdollars, rounded half to even; None if anything counted has no price."""
        bracket = 0
        if self._starts:
            size = fresh + cache_read + cache_write_5m + cache_write_1h
            bracket = bisect_left(self._starts, size)
        if self._gaps[bracket]:
            counts = (fresh, cache_read, cache_write_5m, cache_write_1h, output, web_searches)
            if any(counts[index] for index in self._gaps[bracket]):
                return None
        f, r, s, h, o, w = self._numerators[bracket]
        total = (
            fresh * f
            + cache_read * r
            + cache_write_5m * s
            + cache_write_1h * h
            + output * o
            + web_searches * w
        )
        whole, rest = divmod(total, self._denominator)
        rest *= 2
        if rest > self._denominator or (rest == self._denominator and whole & 1):
            whole += 1
        return whole
