"""genai-prices, asked exactly: its own matching takes ``claude-opus-4-60`` for ``claude-opus-4-6``.

The library costs 0.4 s to load (measured), so it is loaded by the first question.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.prices.card import Bracket, Rates
from tmuxmeter.prices.tables import STANDARD_TIERS, WEB_SEARCH_DOLLARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from genai_prices.types import (
        MatchLogic,
        ModelInfo,
        ModelPrice,
        PriceVariant,
        Provider,
        TieredPrices,
    )

    from tmuxmeter.prices.names import Reference

DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_LAST_MS = 253_402_300_799_999  # the last moment a datetime can hold
_KINDS = frozenset(
    {
        "input_mtok",
        "cache_read_mtok",
        "cache_write_mtok",
        "cache_write_5m_mtok",
        "cache_write_1h_mtok",
        "output_mtok",
        "web_searches_kcount",
    }
)
# prices of what agents' logs never count: they don't change the price of text
_OTHER_MEDIA = re.compile(r"audio|image|video|document|storage_searches|_mchars$")


class Entry(NamedTuple):
    """A model as genai-prices knows it."""

    provider: Provider
    model: ModelInfo


@cache
def version() -> str:
    """Return the installed version of genai-prices."""
    from importlib.metadata import version as installed

    return installed("genai-prices")


def find(reference: Reference, provider: str) -> Entry | None:
    """Return the model that a name stands for, None if no price list has exactly that name.

    Parameters
    ----------
    reference : Reference
        The name's forms.
    provider : str
        The provider that is likely where the name doesn't tell: the agent's own vendor.
    """
    for candidate in _providers(reference, provider):
        for name in reference.names:
            for model in candidate.models:
                if _is_exactly(model, name, reference.anywhere):
                    return Entry(candidate, model)
    return None


def starts(entry: Entry) -> tuple[list[int], list[int]]:
    """Return when prices change: moments (epoch ms), and times of day (ms after midnight UTC)."""
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    moments: set[int] = set()
    clocks: set[int] = set()
    prices = entry.model.prices
    conditions = [] if isinstance(prices, ModelPrice) else [p.constraint for p in prices]
    conditions += [variant.constraint for variant in entry.model.price_variants or ()]
    for condition in conditions:
        if isinstance(condition, StartDateConstraint):
            moments.add(day_start_ms(condition.start_date))
        elif isinstance(condition, TimeOfDateConstraint):
            for clock in (condition.start_time, condition.end_time):
                moment = datetime.combine(date(2000, 1, 1), clock, clock.tzinfo or UTC)
                clocks.add(int(moment.timestamp()) * 1000 % DAY_MS)
    return sorted(moments), sorted(clocks)


def day_start_ms(day: date) -> int:
    """Return when a UTC day begins, in epoch ms."""
    return (day.toordinal() - _EPOCH) * DAY_MS


def brackets(entry: Entry, tier: str, time_ms: int) -> tuple[Bracket, ...] | None:
    """Return the library's prices of a tier at a time, None where it has none for that tier.

    A model whose price has a part that logs can't tell (per request, for citations) has none.
    """
    when = datetime.fromtimestamp(min(max(time_ms, 0), _LAST_MS) // 1000, UTC)
    context: dict[str, str] | None = None
    if tier not in STANDARD_TIERS:
        variant = next(_variants(entry.model, tier, when), None)
        if variant is None:
            return None
        context = variant.when
    prices = entry.model.get_prices(when, context)
    given = {key: price for key, price in prices.__dict__.items() if price is not None}
    if any(key not in _KINDS and not _OTHER_MEDIA.search(key) for key in given):
        return None
    return _brackets(entry, prices)


def _variants(model: ModelInfo, tier: str, when: datetime) -> Iterator[PriceVariant]:
    for variant in model.price_variants or ():
        if variant.when in ({"service_tier": tier}, {"speed": tier}, {"processing": tier}) and (
            variant.constraint is None or variant.constraint.active(when)
        ):
            yield variant


def _brackets(entry: Entry, prices: ModelPrice) -> tuple[Bracket, ...]:
    """Return prices by size of the input, with the library's rules for kinds without a price."""
    read: Decimal | TieredPrices | None = prices.cache_read_mtok
    write: Decimal | TieredPrices | None = prices.cache_write_mtok
    write_5m: Decimal | TieredPrices | None = prices.cache_write_5m_mtok
    write_1h: Decimal | TieredPrices | None = prices.cache_write_1h_mtok
    search = _at(prices.web_searches_kcount, 0)
    if search is None:
        search = WEB_SEARCH_DOLLARS.get(entry.provider.id)
    # Claude's 1 h writes cost more than 5 m ones: without their own price they have none
    own_1h = "claude" in entry.model.id and write is not None
    kinds = (prices.input_mtok, read, write, write_5m, write_1h, prices.output_mtok)
    found = []
    for above in [-1, *sorted({start for price in kinds for start in _tiers(price)})]:
        fresh = _at(prices.input_mtok, above)
        plain_write = _first(_at(write, above), fresh)
        long_write = _at(write_1h, above)
        rates = Rates(
            fresh=fresh,
            cache_read=_first(_at(read, above), fresh),
            cache_write_5m=_first(_at(write_5m, above), plain_write),
            cache_write_1h=long_write if own_1h else _first(long_write, plain_write),
            output=_at(prices.output_mtok, above),
            # dollars per thousand are a thousandth of a dollar, thus a thousand microdollars each
            web_search=None if search is None else search * 1000,
        )
        found.append(Bracket(above, rates))
    return tuple(found)


def _tiers(price: Decimal | TieredPrices | None) -> Iterable[int]:
    from genai_prices.types import TieredPrices

    return [tier.start for tier in price.tiers] if isinstance(price, TieredPrices) else ()


def _at(price: Decimal | TieredPrices | None, above: int) -> Fraction | None:
    """Return a price for inputs of more than ``above`` tokens."""
    from genai_prices.types import TieredPrices

    if price is None:
        return None
    if not isinstance(price, TieredPrices):
        return Fraction(price)
    reached = [tier.price for tier in price.tiers if tier.start <= above]
    return Fraction(reached[-1] if reached else price.base)


def _first(price: Fraction | None, otherwise: Fraction | None) -> Fraction | None:
    return otherwise if price is None else price


def _providers(reference: Reference, likely: str) -> Iterator[Provider]:
    """Yield the providers whose lists a name may be in; none twice."""
    from genai_prices.data_snapshot import get_snapshot

    by_id = {provider.id: provider for provider in get_snapshot().providers}
    if reference.provider:
        if reference.provider in by_id:
            yield by_id[reference.provider]
        return
    if likely in by_id:
        yield by_id[likely]
    for provider in by_id.values():
        match = provider.model_match
        if provider.id != likely and match is not None and match.is_match(reference.names[0]):
            yield provider


def _is_exactly(model: ModelInfo, name: str, anywhere: str) -> bool:
    return _names(model.match, name, anywhere) or (
        model.id.lower() == name and model.is_match(name)
    )


def _names(match: MatchLogic, name: str, anywhere: str) -> bool:
    """Tell whether a rule of the library spells out this very name instead of a part of it."""
    from genai_prices import types

    if isinstance(match, types.ClauseOr):
        return any(_names(clause, name, anywhere) for clause in match.or_)
    if isinstance(match, types.ClauseAnd):
        spelt = any(_names(clause, name, anywhere) for clause in match.and_)
        return spelt and match.is_match(name)
    if isinstance(match, types.ClauseEquals):
        return match.equals.lower() == name
    if isinstance(match, types.ClauseStartsWith):
        return match.starts_with.lower() == name
    if isinstance(match, types.ClauseEndsWith):
        return match.ends_with.lower() == name
    if isinstance(match, types.ClauseContains):
        return match.contains.lower() in ({name, anywhere} - {""})
    if isinstance(match, types.ClauseRegex):
        found = re.search(match.regex, name)
        return found is not None and found.span() == (0, len(name))
    return False
