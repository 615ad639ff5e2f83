"""``run``: start an agent below a holder, so that freezing it is clean everywhere."""

from __future__ import annotations

import os
import shutil
import signal
import sys

import click

from tmuxmeter.errors import MissingProgramError

HOLDER = """
exec 3<&0
"$@" <&3 3<&- &
agent=$!
exec 3<&-
trap 'kill -TERM "$agent" 2>/dev/null' TERM
trap 'kill -HUP "$agent" 2>/dev/null' HUP
trap : INT QUIT
wait "$agent"
code=$?
while kill -0 "$agent" 2>/dev/null; do
  wait "$agent"
  code=$?
done
exit "$code"
"""
"""A shell that isn't interactive doesn't look whether its child stopped, which is the whole point.

It waits in the background's way because a shell that waits for a foreground child handles a TERM
only after that child ended; 3 is the terminal, which the background's way would take away.
"""

START = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGQUIT):
    if str(int(number)) not in sys.argv[1].split(","):
        signal.signal(number, signal.SIG_DFL)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Becomes the agent, with the signals back that a shell's background and Python itself ignore."""


@click.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("command", metavar="-- AGENT [ARGUMENT]...", nargs=-1, required=True)
def run_command(command: tuple[str, ...]) -> None:
    """Start an agent so that `tmuxmeter pause` can freeze it cleanly wherever it runs.

    A small shell stays above it, and passes on its exit status and the signals meant for it.
    """
    if shutil.which(command[0]) is None:
        message = f"{command[0]} is not installed, or can't be run"
        raise MissingProgramError(message)
    ignored = ",".join(
        str(int(number))
        for number in (signal.SIGINT, signal.SIGQUIT)
        # Python itself takes SIGINT over unless it was ignored
        if signal.getsignal(number) == signal.SIG_IGN
    )
    start = [sys.executable, "-I", "-S", "-c", START, ignored, *command]
    sys.stdout.flush()
    # one that was closed is nothing now, and has to stay there for the shell
    os.set_inheritable(sys.stdin.fileno(), True)
    os.execv("/bin/sh", ["sh", "-c", HOLDER, "tmuxmeter-run", *start])  # noqa: S606 - its own shell
