"""How an agent is played: how quickly it works, what it reads, which files it has, how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

CACHED_SHARE = 0.62
"""Share of the input that is read from the cache: the published week's hit rate."""
LOOP = 4
"""How many times in a row a command fails once an agent is stuck."""


@dataclass(frozen=True)
class Tempo:
    """From when to when something takes, in milliseconds.

    Attributes
    ----------
    reply, tool : tuple of int
        A reply, and a tool's run.
    requests : tuple of int
        How many requests a turn has, from and to.
    """

    reply: tuple[int, int]
    tool: tuple[int, int]
    requests: tuple[int, int]


# Turns of about an hour, as agents that work by themselves have; no tool runs for ten minutes,
# as that would be taken for a standstill.
PAST = Tempo(reply=(20_000, 120_000), tool=(240_000, 520_000), requests=(3, 5))
# quicker than real ones: watching should not bore
LIVE = Tempo(reply=(2_500, 6_500), tool=(1_500, 4_000), requests=(5, 9))


@dataclass(frozen=True)
class Role:
    """What one agent is given to do, and how it does it.

    Attributes
    ----------
    files : tuple of str
        What it reads and edits, below its folder.
    context : int
        Input tokens of its first request.
    stuck : float
        How often a command that fails goes on failing.
    strays : bool
        Whether it grows long-winded, and has to be corrected, as the day goes on.
    """

    files: tuple[str, ...] = ("src/app.py", "tests/test_app.py", "README.md")
    context: int = 4_000
    stuck: float = 0.1
    strays: bool = False

    def output(self, rng: Random, turn: int) -> int:
        """Return the output tokens of a reply in this turn, the first being 1."""
        return round(rng.randint(120, 420) * (1 + 0.6 * (turn - 1) * self.strays))


class Context:
    """An agent's input: how much one request sends, and how much of it the cache knew.

    Parameters
    ----------
    tokens : int
        Of the first request.
    """

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._cached = self._sent = self._read = 0

    def send(self, rng: Random) -> tuple[int, int, int]:
        """Return a request's input tokens: fresh, read from the cache, written to it."""
        self._tokens += rng.randint(10, 40)
        fresh = rng.randint(3, 40)
        # now and then the cache has expired and everything is written anew
        read = self._cached if self._read <= CACHED_SHARE * self._sent else 0
        self._cached = self._tokens
        self._sent += self._tokens + fresh
        self._read += read
        return fresh, read, self._tokens - read


class Streak:
    """An agent's commands: once it is stuck, several in a row fail.

    Parameters
    ----------
    stuck : float
        How often a command that fails goes on failing.
    """

    def __init__(self, stuck: float) -> None:
        self._stuck = stuck
        self._left = 0

    @property
    def on(self) -> bool:
        """Whether the next command fails whatever it is."""
        return self._left > 0

    def fails(self, rng: Random, *, by_itself: bool) -> bool:
        """Return whether the next command fails; ``by_itself``: it would without a streak."""
        if self._left:
            self._left -= 1
            return True
        if by_itself and rng.random() < self._stuck:
            self._left = LOOP
        return by_itself
