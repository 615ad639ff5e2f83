"""Freezing an agent by its own suspend key, and bringing it back with the shell's ``fg``.

For agents that a shell with job control started itself: the shell is told, so it must be part of
it. The agent puts the terminal back before it stops; should it not set its modes again when it
comes back, they are set from what was saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import PauseError
from tmuxmeter.pause.keys import set_input, type_keys
from tmuxmeter.pause.marks import STOPPED, Mark, marks_from, marks_to, proceed, running, wait_for
from tmuxmeter.pause.method import Done, Note, Undo, count
from tmuxmeter.pause.stopping import stop_tree
from tmuxmeter.pause.terminal import modes, opened, set_modes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.panes.processes import Entry, Source
    from tmuxmeter.pause.means import Means
    from tmuxmeter.tmux.client import Tmux

METHOD = "suspend"
SUSPEND_S = 1.0
RESUME_S = 2.0
MODES_S = 0.5
"""How long a program that came back may take to set its modes itself."""


def suspend(
    means: Means, core: Entry, shell: Entry, tmux: Tmux, pane_id: str, pane_tty: str, note: Note
) -> Done:
    """Press the suspend key, and see that the agent stops and the shell has the terminal.

    Raises
    ------
    PauseError
        It isn't in front, or doesn't suspend itself.
    """
    source = means.table.source
    mark = Mark.of(core)
    if core.foreground != core.group:
        message = "it isn't in front of its pane's shell"
        raise PauseError(message)
    try:
        with opened(pane_tty, core.tty) as descriptor:
            saved = modes(descriptor)
    except OSError as error:
        message = f"its terminal's modes can't be read: {error}"
        raise PauseError(message) from error
    undo: Undo = {
        "tty": pane_tty,
        "device": core.tty,
        "modes": saved,
        "shell": marks_to([Mark.of(shell)]),
        "stopped": [],
    }
    note(METHOD, undo)
    type_keys(tmux, pane_id, "C-z")

    def suspended() -> bool:
        entry = running(source, mark)
        return entry is not None and entry.state in STOPPED and _is_in_front(source, shell)

    if not wait_for(suspended, SUSPEND_S):
        message = "it doesn't suspend itself on Ctrl-z"
        raise PauseError(message)
    # from here on a key would go to the shell
    set_input(tmux, pane_id, on=False)
    undo["input"] = "off"
    note(METHOD, undo)
    try:
        stopped = stop_tree(
            means,
            core,
            with_top=False,
            note=lambda marks: note(METHOD, undo | {"stopped": marks_to(marks)}),
        )
    except PauseError:
        come_back(means, mark, tmux, pane_id, undo)
        raise
    undo["stopped"] = marks_to(stopped)
    below = f", {count(len(stopped), 'process', 'processes')} below it stopped" if stopped else ""
    return Done(METHOD, f"suspended by its own key{below}; input off", undo)


def come_back(means: Means, core: Mark, tmux: Tmux, pane_id: str, undo: Mapping[str, Any]) -> str:
    """Bring the agent back into the foreground with its terminal as it was.

    Raises
    ------
    PauseError
        It doesn't come back; what to do is told.
    """
    source = means.table.source
    proceed(source, marks_from(undo.get("stopped")))
    entry = running(source, core)
    if entry is None:
        set_input(tmux, pane_id, on=True)
        return "had ended meanwhile"
    if entry.state not in STOPPED and entry.foreground == entry.group:
        set_input(tmux, pane_id, on=True)
        return "was brought back already"
    shells = marks_from(undo.get("shell"))
    shell = running(source, shells[0]) if shells else None
    if shell is None or not _is_in_front(source, shell):
        set_input(tmux, pane_id, on=True)
        message = "something else runs in its pane: end that and type `fg`"
        raise PauseError(message)
    # C-u: what was typed before input was off would stand before the command
    type_keys(tmux, pane_id, "C-u", "Space", "f", "g", "Enter")

    def back() -> bool:
        now = running(source, core)
        return now is None or (now.state not in STOPPED and now.foreground == now.group)

    if not wait_for(back, RESUME_S):
        message = "its shell did not bring it back: type `fg` in its pane"
        raise PauseError(message)
    if running(source, core) is None:
        return "had ended meanwhile"
    return f"goes on{_restore_modes(undo)}"


def _restore_modes(undo: Mapping[str, Any]) -> str:
    saved, tty, device = undo.get("modes"), undo.get("tty"), undo.get("device")
    if not (isinstance(saved, dict) and isinstance(tty, str) and isinstance(device, int)):
        return ""
    try:
        with opened(tty, device) as descriptor:
            if wait_for(lambda: modes(descriptor) == saved, MODES_S):
                return ""
            set_modes(descriptor, saved)
    except (OSError, ValueError) as error:
        return f"; its terminal's modes could not be set: {error}"
    return ", terminal modes set again"


def _is_in_front(source: Source, shell: Entry) -> bool:
    entry = running(source, Mark.of(shell))
    return entry is not None and entry.foreground == entry.group
