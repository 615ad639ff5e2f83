"""Pause and resume, round after round, however an agent was started; prints a table.

A round counts as clean if the agent stood still, typed keys arrived (after resuming), terminal
modes and foreground group were as before, and nothing was left behind. Exit code 1 if any wasn't.

    .venv/bin/python bench/pause.py --rounds 20
    .venv/bin/python bench/pause.py --rounds 5 --start bash --start pane
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pytest
from pausing import STARTS, Stage, missing, one_round
from tmux_fixtures import TmuxServer

from tmuxmeter.errors import PauseError

NAMES = ("claude", "opencode")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--start", action="append", choices=STARTS)
    chosen = options.parse_args()
    failed = 0
    print(
        f"{'started':10} {'agent':9} {'':8} {'tool':5} {'method':8} {'clean':>7}  seconds a round"
    )
    for how in chosen.start or STARTS:
        for name in NAMES:
            for run in (False, True):
                for child in (False, True):
                    failed += not _row(how, name, run=run, child=child, rounds=chosen.rounds)
    return 1 if failed else 0


def _row(how: str, name: str, *, run: bool, child: bool, rounds: int) -> bool:
    """Play one row of the table in a server of its own; return whether all of it was clean."""
    words = f"{how:10} {name:9} {'with run' if run else '':8} {'tool' if child else '':5}"
    if missing(how):
        print(f"{words} {missing(how)}")
        return True
    # the counter may write a last time while its folder goes
    with tempfile.TemporaryDirectory(
        prefix="tmb-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        server = TmuxServer(Path(folder), "s")
        server.start()
        try:
            stage = Stage(Path(folder), server)
            counted = stage.start(how, name, run=run, child=child)
            clean, took, methods, problems = 0, [], set(), []
            for _ in range(rounds):
                begin = time.perf_counter()
                try:
                    methods.add(one_round(stage, counted, _check))
                    clean += 1
                except PauseError as error:
                    print(f"{words} refused: {error}")
                    return how == "pane" and name != "claude" and not run
                except (AssertionError, pytest.fail.Exception) as error:
                    problems.append(str(error))
                took.append(time.perf_counter() - begin)
        finally:
            server.kill()
    method = " ".join(sorted(methods))
    print(f"{words} {method:8} {clean:3}/{rounds:<3}  {statistics.median(took):.2f}", flush=True)
    for problem in problems[:3]:
        print(f"    {problem}")
    return clean == rounds


def _check(holds: bool, what: str) -> None:
    if not holds:
        msg = f"not so: {what}"
        raise AssertionError(msg)


if __name__ == "__main__":
    sys.exit(main())
