"""What an import has to know of the ledger, so that nothing counts twice and all finds its place.

Whatever is imported is booked as shown by one file below :data:`ROOT`: that tells it from what
logs and hooks told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

ROOT = "import"
"""Root, and so account, of what was imported and belongs to no session of a log."""
_BEFORE_MS = 86_400_000
"""Turns that began a day earlier may still go on."""
_AT_ONCE = 5_000
_PROMPT, _USAGE = 0, 2

# a sub-agent's work is part of its parent's turn, whose own events enclose it
_SIGNS = """
    SELECT s.id, s.key, e.time_ms, e.kind FROM session s JOIN (
        SELECT session_id, time_ms, 0 AS kind FROM prompt WHERE human
        UNION ALL SELECT session_id, time_ms, 1 FROM turn_end
        UNION ALL SELECT session_id, time_ms, 1 FROM tool_result
        UNION ALL SELECT session_id, time_ms, 1 FROM file_touch
        UNION ALL SELECT u.session_id, u.time_ms, 2 FROM usage u
            JOIN file f ON f.id = u.owner_file_id WHERE f.root <> :root
    ) e ON e.session_id = s.id
    WHERE s.agent = :agent AND NOT s.spawned AND e.time_ms >= :start AND e.time_ms < :end
    ORDER BY s.id, e.time_ms, e.kind
"""
_TOLD = """
    SELECT u.time_ms, u.fresh, u.cache_read, u.cache_write_5m + u.cache_write_1h, u.output
    FROM usage u INDEXED BY usage_time JOIN session s ON s.id = u.session_id
         JOIN file f ON f.id = u.owner_file_id
    WHERE s.agent = :agent AND (f.root = :root) = :imported
      AND u.time_ms >= :start AND u.time_ms < :end ORDER BY u.time_ms, u.key
"""
# a turn begins with its prompt, and after the turn that was told before
_PART = """
    SELECT coalesce(sum(u.fresh), 0), coalesce(sum(u.cache_read), 0),
           coalesce(sum(u.cache_write_5m + u.cache_write_1h), 0), coalesce(sum(u.output), 0)
    FROM session s CROSS JOIN usage u INDEXED BY usage_session ON u.session_id = s.id
         JOIN file f ON f.id = u.owner_file_id
    WHERE s.agent = :agent AND s.key = :session AND f.root = :root AND u.time_ms <= :at
      AND u.time_ms > coalesce((
        SELECT max(x.time_ms) FROM usage x JOIN file y ON y.id = x.owner_file_id
        WHERE x.session_id = s.id AND y.root <> :root AND x.time_ms < :at
      ), 0)
      AND u.time_ms >= coalesce((
        SELECT max(p.time_ms) FROM prompt p
        WHERE p.session_id = s.id AND p.human AND p.time_ms <= :at
      ), :at) - :before
"""
_KEYS = "SELECT key FROM usage WHERE key IN ({keys})"
_PLACELESS = """
    SELECT s.key FROM session s JOIN (
        SELECT session_id, max(time_ms) AS last_ms FROM usage GROUP BY session_id
    ) u ON u.session_id = s.id
    WHERE s.agent = ? AND s.account IN ({accounts}) AND NOT EXISTS (
        SELECT 1 FROM binding b
        WHERE b.session_id = s.id AND (b.end_ms IS NULL OR b.end_ms > u.last_ms)
    ) ORDER BY s.key
"""


class TurnRow(NamedTuple):
    """From a prompt to the last sign of what it set going. ``metered``: its tokens are known."""

    session: str
    start_ms: int
    end_ms: int
    metered: bool


class Imports:
    """Answers about one agent, from the connection of a reader."""

    def __init__(self, connection: sqlite3.Connection, agent: str) -> None:
        self._connection = connection
        self._agent = agent

    def turns(self, start_ms: int, end_ms: int) -> list[TurnRow]:
        """Return the agent's turns around a span, session by session."""
        found: list[TurnRow] = []
        owner = None
        rows = self._connection.execute(_SIGNS, self._values(start_ms - _BEFORE_MS, end_ms))
        for session_id, key, time_ms, kind in rows:
            if kind == _PROMPT or session_id != owner:
                owner = session_id
                found.append(TurnRow(key, time_ms, time_ms, metered=False))
            last = found[-1]
            found[-1] = last._replace(end_ms=time_ms, metered=last.metered or kind == _USAGE)
        return found

    def told(
        self, start_ms: int, end_ms: int, *, imported: bool
    ) -> list[tuple[int, int, int, int, int]]:
        """Return time, fresh, cache read, cache write and output of requests in a span.

        ``imported`` tells which: those that imports brought, or all others.
        """
        values = {**self._values(start_ms, end_ms), "imported": imported}
        return self._connection.execute(_TOLD, values).fetchall()

    def part_of_turn(self, session: str, at_ms: int, before_ms: int) -> tuple[int, int, int, int]:
        """Return fresh, cache read, cache write and output that imports brought of one turn.

        Parameters
        ----------
        session : str
            Whose turn.
        at_ms : int
            When the turn was told to have ended.
        before_ms : int
            How much earlier than its prompt a request of it may be dated.
        """
        values = {"agent": self._agent, "root": ROOT, "session": session} | {
            "at": at_ms,
            "before": before_ms,
        }
        row = self._connection.execute(_PART, values).fetchone()
        return tuple(row)

    def booked(self, keys: Sequence[int]) -> set[int]:
        """Return those of some requests that are in the ledger."""
        found: set[int] = set()
        for first in range(0, len(keys), _AT_ONCE):
            some = ",".join(str(int(key)) for key in keys[first : first + _AT_ONCE])
            found |= {row[0] for row in self._connection.execute(_KEYS.format(keys=some))}
        return found

    def placeless(self, accounts: Iterable[str]) -> list[str]:
        """Return the sessions of these accounts that spent something later than they ran."""
        values = sorted(set(accounts))
        statement = _PLACELESS.format(accounts=",".join("?" * len(values)))
        return [row[0] for row in self._connection.execute(statement, (self._agent, *values))]

    def _values(self, start_ms: int, end_ms: int) -> dict[str, object]:
        return {"agent": self._agent, "root": ROOT, "start": start_ms, "end": end_ms}
