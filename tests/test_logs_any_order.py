"""Whatever is done to a log between two looks, following it finds what single passes find."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs_agent import TINY, Book, line, log_at

from tmuxmeter.events import Chunk, Position
from tmuxmeter.logs.tail import read_file

BLOCKS = st.sampled_from([1, 7, 64, 1000, 1 << 16])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2000)),
        st.tuples(st.just("append"), st.integers(0, 60)),
        st.tuples(st.just("cut"), st.integers(0, 100)),
        st.tuples(st.just("rewrite"), st.integers(0, 3000)),
        st.tuples(st.just("edit"), st.integers(0, 100)),
        st.tuples(st.just("replace"), st.integers(0, 400)),
        st.tuples(st.sampled_from(["archive", "pack", "plain", "delete"]), st.just(0)),
        st.tuples(st.sampled_from(["look", "settled look"]), BLOCKS),
        st.tuples(st.sampled_from(["kill", "settled kill"]), st.integers(0, 8)),
    ),
    max_size=30,
)


@dataclass
class World:
    """One log, wherever it lies, with an endless supply of records to be written to it."""

    root: Path
    supply: bytes = b""
    numbers: count[int] = field(default_factory=count)
    content: bytes = b""
    place: str = "logs/a.jsonl"

    def next_bytes(self, size: int) -> bytes:
        while len(self.supply) < size:
            number = next(self.numbers)
            self.supply += line(f"k{number}", number % 5, pad=number % 90)
        taken, self.supply = self.supply[:size], self.supply[size:]
        return taken

    def store(self) -> None:
        path = self.root / self.place
        packed = self.place.endswith(".zst")
        path.write_bytes(zstandard.compress(self.content) if packed else self.content)
        # Later than ever before, however coarse this file system's clock is.
        os.utime(path, ns=(0, 10**18 + next(self.numbers)))

    def do(self, step: str, size: int) -> None:
        old = self.root / self.place
        if step == "append":
            self.content += self.next_bytes(size)
        elif step == "cut":
            self.content = self.content[: len(self.content) * size // 100]
        elif step == "edit":
            # In place and of the same length, before and behind what was read.
            self.content = self.next_bytes(len(self.content) * size // 100).ljust(
                len(self.content), b"\n"
            )
        elif step == "rewrite":
            self.content = self.next_bytes(size)
        elif step == "replace":
            old.unlink(missing_ok=True)
            self.content += self.next_bytes(size)
        elif step == "delete":
            old.unlink(missing_ok=True)
            self.content = b""
            return
        else:
            places = {"archive": "archive/a.jsonl", "pack": "logs/a.jsonl.zst"}
            self.place = places.get(step, "logs/a.jsonl")
            if old.exists():
                old.rename(self.root / self.place)
        self.store()

    def read(self, position: Position, block: int, *, settled: bool) -> list[Chunk]:
        log = log_at(self.root / self.place, self.root)
        now_ns = 2 * 10**18 if settled else 0
        chunks = read_file(
            TINY, log, position, now_ns=now_ns, block_size=block, chunk_events=3, line_limit=1 << 16
        )
        return list(chunks)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_following_equals_single_passes(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name in ("logs", "archive"):
            (world.root / name).mkdir()
        followed, passes = Book(), Book()
        for step, size in [*steps, ("append", 0), ("settled look", 64)]:
            settled = step.startswith("settled")
            at = followed.at(log_at(world.root / world.place, world.root))
            if step.endswith("look"):
                followed.add(world.read(at, size, settled=settled))
                passes.add(world.read(Position(), 1 << 16, settled=settled))
                assert followed.outputs() == passes.outputs()
            elif step.endswith("kill"):
                # What was booked before the end is part of the truth.
                booked = list(islice(world.read(at, 64, settled=settled), size))
                followed.add(booked)
                passes.add(booked)
            else:
                world.do(step, size)
