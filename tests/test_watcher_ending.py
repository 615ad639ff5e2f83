"""A watcher ends when it is asked to, whatever it is at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# nothing but the weighing is replaced: a day of so many sessions would be a large test
LONG = """
import os, sys, time
from pathlib import Path
from tmuxmeter.paths import places
from tmuxmeter.watcher.loop import Watcher
from tmuxmeter.watcher.showing import Showing

def weigh(*_):
    print("weighing", flush=True)
    while True:
        time.sleep(0.05)

Showing.weigh = weigh
Watcher(places(Path(sys.argv[1]), os.environ)).run()
"""


def test_a_long_weighing_does_not_keep_it(tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    words = [sys.executable, "-c", LONG, str(home)]
    environment = {**os.environ, "HOME": str(home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as watcher:
        try:
            assert watcher.stdout is not None
            assert watcher.stdout.readline() == "weighing\n"
            watcher.send_signal(signal.SIGTERM)
            assert watcher.wait(20) == 0
        finally:
            watcher.kill()
