"""Reading a log that is rewritten whole: all of it, whenever it changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tmuxmeter.agents.readers import Dated
from tmuxmeter.errors import LogBusyError
from tmuxmeter.events import Chunk, Position, Skipped
from tmuxmeter.logs.beside import reader_of
from tmuxmeter.logs.source import failure, open_log
from tmuxmeter.logs.tail import SETTLED_NS, same_file_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.agents.readers import DocumentReader
    from tmuxmeter.events import LogFile

LIMIT = 64 << 20
BROKEN = "broken document"


def read_document(
    agent: Agent, log: LogFile, position: Position, *, now_ns: int = 0, limit: int = LIMIT
) -> Iterator[Chunk]:
    """Read a document that changed since a position and yield its events with the one after it.

    Parameters
    ----------
    agent, log, position
        Whose log it is, which one, and where the ledger says it was read.
    now_ns : int
        The time in epoch nanoseconds: what can't be understood is told as broken once the file
        was left alone for a minute before.
    limit : int
        Larger documents are not read, in bytes.

    Raises
    ------
    LogBusyError
        If it seems to be in the middle of being written: it is to be tried again.
    LogError
        If it can't be opened, is too large or no regular file. A missing one yields nothing.
    """
    try:
        if same_file_facts(os.lstat(log.path), position):
            return
        descriptor, facts = open_log(log.path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(log.path, error) from error
    try:
        if facts.st_size > limit:
            raise failure(log.path, f"larger than {limit >> 20} MiB, not read")
        content = _whole(descriptor, facts.st_size)
    except OSError as error:
        raise failure(log.path, error) from error
    finally:
        os.close(descriptor)
    reader: DocumentReader = reader_of(agent, log, position.reader)
    if isinstance(reader, Dated):
        reader.written(facts.st_mtime_ns // 1_000_000)
    try:
        events = reader.read(content)
    except Exception as error:
        raise failure(log.path, f"reader failed: {error!r}") from error
    state = reader.state()
    if events is None:
        if now_ns - facts.st_mtime_ns < SETTLED_NS:
            msg = f"{log.path}: is being written, or broken; tried again soon"
            raise LogBusyError(msg)
        events = [Skipped(key=0, session="", time_ms=0, reason=BROKEN)]
        state = position.reader
    after = Position(
        device=facts.st_dev,
        inode=facts.st_ino,
        size=facts.st_size,
        mtime_ns=facts.st_mtime_ns,
        offset=facts.st_size,
        reader=state,
    )
    # what was skipped in the version before is void
    yield Chunk(log, events, after, restart=True)


def _whole(descriptor: int, size: int) -> bytes:
    """Return up to ``size`` bytes: what is added meanwhile changes the file's facts again."""
    parts = []
    at = 0
    while at < size and (part := os.pread(descriptor, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
