"""What was spent in a span of time, cut so fine that every report is a sum of the pieces.

The requests are summed by session, model and place; the pane is found per
session through its bindings, and a session is cut where a binding begins or ends. So the pieces
of all panes, of all models, of all projects sum to the same total, by construction.
"""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
from operator import add
from typing import TYPE_CHECKING, Any

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence


class Measures(NamedTuple):
    """Sums over requests. Tokens, microdollars, counts.

    ``cost_microdollars`` is that of the priced requests; ``unpriced_tokens`` are all tokens, in
    and out, of the others. ``reasoning`` is inside ``output``.
    """

    requests: int = 0
    fresh: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    web_searches: int = 0
    cost_microdollars: int = 0
    unpriced_requests: int = 0
    unpriced_tokens: int = 0

    @property
    def input(self) -> int:
        """All input tokens: fresh, read from the cache and written to it."""
        return self.fresh + self.cache_read + self.cache_write_5m + self.cache_write_1h

    def plus(self, other: Measures) -> Measures:
        """Return the sums of both."""
        return Measures(*map(add, self, other))


class Where(NamedTuple):
    """Where a session ran: ``pane``, ``outside``, ``without-pane`` or ``unattributed``.

    The rest is empty but for panes, and as it was when the pane was last seen.
    """

    where: str
    socket: str = ""
    server_pid: int = 0
    server_started: int = 0
    pane: str = ""
    session_name: str = ""
    window_index: int = 0
    window_name: str = ""
    pane_index: int = 0


UNATTRIBUTED = Where("unattributed")


class Slice(NamedTuple):
    """Requests of one session, model and place, spent in one pane (or none).

    ``project`` is where the session started, or where the requests were made if that is unknown.
    """

    agent: str
    session: str
    account: str
    parent: str
    spawned: bool
    project: str
    branch: str
    model: str
    tier: str
    where: Where
    first_ms: int
    last_ms: int
    measures: Measures


SUMS = """
    session_id, model_id, place_id, min(time_ms) AS first_ms, max(time_ms) AS last_ms,
    count(*), sum(fresh), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h),
    sum(output), sum(reasoning), sum(web_searches), coalesce(sum(cost), 0),
    count(*) - count(cost),
    sum((cost IS NULL) * (fresh + cache_read + cache_write_5m + cache_write_1h + output))
"""
_TOTAL = """
    SELECT count(*), sum(fresh), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h),
        sum(output), sum(reasoning), sum(web_searches), coalesce(sum(cost), 0),
        count(*) - count(cost),
        sum((cost IS NULL) * (fresh + cache_read + cache_write_5m + cache_write_1h + output))
    FROM usage INDEXED BY usage_session WHERE session_id IN ({sessions})
    AND time_ms >= ?1 AND time_ms < ?2
"""
_NAMED = """
    SELECT s.id, s.agent, s.key, s.account, s.parent, s.spawned,
           CASE WHEN s.cwd <> '' THEN s.cwd ELSE p.cwd END, p.branch, m.name, m.tier, g.*
    FROM ({groups}) g CROSS JOIN session s ON s.id = g.session_id
         CROSS JOIN model m ON m.id = g.model_id CROSS JOIN place p ON p.id = g.place_id
"""
_IN_SPAN = "SELECT session_id FROM usage INDEXED BY usage_time WHERE time_ms >= ?1 AND time_ms < ?2"
_FOLDERS = f"""
    SELECT DISTINCT CASE WHEN s.cwd <> '' THEN s.cwd ELSE p.cwd END FROM (
        SELECT DISTINCT session_id, place_id FROM usage INDEXED BY usage_session
        WHERE session_id IN ({_IN_SPAN}) AND time_ms >= ?1 AND time_ms < ?2
    ) g CROSS JOIN session s ON s.id = g.session_id CROSS JOIN place p ON p.id = g.place_id
"""
# INDEXED BY makes it an error, not a slow query, should the index not serve; CROSS JOIN keeps
# SQLite from turning the joins around
BY_TIME = _NAMED.format(
    groups=f"SELECT {SUMS} FROM usage INDEXED BY usage_session WHERE session_id IN ({_IN_SPAN})"
    " AND time_ms >= ?1 AND time_ms < ?2 GROUP BY session_id, model_id, place_id"
)
BY_SESSION = _NAMED.format(
    groups=f"SELECT {SUMS} FROM usage INDEXED BY usage_session"
    " WHERE session_id = ? AND time_ms >= ? AND time_ms < ? GROUP BY model_id, place_id"
)
_STAYS = """
    SELECT session_id, start_ms, end_ms, where_kind, pane_id FROM binding
    WHERE session_id IN ({ids}) ORDER BY session_id, start_ms
"""
_PARENTS = """
    SELECT child.id, parent.id FROM session child JOIN session parent
    ON parent.agent = child.agent AND parent.key = child.parent
    WHERE child.id IN ({ids}) AND child.spawned AND child.parent <> ''
"""


class _Stay(NamedTuple):
    start_ms: int
    end_ms: int | None
    where_kind: str
    pane_id: int | None

    def holds(self, time_ms: int) -> bool:
        return self.start_ms <= time_ms and (self.end_ms is None or time_ms < self.end_ms)


class Attribution:
    """Finds where sessions ran; remembers what it looked up, so use one per query."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._own: dict[int, list[_Stay]] = {}
        self._parents: dict[int, int | None] = {}
        self._stays: dict[int, list[_Stay]] = {}
        self._panes: dict[int, Where] = {}

    def look_up(self, session_ids: Sequence[int]) -> None:
        """Look sessions up in one go; what is asked of others is looked up one by one."""
        if not session_ids:
            return
        ids = ",".join(map(str, session_ids))
        for session_id in session_ids:
            self._own[session_id] = []
            self._parents[session_id] = None
        for session_id, *stay in self._connection.execute(_STAYS.format(ids=ids)):
            self._own[session_id].append(_Stay(*stay))
        self._parents.update(self._connection.execute(_PARENTS.format(ids=ids)))

    def stays(self, session_id: int) -> list[_Stay]:
        """Return a session's stays; a spawned one without any has those of its nearest ancestor."""
        known = self._stays.get(session_id)
        if known is not None:
            return known
        visited = {session_id}
        current: int | None = session_id
        stays: list[_Stay] = []
        while current is not None:
            if current not in self._own:
                self.look_up([current])
            stays = self._own[current]
            if stays:
                break
            parent = self._parents[current]
            current = None if parent in visited else parent
            visited.add(current or 0)
        self._stays[session_id] = stays
        return stays

    def where(self, session_id: int, time_ms: int) -> Where:
        """Return where a session was at a time."""
        for stay in self.stays(session_id):
            if stay.holds(time_ms):
                if stay.where_kind == "pane" and stay.pane_id is not None:
                    return self._pane(stay.pane_id)
                return Where(stay.where_kind)
        return UNATTRIBUTED

    def cuts(self, session_id: int, first_ms: int, last_ms: int) -> list[int]:
        """Return the times, after the first and up to the last, at which a stay begins or ends."""
        times = {t for stay in self.stays(session_id) for t in stay[:2] if t is not None}
        return sorted(t for t in times if first_ms < t <= last_ms)

    def _pane(self, pane_id: int) -> Where:
        """Return a pane under its newest names: a respawned pane is still the same pane."""
        known = self._panes.get(pane_id)
        if known is None:
            row = self._connection.execute(
                "SELECT q.socket, q.server_pid, q.server_started, q.pane, q.session_name,"
                " q.window_index, q.window_name, q.pane_index FROM pane p JOIN pane q"
                " USING (socket, server_pid, server_started, pane) WHERE p.id = ?"
                " ORDER BY q.last_ms DESC, q.id DESC LIMIT 1",
                (pane_id,),
            ).fetchone()
            known = UNATTRIBUTED if row is None else Where("pane", *row)
            self._panes[pane_id] = known
        return known


def slices(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> Iterator[Slice]:
    """Yield what was spent from a time up to, not including, another."""
    attribution = Attribution(connection)
    groups: dict[int, list[tuple[Any, ...]]] = {}
    spans: dict[int, tuple[int, int]] = {}
    for row in connection.execute(BY_TIME, (start_ms, end_ms)):
        session_id, first_ms, last_ms = row[0], row[13], row[14]
        groups.setdefault(session_id, []).append(row)
        low, high = spans.get(session_id, (first_ms, last_ms))
        spans[session_id] = (min(low, first_ms), max(high, last_ms))
    attribution.look_up(list(groups))
    for session_id, rows in groups.items():
        first_ms, last_ms = spans[session_id]
        cuts = attribution.cuts(session_id, first_ms, last_ms)
        if not cuts:
            where = attribution.where(session_id, first_ms)
            yield from (_slice(row, where) for row in rows)
            continue
        for begin, end in zip([start_ms, *cuts], [*cuts, end_ms], strict=True):
            # within a piece nothing begins or ends, but what came before its first event does
            where = attribution.where(session_id, max(begin, first_ms))
            pieces = connection.execute(BY_SESSION, (session_id, begin, end))
            yield from (_slice(row, where) for row in pieces)


def total(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> Measures:
    """Return the sum of all that was spent from a time up to, not including, another."""
    statement = _TOTAL.format(sessions=_IN_SPAN)
    row = connection.execute(statement, (start_ms, end_ms)).fetchone()
    return Measures(*row) if row[0] else Measures()


def folders(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> set[str]:
    """Return the projects for which anything was spent in a span."""
    found = {row[0] for row in connection.execute(_FOLDERS, (start_ms, end_ms))}
    return found - {""}


def session_slices(
    connection: sqlite3.Connection, session_id: int, attribution: Attribution
) -> list[Slice]:
    """Return all that one session ever spent, cut by model and place."""
    first_ms, last_ms = connection.execute(
        "SELECT min(time_ms), max(time_ms) FROM usage WHERE session_id = ?", (session_id,)
    ).fetchone()
    if first_ms is None:
        return []
    found: list[Slice] = []
    cuts = attribution.cuts(session_id, first_ms, last_ms)
    for begin, end in zip([first_ms, *cuts], [*cuts, last_ms + 1], strict=True):
        where = attribution.where(session_id, begin)
        pieces = connection.execute(BY_SESSION, (session_id, begin, end))
        found += (_slice(row, where) for row in pieces)
    return found


def _slice(row: tuple[Any, ...], where: Where) -> Slice:
    _, agent, key, account, parent, spawned, project, branch, model, tier, *rest = row
    _, _, _, first_ms, last_ms, *sums = rest
    return Slice(
        *(agent, key, account, parent, bool(spawned), project, branch, model, tier),
        *(where, first_ms, last_ms, Measures(*sums)),
    )
