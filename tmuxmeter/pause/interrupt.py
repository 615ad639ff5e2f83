"""Interrupting an agent's turn by its own key, only while it works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tmuxmeter.errors import PauseError
from tmuxmeter.pause.keys import set_input, type_keys
from tmuxmeter.pause.marks import Mark, running, wait_for
from tmuxmeter.pause.method import Done, Note
from tmuxmeter.pause.target import IDLE, WAITING, WORKING
from tmuxmeter.pause.terminal import device_of

if TYPE_CHECKING:
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.target import Target

METHOD, INPUT = "key", "input"
KEYS = {
    "claude": ("Escape",),
    "codex": ("Escape",),
    "gemini": ("Escape",),
    "opencode": ("Escape", "Escape"),
}
"""What ends a turn (seen with Claude Code 2.1.330, Codex 0.169, Gemini CLI 0.61, OpenCode 1.18).
Pressed at an idle agent the same keys do something else: two of them open Claude's history."""
APART_S = 0.15
"""Between two keys: an Escape right behind another is taken for one key with Alt (OpenCode)."""
END_S = 4.0


def interrupt(means: Means, target: Target, pane_tty: str, note: Note) -> Done:
    """End the agent's turn, and see it end; then what is typed is dropped until it may go on.

    Of one that doesn't work only what is typed is dropped: it sends nothing without a prompt.

    Raises
    ------
    PauseError
        Keys wouldn't reach it; nobody knows whether it works, or how to end its turn; or its turn
        goes on.
    """
    core = running(means.table.source, Mark.of(target.core))
    if core is None:
        message = "it has just ended"
        raise PauseError(message)
    if core.tty != device_of(pane_tty) or core.foreground != core.group:
        message = "it isn't in front in its pane: keys would reach something else"
        raise PauseError(message)
    state = means.state_now(target)
    tmux = means.tmux(target.ref.socket)
    if state in (IDLE, WAITING):
        note(INPUT, {"input": "off"})
        set_input(tmux, target.ref.pane, on=False)
        return Done(INPUT, f"it was {state}: nothing to interrupt; input off", {"input": "off"})
    if state != WORKING:
        message = "what it does can't be told, and its interrupt key is only pressed while it works"
        raise PauseError(message)
    keys = KEYS.get(target.agent)
    if keys is None:
        message = "its interrupt key isn't known"
        raise PauseError(message)
    note(METHOD, {})
    for number, key in enumerate(keys):
        if number:
            time.sleep(APART_S)
        type_keys(tmux, target.ref.pane, key)
    if not wait_for(lambda: means.state_now(target) not in (WORKING, ""), END_S):
        message = f"{' '.join(keys)} was pressed, and its turn goes on"
        raise PauseError(message)
    set_input(tmux, target.ref.pane, on=False)
    return Done(METHOD, f"turn ended by {' '.join(keys)}; input off", {"input": "off"})
