"""Setting the stage: a scratch home with a week of played logs, and panes that go on writing them.

Nothing of the user's is touched: home, tmux server and meter are the demo's own and go with it.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tmuxmeter.demo import MARK
from tmuxmeter.demo.script import past_days

if TYPE_CHECKING:
    from collections.abc import Mapping

SEED = 340_000

TMUX_CONFIG = """\
set -g default-terminal "screen-256color"
set -g mouse on
set -g status-interval 1
set -g status-right-length 120
set -g status-left "#[bold] tmuxmeter demo #[default] "
set -g status-right "#{tmuxmeter} "
set -g window-status-format " #I:#W #{tmuxmeter_window} "
set -g window-status-current-format "#[reverse] #I:#W #{tmuxmeter_window} #[noreverse]"
set -g pane-border-status top
set -g pane-border-format " #P #{tmuxmeter_pane} "
"""


def write_week(home: Path, now_ms: int, seed: int = SEED) -> None:
    """Fill a scratch home with the logs of the days before ``now_ms``, and mark it as a demo."""
    (home / MARK).write_text("Everything below here is played.\n")
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
    for project in ("shop", "docs"):
        (home / "projects" / project).mkdir(parents=True, exist_ok=True)


def actor_command(home: Path, kind: str, project: str, model: str = "") -> str:
    """Return the shell command that plays one agent under the agent's own process name."""
    # under another name Python does not find its environment: name its folder, and the real program
    package = Path(__file__).parents[2]
    python = Path(sys.executable).resolve()
    cwd = home / "projects" / project
    words = [str(home), str(cwd), str(SEED + hash_of(kind + project)), *([model] if model else [])]
    return (
        f"PYTHONPATH={shlex.quote(str(package))} exec -a {kind} {shlex.quote(str(python))} "
        f"-m tmuxmeter.demo.actor {kind} {shlex.join(words)}"
    )


def hash_of(text: str) -> int:
    """Return a small number for a text, the same in every run."""
    return sum(text.encode())


def stage_commands(home: Path, environment: Mapping[str, str]) -> list[list[str]]:
    """Return the tmux commands that build the demo's panes: three agents, and a shell beside them.

    ``environment`` are variables the panes get, so that ``tmuxmeter`` typed there shows the demo.
    """
    bash = ["bash", "--norc", "--noprofile", "-c"]
    shared = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
    size = ["-x", "200", "-y", "50"]

    def actor(kind: str, project: str, model: str = "") -> list[str]:
        return [*bash, actor_command(home, kind, project, model)]

    return [
        [
            "new-session",
            "-d",
            "-s",
            "demo",
            "-n",
            "agents",
            *size,
            *shared,
            *actor("claude", "shop"),
        ],
        ["split-window", "-h", "-t", "demo:agents", *shared, *actor("codex", "shop")],
        [
            "split-window",
            "-v",
            "-t",
            "demo:agents",
            *shared,
            *actor("claude", "docs", "claude-haiku-4-5"),
        ],
        ["select-layout", "-t", "demo:agents", "main-vertical"],
        ["new-window", "-d", "-t", "demo:", "-n", "shell", *shared],
    ]
