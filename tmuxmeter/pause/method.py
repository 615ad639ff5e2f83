"""What every method of pausing is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from tmuxmeter.errors import PauseError

Undo: TypeAlias = dict[str, Any]
Note: TypeAlias = Callable[[str, Undo], None]
"""Writes a method and its undo down before it acts: whoever dies then can still be undone."""


class Done(NamedTuple):
    """How an agent was paused: the method's name, what was seen, what resuming needs."""

    method: str
    seen: str
    undo: Undo


class UnguardedError(PauseError):
    """It could be done, but nobody would let go where that must not wait for a person."""


class LookLeftError(PauseError):
    """An agent goes on, and its pane still looks paused, as its tmux server doesn't answer."""


def count(number: int, one: str, many: str) -> str:
    """Return a number of things in words."""
    return f"{number} {one if number == 1 else many}"
