"""What the human tells the meter: hand-offs, claims, tasks done.

Commands write these themselves, also while the watcher runs: no other process writes these rows,
and SQLite lets one after the other in. Only a ledger that has to be made or brought up to date
needs the writer's lock.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import UsageError
from tmuxmeter.ledger.database import (
    LEDGER_NAME,
    check_version,
    connect_writable,
    is_there,
    ledger_errors,
)
from tmuxmeter.ledger.schema import SCHEMA_VERSION
from tmuxmeter.ledger.text import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self


class Note(NamedTuple):
    """What was taken back."""

    id: int
    time_ms: int
    minutes: float | None
    note: str
    pane: str


class Notes:
    """Writes the human's own words into the ledger.

    Every method raises :class:`~tmuxmeter.errors.LedgerUnwritableError` where it can't be written.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    @classmethod
    def open(cls, folder: Path) -> Notes:
        """Open the ledger in a folder.

        Raises
        ------
        LedgerBusyError
            It has to be brought up to date first, and another process holds it.
        LedgerNewerError, LedgerUnwritableError, LedgerError
        """
        path = folder / LEDGER_NAME
        if not is_there(path) or _version(path) != SCHEMA_VERSION:
            from tmuxmeter.ledger.writer import Writer

            Writer.open(folder).close()
        return cls(connect_writable(folder), str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def pane_id(self, socket: str, pane: str) -> int:
        """Return the ledger's id of a pane that is there.

        Raises
        ------
        UsageError
            The watcher never saw such a pane.
        """
        with ledger_errors(self._name):
            row = self._connection.execute(
                "SELECT id FROM pane WHERE socket = ? AND pane = ? AND ended_ms IS NULL"
                " ORDER BY last_ms DESC, id DESC LIMIT 1",
                (socket, pane),
            ).fetchone()
        if row is None:
            msg = f"no pane {pane or repr(pane)} is metered on {socket}; "
            msg += "`tmuxmeter up` meters a server's panes"
            raise UsageError(msg)
        return int(row[0])

    def folder_of(self, pane_id: int) -> str:
        """Return where the newest session in a pane started, "" where that isn't known."""
        with ledger_errors(self._name):
            row = self._connection.execute(
                "SELECT s.cwd FROM binding b JOIN session s ON s.id = b.session_id"
                " WHERE b.pane_id = ? AND b.end_ms IS NULL AND s.cwd <> ''"
                " ORDER BY b.start_ms DESC, b.id DESC LIMIT 1",
                (pane_id,),
            ).fetchone()
        return "" if row is None else str(row[0])

    def hand_off(self, time_ms: int, pane_id: int | None, minutes: float | None, note: str) -> None:
        """Log a hand-off; ``minutes`` None: not said."""
        self._write(
            "INSERT INTO handoff (time_ms, pane_id, minutes, note) VALUES (?, ?, ?, ?)",
            (time_ms, pane_id, minutes, storable(note)),
        )

    def done(self, time_ms: int, pane_id: int | None, note: str) -> None:
        """Mark a task as done."""
        self._write(
            "INSERT INTO done_mark (time_ms, pane_id, note) VALUES (?, ?, ?)",
            (time_ms, pane_id, storable(note)),
        )

    def take_back_hand_off(self, now_ms: int) -> Note | None:
        """Take the newest hand-off back that was logged by hand; None where there is none."""
        return self._take_back("handoff", "n.minutes", now_ms)

    def take_back_done(self, now_ms: int) -> Note | None:
        """Take the newest mark back; None where there is none."""
        return self._take_back("done_mark", "NULL", now_ms)

    def claim(
        self, pane_id: int, root: str, patterns: Sequence[str], why: str, now_ms: int
    ) -> None:
        """Record which files a pane works on alone, in place of what it claimed before."""
        with ledger_errors(self._name), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._end_claims(pane_id, now_ms)
            self._connection.execute(
                "INSERT INTO claim (pane_id, root, patterns, why, made_ms) VALUES (?, ?, ?, ?, ?)",
                (
                    *(pane_id, storable(root), json.dumps(list(patterns))),
                    *(storable(why), now_ms),
                ),
            )

    def drop_claim(self, pane_id: int, now_ms: int) -> bool:
        """End a pane's claim; return whether there was one."""
        with ledger_errors(self._name), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return self._end_claims(pane_id, now_ms)

    def _end_claims(self, pane_id: int, now_ms: int) -> bool:
        # a respawned pane is still the same pane
        return bool(
            self._connection.execute(
                "UPDATE claim SET ended_ms = max(made_ms, ?) WHERE ended_ms IS NULL AND pane_id IN"
                " (SELECT q.id FROM pane p JOIN pane q"
                " USING (socket, server_pid, server_started, pane) WHERE p.id = ?)",
                (now_ms, pane_id),
            ).rowcount
        )

    def _take_back(self, table: str, minutes: str, now_ms: int) -> Note | None:
        with ledger_errors(self._name), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # the table's and the column's names are this module's own
            row = self._connection.execute(
                f"SELECT n.id, n.time_ms, {minutes}, n.note, coalesce(p.pane, '')"  # noqa: S608
                f" FROM {table} n LEFT JOIN pane p ON p.id = n.pane_id"
                " WHERE n.undone_ms IS NULL ORDER BY n.time_ms DESC, n.id DESC LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            self._connection.execute(
                f"UPDATE {table} SET undone_ms = ? WHERE id = ?",  # noqa: S608
                (now_ms, row[0]),
            )
        return Note(*row)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with ledger_errors(self._name):
            self._connection.execute(statement, values)


def _version(path: Path) -> int:
    from tmuxmeter.ledger.database import connect_readable

    connection = connect_readable(path)
    try:
        return check_version(connection, str(path))
    finally:
        connection.close()
