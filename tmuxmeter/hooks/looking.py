"""Giving a pane its look back whose pause its own hook lets go of, where no watcher is left to.

Part of the program that waits, so with the standard library and this package alone. The pause stays
written down, as over: the next watcher tells of it, and the guard must not take it for a human's
wish.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tmuxmeter.errors import TmuxmeterError
from tmuxmeter.pause.look import undim
from tmuxmeter.pause.pane import same_pane
from tmuxmeter.pause.records import FOLDER, HOLD, PauseStore
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 2.0
"""How long a server, or somebody else at the pane, is waited for: the agent waits as well."""


def give_look_back(state: Path, agent: str, session: str) -> None:
    """Give the panes in which a session was held their look back, as far as that can be done."""
    store = PauseStore(state / FOLDER)
    for pause in store.all():
        before = pause.undo.get("look")
        if (pause.way, pause.agent, pause.session) != (HOLD, agent, session):
            continue
        if not isinstance(before, dict):
            continue
        tmux = Tmux(pause.socket, timeout=PATIENCE_S)
        with (
            contextlib.suppress(TmuxmeterError, OSError),
            store.alone(pause.socket, pause.pane_id, PATIENCE_S),
        ):
            same_pane(tmux, pause.pane_id, pause.server_pid, pause.pane_pid)
            undim(tmux, pause.pane_id, before)
