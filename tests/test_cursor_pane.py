"""Cursor's agent in a real pane: which session it has, and that its spend is unknown, not none."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from build_cursor import CHAT, T0, Chat, Transcript, asked, ended, said
from tmux_fixtures import TmuxServer, wait_until
from watching import data, tmuxmeter

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

AS_CURSOR = "exec -a cursor-agent sleep 300"
"""The launcher becomes its runtime and keeps its own name."""


def test_a_session_without_tokens_is_found_and_never_free(
    home: Path, tmux_server: TmuxServer
) -> None:
    project = home / "app"
    project.mkdir()
    Servers(home / ".local/state/tmuxmeter/run").register(tmux_server.socket)
    command = shlex.join(["env", f"HOME={home}", "bash", "-c", AS_CURSOR])
    pane = tmux_server.window(command, cwd=project)
    wait_until(lambda: data("panes", "--home", home)["panes"])
    now = round(time.time() * 1000)
    Chat(home / ".cursor", cwd=str(project), made_ms=now).connection.close()
    transcript = Transcript(home / ".cursor")
    transcript.write(asked("Fix it"), at=now - T0)

    (row,) = data("panes", "--home", home)["panes"]
    assert (row["pane"], row["agent"], row["agent_session"]) == (pane, "cursor", CHAT)
    assert (row["state"], row["unmetered"]) == ("working", True)
    assert row["evidence"].startswith("start")
    assert 0 < row["confidence"] < 0.99
    words = tmuxmeter("panes", "--home", home).stdout
    assert "unmetered" in words
    assert "$0.00" not in words
    assert (row["estimated"], "~" in words.partition("known by")[2]) == (None, False)
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[agents]\nestimate = true\n")
    (row,) = data("panes", "--home", home)["panes"]
    assert row["estimated"] == {"input_tokens": 9, "output_tokens": 0}
    assert "~9" in tmuxmeter("panes", "--home", home).stdout

    transcript.write(asked("Fix it"), said("assistant", "Done?"), ended(), at=now - T0 + 1_000)
    (row,) = data("panes", "--home", home)["panes"]
    assert row["state"] == "waiting"
