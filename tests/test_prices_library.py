"""Our integer arithmetic must equal genai-prices' own, for everything it knows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.prices import PriceBook, catalog, tables
from tmuxmeter.prices.library import model as plain
from tmuxmeter.prices.names import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.prices.card import Bracket

SNAPSHOT = get_snapshot()
VENDORS = [p for p in SNAPSHOT.providers if p.id in ("anthropic", "openai")]
BOOK = PriceBook()
NOVEMBER = 1_793_491_200_000


def names(match: object) -> Iterator[str]:
    """Yield the texts that a matching rule spells out."""
    for clause in getattr(match, "or_", [match]):
        for kind in ("equals", "starts_with", "ends_with", "contains"):
            if hasattr(clause, kind):
                yield getattr(clause, kind)


def full_name(model: ModelInfo) -> str:
    return next(name for name in names(model.match) if model.is_match(name))


def entry(provider: Provider, model: ModelInfo) -> catalog.Entry:
    known = plain(model)
    assert known is not None
    return catalog.Entry(provider.id, known)


def is_text(model: ModelInfo) -> bool:
    found = catalog.brackets(entry(VENDORS[0], model), "standard", NOVEMBER)
    return found is not None and None not in (found[0].rates.fresh, found[0].rates.output)


MODELS = [(provider, model) for provider in VENDORS for model in provider.models if is_text(model)]


def context(model: ModelInfo, tier: str, when: datetime) -> dict[str, str] | None:
    for variant in model.price_variants or ():
        if tier in variant.when.values() and (
            variant.constraint is None or variant.constraint.active(when)
        ):
            return variant.when
    return None


def theirs(
    provider: Provider, model: ModelInfo, tier: str, time_ms: int, counts: dict[str, int]
) -> int:
    when = datetime.fromtimestamp(time_ms / 1000, UTC)
    written = counts["cache_write_5m"] + counts["cache_write_1h"]
    usage = Usage(
        input_tokens=counts["fresh"] + counts["cache_read"] + written,
        cache_read_tokens=counts["cache_read"],
        cache_write_tokens=written,
        cache_write_5m_tokens=counts["cache_write_5m"],
        cache_write_1h_tokens=counts["cache_write_1h"],
        output_tokens=counts["output"],
        web_searches=counts["web_searches"],
    )
    price = model.calc_price(
        usage,
        provider,
        genai_request_timestamp=when,
        price_context=None if tier == "standard" else context(model, tier, when),
    ).total_price
    return int((price * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def compare(
    provider: Provider, model: ModelInfo, tier: str, time_ms: int, counts: dict[str, int]
) -> bool:
    """Compare one request; False if it isn't comparable: only we know, or only they guess."""
    when = datetime.fromtimestamp(time_ms / 1000, UTC)
    if tier != "standard" and context(model, tier, when) is None:
        return False
    prices = model.get_prices(when)
    if prices.web_searches_kcount is None:
        counts = {**counts, "web_searches": 0}
    ours = BOOK.cost(provider.id, full_name(model), tier, "", time_ms, **counts)
    if ours is None:
        # the library books Claude's 1 h writes at the 5 m price where it has none for them
        assert counts["cache_write_1h"]
        assert prices.cache_write_1h_mtok is None
        return False
    assert ours == theirs(provider, model, tier, time_ms, counts), (model.id, tier, when, counts)
    return True


def moments(model: ModelInfo) -> list[int]:
    starts, _ = catalog.starts(entry(VENDORS[0], model))
    return [NOVEMBER, *(edge for start in starts for edge in (start - 1, start))]


def sizes(model: ModelInfo) -> list[int]:
    found = {1000}
    prices = model.prices if isinstance(model.prices, list) else [model.prices]
    for price in prices:
        for value in getattr(price, "prices", price).__dict__.values():
            if isinstance(value, TieredPrices):
                found |= {edge for tier in value.tiers for edge in (tier.start, tier.start + 1)}
    return sorted(found)


def test_enough_models_are_compared() -> None:
    ids = {model.id for _, model in MODELS}
    assert {"claude-opus-4-6", "claude-haiku-5-5", "gpt-5.5", "gpt-5.6-sol", "o3"} <= ids
    assert len(ids) > 80


@pytest.mark.parametrize("tier", tables.TIERS)
def test_equal_at_every_edge(tier: str) -> None:
    """All models, just before and at each change of price and each bracket, every kind of token."""
    compared = 0
    for provider, model in MODELS:
        for time_ms in moments(model):
            for size in sizes(model):
                for kind in ("fresh", "cache_read", "cache_write_5m", "cache_write_1h"):
                    counts = dict.fromkeys(
                        ("fresh", "cache_read", "cache_write_5m", "cache_write_1h"), 0
                    )
                    counts |= {"output": 333, "web_searches": 1, "fresh": 7}
                    counts[kind] += size - 7
                    compared += compare(provider, model, tier, time_ms, counts)
    assert compared > 20


@settings(max_examples=400, deadline=None)
@given(
    which=st.sampled_from(range(len(MODELS))),
    tier=st.sampled_from(tables.TIERS),
    time_ms=st.integers(1_700_000_000_000, 1_800_000_000_000),
    tokens=st.lists(
        st.one_of(st.integers(0, 2000), st.integers(0, 300_000), st.integers(0, 10**12)),
        min_size=5,
        max_size=5,
    ),
    searches=st.integers(0, 50),
)
def test_equal_for_any_request(
    which: int, tier: str, time_ms: int, tokens: list[int], searches: int
) -> None:
    kinds = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    counts = {**dict(zip(kinds, tokens, strict=True)), "web_searches": searches}
    compare(*MODELS[which], tier, time_ms, counts)


@pytest.mark.parametrize("vendor", ["anthropic", "openai", "aws"])
def test_names_lead_where_the_library_itself_says(vendor: str) -> None:
    """Every name that a rule spells out leads to that rule's model, as the library has it."""
    (provider,) = (p for p in SNAPSHOT.providers if p.id == vendor)
    compared = 0
    for model in provider.models:
        for name in names(model.match):
            own = provider.find_model(name, all_providers=None)
            found = catalog.find(reference(name), provider.id)
            if found is not None and own is not None and found.provider == provider.id:
                assert found.model.id == own.id, name
                compared += 1
    assert compared > 40


def test_no_name_is_taken_for_the_beginning_of_another() -> None:
    known = {
        name.lower()
        for provider in SNAPSHOT.providers
        for model in provider.models
        for name in (*names(model.match), model.id)
    }
    fooled = 0
    for provider, model in MODELS:
        for name in names(model.match):
            for suffix in ("0", "9", ".9", "-9", "x", "-max9", "-v9", "-codex9"):
                longer = f"{name}{suffix}"
                if longer.lower() not in known:
                    fooled += provider.find_model(longer) is not None
                    found = catalog.find(reference(longer), provider.id)
                    assert found is None, (longer, found and found.model.id)
    assert fooled > 50, "the library's own matching has become exact: ours may no longer be needed"


def test_our_own_factors_agree_with_what_the_library_knows_of_later_days() -> None:
    agreed = 0
    for factor in tables.TIER_FACTORS:
        for provider in VENDORS:
            for model in provider.models:
                if provider.id != factor.provider or (
                    factor.models and model.id not in factor.models
                ):
                    continue
                known = entry(provider, model)
                standard = catalog.brackets(known, "standard", NOVEMBER)
                for tier in factor.tiers:
                    library = catalog.brackets(known, tier, NOVEMBER)
                    if standard is None or library is None:
                        continue
                    assert as_dollars(library) == as_dollars(
                        standard if factor.long_context else standard[:1], factor.factor
                    ), (model.id, tier)
                    agreed += 1
    assert agreed > 20


def as_dollars(brackets: tuple[Bracket, ...], factor: Fraction = Fraction(1)) -> object:
    def price(rate: Fraction | None) -> Decimal | None:
        if rate is None:
            return None
        # published prices have at most four digits
        exact = rate * factor
        return round(Decimal(exact.numerator) / Decimal(exact.denominator), 4)

    return [(b.above, [price(rate) for rate in b.rates[:-1]]) for b in brackets]


def test_every_model_in_our_tables_exists() -> None:
    ids = {provider.id: {model.id for model in provider.models} for provider in VENDORS}
    for factor in tables.TIER_FACTORS:
        assert factor.models <= ids[factor.provider]
        assert factor.source
    assert ids["anthropic"] >= tables.BEFORE_GEO
