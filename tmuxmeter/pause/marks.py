"""Signalling a process and no other: known by pid and start mark, checked right before."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tmuxmeter.panes.processes import Entry, Source

TICK_S = 0.005
"""How often is looked again while something is to come."""

STOPPED = frozenset("Tt")
"""The kernel's letters for a process that a signal, or a debugger, stopped."""


class Mark(NamedTuple):
    """One process, told from any other that has or had its pid."""

    pid: int
    start: str

    @classmethod
    def of(cls, entry: Entry) -> Mark:
        """Return a process's mark."""
        return cls(entry.pid, entry.start)


def marks_from(value: Any) -> list[Mark]:
    """Return the marks in a record of a pause; what is none is left out."""
    pairs = value if isinstance(value, list) else []
    return [
        Mark(pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, list) and list(map(type, pair)) == [int, str]
    ]


def marks_to(marks: Iterable[Mark]) -> list[list[int | str]]:
    """Return marks as a record of a pause keeps them."""
    return [list(mark) for mark in marks]


def running(source: Source, mark: Mark) -> Entry | None:
    """Return a process as it is now, None if it ended."""
    entry = source.now(mark.pid)
    return entry if entry is not None and entry.start == mark.start else None


def send(source: Source, mark: Mark, number: signal.Signals) -> bool:
    """Send a signal to this very process; False if it ended, became another user's, or refuses.

    With a process descriptor (Linux) the pid can't be given to another process between the check
    and the signal; elsewhere there is an instant in which it could.
    """
    if mark.pid <= 1:
        return False
    descriptor = _descriptor(mark.pid)
    if descriptor is None:
        return _is_ours(source, mark) and _kill(lambda: os.kill(mark.pid, number))
    try:
        return _is_ours(source, mark) and _kill(
            lambda: signal.pidfd_send_signal(descriptor, number)
        )
    finally:
        os.close(descriptor)


def _descriptor(pid: int) -> int | None:
    """Return a process descriptor, None where the system has none."""
    opener = getattr(os, "pidfd_open", None)
    try:
        return None if opener is None else int(opener(pid))
    except OSError:
        # ended, which the check notices; or an old kernel, or a container that forbids it
        return None


def _is_ours(source: Source, mark: Mark) -> bool:
    return running(source, mark) is not None and source.is_ours(mark.pid)


def _kill(act: Callable[[], None]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def proceed(source: Source, marks: Sequence[Mark]) -> int:
    """Let stopped processes go on, the last one first; return how many were told to."""
    return sum(send(source, mark, signal.SIGCONT) for mark in reversed(marks))


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; False if it never does in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK_S)
    return True
