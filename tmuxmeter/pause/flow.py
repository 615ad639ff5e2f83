"""Freezing an agent by its terminal: what it writes is held back, and so is the agent.

Claude Code does everything on the thread that writes to the terminal, so it stands still at its
next byte: no request in 20 of 20 rounds (measured with 2.1.197); the terminal's modes, its
foreground group and what is typed stay as they are. Programs with several threads go on.
"""

from __future__ import annotations

import contextlib
import os
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import PauseError
from tmuxmeter.pause.marks import Mark, marks_from, marks_to, proceed, running, wait_for
from tmuxmeter.pause.method import Done, Note, Undo, count
from tmuxmeter.pause.stopping import stop_tree
from tmuxmeter.pause.terminal import device_of, opened, takes_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.panes.processes import Entry
    from tmuxmeter.pause.means import Means

METHOD = "tcflow"
HELD = frozenset({"claude"})
"""Agents that stand still when their terminal takes nothing (measured)."""
HELD_S = 0.05
STILL_S = 0.6
"""How long an agent at work may take to its next byte: it shows some ten a second."""
_IN_TERMINAL = "wait_woken"
"""Where the kernel lets a thread wait that writes to a terminal which takes nothing (Linux)."""


def terminal_of(core: Entry, pane_tty: str) -> str:
    """Return the path of the terminal a process writes to, "" if it writes elsewhere."""
    if not core.tty:
        return ""
    if core.tty == device_of(pane_tty):
        path = pane_tty
    else:
        try:
            path = os.readlink(f"/proc/{core.pid}/fd/1")  # noqa: PTH115 - also what is no file
        except OSError:
            return ""
    if core.tty != device_of(path):
        return ""
    with contextlib.suppress(OSError):
        # its own output may go into a pipe, which nothing here would hold
        if os.stat(f"/proc/{core.pid}/fd/1").st_rdev != core.tty:  # noqa: PTH116
            return ""
    return path


def hold_output(means: Means, core: Entry, pane_tty: str, note: Note, *, busy: bool) -> Done:
    """Hold back an agent's output and stop all below it.

    One that may be ``busy`` is waited for: until its next byte it could still send something.

    Raises
    ------
    PauseError
        Its terminal can't be held; all goes on.
    """
    tty = terminal_of(core, pane_tty)
    if not tty:
        message = "its output doesn't go to its pane's terminal"
        raise PauseError(message)
    own = means.table.get(means.own_pid)
    if own is not None and own.tty == core.tty:
        message = "this very command runs in its terminal and would stand still with it"
        raise PauseError(message)
    undo: Undo = {"tty": tty, "device": core.tty, "stopped": []}
    note(METHOD, undo)
    try:
        stopped = _hold(means, core, undo, note)
    except PauseError:
        release_output(means, undo)
        raise
    except (OSError, termios.error) as error:
        release_output(means, undo)
        message = f"its terminal can't be held: {error}"
        raise PauseError(message) from error
    undo["stopped"] = marks_to(stopped)
    below = f", {count(len(stopped), 'process', 'processes')} below it stopped" if stopped else ""
    still = busy and wait_for(lambda: _waits(core.pid), STILL_S)
    seen = f"terminal output held{below}{'; it stands still' if still else ''}"
    return Done(METHOD, seen, undo)


def _waits(pid: int) -> bool:
    """Tell whether a process's main thread waits for its terminal to take a byte."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text() == _IN_TERMINAL
    except OSError:
        return False


def _hold(means: Means, core: Entry, undo: Undo, note: Note) -> list[Mark]:
    with opened(undo["tty"], core.tty) as descriptor:
        termios.tcflow(descriptor, termios.TCOOFF)
        stopped = stop_tree(
            means,
            core,
            with_top=False,
            note=lambda marks: note(METHOD, undo | {"stopped": marks_to(marks)}),
        )
        undo["stopped"] = marks_to(stopped)
        message = ""
        if wait_for(lambda: takes_output(descriptor), HELD_S):
            message = "its terminal goes on taking what it writes"
        elif running(means.table.source, Mark.of(core)) is None:
            message = "it has just ended"
    if message:
        raise PauseError(message)
    return stopped


def release_output(means: Means, undo: Mapping[str, Any]) -> str:
    """Let output through again and all below the agent go on; return what was seen.

    A terminal that is another one by now, or gone, holds nothing back any more.
    """
    proceed(means.table.source, marks_from(undo.get("stopped")))
    tty, device = undo.get("tty"), undo.get("device")
    if isinstance(tty, str) and isinstance(device, int):
        with contextlib.suppress(OSError, termios.error), opened(tty, device) as descriptor:
            termios.tcflow(descriptor, termios.TCOON)
    return "goes on"
