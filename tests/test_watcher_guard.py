"""The guard of a real watcher, on played agents in real panes."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from test_watcher import STATE, actor, now_ms
from test_watcher_live import failing
from test_watcher_pauses import act, records, up, value
from test_watcher_pauses import meter as meter
from tmux_fixtures import wait_until
from watching import data, kill_watcher

from tmuxmeter.demo.script import ClaudeSession
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.pause.records import PauseStore

if TYPE_CHECKING:
    from pathlib import Path

    from tmux_fixtures import TmuxServer

pytestmark = pytest.mark.usefixtures("meter")


def configure(home: Path, **guard: Any) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in guard.items())
    config.write_text(f"[budget]\ntokens = 0\n[guard]\n{lines}")


def played(home: Path, server: TmuxServer) -> str:
    """Start a played Claude Code that can be frozen cleanly; return its pane."""
    return server.window(f"{actor(home, 'claude')}; true")


def state(server: TmuxServer, pane: str) -> str:
    return value(server, "STATE", pane)


def test_agents_stand_still_at_the_limit_until_it_is_raised(
    meter: Path, tmux_server: TmuxServer
) -> None:
    configure(meter, action="hold", day_tokens=1000, grace_seconds=0)
    client = tmux_server.attach(200)
    spared = played(meter, tmux_server)
    tmux_server.run("set-option", "-p", "-t", spared, "@tmuxmeter_exempt", "on")
    pane = played(meter, tmux_server)
    up(meter, tmux_server)
    client.wait_for("guard: day limit of 1,000 input tokens passed")
    wait_until(lambda: state(tmux_server, pane) == "paused")
    [record] = records(meter)
    assert (record["pane_id"], record["way"]) == (pane, "freeze")
    assert record["who"].startswith("guard: day limit of 1,000 input tokens passed")
    # whoever paused by hand stays paused when the guard lets go
    act(meter, tmux_server, "pause", spared, "--how", "freeze")
    wait_until(lambda: state(tmux_server, spared) == "paused")

    # a new watcher goes on with what the one before had stopped
    kill_watcher(meter)
    up(meter, tmux_server)
    wait_until(lambda: state(tmux_server, pane) == "paused")
    configure(meter, action="hold", day_tokens=10**9, grace_seconds=0)
    wait_until(lambda: state(tmux_server, pane) not in {"", "paused"})
    assert [left["who"] for left in records(meter)] == ["you"]


def test_what_a_human_lets_go_is_not_stopped_again(meter: Path, tmux_server: TmuxServer) -> None:
    configure(meter, action="hold", day_tokens=1000, grace_seconds=0)
    pane = played(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: state(tmux_server, pane) == "paused")
    act(meter, tmux_server, "resume", pane)
    wait_until(lambda: state(tmux_server, pane) not in {"", "paused"})
    spent = data("today", "--home", meter)["requests"]
    wait_until(lambda: data("today", "--home", meter)["requests"] > spent)
    assert records(meter) == []
    waived = json.loads((meter / STATE / "guard.json").read_text())["waived"]
    assert len(waived) == 1


@pytest.mark.parametrize("by", ["its hook", "down"])
def test_who_goes_on_as_no_watcher_runs_is_stopped_again(
    meter: Path, tmux_server: TmuxServer, by: str
) -> None:
    """Nobody has let it go who knows better."""
    configure(meter, action="hold", day_tokens=1000, grace_seconds=0)
    pane = played(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: state(tmux_server, pane) == "paused")
    kill_watcher(meter)
    store, flags = PauseStore(meter / STATE / "pauses"), HoldFlags(meter / STATE / "run" / "hold")
    [made] = store.all()
    os.kill(made.pid, signal.SIGCONT)
    # as if its hook had held it, and then let it go
    store.replace(replace(made, way="hold", method="hold"))
    if by == "down":
        flags.set(made.agent, made.session, made.who, now_ms())
        assert "Not paused any more" in act(meter, tmux_server, "down")
    up(meter, tmux_server)
    wait_until(lambda: [each for each in records(meter) if each["id"] != made.id])
    wait_until(lambda: state(tmux_server, pane) == "paused")
    assert json.loads((meter / STATE / "guard.json").read_text())["waived"] == {}


def test_it_only_tells_unless_told_to_do_more(meter: Path, tmux_server: TmuxServer) -> None:
    configure(meter, day_tokens=1000, grace_seconds=0)
    client = tmux_server.attach(200)
    pane = played(meter, tmux_server)
    up(meter, tmux_server)
    client.wait_for("guard: day limit of 1,000 input tokens passed")
    spent = data("today", "--home", meter)["requests"]
    wait_until(lambda: data("today", "--home", meter)["requests"] > spent)
    assert records(meter) == []
    assert state(tmux_server, pane) != "paused"


def test_an_agent_that_fails_again_and_again_is_stopped(
    meter: Path, tmux_server: TmuxServer
) -> None:
    configure(meter, action="hold", loop=4, grace_seconds=0)
    pane = played(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: state(tmux_server, pane) == "working")
    [log] = (meter / ".claude/projects").rglob("*.jsonl")
    session = ClaudeSession(Random(3), str(meter / "projects/shop"), "main", session=log.stem)

    def fails() -> bool:
        # whatever the played agent does well in between ends the loop
        if state(tmux_server, pane) == "working":
            with log.open("a") as file:
                file.writelines(f"{line}\n" for line in failing(session, 4))
        return bool(records(meter))

    wait_until(fails, 40, 0.4)
    wait_until(lambda: state(tmux_server, pane) == "paused")
    [record] = records(meter)
    assert record["who"].startswith(f"guard: {pane} is in an error loop: ")
