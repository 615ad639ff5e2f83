"""Opening a tmux session of one's own with the meter on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.cli.meter import attach_meter
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.formats import interpolate

if TYPE_CHECKING:
    from tmuxmeter.cli.context import Context

SESSION = "tmuxmeter"


def open_session(context: Context) -> None:
    """Attach to a session named ``tmuxmeter`` on the user's tmux server, made where needed.

    Where none of the user's formats shows the meter, this session alone gets one that does.
    """
    command = ["tmux", "new-session", "-d", "-P", "-F", "#{socket_path}", "-s", SESSION]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        command = ["tmux", "display-message", "-p", "-t", f"={SESSION}:", "#{socket_path}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    socket = Path(answer.stdout.strip())
    tmux = Tmux(socket)
    right = tmux.run(["display-message", "-p", "-t", f"={SESSION}:", "#{status-right}"])
    if interpolate(right) == right:
        tmux.run(["set-option", "-t", f"={SESSION}:", "status-right", "#{tmuxmeter} "])
        tmux.run(["set-option", "-t", f"={SESSION}:", "status-right-length", "100"])
    attach_meter(context, socket, quiet=True)
    os.execvp("tmux", ["tmux", "attach-session", "-t", f"={SESSION}:"])  # noqa: S606
