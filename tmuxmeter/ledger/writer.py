"""The one process that writes the ledger."""

from __future__ import annotations

import sqlite3
import weakref
from typing import TYPE_CHECKING

from tmuxmeter.errors import FolderError, LedgerUnwritableError
from tmuxmeter.events import Position
from tmuxmeter.ledger import unit_prices
from tmuxmeter.ledger.accounts import AccountBook
from tmuxmeter.ledger.bindings import PaneBook
from tmuxmeter.ledger.booking import Booking
from tmuxmeter.ledger.database import (
    LEDGER_NAME,
    connect_writable,
    free_lock,
    ledger_errors,
    migrate,
    take_lock,
    unwritable,
)
from tmuxmeter.ledger.memory import copy_recent
from tmuxmeter.ledger.presence import PresenceBook
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.ledger.reprice import differences
from tmuxmeter.ledger.text import text_of
from tmuxmeter.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tmuxmeter.events import Chunk, LogFile
    from tmuxmeter.ledger.booking import Booked, Price
    from tmuxmeter.ledger.ids import FileIdentity
    from tmuxmeter.ledger.reprice import PriceChange


class Writer(PaneBook, PresenceBook, AccountBook):
    """Books whatever comes, each call in one transaction: wholly or not.

    Every method raises :class:`~tmuxmeter.errors.LedgerUnwritableError` while the disk is full or
    read-only (nothing was changed; it may be called again), and
    :class:`~tmuxmeter.errors.LedgerError` where the file is damaged.

    Attributes
    ----------
    in_memory : bool
        Nothing is kept: this is the stand-in for a ledger that can't be written.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, lock: int | None) -> None:
        super().__init__(connection, name)
        self.in_memory = lock is None
        # a writer that was dropped after an error must not lock the next one out
        self._unlock = None if lock is None else weakref.finalize(self, free_lock, lock)

    @classmethod
    def open(cls, folder: Path) -> Writer:
        """Open the ledger in a folder, made where needed, and hold its lock until closed.

        Raises
        ------
        LedgerBusyError
            Another process holds the lock.
        LedgerNewerError
            It was written by a newer tmuxmeter.
        LedgerUnwritableError
            The disk is full or the folder is read-only; see :meth:`memory`.
        LedgerError
            The file is damaged.
        FolderError
            The folder is a symbolic link or somebody else's.
        """
        try:
            private_folder(folder)
        except FolderError as error:
            if unwritable(error.__cause__):
                raise LedgerUnwritableError(str(error)) from error
            raise
        lock = take_lock(folder)
        try:
            connection = connect_writable(folder)
        except BaseException:
            free_lock(lock)
            raise
        return cls(connection, str(folder / LEDGER_NAME), lock)

    @classmethod
    def memory(cls, seed: Path | None, since_ms: int) -> Writer:
        """Return a ledger in memory that goes on where the one in a folder stands.

        It knows all files' positions, sessions, panes and bindings, and the events since
        ``since_ms``; nothing it books is kept. Once the disk is back, close it and
        :meth:`open` the real one: that reads on from its own positions.

        Parameters
        ----------
        seed : Path or None
            The ledger's folder; one that can't be read is left out.
        since_ms : int
            Time of the oldest events to know, in epoch milliseconds.
        """
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection)
        if seed is not None:
            copy_recent(seed / LEDGER_NAME, connection, since_ms)
        return cls(connection, "the ledger in memory", None)

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
        """Close the ledger and give the lock back."""
        self._connection.close()
        if self._unlock is not None:
            self._unlock()

    def register(self, files: Iterable[LogFile]) -> None:
        """Give files their ids in this order, before anything of them is booked.

        The order decides who owns a request that several files show: the first one.
        """
        with self._transaction():
            for file in files:
                self._ids.file(file)

    def positions(self) -> dict[FileIdentity, Position]:
        """Return how far every file has been read, by agent, root and canonical name."""
        with ledger_errors(self._name):
            rows = self._connection.execute(
                "SELECT agent, root, name, device, inode, size, mtime_ns, offset, mark, reader"
                " FROM file ORDER BY id"
            )
            return {
                (agent, text_of(root), text_of(name)): Position(*position)
                for agent, root, name, *position in rows
            }

    def position(self, file: LogFile) -> Position:
        """Return how far a file has been read."""
        return self.reader().position(file)

    def release(self) -> None:
        """Give back the memory that only makes much booking at once quicker."""
        self._forget()
        with ledger_errors(self._name):
            self._connection.execute("PRAGMA shrink_memory")

    def book(self, chunks: Iterable[Chunk], price: Price) -> Booked:
        """Book the events of some chunks together with the positions after them.

        The rules by which several lines of one request count once are in
        :mod:`tmuxmeter.ledger.booking`.

        Parameters
        ----------
        chunks : Iterable[Chunk]
            Chunks of one file in the order of their offsets; files in any order.
        price : Price
            Called once for every request that may have to be written.
        """
        with self._transaction():
            booking = Booking(self._connection, self._ids, price)
            for chunk in chunks:
                booking.add(chunk)
            booked = booking.finish()
            unit_prices.ask(self._connection, price)
            return booked

    def reprice(self, price: Price, since_ms: int, *, apply: bool) -> list[PriceChange]:
        """Price all requests since a time anew and return what differs, written if ``apply``."""
        with self._transaction():
            changes, updates = differences(self._connection, price, since_ms)
            if apply:
                self._connection.executemany("UPDATE usage SET cost = ? WHERE key = ?", updates)
                unit_prices.ask(self._connection, price, again=True)
            return changes

    def meta(self, name: str) -> str | None:
        """Return a value kept under a name, None where there is none."""
        with ledger_errors(self._name):
            row = self._connection.execute(
                "SELECT value FROM meta WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

    def reader(self) -> Reader:
        """Return a reader that shares this connection and sees all that was booked."""
        return Reader(self._connection, self._name, shared=True)
