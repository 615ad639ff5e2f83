"""Price lists as plain data: what genai-prices knows, in the form that ``data.jsonl`` keeps.

A list is the same whether it was read from that file or taken from the library (``library``).
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple, Protocol, TypeAlias

DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()

Rule: TypeAlias = "dict[str, str | list[Rule]]"
"""What a name must be, one pair: ``{"equals": NAME}``, starts_with, ends_with, contains, regex;
``{"or": RULES}``, ``{"and": RULES}``. Any other kind matches nothing."""

Price: TypeAlias = "str | list[tuple[int, str]]"
"""Dollars as a decimal number; or one for inputs of more than so many tokens, from -1 on up."""

Condition: TypeAlias = "str | list[int] | None"
"""From a UTC day on, or between two times of day (ms after midnight UTC), or always."""


class Dated(NamedTuple):
    """Prices by the library's names of kinds, for as long as the condition holds."""

    condition: Condition
    prices: dict[str, Price]


class Variant(NamedTuple):
    """Prices that take the place of the ordinary ones for requests of a certain sort."""

    when: dict[str, str]
    condition: Condition
    prices: dict[str, Price]


class Model(NamedTuple):
    """One model: of ``prices`` the last that is in force counts; if none is, the first."""

    id: str
    match: Rule
    prices: list[Dated]
    variants: list[Variant]


class Source(Protocol):
    """Where price lists come from."""

    @property
    def version(self) -> str:
        """genai-prices' version."""

    @property
    def providers(self) -> dict[str, Rule | None]:
        """All providers with the rule for names that are theirs, in the library's order."""

    def models(self, provider: str) -> list[Model]:
        """Return a provider's models, in the library's order."""


def day_start_ms(day: date) -> int:
    """Return when a UTC day begins, in epoch ms."""
    return (day.toordinal() - _EPOCH) * DAY_MS


def in_force(condition: Condition, time_ms: int) -> bool:
    """Tell whether a condition holds at a time (epoch ms, not negative)."""
    if condition is None:
        return True
    if isinstance(condition, str):
        return time_ms >= day_start_ms(date.fromisoformat(condition))
    start, end = condition
    clock = time_ms % DAY_MS
    if end < start:
        return clock >= start or clock < end
    return start <= clock < end


def matches(rule: Rule, name: str) -> bool:
    """Tell whether a rule takes a name (in small letters) for its own, as the library would."""
    ((kind, what),) = rule.items()
    if not isinstance(what, str):
        parts = (matches(part, name) for part in what)
        return any(parts) if kind == "or" else kind == "and" and all(parts)
    if kind == "regex":
        return re.search(what, name) is not None
    text = what.lower()
    return (
        (kind == "equals" and name == text)
        or (kind == "starts_with" and name.startswith(text))
        or (kind == "ends_with" and name.endswith(text))
        or (kind == "contains" and text in name)
    )


def spells_out(rule: Rule, name: str, anywhere: str = "") -> bool:
    """Tell whether a rule spells out this very name instead of a part of it.

    Parameters
    ----------
    rule : Rule
        The rule.
    name, anywhere : str
        In small letters; the latter, if any, counts where the rule takes it in any place.
    """
    ((kind, what),) = rule.items()
    if not isinstance(what, str):
        spelt = any(spells_out(part, name, anywhere) for part in what)
        return spelt and (kind == "or" or matches(rule, name))
    if kind == "regex":
        found = re.search(what, name)
        return found is not None and found.span() == (0, len(name))
    text = what.lower()
    if kind == "contains":
        return text == name or (anywhere != "" and text == anywhere)
    return kind in ("equals", "starts_with", "ends_with") and text == name
