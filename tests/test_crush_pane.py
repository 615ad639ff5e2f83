"""Crush in a real pane: its session is found by the folder that its database lies in."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING

from test_agents_crush import T0, Store
from tmux_fixtures import TmuxServer, wait_until
from watching import data

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

AS_CRUSH = "exec -a crush cat"


def test_a_session_is_tied_to_the_pane_in_its_project(home: Path, tmux_server: TmuxServer) -> None:
    project = home / "app"
    root = project / ".crush"
    root.mkdir(parents=True)
    listed = home / ".local/share/crush/projects.json"
    listed.parent.mkdir(parents=True)
    listed.write_text(json.dumps({"projects": [{"path": str(project), "data_dir": ".crush"}]}))
    Servers(home / ".local/state/tmuxmeter/run").register(tmux_server.socket)
    command = shlex.join(["env", f"HOME={home}", "bash", "-c", AS_CRUSH])
    pane = tmux_server.window(command, cwd=project)
    wait_until(lambda: data("panes", "--home", home)["panes"])
    now = int(time.time())
    store = Store(root)
    store.connection.execute(
        "INSERT INTO sessions VALUES ('s1', NULL, 't', 0, 0, 0, 0, ?, ?)", (now, now)
    )
    store.message("m1", "user", ("text", {"text": "go"}), at=now - T0)
    store.connection.close()
    (row,) = data("panes", "--home", home)["panes"]
    assert (row["pane"], row["agent"], row["agent_session"]) == (pane, "crush", "s1")
    assert (row["state"], row["unmetered"], row["project"]) == ("working", True, str(project))
    assert row["evidence"].startswith("start")
