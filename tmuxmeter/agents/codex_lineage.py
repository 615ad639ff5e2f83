"""Which records of a rollout are its own, and which were copied from the thread it came from.

A fork or a sub-agent may begin with its parent's history. Copied records must not count again.
What tells them, strongest first:

- ``subagent_history_start_ordinal``: records with a lower ``ordinal`` are copied (Codex 0.15x on);
- ``history_base``: nothing is copied, the file goes on where the parent stood (0.169);
- a turn id is a UUID of version 7 and holds its time: one older than the thread is the parent's;
- copies written at the thread's birth carry that second's time;
- copies with their original time are older than the thread. Those are told apart, because the
  request they show can be recognised in the parent's file as the same.
"""

from __future__ import annotations

from enum import Enum

import msgspec

_BIRTH_MS = 1000
"""Copies are written within about a second of the thread's birth."""

_BURST_MS = 100
"""No model answers faster, so a snapshot this close behind a copy is a copy too."""


class Standing(Enum):
    """Whose a record is."""

    OWN = 0
    COPIED = 1
    """The parent's, with its original time."""
    REPLAYED = 2
    """The parent's, with a new time."""


class Lineage(msgspec.Struct, array_like=True, omit_defaults=True):
    """What is known of a thread's descent, and whether its own records have begun."""

    thread: str = ""
    alias: str = ""
    """The id in the thread's own meta, should the file be named by another."""
    born_ms: int = 0
    inherits: bool = False
    """The file may begin with copied records."""
    origin: str = ""
    """The thread that copied records belong to."""
    first_own: int = -1
    """The ``ordinal`` of the first own record, -1 where the log doesn't say."""
    begun: bool = True
    """Own records have begun."""
    foreign_turn: bool = False
    """The last turn id seen was older than the thread."""
    copied_ms: int = 0

    def descend(self, origin: str, *, first_own: int = -1, copies: bool = True) -> None:
        """Note that the thread comes from another; ``copies``: with that one's records."""
        self.inherits = True
        self.origin = origin or self.origin
        self.first_own = first_own
        self.begun = not copies

    def see_turn(self, turn: str) -> None:
        """Learn from a turn id whether own records have begun."""
        if self.begun:
            return
        mine, its = uuid7_ms(self.thread), uuid7_ms(turn)
        if mine and its:
            self.foreign_turn = its < mine
            self.begun = not self.foreign_turn

    def see_thread(self, thread: str) -> bool:
        """Learn from a record that names its thread; tell whether it is this one."""
        mine = thread in (self.thread, self.alias)
        self.begun = self.begun or (mine and thread != "")
        return mine

    def standing(self, ordinal: object, time_ms: int) -> Standing:
        """Tell whose the record with this ordinal and time is."""
        if not self.inherits:
            return Standing.OWN
        if self.first_own >= 0 and isinstance(ordinal, int):
            return Standing.OWN if ordinal >= self.first_own else Standing.REPLAYED
        if time_ms < self.born_ms:
            return Standing.COPIED
        if self.begun:
            return Standing.OWN
        if self.foreign_turn or time_ms < max(self.born_ms + _BIRTH_MS, self.copied_ms + _BURST_MS):
            self.copied_ms = time_ms
            return Standing.REPLAYED
        self.begun = True
        return Standing.OWN


def uuid7_ms(text: str) -> int:
    """Return the time inside a UUID of version 7 as epoch milliseconds, 0 if it is none."""
    if len(text) != 36 or text[14] != "7":
        return 0
    try:
        return int(text[:8] + text[9:13], 16)
    except ValueError:
        return 0
