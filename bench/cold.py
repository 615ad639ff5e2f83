"""The cold scan: from nothing to a complete, priced ledger, on two cores, logs in the page cache.

    python bench/cold.py [--size 50 --size 500 --size 3000] [--one-file] [--rounds 5] [--peers]

Each round runs every program once, in turn. Ours starts on an empty state folder and is held
against the corpus' truth after every run; the first differing token ends the bench. ``cat`` of the
same files is the floor. ``--peers`` installs ccusage and tokscale into ``bench/.peers`` with npm.
"""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import corpus
import peers
from measuring import MIB, Run, alternate, machine, meter, plain_environment, print_runs, run
from truth import check_ledger

CORES = 2
MEGABYTES_A_DAY = 500 / 60
OURS = "tmuxmeter scan"


def home_for(folder: Path, megabytes: float, *, one_file: bool = False) -> Path:
    """Return a corpus of this size whose last day is today: a larger one has more days."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end_ms = int((today + timedelta(days=1)).timestamp() * 1000)
    name = f"{'file' if one_file else 'corpus'}-{megabytes:g}"
    days = max(2, round(megabytes / MEGABYTES_A_DAY))
    return corpus.ready(folder / name, megabytes, days=days, end_ms=end_ms, one_file=one_file)


def cold(home: Path, *, memory: bool = False) -> Run:
    """Scan into an empty ledger; fail where it isn't the truth."""
    shutil.rmtree(home / ".local", ignore_errors=True)
    done = run(meter("scan", "--home", home), plain_environment(home), memory=memory, cores=CORES)
    check_ledger(home)
    return done


def measure(home: Path, rounds: int, *, with_peers: bool) -> None:
    """Print the figures of one corpus."""
    env = plain_environment(home)
    logs = [str(home / name) for name in (".claude", ".codex") if (home / name).exists()]
    everything = ["sh", "-c", 'find "$@" -type f -exec cat {} + | cat > /dev/null', "sh", *logs]
    programs = {OURS: lambda: cold(home), "cat": lambda: run(everything, env)}
    if with_peers:
        programs["ccusage daily"] = peers.ccusage(home)
        programs["tokscale 1.4.3 monthly"] = peers.tokscale(home)
    programs["cat"]()  # into the page cache
    print_runs(alternate(programs, rounds), ours=OURS)
    print(
        f"  {OURS}: whole process tree at most {cold(home, memory=True).tree / MIB:.0f} MiB (PSS)"
    )
    ledger = home / ".local/state/tmuxmeter/ledger.db"
    print(f"  ledger {ledger.stat().st_size / 1e6:.1f} MB; equal to the truth in every run")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, action="append", help="megabytes; may be repeated")
    parser.add_argument("--one-file", action="store_true", help="one transcript of that size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tmuxmeter-bench"))
    arguments = parser.parse_args()
    if arguments.peers and not peers.ready():
        peers.install()
    print(machine())
    for size in arguments.size or [1000 if arguments.one_file else 500]:
        home = home_for(arguments.folder, size, one_file=arguments.one_file)
        print(f"{home.name} MB, {arguments.rounds} rounds")
        measure(home, arguments.rounds, with_peers=arguments.peers)


if __name__ == "__main__":
    main()
