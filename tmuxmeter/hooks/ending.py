"""Ending a pause that its own hook lets go of, where no watcher is left to do it.

Part of the program that waits, so with the standard library and this package alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.errors import PaneGoneError, PauseError, TmuxmeterError
from tmuxmeter.pause.look import undim
from tmuxmeter.pause.pane import same_pane
from tmuxmeter.pause.records import FOLDER, HOLD, PauseStore
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.pause.records import Pause

PATIENCE_S = 2.0
"""How long a server, or somebody else at the pane, is waited for: the agent waits as well."""


def end_holds(state: Path, agent: str, session: str) -> None:
    """Give the panes in which a session was held their look back, and forget those pauses.

    What can't be ended stays written down: ``doctor`` tells of it.
    """
    store = PauseStore(state / FOLDER)
    for pause in store.all():
        if (pause.way, pause.agent, pause.session) != (HOLD, agent, session):
            continue
        try:
            with store.alone(pause.socket, pause.pane_id, PATIENCE_S):
                _look_back(pause)
                store.remove(pause.id)
        except (TmuxmeterError, OSError):
            continue


def _look_back(pause: Pause) -> None:
    tmux = Tmux(pause.socket, timeout=PATIENCE_S)
    try:
        same_pane(tmux, pause.pane_id, pause.server_pid, pause.pane_pid)
    except (PaneGoneError, PauseError):
        return  # there is no look to give back
    before = pause.undo.get("look")
    if isinstance(before, dict):
        undim(tmux, pause.pane_id, before)
