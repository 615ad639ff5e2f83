"""A stand-in for the ledger while its disk is full or read-only, filled from what is readable."""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from tmuxmeter.errors import LedgerError
from tmuxmeter.ledger.database import connect_readable

if TYPE_CHECKING:
    from pathlib import Path

_RECENT = "time_ms >= :since"
# what a going-on reader needs, oldest references first; events only as far as they are recent
_COPIED = {
    "meta": "1",
    "file": "1",
    "skipped": "1",
    "session": "1",
    "session_fact": "1",
    "model": "1",
    "place": "1",
    "tool": "1",
    "path": f"id IN (SELECT path_id FROM file_touch WHERE {_RECENT})",
    "usage": _RECENT,
    "prompt": _RECENT,
    "turn_end": _RECENT,
    "tool_result": _RECENT,
    "file_touch": _RECENT,
    "compaction": _RECENT,
    "estimate": _RECENT,
    "rate_limit": "1",
    "pane": "1",
    "binding": "end_ms IS NULL OR end_ms >= :since",
    "attention": "end_ms >= :since",
    "standstill": "end_ms >= :since",
    "handoff": _RECENT,
    "done_mark": _RECENT,
    "claim": "ended_ms IS NULL OR ended_ms >= :since",
    "crossing": _RECENT,
    "unit_price": "1",
    "account_cost": "1",
}


def copy_recent(path: Path, target: sqlite3.Connection, since_ms: int) -> bool:
    """Copy what is recent from a ledger on disk; return False, with nothing copied, if unreadable.

    An older schema is copied as far as it has the same columns.
    """
    try:
        source = connect_readable(path)
    except LedgerError:
        return False
    with contextlib.closing(source):
        target.execute("BEGIN")
        try:
            for table, condition in _COPIED.items():
                _copy_table(source, target, table, condition, since_ms)
        except sqlite3.Error:
            target.execute("ROLLBACK")
            return False
        target.execute("COMMIT")
    return True


def _copy_table(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    table: str,
    condition: str,
    since_ms: int,
) -> None:
    names = ", ".join(
        name for name in _columns(target, table) if name in set(_columns(source, table))
    )
    if not names:  # a table that the older schema doesn't have
        return
    # table and column names are the schema's own
    rows = source.execute(
        f"SELECT {names} FROM {table} WHERE {condition}",
        {"since": since_ms},
    )
    marks = ", ".join("?" * len(rows.description))
    target.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
