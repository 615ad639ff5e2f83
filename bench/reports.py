"""``tmuxmeter today`` and ``week`` as whole processes on a ledger of two years, a million requests.

    python bench/reports.py [--days 730] [--requests 1000000] [--rounds 20] [--folder FOLDER]

The ledger is written by its own writer (`years.py`) once a day and used again. Two cases: a watcher
runs (its lock is held here, nothing is read but the ledger), and none does, so every call first
makes sure that no log is new. Every answer is held against what was written. Last, in this
process: what the watcher works out again for the status line when a log grew.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Run, alternate, machine, meter, plain_environment, print_runs, run, spread
from years import HOUR_MS, write_years

from tmuxmeter.config import Config
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.panes.picture import Picture
from tmuxmeter.paths import places
from tmuxmeter.watcher.figures import Day
from tmuxmeter.watcher.process import LOCK_FILE
from tmuxmeter.watcher.scale import OwnScale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TODAY, WEEK = "tmuxmeter today", "tmuxmeter week"
TARGETS = {TODAY: 0.150, WEEK: 0.400}
"""Seconds, warm."""


def home_for(folder: Path, days: int, requests: int) -> Path:
    """Return a home with such a ledger, written today."""
    home = folder / f"years-{datetime.now(UTC).date()}-{days}-{requests}"
    if not (home / "truth.json").exists():
        home.mkdir(parents=True, exist_ok=True)
        truth = write_years(home, days, requests, 1)
        (home / "truth.json").write_text(json.dumps(truth))
        print(f"{sum(truth.values()):,} requests in {days} days written to {home}")
    return home


def asked(home: Path, *words: str) -> Run:
    """Ask for a report; fail where its requests aren't those that were written."""
    done = run(meter(*words, "--json", "--home", home), plain_environment(home))
    report = json.loads(done.output)
    truth = json.loads((home / "truth.json").read_text())
    for day in report.get("days", [report]):
        right = truth.get(day["date"], 0)
        if day["requests"] != right:
            msg = f"WRONG: {day['date']}: {day['requests']:,} requests, not {right:,}"
            raise SystemExit(msg)
    return done


@contextmanager
def watching(home: Path) -> Iterator[None]:
    """Hold the watcher's lock, as a running one does."""
    runtime = places(home, {}).runtime
    runtime.mkdir(parents=True, exist_ok=True)
    with (runtime / LOCK_FILE).open("w") as lock:
        lock.write(str(os.getpid()))
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def segment(home: Path, rounds: int) -> list[float]:
    """Return the seconds that the status line's figures take at four in the afternoon before."""
    state = places(home, {}).state
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    now_ms = round(midnight.timestamp() * 1000) - 8 * HOUR_MS
    config, nothing = Config(), Picture(now_ms, (), {}, (), (), ())
    day, scale = Day(), OwnScale(state, config)
    took = []
    with Reader.open(state) as reader:
        for _ in range(rounds + 1):
            begin = time.perf_counter()
            day.changed()
            day.figures(reader, config, scale, nothing, {}, now_ms, problem="", demo=False)
            took.append(time.perf_counter() - begin)
            if len(took) == 1:
                day.weigh(reader, config, now_ms)
    # the first one reads the whole day, once
    return took[1:]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tmuxmeter-bench"))
    arguments = parser.parse_args()
    home = home_for(arguments.folder, arguments.days, arguments.requests)
    # the day before is whole, whatever the time is
    whole = str(datetime.now(UTC).date() - timedelta(days=1))
    programs: dict[str, Callable[[], Run]] = {
        TODAY: lambda: asked(home, "today", "--date", whole),
        WEEK: lambda: asked(home, "week", "--date", whole),
    }
    print(machine())
    for what, case in (("a watcher runs", watching(home)), ("no watcher", nullcontext())):
        with case:
            for program in programs.values():
                program()
            runs = alternate(programs, arguments.rounds)
        print(f"{what}, {arguments.rounds} rounds")
        print_runs(runs, ours=TODAY)
        for name, target in TARGETS.items():
            within = sum(done.wall < target for done in runs[name])
            print(f"  {name}: {within} of {len(runs[name])} under {target * 1000:.0f} ms")
    print(f"the live segment after an event: {spread(segment(home, 200), 'ms', 1000)}")


if __name__ == "__main__":
    main()
