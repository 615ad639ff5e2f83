"""Opening a tmux session of one's own with the meter on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.cli.meter import attach_meter
from tmuxmeter.errors import TmuxError
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.formats import interpolate

if TYPE_CHECKING:
    from tmuxmeter.cli.context import Context

SESSION = "tmuxmeter"
NARROW = "10"
"""tmux's own length of status-left, which cuts the session's name."""


def open_session(context: Context) -> None:
    """Attach to a session named ``tmuxmeter`` on the user's tmux server, made where needed.

    Where none of the user's formats shows the meter, this session alone gets one that does.

    Raises
    ------
    TmuxError
        tmux has no use for this terminal, or none for its socket's folder.
    """
    command = ["tmux", "new-session", "-d", "-P", "-F", "#{socket_path}", "-s", SESSION]
    made = answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        command = ["tmux", "display-message", "-p", "-t", f"={SESSION}:", "#{socket_path}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise no_session(made.stderr)
    socket = Path(answer.stdout.strip())
    tmux = Tmux(socket)
    right = tmux.run(["display-message", "-p", "-t", f"={SESSION}:", "#{status-right}"])
    if interpolate(right) == right:
        tmux.run(["set-option", "-t", f"={SESSION}:", "status-right", "#{tmuxmeter} "])
        tmux.run(["set-option", "-t", f"={SESSION}:", "status-right-length", "100"])
        left = ["display-message", "-p", "-t", f"={SESSION}:", "#{status-left-length}"]
        if tmux.run(left).strip() == NARROW:
            tmux.run(["set-option", "-t", f"={SESSION}:", "status-left-length", "20"])
    attach_meter(context, socket, quiet=True)
    os.execvp("tmux", ["tmux", "attach-session", "-t", f"={SESSION}:"])  # noqa: S606


def no_session(said: str) -> TmuxError:
    """Return the failure of a tmux that opens no session: it knows no such terminal, say."""
    return TmuxError(f"tmux can't open a session: {said.strip() or 'it does not say why'}")
