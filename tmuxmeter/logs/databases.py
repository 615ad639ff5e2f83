"""Reading what came into an SQLite file, page by page, each in a reading of its own."""

from __future__ import annotations

import os
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from tmuxmeter.agents.readers import PAGE
from tmuxmeter.errors import LogBusyError, LogError
from tmuxmeter.events import Chunk, Event, LogFile, Position
from tmuxmeter.logs.beside import reader_of
from tmuxmeter.logs.source import failure
from tmuxmeter.logs.sqlite_files import NeedsCopy, reading, reading_copy, with_wal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.agents.readers import DatabaseReader, Query

    Opener = Callable[[], AbstractContextManager[sqlite3.Connection]]

QUIET_NS = 10**9
"""A commit stands in the WAL before it is told in the shared index that readers go by. Who reads in
between misses it, and nothing of the files changes any more (seen on a busy machine)."""

_EARLY = b"early"
"""Mark of a position that was read so soon after the last change."""

_TABLES = """
    SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'
"""


def commit_due(position: Position, now_ns: int) -> bool:
    """Tell whether a database is to be read once more: a commit may have been missed."""
    return position.mark == _EARLY and now_ns - position.mtime_ns >= QUIET_NS


def read_database(
    agent: Agent, log: LogFile, position: Position, *, now_ns: int = 0, copy: bool = True
) -> Generator[Chunk]:
    """Ask a database that changed since a position for what is new; yield it with new positions.

    It is asked once more where a commit may have been missed.
    Size and time of a position are those of the database and its WAL together. A database without
    any table is one that is just being made: nothing is asked of it.

    Parameters
    ----------
    agent, log, position
        Whose database it is, which one, and where the ledger says it was read up to.
    now_ns : int
        The time in epoch nanoseconds.
    copy : bool
        Whether to read a copy where another program holds the database, or to leave it for later.

    Raises
    ------
    LogBusyError
        If another program holds it: it is to be tried again.
    LogError
        If it is damaged, no regular file, or has tables the agent's reader doesn't know. A missing
        one yields nothing.
    """
    path = log.path
    try:
        facts = os.lstat(path)
        looks_read = _looks_read(facts, with_wal(path, facts), position)
        if looks_read and not commit_due(position, now_ns):
            return
        pages = _pages(agent, log, position, facts, now_ns, lambda: reading(path, copy=copy))
        try:
            for chunk in pages:
                position = chunk.position
                yield chunk
        except NeedsCopy:
            with reading_copy(path) as connection:
                yield from _pages(
                    agent, log, position, facts, now_ns, lambda: nullcontext(connection)
                )
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise failure(path, error) from error


def trouble(agent: Agent, log: LogFile, position: Position) -> str:
    """Return why a database can't be read on from a position now, "" where it can.

    A page of what is new in it is read, for nothing but that. Where nothing is new only its tables
    are looked at.
    """
    try:
        with closing(read_database(agent, log, position)) as pages:
            if next(pages, None) is None:
                _look_at_tables(agent, log)
    except (NeedsCopy, LogBusyError, FileNotFoundError):
        return ""
    except LogError as error:
        return str(error).removeprefix(f"{log.path}: ")
    return ""


def _look_at_tables(agent: Agent, log: LogFile) -> None:
    reader: DatabaseReader = reader_of(agent, log, b"")
    with reading(log.path, copy=True) as connection:
        tables = _tables(connection)
        for query in reader.queries(tables) if tables else ():
            values = {**query.values, "page": PAGE}
            connection.execute(f"EXPLAIN {query.sql}", values).fetchall()


def _looks_read(facts: os.stat_result, together: tuple[int, int], position: Position) -> bool:
    return (facts.st_dev, facts.st_ino, *together) == (
        *(position.device, position.inode),
        *(position.size, position.mtime_ns),
    )


def _pages(
    agent: Agent,
    log: LogFile,
    before: Position,
    facts: os.stat_result,
    now_ns: int,
    opener: Opener,
) -> Iterator[Chunk]:
    reader: DatabaseReader = reader_of(agent, log, before.reader)
    restart = facts.st_ino != before.inode
    if restart:
        reader.rewind()
    asked: Sequence[Query] = ()
    while True:
        # Looked at before it is read: what comes in between makes the file look changed again.
        size, mtime_ns = with_wal(log.path, facts)
        events, queries, full = _page(reader, log, opener)
        if full and queries == asked:
            raise failure(log.path, "reader doesn't get on")
        asked = queries
        after = Position(
            device=facts.st_dev,
            inode=facts.st_ino,
            size=0 if full else size,
            mtime_ns=0 if full else mtime_ns,
            offset=0 if full else size,
            mark=_EARLY if not full and now_ns - mtime_ns < QUIET_NS else b"",
            reader=reader.state(),
        )
        yield Chunk(log, events, after, restart)
        if not full:
            return
        restart = False


def _page(
    reader: DatabaseReader, log: LogFile, opener: Opener
) -> tuple[list[Event], Sequence[Query], bool]:
    """Return the events of one page of each query, the queries, and whether any page was full."""
    events: list[Event] = []
    queries: Sequence[Query] = ()
    full = False
    with opener() as connection:
        tables = _tables(connection)
        if not tables:
            return events, queries, full
        try:
            queries = reader.queries(tables)
        except LogError as error:
            raise failure(log.path, str(error)) from error
        for query in queries:
            values = {**query.values, "page": PAGE}
            rows = connection.execute(query.sql, values).fetchall()
            full = full or len(rows) >= PAGE
            try:
                events += reader.rows(query.name, rows)
            except Exception as error:
                raise failure(log.path, f"reader failed at {query.name}: {error!r}") from error
    return events, queries, full


def _tables(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    tables: dict[str, set[str]] = {}
    for table, column in connection.execute(_TABLES):
        tables.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in tables.items()}
