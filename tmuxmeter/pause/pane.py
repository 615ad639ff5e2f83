"""Making sure that a pane is still the one that was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import PaneGoneError, PauseError, TmuxError

if TYPE_CHECKING:
    from tmuxmeter.tmux.client import Tmux

_QUESTION = "#{pid}|#{start_time}|#{pane_id}|#{pane_pid}|#{pane_dead}|#{pane_input_off}|#{pane_tty}"


class PaneFacts(NamedTuple):
    """A pane at this moment."""

    server_pid: int
    server_started: int
    pane_id: str
    pid: int
    dead: bool
    input_off: bool
    tty: str


def look_at(tmux: Tmux, pane_id: str) -> PaneFacts:
    """Return a pane's facts.

    Raises
    ------
    PaneGoneError
        There is no such pane.
    TmuxError
        Its server doesn't answer.
    """
    try:
        answer = tmux.run(["display-message", "-p", "-t", pane_id, _QUESTION]).rstrip("\n")
    except TmuxError as error:
        if "can't find pane" in str(error):
            raise PaneGoneError(str(error)) from error
        raise
    try:
        server, started, pane, pid, dead, off, tty = answer.split("|", 6)
        # tmux 3.8 tells no process of a dead pane
        own = 0 if dead == "1" and not pid else int(pid)
        return PaneFacts(int(server), int(started), pane, own, dead == "1", off == "1", tty)
    except ValueError as error:
        # tmux 3.2 and 3.3 answer for no pane at all with empty fields
        message = f"there is no pane {pane_id}"
        raise PaneGoneError(message) from error


def same_pane(tmux: Tmux, pane_id: str, server_pid: int, pid: int) -> PaneFacts:
    """Return a pane's facts if it is still the same pane with the same process in it.

    Raises
    ------
    PauseError
        It is another one by now.
    TmuxError
        It is gone, or its server doesn't answer.
    """
    facts = look_at(tmux, pane_id)
    if (facts.server_pid, facts.pid, facts.pane_id) != (server_pid, pid, pane_id) or facts.dead:
        message = "its pane runs something else by now"
        raise PauseError(message)
    return facts
