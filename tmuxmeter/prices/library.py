"""genai-prices itself, turned into plain lists.

Loading it takes 0.15 to 0.4 s and 27 MB or more (measured), so this is asked only where
``data.jsonl`` can't answer, and for writing that file.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from tmuxmeter.prices.lists import DAY_MS, Condition, Dated, Model, Price, Rule, Variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import time

    from genai_prices.types import ModelInfo, ModelPrice, Provider

# prices of what agents' logs never count: they don't change the price of text
_OTHER_MEDIA = re.compile(r"audio|image|video|document|storage_searches|_mchars$")
_STORED_ALWAYS = frozenset({"anthropic", "openai", "aws"})
"""Providers that a reference can tell by itself, and those of the agents."""


class Library:
    """The installed genai-prices."""

    def __init__(self) -> None:
        from genai_prices import __version__
        from genai_prices.data_snapshot import get_snapshot

        self.version: str = __version__
        self._providers: dict[str, Provider] = {p.id: p for p in get_snapshot().providers}
        self.providers: dict[str, Rule | None] = {
            name: None if provider.model_match is None else rule(provider.model_match)
            for name, provider in self._providers.items()
        }
        self._models: dict[str, list[Model]] = {}

    def models(self, provider: str) -> list[Model]:
        """Return a provider's models, but those with something that this can't read."""
        found = self._models.get(provider)
        if found is None:
            plain = [model(info) for info in self._providers[provider].models]
            found = self._models[provider] = [entry for entry in plain if entry is not None]
        return found


@cache
def library() -> Library:
    """Return the installed genai-prices, loaded once."""
    return Library()


def stored_lines() -> Iterator[str]:
    """Yield the lines of ``data.jsonl``: all lists that a model's name can lead to.

    The rest are those of providers that no name leads to, only an agent of theirs.
    """
    source = library()
    stored = {
        name: match
        for name, match in source.providers.items()
        if match is not None or name in _STORED_ALWAYS
    }
    head = {
        "source": "genai-prices, Copyright (c) Pydantic Services Inc. 2025 to present, MIT licence",
        "version": source.version,
        "providers": stored,
        "others": [name for name in source.providers if name not in stored],
    }
    yield json.dumps(head)
    for provider in stored:
        for entry in source.models(provider):
            yield json.dumps([provider, *entry])


def model(info: ModelInfo) -> Model | None:
    """Return a model as plain data, None if it has no prices or of a sort unknown here."""
    from genai_prices.types import ConditionalPrice, ModelPrice

    prices = info.prices
    if isinstance(prices, ModelPrice):
        prices = [ConditionalPrice(prices=prices)]
    if not prices:
        return None
    try:
        return Model(
            info.id,
            rule(info.match),
            [Dated(_condition(dated.constraint), _prices(dated.prices)) for dated in prices],
            [
                Variant(variant.when, _condition(variant.constraint), _prices(variant.prices))
                for variant in info.price_variants or ()
            ],
        )
    except TypeError:
        return None


def rule(clause: object) -> Rule:
    """Return a matching rule as plain data; an unknown sort of rule matches nothing."""
    match list(vars(clause).items()):
        case [(str(kind), str(text))]:
            return {kind: text}
        case [(str(kind), list(parts))]:
            return {kind.removesuffix("_"): [rule(part) for part in parts]}
    return {type(clause).__name__: ""}


def _condition(constraint: object) -> Condition:
    from genai_prices.types import StartDateConstraint, TimeOfDateConstraint

    if constraint is None:
        return None
    if isinstance(constraint, StartDateConstraint):
        return constraint.start_date.isoformat()
    if isinstance(constraint, TimeOfDateConstraint):
        return [_clock(constraint.start_time), _clock(constraint.end_time)]
    raise TypeError(constraint)


def _clock(clock: time) -> int:
    """Return a time of day in ms after midnight UTC."""
    moment = datetime.combine(date(2000, 1, 1), clock, clock.tzinfo or UTC)
    return int(moment.timestamp()) * 1000 % DAY_MS


def _prices(prices: ModelPrice) -> dict[str, Price]:
    return {
        kind: _price(price)
        for kind, price in vars(prices).items()
        if price is not None and not _OTHER_MEDIA.search(kind)
    }


def _price(price: object) -> Price:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        return [(-1, str(price.base)), *((tier.start, str(tier.price)) for tier in price.tiers)]
    if isinstance(price, Decimal):
        return str(price)
    raise TypeError(price)
