"""Reads logs of any agent as the log room does, and applies the ledger's rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_reading import booked, only

from tmuxmeter.agents.readers import DOCUMENT, Dated
from tmuxmeter.events import Event, Skipped, Usage
from tmuxmeter.logs.found import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.agents.base import Agent


FIXTURES = Path(__file__).parent / "fixtures"

WRITTEN_MS = 1_795_309_600_000
"""When documents whose records carry no times were changed last."""

Tokens = tuple[int, int, int, int]
"""Fresh, cache read, output, reasoning."""


def lines(*records: object) -> bytes:
    """Return records as lines, compact as JavaScript writes them; bytes stay as they are."""
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one, separators=(",", ":")).encode()) + b"\n"
        for one in records
    )


def read(
    agent: Agent, name: str, content: bytes, files: Mapping[str, bytes] | None = None
) -> list[Event]:
    """Return the events of a whole log, read at once."""
    reader = agent.reader_beside(name, b"", files) if files else agent.reader(name)
    if isinstance(reader, Dated):
        reader.written(WRITTEN_MS)
    if agent.log_kind(name) == DOCUMENT:
        events: list[Event] = reader.read(content) or []
        return events
    found: list[Event] = reader.read(content, 0, len(content), 0)
    return found


def read_in_pieces(
    agent: Agent, name: str, content: bytes, files: Mapping[str, bytes] | None = None
) -> list[Event]:
    """Return the events of a log of lines, read line by line, each by a new reader."""
    events: list[Event] = []
    state, offset = b"", 0
    for line in content.splitlines(keepends=True):
        beside = files and agent.reader_beside(name, state, files)
        reader = beside or agent.reader(name, state)
        events += reader.read(line, 0, len(line), offset)
        state, offset = reader.state(), offset + len(line)
    return events


def logs_of(agent: Agent, root: Path) -> list[str]:
    """Return the names of the logs below a root, found as the log room finds them."""
    found = []
    for folder in agent.log_folders():
        scope = Scope(agent, str(root), logs=True)
        found += _walk(scope, root / folder if folder else root, folder)
    return sorted(found)


def _walk(scope: Scope, path: Path, relative: str) -> list[str]:
    found = []
    for item in path.iterdir():
        below = f"{relative}/{item.name}" if relative else item.name
        if item.is_dir():
            if scope.agent.walks(below):
                found += _walk(scope, item, below)
        elif (name := scope.agent.log_name(below)) is not None:
            found.append(name)
    return found


def read_tree(agent: Agent, root: Path, *, pieces: bool = False) -> list[Event]:
    """Return the events of all logs below a root."""
    events: list[Event] = []
    for name in logs_of(agent, root):
        files = {p: (root / p).read_bytes() for p in agent.beside(name) if (root / p).is_file()}
        content = (root / name).read_bytes()
        events += (read_in_pieces if pieces else read)(agent, name, content, files)
    return events


def tokens(usage: Usage) -> Tokens:
    """Return a request's tokens."""
    return usage.fresh, usage.cache_read, usage.output, usage.reasoning


def spent(events: Iterable[Event]) -> list[Tokens]:
    """Return the tokens of every request that a ledger books, in order of time."""
    usages = only(Usage, booked(events).values())
    return [tokens(one) for one in sorted(usages, key=lambda one: (one.time_ms, one.output))]


def skips(events: Iterable[Event]) -> dict[str, int]:
    """Return how many records were left out, by reason."""
    found: dict[str, int] = {}
    for event in only(Skipped, events):
        found[event.reason] = found.get(event.reason, 0) + event.count
    return found


def table(events: Iterable[Event]) -> str:
    """Return what a ledger books as a table: one event a line, in order of time and kind."""
    rows = sorted((e.time_ms, type(e).__name__, _facts(e)) for e in booked(events).values())
    return "".join(f"{time} {kind} {facts}\n" for time, kind, facts in rows)


def _facts(event: Any) -> str:
    left_out = {"key", "time_ms", "tier", "so_far"}
    return " ".join(
        f"{name}={getattr(event, name)}"
        for name in event.__struct_fields__
        if name not in left_out and getattr(event, name) not in ("", 0, False, -1)
    )
