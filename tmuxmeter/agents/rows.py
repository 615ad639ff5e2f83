"""Where reading a database goes on: by rows' numbers, which grow, and again by id while unfinished.

So a look at a table of years costs nothing, whatever indexes it has. Rows that are still being
written are asked for again by their id. Should numbers have changed (the last rows were deleted,
the file was vacuumed), the row that was read last is no longer where it was, and everything is read
again: the ledger books no key twice.
"""

from __future__ import annotations

import msgspec

PENDING = 200
"""Rows that are asked for again because they were still being written; SQLite binds 999."""

# each row is found by its number or id: written as one condition, SQLite would look at all of them
_NEW = """
    WHERE x.rowid IN (
        SELECT number FROM (
            SELECT rowid AS number FROM {table} WHERE rowid > (SELECT CASE WHEN EXISTS (
                SELECT 1 FROM {table} WHERE rowid = :number AND id = :last) THEN :number ELSE 0 END)
            ORDER BY rowid LIMIT :page)
        UNION SELECT rowid FROM {table} WHERE id IN ({pending}))
    ORDER BY x.rowid
"""


class Place(msgspec.Struct, array_like=True):
    """How far a table was read: the number and id of the last row, and the unfinished rows."""

    number: int = 0
    last: str = ""
    pending: list[str] = []

    def passed(self, number: int, identity: str, *, new: bool, pending: bool) -> None:
        """Note a row that was read; ``new``: it wasn't asked for by its id."""
        if new:
            self.number, self.last = number, identity
        if pending and identity not in self.pending:
            self.pending = [*self.pending, identity][-PENDING:]
        elif not pending and identity in self.pending:
            self.pending = [known for known in self.pending if known != identity]


def new_rows(table: str, select: str, place: Place) -> tuple[str, dict[str, object]]:
    """Return the question for rows that are new, or were being written the last time.

    Parameters
    ----------
    table : str
        The table, which has a text ``id`` of its own beside the row number.
    select : str
        ``SELECT`` and ``FROM``, with ``x`` for that table; it gives ``x.rowid`` and ``x.id`` first.
    place : Place
        How far the table was read.
    """
    pending = {f"p{number}": identity for number, identity in enumerate(place.pending[:PENDING])}
    listed = ", ".join(f":{name}" for name in pending) or "NULL"
    text = select + _NEW.format(table=table, pending=listed)
    return text, {"number": place.number, "last": place.last, **pending}
