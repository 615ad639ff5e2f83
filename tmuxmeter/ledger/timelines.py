"""Reading what every session did in one span of time or in several.

A session is read from its last human prompt before the span on, at most a week back: so a turn that
crosses midnight is seen whole, and what was left on Friday is taken up on Monday. Of several spans
every row is read once, and each span takes its part of them.
"""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, numbers are numbers
from bisect import bisect_left
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tmuxmeter.ledger.activity import (
    LONGEST_TURN_MS,
    LOOK_AHEAD_MS,
    LOOK_BACK_MS,
    Activity,
    Asked,
    Ended,
    Request,
    Result,
    Standstill,
    Stay,
    Thread,
    Timeline,
    Touch,
    within,
)
from tmuxmeter.ledger.slices import Attribution
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence

AT_ONCE = 1000
"""Sessions in one statement."""

_ACTIVE = """
    SELECT session_id FROM usage INDEXED BY usage_time WHERE time_ms >= ?1 AND time_ms < ?2
    UNION SELECT session_id FROM prompt INDEXED BY prompt_time WHERE time_ms >= ?1 AND time_ms < ?2
    UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time
    WHERE time_ms >= ?1 AND time_ms < ?2
"""
_PRESENT = (
    "SELECT session_id, start_ms FROM binding INDEXED BY binding_open"
    " WHERE end_ms IS NULL AND start_ms < ? ORDER BY start_ms DESC"
)
_SESSIONS = """
    SELECT s.id, s.agent, s.key, s.spawned, s.cwd, s.branch, s.started_ms, s.parent,
        (SELECT min(time_ms) FROM usage WHERE session_id = s.id),
        (SELECT time_ms FROM prompt WHERE session_id = s.id AND time_ms < ?1 AND human
         ORDER BY time_ms DESC LIMIT 1)
    FROM session s WHERE s.id IN ({ids}) ORDER BY s.id
"""
_PARENT = "SELECT id, spawned, parent FROM session WHERE agent = ? AND key = ?"
_REQUEST = (
    "time_ms, model_id, fresh, cache_read, cache_write_5m, cache_write_1h, output, cost, sidechain"
)
_BEFORE = (
    f"SELECT {_REQUEST} FROM usage WHERE session_id = ?1 AND time_ms < ?2 AND (NOT sidechain OR ?3)"
    " ORDER BY time_ms DESC, key DESC LIMIT 1"
)
# each session's rows come in the order of its index: by time and key
_ROWS = """
    WITH s (id, since) AS (VALUES {sessions})
    SELECT r.session_id, {columns} FROM s CROSS JOIN {table} r INDEXED BY {table}_session
    ON r.session_id = s.id AND r.time_ms >= s.since AND r.time_ms < ?
"""
_STANDSTILLS = """
    WITH s (id, since) AS (VALUES {sessions})
    SELECT session_id, start_ms, end_ms, why FROM s JOIN standstill r
    ON r.session_id = s.id AND r.end_ms >= s.since AND r.start_ms < ?
    ORDER BY session_id, start_ms, r.id
"""
_PATHS = "SELECT id, name FROM path WHERE id IN ({ids})"

_time_of = itemgetter(0)


class _Life(NamedTuple):
    """A session's rows.

    ``prompted_ms`` is its last human prompt before all spans, ``asked`` are the times of those
    after it; ``first_ms`` and ``last_ms`` those of all its rows, standstills apart.
    """

    thread: Thread
    prompted_ms: int | None
    asked: list[int]
    first_ms: int
    last_ms: int
    line: Timeline


def activities(
    connection: sqlite3.Connection, spans: Sequence[tuple[int, int]], window_ms: int
) -> Iterator[Activity]:
    """Yield what was done in each of several spans, which are in order of time."""
    begin, end = spans[0][0], spans[-1][1]
    # of a session in several places, the one it came to first is the last one told
    present = dict(connection.execute(_PRESENT, (end,)))
    active = connection.execute(_ACTIVE, (begin - LOOK_BACK_MS, end))
    ids = sorted({row[0] for row in active}.union(present))
    lives = _lives(connection, ids, begin, end, window_ms) if ids else []
    attribution = Attribution(connection)
    attribution.look_up(ids)
    stays = {
        session_id: [
            Stay(stay.start_ms, stay.end_ms, attribution.where(session_id, stay.start_ms))
            for stay in attribution.stays(session_id)
        ]
        for session_id in ids
    }
    for start_ms, end_ms in spans:
        if len(spans) == 1:
            lines = [life.line for life in lives]
        else:
            lines = [
                _part(life, start_ms, end_ms, window_ms)
                for life in lives
                if present.get(life.thread.id, end_ms) < end_ms
                or _alive(life, start_ms - LOOK_BACK_MS, end_ms)
            ]
        where = {line.thread.id: stays[line.thread.id] for line in lines}
        yield Activity(start_ms, end_ms, window_ms, lines, where)


def _lives(
    connection: sqlite3.Connection, ids: list[int], start_ms: int, end_ms: int, window_ms: int
) -> list[_Life]:
    """Return all that sessions did, as far as a span that starts and ends then has to know."""
    threads: list[tuple[Thread, int | None]] = []
    roots: dict[int, int] = {}
    statement = _SESSIONS.format(ids=",".join(map(str, ids)))
    for row in connection.execute(statement, (start_ms,)):
        session_id, agent, key, spawned, cwd, branch, started, parent, first, prompted = row
        root = _root(connection, session_id, agent, parent if spawned else "", roots)
        thread = Thread(*(session_id, agent, key, root, bool(spawned), cwd, branch, started, first))
        threads.append((thread, prompted))
    since = {thread.id: _since(start_ms, prompted, window_ms) for thread, prompted in threads}
    until = end_ms + LOOK_AHEAD_MS
    rows = _Rows(connection, since, until)
    requests = rows.of("usage", _REQUEST, Request)
    prompts = rows.of("prompt", "time_ms, human, corrects", Asked)
    ends = rows.of("turn_end", "time_ms, reason, duration_ms, asked", Ended)
    results = rows.of("tool_result", "time_ms, ok", Result)
    touches = rows.of("file_touch", "time_ms, path_id, edit", tuple)
    standstills = rows.ordered(_STANDSTILLS, Standstill)
    names = _names(connection, {row[1] for some in touches.values() for row in some})
    found = []
    for thread, prompted in threads:
        each = thread.id
        before = None
        # a log that begins within the span has nothing before it
        if thread.first_request_ms is not None and thread.first_request_ms < since[each]:
            values = (each, since[each], thread.spawned)
            before = connection.execute(_BEFORE, values).fetchone()
        line = Timeline(
            thread,
            None if before is None else Request(*before),
            requests.get(each, []),
            prompts.get(each, []),
            ends.get(each, []),
            results.get(each, []),
            _touches(touches.get(each, []), names, thread.project),
            standstills.get(each, []),
        )
        asked = [row.time_ms for row in line.prompts if row.human]
        ends_of = [rows for rows in line[2:7] if rows]
        first = min([rows[0][0] for rows in ends_of], default=until)
        last = max([rows[-1][0] for rows in ends_of], default=-1)
        found.append(_Life(thread, prompted, asked, first, last, line))
    return found


class _Rows:
    """Reads sessions' rows up to a time, a statement for each kind."""

    def __init__(
        self, connection: sqlite3.Connection, since: Mapping[int, int], until_ms: int
    ) -> None:
        self._connection = connection
        self._until_ms = until_ms
        pairs = [f"({each},{time})" for each, time in since.items()]
        self._parts = [pairs[at : at + AT_ONCE] for at in range(0, len(pairs), AT_ONCE)]

    def of(self, table: str, columns: str, kind: Any) -> dict[int, list[Any]]:
        """Return a table's rows by session id, in order of time."""
        return self.ordered(_ROWS.replace("{table}", table).replace("{columns}", columns), kind)

    def ordered(self, statement: str, kind: Any) -> dict[int, list[Any]]:
        """Return a statement's rows by session id, in their own order."""
        make: Callable[[tuple[Any, ...]], Any] = partial(tuple.__new__, kind)
        found: dict[int, list[Any]] = {}
        for part in self._parts:
            rows = self._connection.execute(
                statement.format(sessions=",".join(part)), (self._until_ms,)
            )
            for session_id, some in groupby(rows, _time_of):
                found[session_id] = [make(row[1:]) for row in some]
        return found


def _part(life: _Life, start_ms: int, end_ms: int, window_ms: int) -> Timeline:
    """Return of all that a session did what one span has to know."""
    number = bisect_left(life.asked, start_ms)
    prompted = life.asked[number - 1] if number else life.prompted_ms
    since = _since(start_ms, prompted, window_ms)
    until = end_ms + LOOK_AHEAD_MS
    line = life.line
    if life.first_ms >= since and life.last_ms < until and not line.standstills:
        return line
    first = bisect_left(line.requests, since, key=_time_of)
    before = line.before
    for request in reversed(line.requests[:first]):
        if life.thread.spawned or not request.sidechain:
            before = request
            break

    return Timeline(
        life.thread,
        before,
        within(line.requests, since, until),
        within(line.prompts, since, until),
        within(line.ends, since, until),
        within(line.results, since, until),
        within(line.touches, since, until),
        [row for row in line.standstills if row.end_ms >= since and row.start_ms < until],
    )


def _since(start_ms: int, prompted_ms: int | None, window_ms: int) -> int:
    """Return from when a session is read for a span, by its last human prompt before that."""
    asked = start_ms - LOOK_BACK_MS if prompted_ms is None else prompted_ms
    return max(min(start_ms - window_ms, asked), start_ms - LONGEST_TURN_MS)


def _alive(life: _Life, begin_ms: int, end_ms: int) -> bool:
    """Tell whether a session asked, was asked or ended a turn in a time."""
    if life.first_ms >= end_ms or life.last_ms < begin_ms:
        return False
    line = life.line
    for rows in (line.requests, line.prompts, line.ends):
        if rows and rows[0][0] < end_ms and rows[-1][0] >= begin_ms:
            at = bisect_left(rows, begin_ms, key=_time_of)
            if at < len(rows) and rows[at][0] < end_ms:
                return True
    return False


def _names(connection: sqlite3.Connection, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    return dict(connection.execute(_PATHS.format(ids=",".join(map(str, sorted(ids))))))


def _touches(
    rows: list[tuple[int, int, int]], names: Mapping[int, str], folder: str
) -> list[Touch]:
    make = partial(tuple.__new__, Touch)
    paths = {row[1]: _absolute(names[row[1]], folder) for row in rows}
    return [make((time, paths[path_id], edit)) for time, path_id, edit in rows]


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
    if path[:1] in {"/", "~"} or not folder or path[1:2] == ":":
        return path
    return f"{folder}/{path.removeprefix('./')}"
