"""What is known of a session, merged from every file that says something about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.ledger.text import storable

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.events import SessionStart

# within a file the first word stays; only the start may become earlier
_UPSERT = """
    INSERT INTO session_fact
        (session_id, file_id, started_ms, cwd, branch, parent, spawned, version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id, file_id) DO UPDATE SET
        started_ms = CASE
            WHEN started_ms IS NULL OR excluded.started_ms < started_ms THEN excluded.started_ms
            ELSE started_ms END,
        cwd = CASE WHEN cwd = '' THEN excluded.cwd ELSE cwd END,
        branch = CASE WHEN branch = '' THEN excluded.branch ELSE branch END,
        spawned = CASE WHEN parent = '' THEN excluded.spawned ELSE spawned END,
        parent = CASE WHEN parent = '' THEN excluded.parent ELSE parent END,
        version = CASE WHEN version = '' THEN excluded.version ELSE version END
"""
_UPDATE = """
    UPDATE session
    SET started_ms = ?1, cwd = ?2, branch = ?3, parent = ?4, spawned = ?5, version = ?6
    WHERE id = ?7 AND (started_ms, cwd, branch, parent, spawned, version)
        IS NOT (?1, ?2, ?3, ?4, ?5, ?6)
"""


class SessionFacts:
    """Collects session starts and merges them into the session rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[object, ...]] = []
        self._touched: set[int] = set()

    def add(self, session_id: int, file_id: int, start: SessionStart) -> None:
        """Take what one file says. A start at time 0 is an unknown one."""
        self._rows.append(
            (
                *(session_id, file_id, start.time_ms or None, storable(start.cwd)),
                *(storable(start.branch), storable(start.parent)),
                *(int(start.spawned), storable(start.version)),
            )
        )
        self._touched.add(session_id)

    def write(self) -> int:
        """Write everything; return how many sessions are known better than before."""
        self._connection.executemany(_UPSERT, self._rows)
        before = self._connection.total_changes
        self._connection.executemany(_UPDATE, [self._merged(row_id) for row_id in self._touched])
        self._rows.clear()
        self._touched.clear()
        return self._connection.total_changes - before

    def _merged(self, session_id: int) -> tuple[object, ...]:
        """Return the earliest start and the first word on each other fact, oldest file first."""
        started: int | None = None
        cwd = branch = parent = version = ""
        spawned = 0
        rows = self._connection.execute(
            "SELECT started_ms, cwd, branch, parent, spawned, version FROM session_fact"
            " WHERE session_id = ? ORDER BY file_id",
            (session_id,),
        )
        for start_ms, its_cwd, its_branch, its_parent, its_spawned, its_version in rows:
            if start_ms is not None and (started is None or start_ms < started):
                started = start_ms
            cwd = cwd or its_cwd
            branch = branch or its_branch
            if not parent:
                parent, spawned = its_parent, its_spawned
            version = version or its_version
        return (started, cwd, branch, parent, spawned, version, session_id)
