"""What one model, tier and place costs at a time, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from tmuxmeter.prices import catalog, tables
from tmuxmeter.prices.card import Bracket, Rates
from tmuxmeter.prices.lists import day_start_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.config import PriceOverride
    from tmuxmeter.prices.names import Reference

_ALWAYS = -(1 << 63)


@dataclass(frozen=True)
class Quote:
    """Prices, and where they come from: a sentence per source, the base first."""

    provider: str
    priced_as: str
    brackets: tuple[Bracket, ...]
    whence: tuple[str, ...]


@dataclass(frozen=True)
class Unpriced:
    """No price is known; ``reason`` says why."""

    reason: str


Answer: TypeAlias = Quote | Unpriced


class Quotes:
    """Everything that is known about one logged model name.

    Parameters
    ----------
    reference : Reference
        What it stands for.
    provider : str
        Whose prices are likely where the name doesn't tell.
    overrides : sequence of PriceOverride
        The user's own prices for this model.
    """

    def __init__(
        self, reference: Reference, provider: str, overrides: Sequence[PriceOverride]
    ) -> None:
        self._reference = reference
        self._provider = provider
        self._overrides = sorted(overrides, key=_from, reverse=True)
        self._found: list[catalog.Entry | None] = []

    def starts(self, tier: str) -> tuple[list[int], list[int]]:
        """Return when the prices of a tier change: moments, and times of day (see catalog)."""
        moments = {
            day_start_ms(override.from_)
            for override in self._overrides
            if override.from_ is not None
        }
        clocks: list[int] = []
        if self._always(tier):
            return sorted(moments), clocks
        days = {day for factor in tables.TIER_FACTORS for day in (factor.since, factor.until)}
        moments.update(_day_ms(day) for day in days - {""})
        entry = self._entry()
        if entry is not None:
            found, clocks = catalog.starts(entry)
            moments.update(found)
        return sorted(moments), clocks

    def at(self, tier: str, geo: str, time_ms: int) -> Answer:
        """Return the prices of a tier and place at a time."""
        for override in self._overrides:
            if _tier(override.tier) == _tier(tier) and _from(override) <= time_ms:
                return _own_quote(override, self._reference)
        entry = self._entry()
        if entry is None:
            return Unpriced(f"genai-prices {catalog.version()} has no model of exactly this name")
        library = f"genai-prices {catalog.version()}: {entry.provider}/{entry.model.id}"
        factor = None
        brackets = catalog.brackets(entry, tier, time_ms)
        if brackets is None:
            factor = _factor(entry, tier, time_ms)
            standard = catalog.brackets(entry, "standard", time_ms)
            if standard is None:
                return Unpriced(f"{library} has a price per request, which logs don't tell")
            if factor is None:
                return Unpriced(f"no price is known for the tier {tier!r} of {entry.model.id}")
            brackets = standard if factor.long_context else standard[:1]
            brackets = _times(brackets, factor.factor)
        whence = [library]
        if factor is not None:
            whence.append(f"× {_plain(factor.factor)} for {tier}: {factor.source}")
        elif tier not in tables.STANDARD_TIERS:
            whence[0] += f", {tier}"
        if geo not in tables.PLAIN_GEOS:
            if geo != "us" or entry.provider != "anthropic":
                return Unpriced(f"no price is known for inference in {geo!r}")
            if entry.model.id in tables.BEFORE_GEO:
                return Unpriced(f"{entry.model.id} is not offered with a place of inference")
            brackets = _times(brackets, tables.US_FACTOR)
            whence.append(f"× {_plain(tables.US_FACTOR)} in us: {tables.US_SOURCE}")
        return Quote(entry.provider, entry.model.id, brackets, tuple(whence))

    def _always(self, tier: str) -> bool:
        """Tell whether the user's own prices hold at all times, so that no other is asked for."""
        return any(o.from_ is None and _tier(o.tier) == _tier(tier) for o in self._overrides)

    def _entry(self) -> catalog.Entry | None:
        if not self._found:
            self._found.append(catalog.find(self._reference, self._provider))
        return self._found[0]


def _own_quote(override: PriceOverride, reference: Reference) -> Quote:
    """Return the user's own price: it is final, no tier, place or size changes it."""
    fresh = Fraction(override.input)
    write = fresh if override.cache_write_5m is None else Fraction(override.cache_write_5m)
    claude = any(name.startswith("claude-") for name in reference.names)
    rates = Rates(
        fresh=fresh,
        cache_read=fresh if override.cache_read is None else Fraction(override.cache_read),
        cache_write_5m=write,
        cache_write_1h=(
            write if override.cache_write_1h is None else Fraction(override.cache_write_1h)
        ),
        output=Fraction(override.output),
        web_search=tables.WEB_SEARCH_DOLLARS["anthropic"] * 1000 if claude else None,
    )
    return Quote("", override.model, (Bracket(-1, rates),), (f"your own price, {override.where}",))


def _factor(entry: catalog.Entry, tier: str, time_ms: int) -> tables.TierFactor | None:
    for factor in tables.TIER_FACTORS:
        if (
            factor.provider == entry.provider
            and tier in factor.tiers
            and (not factor.models or entry.model.id in factor.models)
            and (not factor.since or _day_ms(factor.since) <= time_ms)
            and (not factor.until or time_ms < _day_ms(factor.until))
        ):
            return factor
    return None


def _times(brackets: Sequence[Bracket], factor: Fraction) -> tuple[Bracket, ...]:
    """Return the brackets with all token prices multiplied; a web search keeps its price."""
    multiplied = []
    for bracket in brackets:
        *tokens, search = bracket.rates
        rates = [None if rate is None else rate * factor for rate in tokens]
        multiplied.append(Bracket(bracket.above, Rates._make([*rates, search])))
    return tuple(multiplied)


def _from(override: PriceOverride) -> int:
    return _ALWAYS if override.from_ is None else day_start_ms(override.from_)


def _day_ms(day: str) -> int:
    return day_start_ms(date.fromisoformat(day))


def _tier(tier: str) -> str:
    return "standard" if tier in tables.STANDARD_TIERS else tier


def _plain(factor: Fraction) -> str:
    return f"{float(factor):g}"
