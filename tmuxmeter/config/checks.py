"""What a value in the configuration file may be: each check names its range, refuses the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

MAX_PRICE = 1_000_000


class Refused(Exception):  # noqa: N818
    """A value is of another type than asked for, or out of range."""


class Check(Protocol):
    """One kind of value."""

    allowed: str
    """What is allowed, in words that end a sentence: ``a whole number from 0 to 4``."""

    def read(self, value: object) -> object:
        """Return the value as settings hold it.

        Raises
        ------
        Refused
            It is of another type or out of range.
        """


class Switch:
    """True or false."""

    allowed = "true or false"

    def read(self, value: object) -> bool:
        """Return the truth value."""
        if not isinstance(value, bool):
            raise Refused
        return value


class Whole:
    """A whole number between two bounds, both included."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.allowed = f"a whole number from {low} to {high}"

    def read(self, value: object) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused
        if not self.low <= value <= self.high:
            raise Refused
        return value


class AtLeast:
    """Nothing (0), or a whole number between two bounds, both included."""

    def __init__(self, low: int, high: int) -> None:
        self._number = Whole(low, high)
        self.allowed = f"0, or {self._number.allowed}"

    def read(self, value: object) -> int:
        """Return the number."""
        if isinstance(value, int) and not isinstance(value, bool) and value == 0:
            return 0
        return self._number.read(value)


class Number:
    """A number between two bounds, both included; ``unit`` says of what."""

    def __init__(self, low: float, high: float, unit: str = "") -> None:
        self.low, self.high = low, high
        self.allowed = f"a number{unit and f' of {unit}'} from {low:g} to {high:.15g}"

    def read(self, value: object) -> float:
        """Return the number; the file's reader hands fractions over as decimals."""
        from decimal import Decimal

        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise Refused
        try:
            number = float(value)
        except OverflowError as error:
            raise Refused from error
        if not self.low <= number <= self.high:
            raise Refused
        return number


class Choice:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.allowed = "one of " + ", ".join(f'"{word}"' for word in words)

    def read(self, value: object) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            raise Refused
        return value


class Clock:
    """A time of day."""

    allowed = 'a time as "HH:MM", from "00:00" to "23:59"'

    def read(self, value: object) -> str:
        """Return the time as text."""
        if not isinstance(value, str) or not re.fullmatch(
            r"([01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII
        ):
            raise Refused
        return value


class Zone:
    """A time zone of the system's database, or the system's own."""

    allowed = 'a time zone such as "Europe/Vienna", or "" for the system\'s own'

    def read(self, value: object) -> str:
        """Return the zone's name."""
        if not isinstance(value, str):
            raise Refused
        if value:
            from zoneinfo import ZoneInfo

            try:
                ZoneInfo(value)
            except (LookupError, OSError, ValueError) as error:
                raise Refused from error
        return value


class Texts:
    """A list of strings, of any or of a few."""

    def __init__(self, *words: str) -> None:
        self.words = words
        among = ", ".join(f'"{word}"' for word in words)
        self.allowed = f"a list of any of {among}" if words else "a list of strings"

    def read(self, value: object) -> tuple[str, ...]:
        """Return the strings."""
        if not isinstance(value, list):
            raise Refused
        for item in value:
            if not isinstance(item, str) or not item or (self.words and item not in self.words):
                raise Refused
        return tuple(value)


class AgentNames(Texts):
    """A list of names of agents."""

    def __init__(self, *words: str) -> None:
        super().__init__(*words)
        self.allowed = "a list of agents' names, as `tmuxmeter agents` lists them"


class NewName:
    """A name for an agent that has none yet."""

    def __init__(self, *taken: str) -> None:
        self.taken = taken
        self.allowed = "a name of small letters, digits and dashes that no other agent has"

    def read(self, value: object) -> str:
        """Return the name."""
        if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", value):
            raise Refused
        if value in self.taken:
            raise Refused
        return value


class LogGlob:
    """A pattern for log files."""

    allowed = (
        'a pattern for files such as "~/.agent/sessions/**/*.jsonl", from ~ or / on, with a folder'
        " of the agent's before any **"
    )

    def read(self, value: object) -> str:
        """Return the pattern."""
        if not isinstance(value, str) or not value.startswith(("/", "~/")) or value.endswith("/"):
            raise Refused
        if value.removeprefix("~").startswith("/**"):
            raise Refused  # all files of the home, or of the machine
        return value


class Text:
    """A string that isn't empty."""

    allowed = "a string that isn't empty"

    def read(self, value: object) -> str:
        """Return the string."""
        if not isinstance(value, str) or not value:
            raise Refused
        return value


class Dollars:
    """A price in dollars per million tokens, exact."""

    allowed = f"dollars per million tokens, from 0 to {MAX_PRICE}"

    def read(self, value: object) -> Decimal:
        """Return the price; the file's reader hands fractions over as decimals."""
        from decimal import Decimal

        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Refused
        price = Decimal(value)
        if not price.is_finite() or not 0 <= price <= MAX_PRICE:
            raise Refused
        return price


class Day:
    """A calendar day."""

    allowed = "a date such as 2026-07-01, without quotes"

    def read(self, value: object) -> object:
        """Return the day as a ``datetime.date``."""
        from datetime import date, datetime

        if not isinstance(value, date) or isinstance(value, datetime):
            raise Refused
        return value
