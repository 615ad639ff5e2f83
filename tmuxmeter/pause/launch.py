"""How an agent was started, as far as stopping it depends on it.

A process that stops is noticed by its parent alone, and only by one that waits for it: by tmux if
it is the pane's own process (tmux continues it at once), and by a shell with job control if it is
one of the shell's jobs (the shell takes the terminal, and the agent comes back in the background).
One level deeper nobody looks, and a job only counts as stopped when nothing of it goes on (all
measured with bash, zsh, fish and tmux 3.3a).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.pause.marks import STOPPED

if TYPE_CHECKING:
    from tmuxmeter.panes.processes import Entry, ProcessTable

WRAPPED = "wrapped"
"""Its parent put it into no group of its own: a wrapper, which doesn't look."""
PIPED = "piped"
"""A shell's job, of which another part goes on: it reads what the agent writes."""
JOB = "job"
"""A shell's job."""
PANE = "pane"
"""The process that tmux, or another program that gives it a terminal, started itself."""
AWAY = "away"
"""Not below the pane's process."""


class Launch(NamedTuple):
    """How the agent's process was started; ``parent`` is who did it, None if nobody is left."""

    kind: str
    core: Entry
    parent: Entry | None


def launch_of(table: ProcessTable, core: Entry, pane_pid: int) -> Launch:
    """Return how a process below a pane was started."""
    parent = table.get(core.ppid)
    if core.pid == pane_pid:
        return Launch(PANE, core, parent)
    if parent is None or all(entry.pid != pane_pid for entry in table.ancestors(core.pid)):
        return Launch(AWAY, core, parent)
    if core.group == core.pid == core.session:
        return Launch(PANE, core, parent)
    if not core.group:
        # Only /proc tells groups; without them every child may be a shell's job.
        return Launch(JOB, core, parent)
    if core.group == parent.group:
        return Launch(WRAPPED, core, parent)
    if any(_reads(sibling, core) for sibling in _others_of_job(table, core)):
        return Launch(PIPED, core, parent)
    return Launch(JOB, core, parent)


def _others_of_job(table: ProcessTable, core: Entry) -> list[Entry]:
    """Return the processes of the same job that go on when the agent stops."""
    return [
        entry
        for entry in table.entries.values()
        if entry.pid != core.pid
        and (entry.ppid, entry.group) == (core.ppid, core.group)
        and entry.state not in STOPPED
    ]


def _reads(reader: Entry, writer: Entry) -> bool:
    """Tell whether a process reads what another writes: then it can't end before that one does."""
    try:
        end = os.readlink(f"/proc/{reader.pid}/fd/0")  # noqa: PTH115 - no file's path
        ends = {os.readlink(f"/proc/{writer.pid}/fd/{number}") for number in (1, 2)}  # noqa: PTH115
    except OSError:
        return False
    return end.startswith("pipe:") and end in ends
