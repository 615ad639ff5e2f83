"""List prices of the models used here, the vendors' or our own, in microdollars per token."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stub import Served, Tokens

# fresh, cache read, cache write 5 m, cache write 1 h, output
PRICES = {
    "claude-sonnet-4-6": tuple(map(Fraction, ("3", "0.3", "3.75", "6", "15"))),
    "gpt-4.1": tuple(map(Fraction, ("2", "0.5", "0", "0", "8"))),
    "gpt-5.5": tuple(map(Fraction, ("5", "0.5", "0", "0", "30"))),
    # Droid's, as the configuration of its test has it
    "ones-own": tuple(map(Fraction, ("1", "0.1", "0", "0", "4"))),
    # up to 200 000 tokens of input
    "gemini-2.5-pro": tuple(map(Fraction, ("1.25", "0.125", "0", "0", "10"))),
}


def microdollars(model: str, tokens: Tokens) -> Fraction:
    """Return what ``tokens`` cost."""
    kinds = (
        tokens.fresh,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        tokens.output,
    )
    return sum((n * p for n, p in zip(kinds, PRICES[model], strict=True)), Fraction())


def bill(served: Iterable[Served]) -> int:
    """Return what the requests cost together; the stubs' numbers make it whole."""
    total = sum((microdollars(one.model, one.tokens) for one in served), Fraction())
    assert total.denominator == 1, total
    return int(total)
