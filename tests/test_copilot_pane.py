"""Copilot in real panes of one folder: the files it holds open tell whose session is whose."""

from __future__ import annotations

import json
import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tmux_fixtures import TmuxServer, wait_until
from watching import data, kill_watcher, start_watcher

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

AS_COPILOT = "exec -a copilot bash -c 'while read -r path; do exec {fd}>>\"$path\"; done'"
"""Opens for writing whatever path it is told, and keeps it open."""
FIRST, SECOND, THIRD = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))


def test_programs_that_start_at_once_in_one_folder_keep_apart(
    home: Path, tmux_server: TmuxServer
) -> None:
    project = home / "app"
    project.mkdir()
    Servers(home / ".local/state/tmuxmeter/run").register(tmux_server.socket)
    watcher = start_watcher(home)
    try:
        wait_until(lambda: data("panes", "--home", home)["watching"])
        command = "exec " + shlex.join(["env", f"HOME={home}", "bash", "-c", AS_COPILOT])
        left, right = (tmux_server.window(command, cwd=project) for _ in range(2))
        for pane in (left, right):
            name = ("display-message", "-p", "-t", pane, "#{pane_current_command}")
            wait_until(lambda name=name: tmux_server.run(*name).strip() == "copilot")
        begin(home, tmux_server, right, FIRST, project)
        begin(home, tmux_server, left, SECOND, project)
        work(home, FIRST, 100)
        work(home, SECOND, 2000)
        wait_until(lambda: spend(home) == {right: 100, left: 2000})
        assert {row["evidence"] for row in known(home)} == {"open-log, tree"}
        # Another one begins while the turn of the first goes on behind it.
        begin(home, tmux_server, left, THIRD, project)
        work(home, THIRD, 30_000)
        wait_until(lambda: spend(home) == {right: 100, left: 32_000})
        wait_until(lambda: {row["agent_session"] for row in known(home)} == {FIRST, THIRD})
        work(home, SECOND, 400_000)
        wait_until(lambda: spend(home) == {right: 100, left: 432_000})
        # The one that was prompted last is in front.
        tell(home, SECOND, "user.message", content="go on")
        wait_until(lambda: {row["agent_session"] for row in known(home)} == {FIRST, SECOND})
    finally:
        print(spend(home), known(home))
        kill_watcher(home)
        watcher.wait()


def begin(home: Path, server: TmuxServer, pane: str, session: str, folder: Path) -> None:
    """Let the program in a pane begin a session."""
    place = home / ".copilot/session-state" / session
    place.mkdir(parents=True)
    held = place / "inuse.1.hold"
    server.run("send-keys", "-t", pane, "-l", str(held))
    server.run("send-keys", "-t", pane, "Enter")
    wait_until(held.exists)
    context = {"cwd": str(folder), "branch": "main"}
    told = {"sessionId": session, "copilotVersion": "1.0.102", "context": context}
    tell(home, session, "session.start", **told)
    tell(home, session, "user.message", content="do it")


def work(home: Path, session: str, tokens: int) -> None:
    """Write a request of a session."""
    usage = {"model": "gpt-5.5", "inputTokens": tokens, "outputTokens": 1}
    tell(home, session, "session.usage_record", usage=usage)


def tell(home: Path, session: str, kind: str, **content: Any) -> None:
    """Write a record of a session, as of now."""
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"type": kind, "data": content, "id": str(time.time_ns()), "timestamp": stamp}
    path = home / ".copilot/session-state" / session / "events.jsonl"
    with path.open("a") as log:
        log.write(json.dumps(record) + "\n")


def spend(home: Path) -> dict[str | None, int]:
    """Return today's input tokens by pane."""
    rows = data("today", "--home", home)["by_pane"]
    return {row["pane"]: row["input_tokens"]["fresh"] for row in rows}


def known(home: Path) -> list[dict[str, Any]]:
    """Return the panes with an agent whose session is known."""
    return [row for row in data("panes", "--home", home)["panes"] if row["agent_session"]]
