"""Panes, and which session ran in which of them from when to when.

Events know their session and their time only; reports find the pane through these bindings when
they ask. So evidence that comes late books the past anew by changing one row.
"""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from tmuxmeter.ledger.database import ledger_errors
from tmuxmeter.ledger.queries import SELECT_BINDINGS, BindingRow
from tmuxmeter.ledger.store import Store
from tmuxmeter.ledger.text import storable

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class PaneRun:
    """A pane's life under one process: ids are reused by a new server, kept by a respawn.

    ``server_started`` is what tmux calls ``start_time`` (epoch seconds), ``pid`` the pane's own
    process and ``pid_start`` its start mark as the operating system gives it.
    """

    socket: str
    server_pid: int
    server_started: int
    pane: str
    pid: int
    pid_start: str
    session_name: str = ""
    window_index: int = 0
    window_name: str = ""
    pane_index: int = 0


class PaneBook(Store):
    """The part of the writer that the panes room uses."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        super().__init__(connection, name)
        self._panes: dict[PaneRun, int] = {}

    def pane(self, run: PaneRun, now_ms: int) -> int:
        """Return the id of a pane's run, made or brought up to date where needed."""
        known = self._panes.get(run)
        if known is not None:
            return known
        names = (
            *(storable(run.session_name), run.window_index),
            *(storable(run.window_name), run.pane_index),
        )
        with self._transaction():
            identity = astuple(run)[:6]
            row = self._connection.execute(
                "SELECT id FROM pane WHERE socket = ? AND server_pid = ? AND server_started = ?"
                " AND pane = ? AND pid = ? AND pid_start = ?",
                identity,
            ).fetchone()
            if row is None:
                row_id = self._connection.execute(
                    "INSERT INTO pane (socket, server_pid, server_started, pane, pid, pid_start,"
                    " session_name, window_index, window_name, pane_index, first_ms, last_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*identity, *names, now_ms, now_ms),
                ).lastrowid
            else:
                row_id = row[0]
                self._connection.execute(
                    "UPDATE pane SET session_name = ?, window_index = ?, window_name = ?,"
                    " pane_index = ?, last_ms = max(last_ms, ?), ended_ms = NULL WHERE id = ?",
                    (*names, now_ms, row_id),
                )
        assert row_id is not None  # an INSERT always gives one
        # names change: only the newest form of a run is remembered
        self._panes = {old: its_id for old, its_id in self._panes.items() if its_id != row_id}
        self._panes[run] = row_id
        return int(row_id)

    def end_pane(self, pane_id: int, end_ms: int) -> None:
        """Note that a pane, or its process, is gone. Bindings are ended on their own."""
        self._panes = {run: row_id for run, row_id in self._panes.items() if row_id != pane_id}
        with self._transaction():
            self._connection.execute(
                "UPDATE pane SET ended_ms = max(first_ms, ?) WHERE id = ? AND ended_ms IS NULL",
                (end_ms, pane_id),
            )

    def open_bindings(self) -> list[BindingRow]:
        """Return where sessions run as far as is known: bindings without an end."""
        with ledger_errors(self._name):
            rows = self._connection.execute(
                SELECT_BINDINGS + " WHERE b.end_ms IS NULL ORDER BY b.id"
            )
            return [BindingRow(*row) for row in rows]

    def bindings_of(self, agent: str, session: str) -> list[BindingRow]:
        """Return everywhere a session ever ran, in order of time."""
        with ledger_errors(self._name):
            rows = self._connection.execute(
                SELECT_BINDINGS + " WHERE s.agent = ? AND s.key = ? ORDER BY b.start_ms, b.id",
                (agent, storable(session)),
            )
            return [BindingRow(*row) for row in rows]

    def bind(
        self,
        agent: str,
        session_key: str,
        where_kind: str,
        pane_id: int | None,
        pid: int,
        pid_start: str,
        start_ms: int,
        evidence: str,
        confidence: float,
        now_ms: int,
    ) -> int:
        """Note that a session runs somewhere since a time, and return the binding's id.

        Bindings of one session never overlap. An open binding of the same process in the same
        place is kept: its start may become earlier, its evidence better. Otherwise the newest
        word counts from now on, and the better evidence counts for the past: what was bound with
        less confidence ends at ``start_ms`` (or vanishes where it began later), a past that is
        known at least as well is left alone and the new binding begins after it.

        Parameters
        ----------
        where_kind : str
            ``pane``, ``outside`` (a process outside tmux) or ``without-pane``.
        confidence : float
            From 0 to 1.
        """
        with self._transaction():
            session_id = self._ids.session(agent, session_key, None, "")
            others = self._connection.execute(
                "SELECT id, where_kind, pane_id, pid, pid_start, start_ms, end_ms, confidence"
                " FROM binding WHERE session_id = ? AND (end_ms IS NULL OR end_ms > ?)",
                (session_id, start_ms),
            ).fetchall()
            begin = start_ms
            same: tuple[int, int] | None = None
            for row_id, *place, its_start, its_end, its_confidence in others:
                if its_end is not None:
                    if its_confidence >= confidence:
                        begin = max(begin, its_end)
                elif place == [where_kind, pane_id, pid, pid_start]:
                    same = (row_id, its_start)
                elif its_confidence > confidence or (
                    its_confidence == confidence and its_start >= start_ms
                ):
                    begin = max(begin, its_start, now_ms)
            if same is None:
                self._cut(session_id, begin, None, 0)
                return self._made_binding(
                    (
                        *(session_id, where_kind, pane_id, pid, pid_start, begin, now_ms),
                        *(storable(evidence), confidence),
                    )
                )
            same_id, same_start = same
            begin = min(begin, same_start)
            self._cut(session_id, begin, same_start, same_id)
            self._connection.execute(
                "UPDATE binding SET start_ms = ?, seen_ms = max(seen_ms, ?),"
                " evidence = CASE WHEN ? >= confidence THEN ? ELSE evidence END,"
                " confidence = max(confidence, ?) WHERE id = ?",
                (begin, now_ms, confidence, storable(evidence), confidence, same_id),
            )
            return same_id

    def end_binding(self, binding_id: int, end_ms: int) -> None:
        """Note that a session no longer runs there since a time."""
        with self._transaction():
            self._connection.execute(
                "UPDATE binding SET end_ms = max(start_ms, ?) WHERE id = ? AND end_ms IS NULL",
                (end_ms, binding_id),
            )

    def touch_bindings(self, now_ms: int) -> None:
        """Note that all open bindings and panes were seen alive just now."""
        with self._transaction():
            for statement in (
                "UPDATE binding SET seen_ms = max(seen_ms, ?) WHERE end_ms IS NULL",
                "UPDATE pane SET last_ms = max(last_ms, ?) WHERE ended_ms IS NULL",
            ):
                self._connection.execute(statement, (now_ms,))

    def _made_binding(self, values: tuple[object, ...]) -> int:
        row_id = self._connection.execute(
            "INSERT INTO binding (session_id, where_kind, pane_id, pid, pid_start, start_ms,"
            " seen_ms, evidence, confidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        ).lastrowid
        assert row_id is not None  # an INSERT always gives one
        return row_id

    def _cut(self, session_id: int, begin: int, end: int | None, spare: int) -> None:
        """Take the time from ``begin`` to ``end`` (None: for ever) from the session's bindings."""
        until = "" if end is None else " AND start_ms < :end"
        names = {"session": session_id, "begin": begin, "end": end, "spare": spare}
        self._connection.execute(
            "DELETE FROM binding WHERE session_id = :session AND id <> :spare"
            f" AND start_ms >= :begin{until}",
            names,
        )
        self._connection.execute(
            "UPDATE binding SET end_ms = :begin WHERE session_id = :session AND id <> :spare"
            f" AND start_ms < :begin AND (end_ms IS NULL OR end_ms > :begin){until}",
            names,
        )

    def _forget(self) -> None:
        super()._forget()
        self._panes.clear()
