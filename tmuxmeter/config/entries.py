"""Tables that users add as many of as they like: agents and prices of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import NAMES
from tmuxmeter.config import checks
from tmuxmeter.config.fields import setting
from tmuxmeter.records import dataclass

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal


@dataclass(frozen=True)
class CustomAgent:
    """An agent that isn't known, with JSON lines as logs and the places of what counts in them."""

    name: str = setting("Its name.", checks.NewName(*NAMES))
    logs: str = setting("Its logs.", checks.LogGlob())
    time: str = setting("Where the time stands: ISO 8601, or epoch seconds.", checks.Text())
    output: str = setting("Output tokens.", checks.Text())
    input: str = setting("Input tokens.", checks.Text(), "")
    cache_read: str = setting("Input tokens read from the cache.", checks.Text(), "")
    cache_write: str = setting("Input tokens written to the cache.", checks.Text(), "")
    reasoning: str = setting("Output tokens of reasoning.", checks.Text(), "")
    session: str = setting("The session; the file's path, if left out.", checks.Text(), "")
    cwd: str = setting("The folder it works in.", checks.Text(), "")
    model: str = setting("The model.", checks.Text(), "")
    id: str = setting(
        "What tells one request from another; the whole line, if left out.", checks.Text(), ""
    )
    input_includes_cache: bool = setting(
        "Whether input counts the cache too.", checks.Switch(), default=False
    )
    output_includes_reasoning: bool = setting(
        "Whether output counts reasoning too.", checks.Switch(), default=True
    )
    program: str = setting("The program's name, to find it in panes.", checks.Text(), "")
    provider: str = setting(
        'Whose prices count where the model doesn\'t tell, such as "openai".', checks.Text(), ""
    )
    where: str = ""

    @staticmethod
    def required() -> tuple[str, ...]:
        """Return the keys that every entry must have."""
        return ("name", "logs", "time", "output")


@dataclass(frozen=True)
class PriceOverride:
    """What one model costs from a day on, in dollars per million tokens.

    A kind of token without a price costs what the kind it is a part of costs: a cache read or
    write the price of input, a 1 h write that of a 5 m write.
    """

    model: str
    input: Decimal = setting("Fresh input.", checks.Dollars())
    output: Decimal = setting("Output, reasoning included.", checks.Dollars())
    cache_read: Decimal | None = setting(
        "Input read from the cache; as input if left out.", checks.Dollars()
    )
    cache_write_5m: Decimal | None = setting(
        "Input written to the cache for 5 minutes; as input if left out.", checks.Dollars()
    )
    cache_write_1h: Decimal | None = setting(
        "Input written to the cache for an hour; as cache_write_5m if left out.", checks.Dollars()
    )
    from_: date | None = setting(
        "The first day (UTC) of this price; always, if left out.", checks.Day()
    )
    tier: str = setting(
        'The service tier it is for: "standard", "fast", "priority", "flex" or "batch".',
        checks.Choice("standard", "fast", "priority", "flex", "batch"),
        "standard",
    )
    where: str = ""

    @staticmethod
    def required() -> tuple[str, ...]:
        """Return the keys that every entry must have."""
        return ("input", "output")
