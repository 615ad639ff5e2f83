"""A connection that writes in transactions, with the ids it knows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tmuxmeter.ledger.database import ledger_errors
from tmuxmeter.ledger.ids import Ids

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class Store:
    """What every part of the writer stands on.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode, its schema up to date.
    name : str
        The file's name, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._ids = Ids(connection)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what is done inside, or undo all of it and raise a ledger error."""
        with ledger_errors(self._name):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite may have rolled back by itself, as on a full disk
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._forget()
                raise

    def _forget(self) -> None:
        """Forget what was remembered of rows that are gone now."""
        self._ids.forget()
