"""Stopping a process and everything below it, parents first, until nothing new turns up."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tmuxmeter.errors import PauseError
from tmuxmeter.pause.marks import STOPPED, TICK_S, Mark, proceed, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmuxmeter.panes.processes import Entry
    from tmuxmeter.pause.means import Means

PATIENCE_S = 0.6
"""How long they may take to stop; one that is busy in the kernel stops when it comes back."""
BUSY = "D"
"""The kernel's letter for a process that takes no signal just now: it stops before it goes on."""


def stop_tree(
    means: Means, top: Entry, *, with_top: bool, note: Callable[[list[Mark]], None]
) -> list[Mark]:
    """Stop a process (unless ``with_top`` is False) and all below it; return who was stopped.

    Who was stopped before is left alone, then and later. Processes of other users go on: they are
    not ours to signal. ``note`` is told of each before it is stopped.

    Raises
    ------
    PauseError
        They didn't stop; those that did go on again.
    """
    mark = Mark.of(top)
    stopped: list[Mark] = []
    foreign: set[Mark] = set()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        means.table.scan()
        entry = means.table.get(top.pid)
        if entry is None or entry.start != top.start:
            proceed(means.table.source, stopped)
            message = "it has just ended"
            raise PauseError(message)
        members = [*([entry] if with_top else []), *means.table.descendants(top.pid)]
        going = [
            member
            for member in members
            if member.state not in STOPPED
            and member.pid != means.own_pid
            and Mark.of(member) not in foreign
        ]
        if not [member for member in going if member.state != BUSY or not _in(stopped, member)]:
            return stopped
        new = [Mark.of(member) for member in going if not _in(stopped, member)]
        note([*stopped, *new])
        for member in going:
            if send(means.table.source, Mark.of(member), signal.SIGSTOP):
                if not _in(stopped, member):
                    stopped.append(Mark.of(member))
            elif not means.table.source.is_ours(member.pid):
                foreign.add(Mark.of(member))
        if mark in foreign:
            message = "it runs as another user"
            raise PauseError(message)
        if time.monotonic() > deadline:
            proceed(means.table.source, stopped)
            message = "it was stopped and went on: something continues it"
            raise PauseError(message)
        time.sleep(TICK_S)


def _in(marks: list[Mark], entry: Entry) -> bool:
    return Mark.of(entry) in marks
