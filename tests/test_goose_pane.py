"""Goose in real panes of one folder: whole seconds in its database give nobody another's spend."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from test_agents_goose import LEDGER, Store
from tmux_fixtures import TmuxServer, wait_until
from watching import data, kill_watcher, start_watcher

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

AS_GOOSE = "exec -a goose cat"
LATE_IN_A_SECOND = 0.6
"""Most of a second after its beginning, which is all that Goose writes of a time."""


def test_what_begins_in_the_second_of_its_programs_start_is_its_own(
    home: Path, tmux_server: TmuxServer
) -> None:
    project = home / "app"
    root = home / ".local/share/goose"
    for folder in (project, root):
        folder.mkdir(parents=True)
    store = Store(root)
    store.connection.executescript(LEDGER)
    Servers(home / ".local/state/tmuxmeter/run").register(tmux_server.socket)
    watcher = start_watcher(home)
    try:
        wait_until(lambda: data("panes", "--home", home)["watching"])
        command = "exec " + shlex.join(["env", f"HOME={home}", "bash", "-c", AS_GOOSE])
        wanted = {}
        for number in (1, 2):
            time.sleep((LATE_IN_A_SECOND - time.time()) % 1)
            pane = tmux_server.window(command, cwd=project)
            name = ("display-message", "-p", "-t", pane, "#{pane_current_command}")
            wait_until(lambda name=name: tmux_server.run(*name).strip() == "goose")
            begin(store, f"20261130_{number}", project, 1000 * number)
            wanted[pane] = 1000 * number
            wait_until(lambda count=number: len(spend(home)) == count)
        wait_until(lambda: spend(home) == wanted)
    finally:
        print(spend(home))
        kill_watcher(home)
        watcher.wait()
        store.connection.close()


def begin(store: Store, session: str, folder: Path, tokens: int) -> None:
    """Write a session that begins now, and its first request."""
    now = int(time.time())
    text = f"{datetime.fromtimestamp(now, UTC):%F %T}"
    store.connection.execute(
        "INSERT INTO sessions (id, working_dir, created_at, updated_at) VALUES (?, ?, ?, ?)",
        (session, str(folder), text, text),
    )
    store.connection.execute(
        "INSERT INTO usage_ledger (session_id, created_timestamp, input_tokens, output_tokens,"
        " model) VALUES (?, ?, ?, 1, 'gpt-4.1')",
        (session, now, tokens),
    )


def spend(home: Path) -> dict[str | None, int]:
    """Return today's input tokens by pane."""
    rows = data("today", "--home", home)["by_pane"]
    return {row["pane"]: row["input_tokens"]["fresh"] for row in rows}
