"""Typing into a pane, and keeping others from typing into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.errors import PauseError

if TYPE_CHECKING:
    from tmuxmeter.tmux.client import Tmux

_QUESTION = "#{pane_dead}|#{pane_synchronized}|#{pane_in_mode}"


def type_keys(tmux: Tmux, pane_id: str, *keys: str) -> None:
    """Press keys in one pane, which leaves copy mode for it.

    Raises
    ------
    PauseError
        What is typed there would be typed into other panes as well.
    TmuxError
        The pane is gone, or its server doesn't answer.
    """
    dead, together, mode = tmux.run(["display-message", "-p", "-t", pane_id, _QUESTION]).split("|")
    if dead == "1":
        message = "its program has ended"
        raise PauseError(message)
    if together == "1":
        message = "its window types into all its panes at once (synchronize-panes is on)"
        raise PauseError(message)
    # With a mode on, keys would go to the mode; with input off they would be dropped.
    leave = ["copy-mode", "-q", "-t", pane_id, ";"] if mode.strip() != "0" else []
    let_in = ["select-pane", "-e", "-t", pane_id, ";"]
    tmux.run([*leave, *let_in, "send-keys", "-t", pane_id, *keys])


def set_input(tmux: Tmux, pane_id: str, *, on: bool) -> None:
    """Have a pane take what is typed, or drop it; which pane is active stays as it is.

    Raises
    ------
    TmuxError
        The pane is gone, or its server doesn't answer.
    """
    tmux.run(["select-pane", "-e" if on else "-d", "-t", pane_id])
