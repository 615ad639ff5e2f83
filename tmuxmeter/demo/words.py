"""What all played agents have in common: what they are asked, and how their logs name things."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from random import Random

Line = tuple[int, str]
"""When a line is written (epoch ms) and its text without the newline."""

TASKS = (
    "round invoices the way the law wants",
    "make the API's errors say what is wrong",
    "find out why the test of refunds fails now and then",
    "move the price lists out of the code",
    "write down how to set the shop up",
)

COMMANDS = ("make test", "make test", "git diff --stat", "rg -n refund src", "make lint")


def stamp(time_ms: int) -> str:
    """Return epoch milliseconds as the ISO text both agents write."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def prompt(turn: int, *, strays: bool = False) -> str:
    """Return what the human asks for in a session's turn, the first being 1.

    An agent that ``strays`` has to be corrected from the fourth turn on.
    """
    asked = f"demo: {TASKS[(turn - 1) % len(TASKS)]}"
    return f"No, that's not what I asked for. {asked}" if strays and turn > 3 else asked


def random_id(rng: Random) -> str:
    """Return a random UUID."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def timed_id(rng: Random, time_ms: int) -> str:
    """Return a UUID that begins with its time, as Codex names its threads (version 7)."""
    value = (time_ms << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62)
    return str(UUID(int=value | rng.getrandbits(62)))


def as_line(record: dict[str, Any]) -> str:
    """Return a record as the text of a log line."""
    return json.dumps(record, separators=(",", ":"))
