"""Reading a log of whatever kind from where the ledger stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tmuxmeter.agents.readers import DATABASE, LINES
from tmuxmeter.events import SessionStart
from tmuxmeter.logs.databases import commit_due, read_database
from tmuxmeter.logs.documents import read_document
from tmuxmeter.logs.tail import last_line_due, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import Chunk, LogFile, Position


def rest_due(position: Position, now_ns: int) -> bool:
    """Tell whether more may be read of a log although it looks as it did at its position."""
    return last_line_due(position, now_ns) or commit_due(position, now_ns)


def read_log(
    agent: Agent,
    log: LogFile,
    position: Position,
    *,
    now_ns: int = 0,
    buffer: bytearray | None = None,
    copy: bool = True,
) -> Iterator[Chunk]:
    """Read a log from a position on and yield its events with the positions after them.

    See :func:`tmuxmeter.logs.tail.read_file` for ``now_ns`` and ``buffer``, and
    :func:`tmuxmeter.logs.databases.read_database` for ``copy``.

    Raises
    ------
    LogBusyError
        If its owner is at it right now: it is to be tried again.
    LogError
        If it can't be read, after the events before that place were yielded.
    """
    kind = agent.log_kind(log.name)
    if kind == LINES:
        chunks = read_file(agent, log, position, now_ns=now_ns, buffer=buffer)
    elif kind == DATABASE:
        chunks = read_database(agent, log, position, now_ns=now_ns, copy=copy)
    else:
        chunks = read_document(agent, log, position, now_ns=now_ns)
    folder = agent.folder_of_root(log.root)
    return _in_folder(chunks, folder) if folder else chunks


def _in_folder(chunks: Iterator[Chunk], folder: str) -> Iterator[Chunk]:
    """Yield chunks whose sessions work in a folder that the log itself doesn't tell."""
    for chunk in chunks:
        events = [
            replace(event, cwd=folder)
            if isinstance(event, SessionStart) and not event.cwd
            else event
            for event in chunk.events
        ]
        yield replace(chunk, events=events)
