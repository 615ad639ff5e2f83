"""``tmuxmeter today --json`` as a whole process, the ledger up to date, beside ``ccusage daily``.

    python bench/today.py [--size 50 --size 500 --size 3000] [--rounds 20] [--peers]

Two cases: no watcher runs, so every call looks at all log files for something new; and a watcher
runs, so the ledger is just read. The day's own figures are the same size in every corpus: a larger
one has more days. Every answer is held against the corpus' truth for that day.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import peers
from cold import home_for
from corpus_parts import KINDS
from measuring import Run, alternate, machine, meter, plain_environment, print_runs, run
from truth import truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = "tmuxmeter today"


def today(home: Path) -> Run:
    """Ask for today; fail where the answer isn't the truth."""
    done = run(meter("today", "--json", "--home", home), plain_environment(home))
    report = json.loads(done.output)
    rows = [row for row in truth_of(home)["usage"] if row["date"] == report["date"]]
    tokens = report["input_tokens"]
    found = {**tokens, "requests": report["requests"], "output": report["output_tokens"]}
    for kind in KINDS:
        right = sum(row[kind] for row in rows)
        if found[kind] != right:
            msg = f"WRONG: {report['date']}: {kind} is {right:,}, not {found[kind]:,}"
            raise SystemExit(msg)
    if not rows or report["unpriced_requests"]:
        msg = f"WRONG: {report['date']}: nothing to count, or something without a price"
        raise SystemExit(msg)
    return done


@contextmanager
def watching(home: Path) -> Iterator[None]:
    """Run a watcher for this home, done with reading."""
    env = plain_environment(home)
    watcher = subprocess.Popen(meter("watch", "--home", home), env=env, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            time.sleep(0.1)
            status = subprocess.run(
                meter("status", "--json", "--home", home), env=env, capture_output=True, check=False
            )
            facts = json.loads(status.stdout or b"{}").get("watcher")
            if facts and facts["phase"] == "following":
                break
        else:
            msg = "the watcher does not come up"
            raise SystemExit(msg)
        yield
    finally:
        watcher.terminate()
        watcher.wait()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, action="append", help="megabytes; may be repeated")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tmuxmeter-bench"))
    arguments = parser.parse_args()
    if arguments.peers and not peers.ready():
        peers.install()
    print(machine())
    for size in arguments.size or [50, 500]:
        home = home_for(arguments.folder, size)
        run(meter("scan", "--home", home), plain_environment(home))
        programs = {OURS: lambda home=home: today(home)}
        if arguments.peers:
            programs["ccusage daily"] = peers.ccusage(home)
        print(f"{size:g} MB, no watcher, {arguments.rounds} rounds")
        print_runs(alternate(programs, arguments.rounds), ours=OURS)
        with watching(home):
            print(f"{size:g} MB, a watcher runs, {arguments.rounds} rounds")
            print_runs(alternate({OURS: programs[OURS]}, arguments.rounds), ours=OURS)


if __name__ == "__main__":
    main()
