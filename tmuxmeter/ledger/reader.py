"""Reading the ledger: never waits for the writer, never writes, loads nothing heavy."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from tmuxmeter.errors import LedgerError
from tmuxmeter.ledger import bills, human, queries, session_queries
from tmuxmeter.ledger.activity import WINDOW_MS
from tmuxmeter.ledger.database import (
    LEDGER_NAME,
    check_version,
    connect_readable,
    is_there,
    ledger_errors,
    migrate,
)
from tmuxmeter.ledger.imports import Imports
from tmuxmeter.ledger.schema import SCHEMA_VERSION
from tmuxmeter.ledger.slices import Measures, Slice, folders, slices, total
from tmuxmeter.ledger.span import spans_facts
from tmuxmeter.ledger.text import exact, shown, storable, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tmuxmeter.events import LogFile, Position
    from tmuxmeter.ledger.span import SpanFacts

RowT = TypeVar("RowT")


class Reader:
    """Answers from one ledger. Raises :class:`~tmuxmeter.errors.LedgerError` if it is damaged.

    Attributes
    ----------
    missing : bool
        There is no ledger yet: all answers are empty.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, *, shared: bool = False) -> None:
        self._connection = connection
        self._name = name
        self._shared = shared
        self.missing = False

    @classmethod
    def open(cls, folder: Path) -> Reader:
        """Open the ledger in a folder; where there is none yet, an empty one that is ``missing``.

        Raises
        ------
        LedgerNewerError
            It was written by a newer tmuxmeter.
        LedgerError
            It is damaged, or was written by an older tmuxmeter and not brought up to date yet.
        """
        path = folder / LEDGER_NAME
        version = 0
        if is_there(path):
            connection = connect_readable(path)
            version = check_version(connection, str(path))
            if version == SCHEMA_VERSION:
                return cls(connection, str(path))
            connection.close()
        if version:
            msg = f"{path} was written by an older tmuxmeter; `tmuxmeter up` brings it up to date"
            raise LedgerError(msg)
        # a file of version 0 is one that a writer is about to fill
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection)
        reader = cls(connection, str(path))
        reader.missing = True
        return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, unless it is the writer's."""
        if not self._shared:
            self._connection.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Answer everything asked inside from the same state of the ledger."""
        with ledger_errors(self._name):
            if self._connection.in_transaction:
                yield self
                return
            self._connection.execute("BEGIN")
            try:
                yield self
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def slices(self, start_ms: int, end_ms: int) -> list[Slice]:
        """Return what was spent from a time up to, not including, another."""
        with self.snapshot():
            return list(slices(self._connection, start_ms, end_ms))

    def total(self, start_ms: int, end_ms: int) -> Measures:
        """Return the sum of what was spent from a time up to, not including, another."""
        with self.snapshot():
            return total(self._connection, start_ms, end_ms)

    def folders(self, start_ms: int, end_ms: int) -> set[str]:
        """Return the projects for which anything was spent in a span."""
        with self.snapshot():
            return folders(self._connection, start_ms, end_ms)

    def unit_prices(self) -> list[human.UnitPrice]:
        """Return what a million tokens of each model cost, as far as it is known."""
        with self.snapshot():
            return list(human.unit_prices(self._connection).values())

    def span_facts(self, start_ms: int, end_ms: int, window_ms: int = WINDOW_MS) -> SpanFacts:
        """Return all that the levers of a span are computed from.

        Parameters
        ----------
        window_ms : int
            Within which edits of one file overlap; at most
            :data:`~tmuxmeter.ledger.activity.LOOK_BACK_MS`.
        """
        with self.snapshot():
            return next(spans_facts(self._connection, [(start_ms, end_ms)], window_ms))

    def spans_facts(
        self, spans: Sequence[tuple[int, int]], window_ms: int = WINDOW_MS
    ) -> list[SpanFacts]:
        """Return the same for several spans, which are in order of time: every row is read once."""
        with self.snapshot():
            return list(spans_facts(self._connection, spans, window_ms)) if spans else []

    def unmetered_sessions(
        self, start_ms: int, end_ms: int, now_ms: int, *, estimated: bool = False
    ) -> list[session_queries.Unmetered]:
        """Return sessions with prompts or turns in a span whose log never told any tokens.

        A session of an agent that does tell them isn't among them while its first answer may
        still come.

        Parameters
        ----------
        start_ms, end_ms : int
            The span.
        now_ms : int
            The time now, to tell which answers may still come.
        estimated : bool
            Whether to tell what their texts may have been in tokens.
        """
        question = session_queries.UNMETERED_ESTIMATED if estimated else session_queries.UNMETERED
        rows = self._rows(session_queries.Unmetered, question, start_ms, end_ms)
        found = (row if _answers(row) else row._replace(due_ms=0) for row in rows)
        return [row for row in found if row.due_ms <= now_ms]

    def agents(self) -> list[session_queries.AgentRow]:
        """Return the agents that were ever read, with their sessions and last signs of life."""
        return self._rows(session_queries.AgentRow, session_queries.AGENTS)

    def logged_sessions(self) -> dict[str, int]:
        """Return how many sessions of each agent a log has told of."""
        with self.snapshot():
            return dict(self._connection.execute(session_queries.LOGGED).fetchall())

    def tokenless(self, start_ms: int, end_ms: int) -> list[session_queries.Tokenless]:
        """Return agents' versions that were prompted in a span and told no tokens since."""
        return self._rows(session_queries.Tokenless, session_queries.TOKENLESS, start_ms, end_ms)

    def inputless(self, start_ms: int, end_ms: int) -> list[session_queries.Inputless]:
        """Return agents' versions whose requests in a span tell no input at all."""
        return self._rows(session_queries.Inputless, session_queries.INPUTLESS, start_ms, end_ms)

    def recent_sessions(self, since_ms: int) -> list[session_queries.RecentSession]:
        """Return the sessions that began or did anything since a time, newest last."""
        return self._rows(session_queries.RecentSession, session_queries.RECENT_SESSIONS, since_ms)

    def recent_of(
        self, sessions: Iterable[tuple[str, str]], since_ms: int
    ) -> list[session_queries.RecentSession]:
        """Return those of these sessions, by agent and key, that did anything since a time."""
        import json

        named = json.dumps([[agent, storable(key)] for agent, key in sessions])
        return self._rows(
            session_queries.RecentSession, session_queries.RECENT_OF_THESE, since_ms, named
        )

    def sessions(self, since_ms: int, limit: int) -> list[session_queries.Story]:
        """Return the newest sessions with any sign of life since a time, newest first."""
        with self.snapshot():
            return session_queries.stories(self._connection, since_ms, limit)

    def models(self) -> list[tuple[str, str]]:
        """Return agents and the models they used."""
        with self.snapshot():
            return self._connection.execute(queries.MODELS).fetchall()

    def request_span(self) -> tuple[int, int] | None:
        """Return when the first and the last request were made, None without any."""
        with self.snapshot():
            first, last = self._connection.execute(queries.REQUEST_SPAN).fetchone()
        return None if first is None else (int(first), int(last))

    def last_requests(self, since_ms: int) -> dict[tuple[str, str], int]:
        """Return when the newest request since a time ended, by agent and session."""
        with self.snapshot():
            rows = self._connection.execute(session_queries.LAST_REQUESTS, (since_ms,))
            return {(agent, session): int(time_ms) for agent, session, time_ms in rows}

    def requests_after(
        self, agent: str, session: str, time_ms: int, late_ms: int
    ) -> list[session_queries.RequestAfter]:
        """Return a session's requests after a time, its sub-agents' too, in order of time.

        What they were asked for up to ``late_ms`` after that time counts as asked before it.
        """
        values = agent, session, time_ms, time_ms + late_ms
        with self.snapshot():
            rows = self._connection.execute(session_queries.REQUESTS_AFTER, values)
            return [session_queries.RequestAfter(*row) for row in rows]

    def last_request_before(self, time_ms: int) -> int | None:
        """Return when the newest request before a time was made, None without any.

        It tells the last working day before a day that has only begun.
        """
        with self.snapshot():
            row = self._connection.execute(queries.LAST_REQUEST_BEFORE, (time_ms,)).fetchone()
        return None if row[0] is None else int(row[0])

    def imports(self, agent: str) -> Imports:
        """Return what an import of an agent's requests has to know; ask it inside a snapshot."""
        return Imports(self._connection, agent)

    def unpriced_models(self) -> list[queries.UnpricedModel]:
        """Return what has no price; takes longer the more history there is."""
        return self._rows(queries.UnpricedModel, queries.UNPRICED_MODELS)

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with the file; reads all of it."""
        with self.snapshot():
            rows = self._connection.execute("PRAGMA quick_check").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def bindings(self, start_ms: int, end_ms: int) -> list[queries.BindingRow]:
        """Return where sessions ran in a span, in order of time."""
        return self._rows(queries.BindingRow, queries.BINDINGS, end_ms, start_ms)

    def skipped(self) -> list[queries.SkippedRow]:
        """Return which records of which files were left out, and why."""
        rows = self._rows(queries.SkippedRow, queries.SKIPPED)
        return [
            row._replace(root=shown(row.root), name=shown(row.name), path=shown(row.path))
            for row in rows
        ]

    def files(self) -> list[queries.FileRow]:
        """Return every log file ever read and how far."""
        rows = self._rows(queries.FileRow, queries.FILES)
        return [
            row._replace(root=shown(row.root), name=shown(row.name), path=shown(row.path))
            for row in rows
        ]

    def position(self, file: LogFile) -> Position:
        """Return how far a file has been read."""
        from tmuxmeter.events import Position  # heavy, and no report needs it

        with self.snapshot():
            values = file.agent, exact(file.root), exact(file.name)
            row = self._connection.execute(queries.POSITION, values).fetchone()
        return Position(*row) if row else Position()

    def file_ids(self, paths: Iterable[str]) -> list[int]:
        """Return the ids of those log files whose paths these are, in rising order."""
        wanted = set(paths)
        with self.snapshot():
            rows = self._connection.execute(queries.FILE_PATHS)
            return [row_id for row_id, path in rows if text_of(path) in wanted]

    def file_marks(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return path, size and modification time (ns) of log files, as they were read last."""
        found: list[tuple[str, int, int]] = []
        with self.snapshot():
            for first in range(0, len(ids), queries.AT_ONCE):
                some = ids[first : first + queries.AT_ONCE]
                statement = queries.FILE_MARKS.format(ids=",".join(str(int(each)) for each in some))
                rows = self._connection.execute(statement)
                found += [(text_of(path), size, mtime_ns) for path, size, mtime_ns in rows]
        return found

    def rate_limits(self) -> list[queries.RateLimitRow]:
        """Return the newest word on each plan window of each account."""
        return self._rows(queries.RateLimitRow, queries.RATE_LIMITS)

    def billed(self, start_ms: int, end_ms: int) -> list[bills.Billed]:
        """Return what agents' own accounts say of the sessions they reported in a span."""
        with self.snapshot():
            return bills.billed(self._connection, start_ms, end_ms)

    def bills(self, session_ids: Iterable[int]) -> dict[int, bills.Bill]:
        """Return what agents' own accounts said last of some sessions, by the ledger's id."""
        with self.snapshot():
            return bills.bills(self._connection, session_ids)

    def counts(self) -> dict[str, int]:
        """Return how many rows each kind of thing has; takes longer the more history there is."""
        with self.snapshot():
            return {
                table: int(self._connection.execute(statement).fetchone()[0])
                for table, statement in queries.COUNTS.items()
            }

    def meta(self, name: str) -> str | None:
        """Return a value the writer keeps under a name, None where there is none."""
        with self.snapshot():
            row = self._connection.execute(queries.META, (name,)).fetchone()
        return None if row is None else str(row[0])

    def written_elsewhere(self) -> int:
        """Return a number that changes when another connection wrote to the ledger."""
        with ledger_errors(self._name):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _rows(self, kind: Callable[..., RowT], statement: str, *values: int | str) -> list[RowT]:
        with self.snapshot():
            return [kind(*row) for row in self._connection.execute(statement, values)]


def _answers(row: session_queries.Unmetered) -> bool:
    """Tell whether the answer that a session waits for will tell tokens, if it waits for one."""
    if not row.due_ms:
        return False
    from tmuxmeter.agents import tells_tokens  # loads every agent, and few sessions need it

    return tells_tokens(row.agent)
