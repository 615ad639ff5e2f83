"""Reading what is known of the human: attention, what he logged, what he was told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3


class PaneName(NamedTuple):
    """A pane: its id is unique within its server, which is its socket, pid and start."""

    socket: str
    server_pid: int
    server_started: int
    pane: str


class Attention(NamedTuple):
    """A pane was in front of a client in use."""

    pane: PaneName
    start_ms: int
    end_ms: int


class LoggedHandoff(NamedTuple):
    """A hand-off logged by hand; ``minutes`` None: not said."""

    time_ms: int
    pane: PaneName | None
    minutes: float | None
    note: str


class DoneMark(NamedTuple):
    """A task marked as done."""

    time_ms: int
    pane: PaneName | None
    note: str


class ClaimRow(NamedTuple):
    """A pane's claim to files; ``ended_ms`` None: it still holds."""

    id: int
    pane: PaneName
    root: str
    patterns: tuple[str, ...]
    why: str
    made_ms: int
    ended_ms: int | None


class UnitPrice(NamedTuple):
    """Microdollars for a million tokens of a model, by kind; None: no price is known."""

    model_id: int
    agent: str
    model: str
    tier: str
    geo: str
    fresh: int | None
    cache_read: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None
    output: int | None


_PANE = "p.socket, p.server_pid, p.server_started, p.pane"
# `end_ms` leads the index: of a long history only what reaches into the span is looked at
_ATTENTION = f"""
    SELECT {_PANE}, a.start_ms, a.end_ms FROM attention a INDEXED BY attention_end
    CROSS JOIN pane p ON p.id = a.pane_id WHERE a.end_ms >= ? AND a.start_ms < ?
    ORDER BY a.start_ms, a.id
"""  # noqa: S608
_HANDOFFS = f"""
    SELECT h.time_ms, h.minutes, h.note, {_PANE} FROM handoff h LEFT JOIN pane p ON p.id = h.pane_id
    WHERE h.time_ms >= ? AND h.time_ms < ? AND h.undone_ms IS NULL ORDER BY h.time_ms, h.id
"""  # noqa: S608
_DONE = f"""
    SELECT d.time_ms, d.note, {_PANE} FROM done_mark d LEFT JOIN pane p ON p.id = d.pane_id
    WHERE d.time_ms >= ? AND d.time_ms < ? AND d.undone_ms IS NULL ORDER BY d.time_ms, d.id
"""  # noqa: S608
_CLAIMS = f"""
    SELECT c.id, {_PANE}, c.root, c.patterns, c.why, c.made_ms, c.ended_ms
    FROM claim c JOIN pane p ON p.id = c.pane_id
    WHERE c.made_ms < ?2 AND (c.ended_ms IS NULL AND p.ended_ms IS NULL OR c.ended_ms >= ?1
        OR c.ended_ms IS NULL AND p.ended_ms >= ?1)
    ORDER BY c.made_ms, c.id
"""  # noqa: S608
_UNIT_PRICES = """
    SELECT m.id, m.agent, m.name, m.tier, m.geo, u.fresh, u.cache_read, u.cache_write_5m,
        u.cache_write_1h, u.output
    FROM unit_price u JOIN model m ON m.id = u.model_id ORDER BY m.id
"""


def attention(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> list[Attention]:
    """Return which panes were looked at in a span, in order of time; reaching beyond it."""
    return [
        Attention(PaneName(*row[:4]), *row[4:])
        for row in connection.execute(_ATTENTION, (start_ms, end_ms))
    ]


def logged_handoffs(
    connection: sqlite3.Connection, start_ms: int, end_ms: int
) -> list[LoggedHandoff]:
    """Return hand-offs logged by hand in a span and not taken back."""
    return [
        LoggedHandoff(time, _pane(*pane), minutes, note)
        for time, minutes, note, *pane in connection.execute(_HANDOFFS, (start_ms, end_ms))
    ]


def done_marks(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> list[DoneMark]:
    """Return tasks marked as done in a span and not taken back."""
    return [
        DoneMark(time, _pane(*pane), note)
        for time, note, *pane in connection.execute(_DONE, (start_ms, end_ms))
    ]


def claims(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> list[ClaimRow]:
    """Return claims that held in a span: until they ended, or their pane did."""
    return [
        ClaimRow(row[0], PaneName(*row[1:5]), row[5], tuple(json.loads(row[6])), *row[7:])
        for row in connection.execute(_CLAIMS, (start_ms, end_ms))
    ]


def unit_prices(connection: sqlite3.Connection) -> dict[int, UnitPrice]:
    """Return what a million tokens cost, by model id."""
    return {row[0]: UnitPrice(*row) for row in connection.execute(_UNIT_PRICES)}


def _pane(
    socket: str | None, server_pid: int | None, server_started: int | None, pane: str | None
) -> PaneName | None:
    if socket is None or server_pid is None or server_started is None or pane is None:
        return None
    return PaneName(socket, server_pid, server_started, pane)
