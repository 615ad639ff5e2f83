"""Killing the watcher at any moment and starting it again gives the ledger of never killing it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from watching import data, start_watcher, tmuxmeter

if TYPE_CHECKING:
    from pathlib import Path

# Writes three sessions' lines in bursts, sometimes half a line first, until it is told to stop.
WRITER = """
import sys, time
from pathlib import Path
from random import Random
from tmuxmeter.demo.role import LIVE
from tmuxmeter.demo.script import CAST, TODAY, played
home, seed, stop = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
rng = Random(seed)
now = int(time.time() * 1000) - 3_600_000
sessions = [played(part, TODAY, LIVE, "/work", rng, now) for part in CAST]
while not stop.exists():
    for session in sessions:
        path = home / session.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as log:
            for now, line in session.turn(now):
                cut = rng.randrange(len(line))
                log.write(line[:cut]); log.flush()
                time.sleep(rng.random() * 0.004)
                log.write(line[cut:] + "\\n"); log.flush()
        if rng.random() < 0.1:
            sessions = [played(part, TODAY, LIVE, "/work", rng, now) for part in CAST]
"""


def ledger_of(home: Path) -> Any:
    """Return the day reports of a home whose logs are all read."""
    tmuxmeter("scan", "--home", home)
    days = data("days", "--home", home, "--since", "2026-01-01")
    for day in [*days["days"], days["total"]]:
        # without a watcher nothing knows of panes: where it was seen is not part of this question
        day.pop("by_pane")
    return days


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_ledger_equals_a_single_pass(
    tmp_path: Path, kills: int
) -> None:
    home, stop = tmp_path / "logs", tmp_path / "stop"
    home.mkdir()
    rng = Random(kills)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(home), str(kills), str(stop)])
    try:
        for _ in range(kills):
            watcher = start_watcher(home)
            # from the first import to well into following
            time.sleep(rng.uniform(0.05, 1.0))
            os.kill(watcher.pid, signal.SIGKILL)
            assert watcher.wait() == -signal.SIGKILL, (tmp_path / "watcher.log").read_text()[-3000:]
    finally:
        stop.touch()
        writer.wait(timeout=30)
    killed = ledger_of(home)

    once = tmp_path / "once"
    once.mkdir()
    for folder in (".claude", ".codex"):
        shutil.copytree(home / folder, once / folder)
    assert killed == ledger_of(once)
    assert killed["total"]["requests"] > 0
