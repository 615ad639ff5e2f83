"""A pane's figures as the stub served them, and as a report tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from list_prices import bill
from stub import add_up

if TYPE_CHECKING:
    from stub import Served


def expected(served: list[Served]) -> dict[str, int]:
    """Return what was served: tokens by kind, microdollars, requests."""
    tokens = add_up(served)
    return {
        "fresh": tokens.fresh,
        "cache_read": tokens.cache_read,
        "output": tokens.output,
        "cost": bill(served),
        "requests": len(served),
    }


def measures(row: dict[str, Any]) -> dict[str, int]:
    """Return the same of a report's row."""
    return {
        "fresh": row["input_tokens"]["fresh"],
        "cache_read": row["input_tokens"]["cache_read"],
        "output": row["output_tokens"],
        "cost": row["cost_microdollars"],
        "requests": row["requests"],
    }
