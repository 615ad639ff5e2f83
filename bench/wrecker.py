"""An agent on a bad day, for the soak: a process in a pane that mistreats its own log.

    claude|codex wrecker.py HOME ARCHIVE SEED KIND STOP

Bursts, half lines, lines of 50 MB, rewrites in place and by renaming, rotations, compression,
forks, hundreds of new folders, deletions. Whatever it writes for the first time also goes to
ARCHIVE, below the same name, where nothing ever happens to it: one pass over that is the truth.
Only what the ledger has is ever deleted: nobody can count what nobody could read.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from player import tell

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.codex import CodexSession
from tmuxmeter.demo.role import Tempo

if TYPE_CHECKING:
    from collections.abc import Iterable

QUICK = Tempo(reply=(25, 90), tool=(1, 3), requests=(2, 6))
LONG_BYTES = 50_000_000
LEDGER = ".local/state/tmuxmeter/ledger.db"


class Wrecker:
    """One writer. Ends after the action at hand when its pane is closed or the stop file is there."""

    def __init__(self, home: Path, archive: Path, seed: str, kind: str) -> None:
        self.home = home
        self.archive = archive
        self.rng = Random(seed)
        self.kind = kind
        self.done = False
        self.lock = home / ".soak-long"
        self.begin()

    def begin(self) -> None:
        """Begin a session of its own."""
        cwd = f"/work/{self.rng.randrange(50)}"
        if self.kind == "claude":
            self.session: ClaudeSession | CodexSession = ClaudeSession(
                self.rng, cwd, "main", tempo=QUICK
            )
            tell(self.home, self.session.session, "busy")
        else:
            now = time.time_ns() // 1_000_000
            self.session = CodexSession(self.rng, cwd, "main", now, tempo=QUICK)

    @property
    def log(self) -> Path:
        return self.home / self.session.path

    def lines(self, turns: int) -> list[bytes]:
        """Return the lines of some turns, later than all before."""
        found = []
        for _ in range(turns):
            start = time.time_ns() // 1_000_000
            found += [line.encode() + b"\n" for _, line in self.session.turn(start)]
        return found

    def append(self, lines: Iterable[bytes], path: str = "", *, halves: bool = False) -> None:
        """Write new lines: to the archive first, then where the meter looks."""
        data = b"".join(lines)
        for folder in (self.archive, self.home):
            file = folder / (path or self.session.path)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab", buffering=0) as log:
                if not halves or folder is self.archive:
                    write_all(log.fileno(), data)
                    continue
                for line in data.splitlines(keepends=True):
                    cut = self.rng.randrange(len(line))
                    write_all(log.fileno(), line[:cut])
                    time.sleep(self.rng.random() * 0.05)
                    write_all(log.fileno(), line[cut:])

    def burst(self) -> None:
        self.append(self.lines(self.rng.randint(5, 30)))

    def slowly(self) -> None:
        self.append(self.lines(1), halves=True)

    def long_line(self) -> None:
        """Write one line of 50 MB; one writer at a time, or the disk fills for another reason."""
        try:
            os.close(os.open(self.lock, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        lines = self.lines(1)
        record = json.loads(lines[0])
        record |= {"type": "progress", "data": {"output": "x" * LONG_BYTES}}
        record.pop("message", None)
        self.append([json.dumps(record).encode() + b"\n", *lines])

    def rewrite(self) -> None:
        """Write the whole log anew, without half of what needs no counting."""
        if not self.log.exists():
            return
        kept = [
            line
            for line in self.log.read_bytes().splitlines(keepends=True)
            if len(line) < 1_000_000 and (self.kind == "codex" or b'"progress"' not in line[:500])
        ]
        if self.rng.random() < 0.5:
            draft = self.log.with_suffix(".draft")
            draft.write_bytes(b"".join(kept))
            draft.replace(self.log)
        else:
            self.log.write_bytes(b"".join(kept))

    def rotate(self) -> None:
        """Move the log away, or compress it, and begin a new session."""
        if self.log.exists():
            if self.kind == "claude":
                target = self.log.parent.with_name(f"{self.log.parent.name}-moved") / self.log.name
            else:
                target = self.home / ".codex/archived_sessions" / self.log.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.kind == "codex" and self.rng.random() < 0.5:
                import zstandard

                draft = target.with_name(target.name + ".draft")
                draft.write_bytes(zstandard.compress(self.log.read_bytes()))
                draft.replace(target.with_name(target.name + ".zst"))
                self.log.unlink()
            else:
                self.log.rename(target)
        self.begin()

    def fork(self) -> None:
        """Copy the first half under another session's name, and go on in both."""
        if self.kind != "claude" or not self.log.exists():
            return
        lines = self.log.read_bytes().splitlines(keepends=True)
        half = [line for line in lines[: len(lines) // 2] if len(line) < 1_000_000]
        old = self.session
        fork = ClaudeSession(self.rng, old.cwd, "fork", tempo=QUICK)
        own, new = old.session.encode(), fork.session.encode()
        self.append([line.replace(own, new) for line in half], fork.path)
        self.session = fork
        self.append(self.lines(2))
        self.session = old

    def folders(self) -> None:
        """Make a hundred new folders with a small log in each."""
        old = self.session
        for _ in range(100):
            cwd = f"/tmp/{self.rng.getrandbits(48):012x}"
            now = time.time_ns() // 1_000_000
            self.session = (
                ClaudeSession(self.rng, cwd, "main", tempo=QUICK)
                if self.kind == "claude"
                else CodexSession(self.rng, cwd, "main", now, tempo=QUICK)
            )
            self.append(self.lines(1))
        self.session = old

    def delete(self) -> None:
        """Delete the log if the ledger has all of it, and begin a new session."""
        with contextlib.suppress(OSError, sqlite3.Error):
            size = self.log.stat().st_size
            name = self.session.session
            ledger = sqlite3.connect(f"file:{self.home / LEDGER}?mode=ro", uri=True, timeout=1)
            with contextlib.closing(ledger):
                row = ledger.execute(
                    "SELECT offset FROM file WHERE path LIKE ?", (f"%{name}%",)
                ).fetchone()
            if row and row[0] == size:
                self.log.unlink()
                self.begin()

    def work(self, stop: Path) -> None:
        """Do one thing after another."""
        actions = (
            (self.burst, 20),
            (self.slowly, 40),
            (self.rewrite, 8),
            (self.rotate, 5),
            (self.fork, 5),
            (self.folders, 1),
            (self.delete, 4),
            (self.long_line, 1),
        )
        calls, weights = zip(*actions, strict=True)
        while not self.done and not stop.exists():
            self.rng.choices(calls, weights)[0]()
            time.sleep(self.rng.random() * 1.5)

    def end(self, *_: object) -> None:
        self.done = True


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however much one call takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def main() -> None:
    """Run until told to stop."""
    home, archive, seed, kind, stop = sys.argv[1:6]
    wrecker = Wrecker(Path(home), Path(archive), seed, kind)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, wrecker.end)
    wrecker.work(Path(stop))


if __name__ == "__main__":
    main()
