"""A tiny agent whose logs the tests of the log room write: one record per line, a session line
that later records need, and files of one canonical name in two folders, plain or compressed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, LiveSession, Process, Root
from tmuxmeter.events import Chunk, Event, LogFile, Position, Skipped, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


class TinyReader:
    def __init__(self, state: bytes) -> None:
        self.session = state.decode()

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        events: list[Event] = []
        at = start
        for line in bytes(block[start:end]).split(b"\n")[:-1]:
            where = offset + at - start
            at += len(line) + 1
            try:
                record = json.loads(line)
                if "session" in record:
                    self.session = record["session"]
                    continue
                key = event_key("tiny", "usage", record["id"])
                events.append(
                    Usage(
                        key=key, session=self.session, time_ms=where, model="m", output=record["n"]
                    )
                )
            except (ValueError, KeyError, TypeError):
                events.append(Skipped(key=0, session="", time_ms=0, reason="broken", offset=where))
        return events

    def state(self) -> bytes:
        return self.session.encode()


class TinyAgent(Defaults):
    name = "tiny"
    title = "Tiny"
    provider = "nobody"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        return (Root("tiny", home / ".tiny"),)

    def log_name(self, relative: str) -> str | None:
        folder, _, rest = relative.partition("/")
        if folder == "archive":
            rest = rest.replace("+", "/")
        name = rest.removesuffix(".zst")
        return name if folder in self.log_folders() and name.endswith(".jsonl") else None

    def log_folders(self) -> tuple[str, ...]:
        return ("logs", "archive")

    def reader(self, name: str, state: bytes = b"") -> TinyReader:
        return TinyReader(state)

    def role(self, process: Process) -> str:
        return ""

    def session_in_argv(self, argv: Sequence[str]) -> str:
        return ""

    def session_of_log(self, name: str) -> str:
        return ""

    def live_files(self) -> tuple[str, ...]:
        return ("live/*.json",)

    def live_session(self, content: bytes) -> LiveSession | None:
        return None


TINY = TinyAgent()


def line(identity: str, n: int = 1, *, pad: int = 0) -> bytes:
    record = {"id": identity, "n": n} | ({"pad": "x" * pad} if pad else {})
    return json.dumps(record).encode() + b"\n"


def session(name: str) -> bytes:
    return json.dumps({"session": name}).encode() + b"\n"


def log_at(path: Path, root: Path | None = None) -> LogFile:
    base = root or path.parent.parent
    name = TINY.log_name(str(path.relative_to(base)))
    assert name
    return LogFile("tiny", str(base), name, str(path))


class Book:
    """What a ledger keeps: each key once (the highest output, of ties the last), and positions."""

    def __init__(self) -> None:
        self.usage: dict[int, Usage] = {}
        self.skipped: list[Skipped] = []
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.chunks = 0

    def add(self, chunks: Iterable[Chunk]) -> int:
        """Book chunks and return how many events they held."""
        count = 0
        for chunk in chunks:
            self.chunks += 1
            count += len(chunk.events)
            for event in chunk.events:
                if isinstance(event, Usage):
                    known = self.usage.get(event.key)
                    if known is None or event.output >= known.output:
                        self.usage[event.key] = event
                elif isinstance(event, Skipped):
                    self.skipped.append(event)
            file = chunk.file
            self.positions[file.agent, file.root, file.name] = chunk.position
        return count

    def at(self, log: LogFile) -> Position:
        return self.positions.get((log.agent, log.root, log.name), Position())

    def outputs(self) -> dict[int, int]:
        return {key: event.output for key, event in self.usage.items()}

    def reasons(self) -> list[str]:
        return [event.reason for event in self.skipped]


def outputs(**expected: int) -> dict[int, int]:
    return {event_key("tiny", "usage", name): n for name, n in expected.items()}
