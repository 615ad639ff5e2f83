"""What the watcher costs while nothing happens.

    python bench/idle.py [--panes 50] [--processes 350] [--folders 5000] [--seconds 60]

Fifty panes with an idle played agent each, a machine with that many processes, and 5 000 log
folders with three old files each. Counted: CPU of the watcher with all children it waited for,
its resident memory, and every process it starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

from measuring import MIB, cpu_seconds, machine, resident, tree
from player import request
from stage import Stage, wait_for

LAUNCH = Path(__file__).with_name("launch.py")


def fill(home: Path, folders: int) -> None:
    """Write old transcripts, three in each folder."""
    old = time.time() - 40 * 86_400
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(old))
    for folder in range(folders):
        path = home / f".claude/projects/-work-{folder}"
        path.mkdir(parents=True)
        for part in range(3):
            session = str(UUID(int=folder * 4 + part, version=4))
            file = path / f"{session}.jsonl"
            file.write_bytes(b"".join(request(session, n, 50, when) for n in range(3)))
            os.utime(file, (old, old))


def processes() -> int:
    """Return how many processes there are."""
    return sum(entry.name.isdigit() for entry in os.scandir("/proc"))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panes", type=int, default=50)
    parser.add_argument("--processes", type=int, default=350)
    parser.add_argument("--folders", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=15, help="seconds before it is measured")
    arguments = parser.parse_args()
    print(machine())
    fillers: list[subprocess.Popen[bytes]] = []
    with Stage() as stage:
        try:
            fill(stage.home, arguments.folders)
            stage.server()
            for number in range(arguments.panes):
                stage.pane(stage.player(str(UUID(int=1_000_000 + number, version=4))))
            live = stage.home / ".claude/sessions"
            wait_for(lambda: len(list(live.glob("*.json"))) == arguments.panes, "the players", 120)
            for _ in range(arguments.processes - processes() - 1):
                fillers.append(subprocess.Popen(["sleep", "86400"], stdin=subprocess.DEVNULL))
            stage.attach()
            stage.register()
            forks = stage.folder / "forks"
            watcher = stage.watch(
                [sys.executable, str(LAUNCH), str(stage.home), "--forks", str(forks)]
            )
            time.sleep(arguments.settle)
            before, lines = cpu_seconds(watcher.pid), forks.read_text().count("\n")
            begin = time.monotonic()
            time.sleep(arguments.seconds)
            took = time.monotonic() - begin
            used = cpu_seconds(watcher.pid) - before
            started = forks.read_text().splitlines()[lines:]
            print(
                f"{arguments.panes} idle panes, {processes()} processes,"
                f" {arguments.folders} folders × 3 logs, {took:.0f} s, load {os.getloadavg()[0]:.1f}"
            )
            print(f"  CPU {used / took:.2%} of a core ({used * 1e3:.0f} ms)")
            print(
                f"  resident {resident(watcher.pid) / MIB:.1f} MiB, {len(tree(watcher.pid))} process"
            )
            print(f"  processes started: {len(started) / took * 60:.1f} a minute")
            for line in sorted(set(started)):
                print(f"    {started.count(line):>3} × {line[:100]}")
        finally:
            for filler in fillers:
                filler.kill()
                filler.wait()


if __name__ == "__main__":
    main()
