"""What every session did in a span of time, in order, as rows that the levers are computed from.

A session is read from its last human prompt before the span on, at most a week back: so a turn that
crosses midnight is seen whole, and what was left on Friday is taken up on Monday. Every part is a
few steps down an index per session.
"""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.ledger.slices import UNATTRIBUTED, Attribution

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.ledger.slices import Where

HOUR_MS = 3_600_000
LOOK_BACK_MS = 24 * HOUR_MS
"""Sessions without a sign of life for so long before a span are left out, but for those still in
their panes. So much is read of one that no human asked anything before the span."""
LONGEST_TURN_MS = 7 * 24 * HOUR_MS
"""No more than this is read before a span, though a turn had begun earlier."""
WINDOW_MS = 2 * HOUR_MS
"""At least so much before the span is read of every session: edits that overlap with its own."""
LOOK_AHEAD_MS = 10 * 60_000
"""So much after the span is read, to tell whether an agent was at work when the span ended."""


class Thread(NamedTuple):
    """A session's facts. ``root`` is the id of the session it works for: its own, if not spawned.

    ``first_request_ms`` is None where its log never told a request.
    """

    id: int
    agent: str
    session: str
    root: int
    spawned: bool
    project: str
    branch: str
    started_ms: int | None
    first_request_ms: int | None


class Request(NamedTuple):
    """Tokens of one request; ``cost`` in microdollars, None: unpriced."""

    time_ms: int
    model_id: int
    fresh: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    cost: int | None
    sidechain: int

    @property
    def input(self) -> int:
        """All input tokens."""
        return self.fresh + self.cache_read + self.cache_write_5m + self.cache_write_1h


class Asked(NamedTuple):
    """A prompt."""

    time_ms: int
    human: int
    corrects: int


class Ended(NamedTuple):
    """A turn's end; ``reason`` is done, interrupted or error."""

    time_ms: int
    reason: str
    duration_ms: int
    asked: int


class Result(NamedTuple):
    """A tool call came back."""

    time_ms: int
    ok: int


class Touch(NamedTuple):
    """A file was read or edited. ``path`` is absolute where that can be known."""

    time_ms: int
    path: str
    edit: int


class Standstill(NamedTuple):
    """A session stood still in a turn: ``waiting`` for the human or ``paused``."""

    start_ms: int
    end_ms: int
    why: str


class Timeline(NamedTuple):
    """One session's rows, each list in order of time; ``before`` is the request before them."""

    thread: Thread
    before: Request | None
    requests: list[Request]
    prompts: list[Asked]
    ends: list[Ended]
    results: list[Result]
    touches: list[Touch]
    standstills: list[Standstill]


class Stay(NamedTuple):
    """Where a session was from one time to another (None: still there)."""

    start_ms: int
    end_ms: int | None
    where: Where


class Activity(NamedTuple):
    """All that was done in a span, and where.

    Attributes
    ----------
    start_ms, end_ms : int
        The span, its end not included. Timelines reach beyond it on both sides.
    timelines : list of Timeline
        By session id; only sessions with any sign of life near the span.
    stays : dict
        By session id, in order of time.
    """

    start_ms: int
    end_ms: int
    timelines: list[Timeline]
    stays: dict[int, list[Stay]]

    def where(self, session_id: int, time_ms: int) -> Where:
        """Return where a session was at a time."""
        for stay in self.stays[session_id]:
            if stay.start_ms <= time_ms and (stay.end_ms is None or time_ms < stay.end_ms):
                return stay.where
        return UNATTRIBUTED


_ACTIVE = """
    SELECT session_id FROM usage INDEXED BY usage_time WHERE time_ms >= ?1 AND time_ms < ?2
    UNION SELECT session_id FROM prompt INDEXED BY prompt_time WHERE time_ms >= ?1 AND time_ms < ?2
    UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time
    WHERE time_ms >= ?1 AND time_ms < ?2
"""
_PRESENT = "SELECT session_id FROM binding WHERE end_ms IS NULL AND start_ms < ?"
_THREAD = """
    SELECT s.agent, s.key, s.parent, s.spawned, s.cwd, s.branch, s.started_ms,
        (SELECT min(time_ms) FROM usage WHERE session_id = s.id),
        (SELECT max(time_ms) FROM prompt WHERE session_id = s.id AND human AND time_ms < ?2)
    FROM session s WHERE s.id = ?1
"""
_PARENT = "SELECT id, spawned, parent FROM session WHERE agent = ? AND key = ?"
_REQUEST = (
    "SELECT time_ms, model_id, fresh, cache_read, cache_write_5m, cache_write_1h, output, cost,"
    " sidechain FROM usage WHERE session_id = ?1"
)
_BEFORE = _REQUEST + " AND time_ms < ?2 AND (NOT sidechain OR ?3) ORDER BY time_ms DESC, key DESC"
_SPAN = " AND time_ms >= ?2 AND time_ms < ?3 ORDER BY time_ms, key"
_REQUESTS = _REQUEST + _SPAN
_PROMPTS = "SELECT time_ms, human, corrects FROM prompt WHERE session_id = ?1" + _SPAN
_ENDS = "SELECT time_ms, reason, duration_ms, asked FROM turn_end WHERE session_id = ?1" + _SPAN
_RESULTS = "SELECT time_ms, ok FROM tool_result WHERE session_id = ?1" + _SPAN
_TOUCHES = (
    "SELECT time_ms, p.name, edit FROM file_touch f JOIN path p ON p.id = f.path_id"
    " WHERE f.session_id = ?1 AND time_ms >= ?2 AND time_ms < ?3 ORDER BY time_ms, key"
)
_STANDSTILLS = (
    "SELECT start_ms, end_ms, why FROM standstill WHERE session_id = ?1 AND end_ms >= ?2"
    " AND start_ms < ?3 ORDER BY start_ms, id"
)


def activity(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> Activity:
    """Return what was done from a time up to, not including, another."""
    timelines: list[Timeline] = []
    roots: dict[int, int] = {}
    attribution = Attribution(connection)
    stays: dict[int, list[Stay]] = {}
    until = end_ms + LOOK_AHEAD_MS
    active = connection.execute(_ACTIVE, (start_ms - LOOK_BACK_MS, end_ms)).fetchall()
    present = {row[0] for row in connection.execute(_PRESENT, (end_ms,))}
    for session_id in sorted(present.union(row[0] for row in active)):
        agent, key, parent, spawned, cwd, branch, started, first, prompted = connection.execute(
            _THREAD, (session_id, start_ms)
        ).fetchone()
        asked = start_ms - LOOK_BACK_MS if prompted is None else prompted
        since = max(min(start_ms - WINDOW_MS, asked), start_ms - LONGEST_TURN_MS)
        root = _root(connection, session_id, agent, parent if spawned else "", roots)
        thread = Thread(*(session_id, agent, key, root, bool(spawned), cwd, branch, started, first))
        span = (session_id, since, until)

        def rows(statement: str, span: tuple[int, int, int] = span) -> sqlite3.Cursor:
            return connection.execute(statement, span)

        before = connection.execute(_BEFORE + " LIMIT 1", (session_id, since, spawned)).fetchone()
        timelines.append(
            Timeline(
                thread,
                None if before is None else Request(*before),
                list(map(Request._make, rows(_REQUESTS))),
                list(map(Asked._make, rows(_PROMPTS))),
                list(map(Ended._make, rows(_ENDS))),
                list(map(Result._make, rows(_RESULTS))),
                [Touch(time, _absolute(path, cwd), edit) for time, path, edit in rows(_TOUCHES)],
                list(map(Standstill._make, rows(_STANDSTILLS))),
            )
        )
        stays[session_id] = [
            Stay(stay.start_ms, stay.end_ms, attribution.where(session_id, stay.start_ms))
            for stay in attribution.stays(session_id)
        ]
    return Activity(start_ms, end_ms, timelines, stays)


def _root(
    connection: sqlite3.Connection, session_id: int, agent: str, parent: str, roots: dict[int, int]
) -> int:
    """Return the session a spawned one works for, through all that spawned it."""
    chain: list[int] = []
    current = session_id
    while current not in roots:
        chain.append(current)
        row = connection.execute(_PARENT, (agent, parent)).fetchone() if parent else None
        if row is None or row[0] in chain:
            roots[current] = current
            break
        current, spawned, parent = row
        parent = parent if spawned else ""
    for member in chain:
        roots[member] = roots[current]
    return roots[session_id]


def _absolute(path: str, folder: str) -> str:
    if path.startswith(("/", "~")) or not folder or path[1:2] == ":":
        return path
    return f"{folder}/{path.removeprefix('./')}"
