"""Reading a log of whatever kind from where the ledger stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.base import DATABASE, LINES
from tmuxmeter.logs.databases import read_database
from tmuxmeter.logs.documents import read_document
from tmuxmeter.logs.tail import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import Chunk, LogFile, Position


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
        return read_file(agent, log, position, now_ns=now_ns, buffer=buffer)
    if kind == DATABASE:
        return read_database(agent, log, position, copy=copy)
    return read_document(agent, log, position, now_ns=now_ns)
