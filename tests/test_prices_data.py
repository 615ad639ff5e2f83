"""The price data in the package must say what genai-prices says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from tmuxmeter.prices import catalog
from tmuxmeter.prices.library import model, rule, stored_lines
from tmuxmeter.prices.lists import in_force, matches, spells_out
from tmuxmeter.prices.stored import PATH, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.prices.lists import Price

INSTALLED = genai_prices.__version__
PROVIDERS = get_snapshot().providers
JULY = 1_782_864_000_000
DAY_MS = 86_400_000


def test_the_file_is_what_the_installed_library_says() -> None:
    kept = PATH.read_text("utf-8").splitlines()
    command = "run `.venv/bin/python scripts/prices_data.py`"
    assert stored().version == INSTALLED, f"written from another genai-prices: {command}"
    assert kept == list(stored_lines()), f"out of date: {command}"


def test_every_provider_is_in_the_file_or_named_as_left_out() -> None:
    kept = stored()
    assert {*kept.providers, *kept.others} == {provider.id for provider in PROVIDERS}
    assert not kept.others & set(kept.providers)
    for provider in PROVIDERS:
        if provider.model_match is not None:
            assert provider.id in kept.providers


def all_models() -> Iterator[tuple[str, ModelInfo]]:
    for provider in PROVIDERS:
        for info in provider.models:
            yield provider.id, info


def edges(info: ModelInfo) -> list[int]:
    """Return times just before and at all changes of a model's prices, by the library's data."""
    found = [0, JULY]
    dated = info.prices if isinstance(info.prices, list) else []
    for part in (*dated, *(info.price_variants or ())):
        constraint = part.constraint
        if isinstance(constraint, StartDateConstraint):
            start = datetime.combine(constraint.start_date, time(), UTC).timestamp()
            found += [int(start) * 1000 - 1, int(start) * 1000]
        elif isinstance(constraint, TimeOfDateConstraint):
            for clock in (constraint.start_time, constraint.end_time):
                edge = datetime.combine(date(2026, 7, 1), clock, clock.tzinfo or UTC).timestamp()
                found += [int(edge) * 1000 + step for step in (-1, 0, DAY_MS // 2)]
    return found


def plain(price: object) -> Price:
    if isinstance(price, TieredPrices):
        return [(-1, str(price.base)), *((tier.start, str(tier.price)) for tier in price.tiers)]
    return str(price)


def test_all_prices_at_all_edges_are_those_that_the_library_resolves() -> None:
    """Its own ``get_prices`` against ours, for all models and all sorts of requests it knows."""
    compared = 0
    for name, info in all_models():
        ours = model(info)
        assert ours is not None
        contexts = [{}, *(variant.when for variant in info.price_variants or ())]
        contexts += [first | second for first in contexts for second in contexts[-1:]]
        for time_ms in edges(info):
            when = datetime.fromtimestamp(time_ms / 1000, UTC)
            for context in contexts:
                prices = vars(info.get_prices(when, context))
                got = catalog.prices_at(ours, time_ms, context)
                theirs = {k: plain(p) for k, p in prices.items() if p is not None and k in got}
                assert got == theirs, (name, info.id, when, context)
                # what is left out is what no agent's log counts
                left = {k for k, p in prices.items() if p is not None} - got.keys()
                words = ("audio", "image", "video", "document", "storage_searches", "_mchars")
                assert all(any(word in kind for word in words) for kind in left), left
                compared += 1
    assert compared > 5000


def literals(clause: object) -> Iterator[str]:
    for value in vars(clause).values():
        if isinstance(value, str):
            yield value.lower()
        else:
            for part in value:
                yield from literals(part)


def test_rules_take_the_names_that_the_library_takes() -> None:
    compared = taken = 0
    for provider in PROVIDERS:
        known = [text for info in provider.models for text in (info.id, *literals(info.match))]
        rules = [info.match for info in provider.models[:40]]
        if provider.model_match is not None:
            rules.append(provider.model_match)
        for theirs in rules:
            ours = rule(theirs)
            names = [*literals(theirs), *known[:40], "claude-opus-5-20260724", "gpt-5", "x"]
            for name in [n + end for n in names for end in ("", "-x", "-20260101")]:
                lower = name.lower()
                compared += 1
                taken += matches(ours, lower)
                assert matches(ours, lower) == theirs.is_match(lower), (theirs, lower)
    assert compared > 10_000
    assert 1000 < taken < compared


@pytest.mark.parametrize(
    "clause",
    [
        ClauseEquals(equals="GPT-5"),
        ClauseStartsWith(starts_with="GPT"),
        ClauseEndsWith(ends_with="-5"),
        ClauseContains(contains="T-"),
        ClauseRegex(regex=r"^gpt-\d$"),
        ClauseOr(or_=[ClauseEquals(equals="a"), ClauseEquals(equals="gpt-5")]),
        ClauseAnd(and_=[ClauseStartsWith(starts_with="g"), ClauseEndsWith(ends_with="5")]),
        ClauseAnd(and_=[ClauseOr(or_=[]), ClauseEquals(equals="gpt-5")]),
    ],
)
def test_every_sort_of_rule(clause: ClauseEquals | ClauseOr | ClauseAnd) -> None:
    for name in ("gpt-5", "gpt-55", "a", "ga5", "xgpt-5", ""):
        assert matches(rule(clause), name) == clause.is_match(name), name


def test_a_name_is_spelt_out_only_by_a_rule_that_takes_it() -> None:
    both = rule(ClauseAnd(and_=[ClauseStartsWith(starts_with="gpt-5"), ClauseRegex(regex="x$")]))
    assert matches(both, "gpt-5-x")
    assert not spells_out(both, "gpt-5-x")
    assert not spells_out(both, "gpt-5")
    either = rule(ClauseOr(or_=[ClauseStartsWith(starts_with="gpt-5"), ClauseRegex(regex="x$")]))
    assert spells_out(either, "gpt-5")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (time(9, 30), time(17)),
        (time(22), time(6, 30)),
        # an evening far west of Greenwich, over its midnight
        (time(20, tzinfo=timezone(timedelta(hours=-8))), time(2, tzinfo=UTC)),
        (time(20, tzinfo=timezone(timedelta(hours=-8))), time(6, tzinfo=UTC)),
    ],
)
def test_times_of_day_are_those_of_the_library(start: time, end: time) -> None:
    """No model it knows has hours that go over midnight, but one may come."""
    constraint = TimeOfDateConstraint(start, end)
    dated = [ConditionalPrice(constraint, prices=ModelPrice(input_mtok=Decimal(1)))]
    ours = model(ModelInfo("m", ClauseEquals(equals="m"), prices=dated))
    assert ours is not None
    for minute in range(0, 24 * 60, 30):
        for time_ms in (JULY + minute * 60_000 - 1000, JULY + minute * 60_000):
            when = datetime.fromtimestamp(time_ms / 1000, UTC)
            assert in_force(ours.prices[0].condition, time_ms) == constraint.active(when), when


class _Unheard:
    """What a later genai-prices may come with."""

    def __init__(self) -> None:
        self.weather = "rain"

    def active(self, when: datetime) -> bool:
        return True

    def is_match(self, name: str) -> bool:
        return True


def test_what_a_later_library_says_in_unknown_ways_is_unpriced() -> None:
    """A condition, a price or a rule of a sort that we can't read never becomes a wrong price."""
    fine = ModelPrice(input_mtok=Decimal(1))
    match = ClauseEquals(equals="m")
    assert model(ModelInfo("m", match, prices=fine)) is not None
    odd = ConditionalPrice(_Unheard(), prices=fine)  # type: ignore[arg-type]
    assert model(ModelInfo("m", match, prices=[ConditionalPrice(prices=fine), odd])) is None
    variant = PriceVariant({"speed": "fast"}, fine, _Unheard())  # type: ignore[arg-type]
    assert model(ModelInfo("m", match, prices=fine, price_variants=[variant])) is None
    dear = ModelPrice(input_mtok=_Unheard())  # type: ignore[arg-type]
    assert model(ModelInfo("m", match, prices=dear)) is None
    assert model(ModelInfo("m", match, prices=[])) is None
    assert not matches(rule(_Unheard()), "m")
    assert matches(rule(ClauseOr(or_=[_Unheard(), match])), "m")  # type: ignore[list-item]
    assert not matches(rule(ClauseAnd(and_=[_Unheard(), match])), "m")  # type: ignore[list-item]
