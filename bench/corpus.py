"""Write a seeded corpus of Claude Code and Codex logs shaped like real ones, with the truth beside.

    python bench/corpus.py DIR --megabytes 500 [--seed 1] [--end 2026-11-20] [--days 60]
    python bench/corpus.py DIR --megabytes 1000 --one-file
    python bench/corpus.py DIR --shape            what an existing one looks like

The shape follows 279 real sessions (710 MB): about 40 % of the lines and 18 % of the bytes carry
usage, 2.2 lines a reply, half of the usage lines repeat a message, one repeat in seven with a
larger output; tool results of 1 to 100 KB make most of the bytes. Sub-agent files, copies of their
replies in the parent's progress records, forks that repeat a parent's lines, aside replays with
another request id, ``<synthetic>`` errors, Codex snapshots emitted again, empty ones, spawned
threads that replay their parent, archived rollouts and cut last lines are all in it.

``truth.json`` holds, per UTC day, agent and model: requests and every kind of token; and how many
tool results, prompts of a human and compactions there are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from corpus_claude import ClaudeWriter
from corpus_codex import CodexWriter
from corpus_parts import DAY_MS, Corpus
from corpus_shape import print_shape

CLAUDE_SHARE = 0.7
VERSION = 2
"""Of the generator: a corpus made by another one is made anew."""


def generate(home: Path, megabytes: float, seed: int, end_ms: int, days: int = 60) -> Corpus:
    """Fill ``home`` with about this many megabytes of logs and write ``truth.json`` beside them."""
    corpus = Corpus(home, seed, end_ms, days)
    target = int(megabytes * 1_000_000)
    claude = 0
    while corpus.bytes < target:
        before = corpus.bytes
        if claude <= CLAUDE_SHARE * corpus.bytes:
            ClaudeWriter(corpus).run()
            claude += corpus.bytes - before
        else:
            CodexWriter(corpus).run()
    (home / "truth.json").write_text(json.dumps(corpus.truth.data(), indent=1))
    return corpus


def generate_one_file(
    home: Path, megabytes: float, seed: int, end_ms: int, days: int = 60
) -> Corpus:
    """Like :func:`generate`, all of it in one transcript (and its few sub-agents' files)."""
    corpus = Corpus(home, seed, end_ms, days)
    target = int(megabytes * 1_000_000)
    writer = ClaudeWriter(corpus)
    writer.now = end_ms - days * DAY_MS
    file = home / writer.path
    file.parent.mkdir(parents=True)
    turn = 0
    with file.open("wb") as log:
        while corpus.bytes < target:
            data = ("\n".join(writer.turn(turn)) + "\n").encode()
            # a session of a gigabyte lasts for weeks: its turns are spread over them
            writer.now = end_ms - days * DAY_MS + int(corpus.bytes / target * (days - 1) * DAY_MS)
            log.write(data)
            corpus.bytes += len(data)
            turn += 1
    os.utime(file, (end_ms / 1000, end_ms / 1000))
    corpus.files += 1
    (home / "truth.json").write_text(json.dumps(corpus.truth.data(), indent=1))
    return corpus


def ready(
    home: Path, megabytes: float, *, days: int, end_ms: int, one_file: bool = False, seed: int = 1
) -> Path:
    """Return a corpus' home, made where it isn't there yet.

    Raises
    ------
    SystemExit
        There is too little room for it.
    """
    facts = {"version": VERSION, "megabytes": megabytes, "days": days, "end_ms": end_ms}
    facts |= {"one_file": one_file, "seed": seed}
    label = home / "corpus.json"
    if label.exists() and json.loads(label.read_text()) == facts:
        return home
    if home.exists() and not label.exists():
        msg = f"{home} is in the way: it is not a corpus of this bench"
        raise SystemExit(msg)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    free = shutil.disk_usage(home).free
    if free < megabytes * 1_500_000:
        msg = f"{home}: {free / 1e9:.1f} GB free is too little for {megabytes} MB"
        raise SystemExit(msg)
    make = generate_one_file if one_file else generate
    # the label first: what an interrupted run left is known as ours
    label.write_text("{}")
    make(home, megabytes, seed, end_ms, days)
    label.write_text(json.dumps(facts))
    return home


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--end", default="2026-11-20", help="end of the last day, UTC")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--one-file", action="store_true")
    parser.add_argument("--shape", action="store_true")
    arguments = parser.parse_args()
    if arguments.shape:
        print_shape(arguments.home)
        return
    end_ms = int(datetime.fromisoformat(arguments.end).replace(tzinfo=UTC).timestamp() * 1000)
    make = generate_one_file if arguments.one_file else generate
    corpus = make(arguments.home, arguments.megabytes, arguments.seed, end_ms, arguments.days)
    print(f"{corpus.bytes / 1e6:.1f} MB in {corpus.files} files below {arguments.home}")


if __name__ == "__main__":
    main()
