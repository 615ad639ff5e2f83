"""What the watcher sees of the human: which pane is in front, who waits for him, what he was told.

A look at the screen is a moment; looks that follow each other closely become one interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOKS_MS = 30_000
"""Looks no further apart are one interval. Looks that are rarer (``watch.look_seconds``) tell of no
time in between: then reviews count as not measured."""


class PresenceBook(Store):
    """The part of the writer that remembers the human."""

    def attention(self, pane_ids: Iterable[int], now_ms: int) -> None:
        """Note which panes (by the ledger's ids) are in front of a client in use just now.

        Parameters
        ----------
        pane_ids : iterable of int
            Of every attached client that was used shortly before, the pane it shows.
        now_ms : int
            When that was seen, in epoch milliseconds.
        """
        with self._transaction():
            for pane_id in set(pane_ids):
                self._prolong("attention", {"pane_id": pane_id}, now_ms)

    def standstill(self, sessions: Iterable[tuple[str, str, str]], now_ms: int) -> None:
        """Note which sessions stand still in the middle of a turn just now.

        Parameters
        ----------
        sessions : iterable of tuple
            Agent, session and why: ``waiting`` (for the human, as for a permission) or ``paused``.
        now_ms : int
            When that was seen, in epoch milliseconds.
        """
        with self._transaction():
            for agent, key, why in sorted(set(sessions)):
                session_id = self._ids.session(agent, key, None, "")
                self._prolong("standstill", {"session_id": session_id, "why": why}, now_ms)

    def paused(self, agent: str, session: str, since_ms: int, now_ms: int) -> None:
        """Note that a session is paused since a time and still at another.

        Unlike a look at the screen, a pause is known from its begin, though nobody watched then.
        """
        with self._transaction():
            session_id = self._ids.session(agent, session, None, "")
            updated = self._connection.execute(
                "UPDATE standstill SET end_ms = max(end_ms, ?)"
                " WHERE session_id = ? AND why = 'paused' AND start_ms = ?",
                (now_ms, session_id, since_ms),
            ).rowcount
            if not updated:
                self._connection.execute(
                    "INSERT INTO standstill (session_id, why, start_ms, end_ms)"
                    " VALUES (?, 'paused', ?, ?)",
                    (session_id, since_ms, max(since_ms, now_ms)),
                )

    def crossed(self, day: str, budget: str, percent: int, now_ms: int) -> bool:
        """Note that so much of a day's budget is used; return False where that was noted before."""
        with self._transaction():
            return bool(
                self._connection.execute(
                    "INSERT OR IGNORE INTO crossing (day, budget, percent, time_ms)"
                    " VALUES (?, ?, ?, ?)",
                    (day, budget, percent, now_ms),
                ).rowcount
            )

    def _prolong(self, table: str, whose: dict[str, object], now_ms: int) -> None:
        # the names are the schema's own
        condition = " AND ".join(f"{name} = ?" for name in whose)
        known = self._connection.execute(
            f"SELECT id, end_ms FROM {table} WHERE {condition}"  # noqa: S608
            " AND end_ms >= ? ORDER BY end_ms DESC, id DESC LIMIT 1",
            (*whose.values(), now_ms - LOOKS_MS),
        ).fetchone()
        if known is None:
            columns = ", ".join((*whose, "start_ms", "end_ms"))
            marks = ", ".join("?" * (len(whose) + 2))
            self._connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608
                (*whose.values(), now_ms, now_ms),
            )
        elif known[1] < now_ms:
            self._connection.execute(
                f"UPDATE {table} SET end_ms = ? WHERE id = ?",  # noqa: S608
                (now_ms, known[0]),
            )
