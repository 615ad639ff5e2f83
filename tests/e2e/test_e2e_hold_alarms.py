"""Real Claude Code, held: no alarm for what it had under way, one for whatever else is sent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_e2e_hold import (
    NOT_COMPACTED,
    act,
    install,
    is_not_compacted_while_held,
    metered,
    script,
)
from tmux_fixtures import wait_until
from world import world

from tmuxmeter.pause.look import DIMMED

if TYPE_CHECKING:
    from meter import Meter
    from programs import Programs
    from world import World

pytestmark = pytest.mark.e2e

ROUNDS = 4
GIVEN_UP_S = 40


def paused(meter: Meter) -> dict[str, Any]:
    """Return what is told of the only pause."""
    [row] = [row for row in meter.json("panes")["panes"] if row["paused"]]
    [found] = row["paused"]
    return dict(found)


def look(made: World) -> str:
    return made.server.run("show-options", "-pqv", "-t", made.panes["claude"], "window-style")


def test_who_is_held_alarms_for_what_began_after_it(programs: Programs) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tma-", dir="/tmp"))
    try:
        with world(folder, programs) as made, metered(made) as meter:
            install(meter, "claude")
            made.open("claude", "claude", made.repo)
            made.wait_live("claude", status="idle")
            works_without_an_alarm(made, meter)
            spends_while_held_idle(made, meter)
            is_not_compacted_while_held(meter, made.anthropic, "claude", NOT_COMPACTED)
            is_let_go_with_a_word_where_no_watcher_runs(made, meter)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def works_without_an_alarm(made: World, meter: Meter) -> None:
    """Hold it at several moments of a turn: what it had under way is finished."""
    for number in range(ROUNDS):
        marker = f"work-{'abcdef'[number]}"
        made.say(marker, script(made.repo / f"{marker}.txt"), pane="claude")
        made.anthropic.wait_for(lambda _, m=marker: len(made.anthropic.of(m)) >= 2)
        time.sleep(0.15 * number)
        assert act(meter, "pause", "claude")["way"] == "hold"
        time.sleep(3)
        assert paused(meter)["spent_after"] == 0
        act(meter, "resume", "claude")
        made.wait_live("claude", status="idle")


def spends_while_held_idle(made: World, meter: Meter) -> None:
    """Let another process make one request of the session that is held, without its hooks."""
    assert act(meter, "pause", "claude")["seen"].startswith("held: its next prompt is not sent")
    session = str(made.live("claude")["sessionId"])
    time.sleep(6)  # until then a line may have been on its way
    command = [str(made.programs.claude), "-p", "--resume", session]
    subprocess.run(
        [*command, "--settings", '{"disableAllHooks": true}', "[cheat] say"],
        cwd=made.repo,
        env=made.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    wait_until(lambda: paused(meter)["spent_after"] > 0)
    act(meter, "resume", "claude")


def is_let_go_with_a_word_where_no_watcher_runs(made: World, meter: Meter) -> None:
    assert look(made).strip() == DIMMED
    os.kill(meter.json("status")["pid"], signal.SIGKILL)
    made.say("on", "say", pane="claude")
    made.wait_screen("claude", "the pause is over", seconds=GIVEN_UP_S)
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("on")) == 1)
    wait_until(lambda: look(made) == "")
    assert meter.json("hold", "status")["held"] == []
