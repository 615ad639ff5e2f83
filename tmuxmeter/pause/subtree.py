"""Freezing an agent where nobody notices: the process and all below it are stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import PauseError
from tmuxmeter.pause.marks import STOPPED, Mark, marks_from, marks_to, proceed, running, wait_for
from tmuxmeter.pause.method import Done, Note, count
from tmuxmeter.pause.stopping import stop_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.panes.processes import Entry
    from tmuxmeter.pause.means import Means

METHOD, DAEMON = "subtree", "daemon"
NOTICE_S = 0.06
"""tmux and shells answer to a stopped child within a few milliseconds (measured)."""
RESUME_S = 0.5


def freeze_tree(means: Means, core: Entry, note: Note, method: str = METHOD) -> Done:
    """Stop a process and all below it, and see that it stays so.

    Raises
    ------
    PauseError
        It didn't stop, or somebody noticed; it goes on again.
    """
    stopped = stop_tree(
        means, core, with_top=True, note=lambda marks: note(method, {"stopped": marks_to(marks)})
    )
    source = means.table.source
    mark = Mark.of(core)

    def disturbed() -> bool:
        entry = running(source, mark)
        return entry is None or entry.state not in STOPPED or entry.foreground != core.foreground

    if wait_for(disturbed, NOTICE_S):
        proceed(source, stopped)
        message = "somebody minds that it is stopped; it goes on"
        raise PauseError(message)
    seen = f"{count(len(stopped), 'process', 'processes')} stopped"
    return Done(method, seen, {"stopped": marks_to(stopped)})


def thaw_tree(means: Means, core: Mark, undo: Mapping[str, Any]) -> str:
    """Let all go on, those below first; return what was seen.

    Raises
    ------
    PauseError
        The agent still doesn't run.
    """
    source = means.table.source
    stopped = marks_from(undo.get("stopped"))
    proceed(source, stopped)
    if core not in stopped:
        return "goes on"

    def runs() -> bool:
        entry = running(source, core)
        return entry is None or entry.state not in STOPPED

    if not wait_for(runs, RESUME_S):
        message = "it was told to go on and stands still: type `fg` in its pane"
        raise PauseError(message)
    return "goes on" if running(source, core) else "had ended meanwhile"
