"""Setting the stage: a scratch home with a week of played logs, and panes that go on writing them.

Nothing of the user's is touched: home, tmux server and meter are the demo's own and go with it.
"""

from __future__ import annotations

import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tmuxmeter.demo.script import CAST, past_days
from tmuxmeter.paths import DEMO_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.demo.script import Part

SEED = 340_000

DAY_SO_FAR_MS = 8 * 3_600_000
"""How long the played day has lasted when the demo begins."""

OWN_VARIABLES = ("CLAUDE", "CODEX", "TMUX", "XDG_")
"""Beginnings of the variables that tell where the user's own logs, settings and servers are."""

LEAST = (40, 15)
"""Columns and lines that three panes need."""
SESSION = "demo"
AGENTS, SHELL = f"{SESSION}:agents", f"{SESSION}:shell"

# Colours are set in pairs, so that they can be read on light and dark terminals. The keys work
# without a prefix because the demo may run inside another tmux, which takes the prefix for itself;
# the greeting explains them where a narrow status line can't.
TMUX_CONFIG = """\
set -g default-terminal "screen-256color"
set -g mouse on
set -g escape-time 50
set -g status-interval 1
set -g status-style "bg=colour236,fg=colour252"
set -g status-left-length 60
%hidden KEYS="#{?#{e|<:#{client_width},110},C-n C-q,C-n: next window  C-q: end}"
set -g status-left "#[bold] DEMO#[default]  $KEYS "
set -g status-right-length 60
set -g status-right "#{tmuxmeter} "
set -g @tmuxmeter_style_waiting "#[fg=colour222]"
set -g @tmuxmeter_style_problem "#[fg=colour210]"
set -g window-status-format " #I:#W #{tmuxmeter_window} "
set -g window-status-current-format "#[bold,bg=colour240] #I:#W #{tmuxmeter_window} "
set -g window-status-separator ""
set -g pane-border-status top
set -g pane-border-style "fg=colour245"
set -g pane-active-border-style "fg=colour32"
set -g pane-border-format " #P: #{tmuxmeter_pane} "
bind -n C-n next-window
bind -n C-q kill-server
"""

GREETING = """
  Three played agents work in the first window. This shell is in their home, so try:

    tmuxmeter today       what the day cost, and whether it pays
    tmuxmeter week        the shape of the week
    tmuxmeter breakeven   why the light has its colour, and where the line is
    tmuxmeter panes       who runs where, and how that is known
    tmuxmeter doctor      what the meter sees

  C-n goes to the other window, C-q ends the demo; nothing of it stays.
"""


def write_week(home: Path, now_ms: int, seed: int = SEED) -> None:
    """Fill a scratch home with the logs of the days before ``now_ms``, and mark it as a demo."""
    (home / DEMO_MARK).write_text("Everything below here is played.\n")
    logs: dict[str, list[str]] = {}
    last_ms: dict[str, int] = {}
    rng = Random(seed)  # noqa: S311 - played figures
    for path, (time_ms, line) in past_days(rng, str(home / "projects"), now_ms):
        logs.setdefault(path, []).append(line)
        last_ms[path] = time_ms
    for path, lines in logs.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
        os.utime(file, (last_ms[path] / 1000, last_ms[path] / 1000))
    for part in CAST:
        (home / "projects" / part.project).mkdir(parents=True, exist_ok=True)
    write_settings(home, now_ms)


def write_settings(home: Path, now_ms: int) -> None:
    """Let the demo's day begin some hours before ``now_ms``, by the local clock."""
    # with a day that begins at midnight, a demo shortly after it would have nothing to show
    begin = datetime.fromtimestamp((now_ms - DAY_SO_FAR_MS) / 1000).astimezone()
    file = home / ".config" / "tmuxmeter" / "config.toml"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(f'[day]\nstart = "{begin:%H:%M}"\n')


def actor_command(home: Path, kind: str, project: str) -> str:
    """Return the shell command that plays one agent under the agent's own process name."""
    # under another name Python does not find its environment: name its folder, and the real program
    package = Path(__file__).parents[2]
    python = Path(sys.executable).resolve()
    words = [str(home), project, str(SEED + hash_of(kind + project))]
    return (
        f"PYTHONPATH={shlex.quote(str(package))} exec -a {kind} {shlex.quote(str(python))} "
        f"-m tmuxmeter.demo.actor {kind} {shlex.join(words)}"
    )


def hash_of(text: str) -> int:
    """Return a small number for a text, the same in every run."""
    return sum(text.encode())


def stage_environment(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the demo's environment: the user's, but nothing in it leads to the user's own things.

    A ``tmuxmeter`` typed in the demo is the one that plays it.
    """
    script = home / "bin" / "tmuxmeter"
    script.parent.mkdir(exist_ok=True)
    words = shlex.join([sys.executable, "-m", "tmuxmeter", "--home", str(home)])
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o700)
    kept = {key: value for key, value in environment.items() if not key.startswith(OWN_VARIABLES)}
    return {**kept, "HOME": str(home), "PATH": f"{script.parent}:{environment.get('PATH', '')}"}


def stage_commands(home: Path, columns: int, lines: int) -> list[list[str]]:
    """Return the tmux commands that build the demo's panes: three agents, and a shell beside them.

    The shell greets; when it is first looked at, it shows the day. Panes are as large from the
    beginning as the terminal of so many columns and lines shows them: nothing is broken anew.
    """
    bash = ["bash", "--norc", "--noprofile"]

    def actor(part: Part) -> list[str]:
        return [*bash, "-c", actor_command(home, part.kind, part.project)]

    greet = f"printf '%s\\n' {shlex.quote(GREETING)}; PS1='demo$ ' exec {shlex.join([*bash, '-i'])}"
    left, right, below = map(actor, CAST)
    # the status line takes one line, and too small a window can't be split
    size = ["-x", str(max(columns, LEAST[0])), "-y", str(max(lines, LEAST[1]) - 1)]
    first = ["-d", "-s", SESSION, "-n", "agents", *size, "-c", str(home)]
    look = f"set-hook -gu session-window-changed; send-keys -t {SHELL} 'tmuxmeter today' Enter"
    return [
        ["new-session", *first, *left],
        ["split-window", "-h", "-t", AGENTS, *right],
        ["split-window", "-v", "-t", AGENTS, *below],
        ["new-window", "-d", "-t", f"{SESSION}:", "-n", "shell", "bash", "-c", greet],
        ["set-hook", "-g", "session-window-changed", look],
    ]


def attach_command() -> list[str]:
    """Return the tmux command that shows the demo; it ends when nobody looks any more."""
    return [
        "attach-session",
        "-t",
        f"={SESSION}:",
        ";",
        "set-option",
        "-g",
        "destroy-unattached",
        "on",
    ]
