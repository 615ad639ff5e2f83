"""What turns logs into events: a reader for each of the three kinds of logs.

A log is a file of lines that grows, a document that is rewritten whole, or a database whose rows
come and change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from tmuxmeter.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tmuxmeter.events import Event

LINES: Final = "lines"
DOCUMENT: Final = "document"
DATABASE: Final = "database"

PAGE = 2000
"""Rows that one question to a database may return; with so many it is asked again."""
UNKNOWN_TYPE: Final = "unknown type "


class Reader(Protocol):
    """Turns the lines of one log file into events; keeps what later lines need of earlier ones."""

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only.

        ``offset`` is the position of ``block[start]`` in the file, for ``Skipped``. Never raises
        on bad content: a broken record becomes a ``Skipped``.
        """

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""


class DocumentReader(Protocol):
    """Turns a file that is rewritten whole into events.

    It is read again whenever it changed, with what :meth:`state` returned the last time: events
    have keys of their own, totals are told as what they grew by
    (:class:`tmuxmeter.agents.totals.Totals`).
    """

    def read(self, content: bytes) -> list[Event] | None:
        """Return the events of the whole file, None where it is half-written or broken.

        Then it is read again soon, and told as broken once its file is left alone. Never raises
        on bad content: a broken part becomes a ``Skipped``.
        """

    def state(self) -> bytes:
        """Return what the reader of the next version needs; stored with the events, or neither."""


@runtime_checkable
class Dated(Protocol):
    """What a document's reader also has where its records carry no times of their own."""

    def written(self, time_ms: int) -> None:
        """Take the time of the file's last change, epoch milliseconds; called before ``read``."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a database: the same ``name`` comes back with its rows.

    ``sql`` reads only, is ordered by what it goes on from (its cursor, bound by name in
    ``values``) and gives up to ``:page`` rows, which is added to ``values``: exactly so many, or
    more, mean that there may be others. It is asked after every change, so it must find its rows
    by an index or their number wherever a table grows with use.
    """

    name: str
    sql: str
    values: Mapping[str, object] = field(default_factory=dict)


class DatabaseReader(Protocol):
    """Turns the rows of an SQLite file into events.

    After every change a new reader is asked for its queries, gets the rows of each, and is asked
    again as long as any of them filled a page. What was read before may be read again (rows are
    changed in place): the ledger books each key once, the largest output wins.
    """

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next, given the columns of each table.

        Raises
        ------
        LogError
            If the tables are not those this reader knows; the message says what is missing.
        """

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of a query's rows, which may be none. Never raises on bad content."""

    def rewind(self) -> None:
        """Go back to the first row, but keep what totals were counted: the file is another one."""

    def state(self) -> bytes:
        """Return what a new reader needs to go on; stored with the events, or neither."""


def check_columns(
    title: str, needed: Mapping[str, Collection[str]], tables: Mapping[str, frozenset[str]]
) -> None:
    """Make sure that an agent's database has the columns that are asked for.

    Parameters
    ----------
    title : str
        The agent, for people.
    needed, tables
        Columns by table: those that are needed, and those that are there.

    Raises
    ------
    LogError
        If one is missing.
    """
    for table, columns in needed.items():
        missing = set(columns) - tables.get(table, frozenset())
        if missing:
            message = f"{title}'s table {table} has no {', '.join(sorted(missing))}"
            raise LogError(message)


def unknown_type(kind: str, version: str = "") -> str:
    """Return the reason under which records of a type that nobody knows are skipped and counted.

    ``doctor`` shows them as "412 records of unknown type X in codex 0.170".
    """
    word = "".join(c if c.isprintable() else "?" for c in kind[:60])
    return f"{UNKNOWN_TYPE}{word}" + (f" in {version[:30]}" if version else "")
