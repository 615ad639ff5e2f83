"""An agent with a database and a document below its root, for the tests of the log room."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.base import Defaults, Process, Root
from tmuxmeter.agents.cursors import Cursor
from tmuxmeter.agents.readers import DATABASE, DOCUMENT, Query
from tmuxmeter.agents.totals import Totals
from tmuxmeter.errors import LogError
from tmuxmeter.events import Event, LogFile, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INDEX_HEADER = 96
"""Bytes of both copies of what the shared index says of the WAL (SQLite's file format)."""

OVERLAP = 10


def usage(identity: str, n: int) -> Usage:
    key = event_key("store", "usage", identity)
    return Usage(key=key, session="s", time_ms=1, model="m", output=n)


class RowReader:
    """Reads ``item(id, changed, n)``."""

    def __init__(self, state: bytes) -> None:
        reached = json.loads(state) if state else [0, ""]
        self.cursor = Cursor((reached[0], reached[1]), OVERLAP)

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        if "n" not in tables.get("item", ()):
            msg = "no column item.n"
            raise LogError(msg)
        text = (
            "SELECT id, changed, n FROM item WHERE (changed, id) > (:time, :id)"
            " ORDER BY changed, id LIMIT :page"
        )
        return [Query("items", text, self.cursor.values)]

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        assert query == "items"
        for identity, changed, _ in rows:
            self.cursor.take(changed, identity)
        return [usage(identity, n) for identity, _, n in rows]

    def rewind(self) -> None:
        self.cursor.rewind()

    def state(self) -> bytes:
        return json.dumps(self.cursor.reached).encode()


class TotalReader:
    """Reads ``{"total": n}``."""

    def __init__(self, state: bytes) -> None:
        self.totals = Totals()
        if state:
            self.totals.last = {"s": (json.loads(state)[0], tuple(json.loads(state)[1]))}

    def read(self, content: bytes) -> list[Event] | None:
        try:
            total = json.loads(content)["total"]
        except ValueError:
            return None
        growth = self.totals.grown("s", [total])
        return [usage(growth.identity, growth.counts[0])] if growth else []

    def state(self) -> bytes:
        return json.dumps(self.totals.last.get("s", (0, [0]))).encode()


class StoreAgent(Defaults):
    name = "store"
    title = "Store"
    provider = "nobody"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        return (Root("store", home),)

    def log_folders(self) -> tuple[str, ...]:
        return ("",)

    def walks(self, relative: str) -> bool:
        return relative != "huge"

    def log_name(self, relative: str) -> str | None:
        return relative if relative.endswith((".db", ".json")) else None

    def log_kind(self, name: str) -> str:
        return DATABASE if name.endswith(".db") else DOCUMENT

    def reader(self, name: str, state: bytes = b"") -> RowReader | TotalReader:
        return RowReader(state) if name.endswith(".db") else TotalReader(state)

    def role(self, process: Process) -> str:
        return ""


STORE = StoreAgent()


def store_at(path: Path) -> LogFile:
    return LogFile("store", str(path.parent), path.name, str(path))


def connect(path: Path, *, wal: bool = True) -> sqlite3.Connection:
    """Open a database as its agent does, for writing."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    connection.execute(f"PRAGMA journal_mode={'wal' if wal else 'delete'}")
    connection.execute("CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY, changed INT, n INT)")
    return connection


def put(connection: sqlite3.Connection, identity: str, changed: int, n: int) -> None:
    connection.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", (identity, changed, n))


def made(path: Path, count: int, *, wal: bool = True) -> Path:
    """Make a database with so many rows ``i00000…``, each with n 1, and close it."""
    with closing(connect(path, wal=wal)) as connection:
        connection.execute("BEGIN")
        for number in range(count):
            put(connection, f"i{number:05}", number, 1)
        connection.execute("COMMIT")
    return path


def write_over(path: Path, content: bytes) -> None:
    """Replace the beginning of a file in place."""
    with path.open("r+b") as file:
        file.write(content)
