"""Run the watcher as `tmuxmeter watch` does, counting what it starts and setting its clock.

    python bench/launch.py HOME [--forks FILE] [--clock FILE]

``--forks`` gets one line for every process that is started. ``--clock`` holds seconds by which the
watcher's wall clock is wrong; it is read at every look at the clock, so it can jump at any time. Nothing in the package
knows of this: the clock is put in place here, before the watcher begins.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.posix_spawn", "os.forkpty"})


def count_forks(file: Path) -> None:
    """Write a line for each process that this one starts from now on."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            words = arguments[1] if event == "subprocess.Popen" else ()
            os.write(descriptor, f"{event} {' '.join(map(str, words))}".encode()[:200] + b"\n")

    sys.addaudithook(hook)


def jump_clock(file: Path) -> None:
    """Make the wall clock wrong by what a file says; the monotonic clock stays."""
    real_time, real_time_ns = time.time, time.time_ns

    def wrong_by() -> float:
        try:
            return float(file.read_text() or 0)
        except (OSError, ValueError):
            return 0.0

    time.time = lambda: real_time() + wrong_by()
    time.time_ns = lambda: real_time_ns() + int(wrong_by() * 1e9)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--forks", type=Path)
    parser.add_argument("--clock", type=Path)
    arguments = parser.parse_args()
    if arguments.clock:
        jump_clock(arguments.clock)
    from tmuxmeter.paths import places
    from tmuxmeter.watcher.loop import Watcher

    if arguments.forks:
        count_forks(arguments.forks)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    Watcher(places(arguments.home, os.environ)).run()


if __name__ == "__main__":
    main()
