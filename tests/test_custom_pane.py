"""An agent of the configuration in real panes, whose logs tell no folder."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING

from tmux_fixtures import TmuxServer, wait_until
from watching import data, kill_watcher, start_watcher

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[[agents.custom]]
name = "mine"
logs = "~/.mine/**/*.jsonl"
time = "at"
input = "in"
output = "out"
program = "mine"
"""


def test_each_program_has_the_session_that_begins_with_it(
    home: Path, tmux_server: TmuxServer
) -> None:
    for folder in (".config/tmuxmeter", ".mine", "one", "two"):
        (home / folder).mkdir(parents=True)
    (home / ".config/tmuxmeter/config.toml").write_text(CONFIG)
    Servers(home / ".local/state/tmuxmeter/run").register(tmux_server.socket)
    watcher = start_watcher(home)
    try:
        wait_until(lambda: data("panes", "--home", home)["watching"])
        command = "exec " + shlex.join(["env", f"HOME={home}", "bash", "-c", "exec -a mine cat"])
        wanted = {}
        for number, folder in ((1, "one"), (20, "two")):
            pane = tmux_server.window(command, cwd=home / folder)
            name = ("display-message", "-p", "-t", pane, "#{pane_current_command}")
            wait_until(lambda name=name: tmux_server.run(*name).strip() == "mine")
            record = {"at": time.time(), "in": number, "out": 1}
            (home / f".mine/{folder}.jsonl").write_text(json.dumps(record) + "\n")
            wanted[pane] = number
            wait_until(lambda: spend(home) == wanted)
    finally:
        print(spend(home), data("panes", "--home", home)["panes"])
        kill_watcher(home)
        watcher.wait()


def spend(home: Path) -> dict[str | None, int]:
    """Return today's input tokens by pane."""
    rows = data("today", "--home", home)["by_pane"]
    return {row["pane"]: row["input_tokens"]["fresh"] for row in rows}
