"""genai-prices, asked exactly: its own matching takes ``claude-opus-4-60`` for ``claude-opus-4-6``.

Answers come from ``data.jsonl``, which holds what the library says, as long as it was written from
the very version that is installed; else from the library.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.prices.card import Bracket, Rates
from tmuxmeter.prices.lists import (
    Model,
    Price,
    Source,
    Variant,
    day_start_ms,
    in_force,
    matches,
    spells_out,
)
from tmuxmeter.prices.stored import is_installed, stored
from tmuxmeter.prices.tables import STANDARD_TIERS, WEB_SEARCH_DOLLARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tmuxmeter.prices.names import Reference

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
_LAST_MS = 253_402_300_799_999  # the last moment of the year 9999


class Entry(NamedTuple):
    """A model as genai-prices knows it, and its provider's id."""

    provider: str
    model: Model


@cache
def source() -> Source:
    """Return the price lists of the installed genai-prices."""
    kept = stored()
    return kept if is_installed(kept.version) else _library()


def version() -> str:
    """Return the installed version of genai-prices."""
    return source().version


def find(reference: Reference, provider: str) -> Entry | None:
    """Return the model that a name stands for, None if no price list has exactly that name.

    Parameters
    ----------
    reference : Reference
        The name's forms.
    provider : str
        The provider that is likely where the name doesn't tell: the agent's own vendor.
    """
    lists = source()
    if not reference.provider and provider in stored().others:
        # no name leads to these, so the file leaves them out
        lists = _library()
    for candidate in _providers(lists, reference, provider):
        models = lists.models(candidate)
        for name in reference.names:
            for model in models:
                if _is_exactly(model, name, reference.anywhere):
                    return Entry(candidate, model)
    return None


def starts(entry: Entry) -> tuple[list[int], list[int]]:
    """Return when prices change: moments (epoch ms), and times of day (ms after midnight UTC)."""
    moments: set[int] = set()
    clocks: set[int] = set()
    conditions = [dated.condition for dated in entry.model.prices]
    conditions += [variant.condition for variant in entry.model.variants]
    for condition in conditions:
        if isinstance(condition, str):
            moments.add(day_start_ms(date.fromisoformat(condition)))
        elif condition is not None:
            clocks.update(condition)
    return sorted(moments), sorted(clocks)


def brackets(entry: Entry, tier: str, time_ms: int) -> tuple[Bracket, ...] | None:
    """Return the library's prices of a tier at a time, None where it has none for that tier.

    A model whose price has a part that logs can't tell (per request, for citations) has none.
    """
    when = min(max(time_ms, 0), _LAST_MS)
    context: dict[str, str] = {}
    if tier not in STANDARD_TIERS:
        variant = next(_variants(entry.model, tier, when), None)
        if variant is None:
            return None
        context = variant.when
    prices = prices_at(entry.model, when, context)
    if prices.keys() - _KINDS:
        return None
    return _brackets(entry, prices)


def prices_at(model: Model, time_ms: int, context: dict[str, str]) -> dict[str, Price]:
    """Return a model's prices at a time for requests of a certain sort, as the library does."""
    standard = model.prices[0].prices
    for dated in reversed(model.prices):
        if in_force(dated.condition, time_ms):
            standard = dated.prices
            break
    special: dict[str, Price] = {}
    for variant in model.variants:
        if variant.when.items() <= context.items() and in_force(variant.condition, time_ms):
            # of several that fit, the first one says
            special = variant.prices | special
    return standard | special


def _library() -> Source:
    # loads genai-prices
    from tmuxmeter.prices.library import library

    return library()


def _variants(model: Model, tier: str, time_ms: int) -> Iterator[Variant]:
    for variant in model.variants:
        if variant.when in (
            {"service_tier": tier},
            {"speed": tier},
            {"processing": tier},
        ) and in_force(variant.condition, time_ms):
            yield variant


def _brackets(entry: Entry, prices: dict[str, Price]) -> tuple[Bracket, ...]:
    """Return prices by size of the input, with the library's rules for kinds without a price."""
    plain, output = prices.get("input_mtok"), prices.get("output_mtok")
    read = prices.get("cache_read_mtok")
    write = prices.get("cache_write_mtok")
    write_5m = prices.get("cache_write_5m_mtok")
    write_1h = prices.get("cache_write_1h_mtok")
    search = _at(prices.get("web_searches_kcount"), 0)
    if search is None:
        search = WEB_SEARCH_DOLLARS.get(entry.provider)
    # Claude's 1 h writes cost more than 5 m ones: without their own price they have none
    own_1h = "claude" in entry.model.id and write is not None
    kinds = (plain, read, write, write_5m, write_1h, output)
    found = []
    for above in [-1, *sorted({start for price in kinds for start in _tiers(price)})]:
        fresh = _at(plain, above)
        plain_write = _first(_at(write, above), fresh)
        long_write = _at(write_1h, above)
        rates = Rates(
            fresh=fresh,
            cache_read=_first(_at(read, above), fresh),
            cache_write_5m=_first(_at(write_5m, above), plain_write),
            cache_write_1h=long_write if own_1h else _first(long_write, plain_write),
            output=_at(output, above),
            # dollars per thousand are a thousandth of a dollar, thus a thousand microdollars each
            web_search=None if search is None else search * 1000,
        )
        found.append(Bracket(above, rates))
    return tuple(found)


def _tiers(price: Price | None) -> Iterable[int]:
    if price is None or isinstance(price, str):
        return ()
    return [start for start, _ in price[1:]]


def _at(price: Price | None, above: int) -> Fraction | None:
    """Return a price for inputs of more than ``above`` tokens."""
    if price is None:
        return None
    if isinstance(price, str):
        return Fraction(price)
    return Fraction([dollars for start, dollars in price if start <= above][-1])


def _first(price: Fraction | None, otherwise: Fraction | None) -> Fraction | None:
    return otherwise if price is None else price


def _providers(lists: Source, reference: Reference, likely: str) -> Iterator[str]:
    """Yield the providers whose lists a name may be in; none twice."""
    if reference.provider:
        if reference.provider in lists.providers:
            yield reference.provider
        return
    if likely in lists.providers:
        yield likely
    for provider, rule in lists.providers.items():
        if provider != likely and rule is not None and matches(rule, reference.names[0]):
            yield provider


def _is_exactly(model: Model, name: str, anywhere: str) -> bool:
    return spells_out(model.match, name, anywhere) or (
        model.id.lower() == name and matches(model.match, name)
    )
