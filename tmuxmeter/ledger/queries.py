"""The ledger's smaller questions: their rows and their SQL."""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
from typing import TypeVar

from tmuxmeter.records import NamedTuple


class BindingRow(NamedTuple):
    """Where a session runs or ran; the pane's fields are empty where it has none."""

    id: int
    agent: str
    session: str
    where_kind: str
    pane_id: int | None
    pid: int
    pid_start: str
    start_ms: int
    end_ms: int | None
    seen_ms: int
    evidence: str
    confidence: float
    socket: str
    server_pid: int
    server_started: int
    pane: str


class RecentSession(NamedTuple):
    """A session's state as its log tells it. Times are None where nothing of the kind happened.

    ``turn_reason`` and ``asked`` are those of the last turn that ended. ``model``,
    ``context_tokens`` (all input of one request) and ``context_window`` (0: unknown) are those of
    the newest request of the session's own chain: side chains have contexts of their own.
    """

    agent: str
    session: str
    account: str
    cwd: str
    branch: str
    parent: str
    spawned: int
    started_ms: int | None
    last_ms: int
    last_prompt_ms: int | None
    last_turn_end_ms: int | None
    turn_reason: str
    asked: int
    model: str
    context_tokens: int
    context_window: int


class Unmetered(NamedTuple):
    """A session that worked without its log ever telling tokens.

    ``told_before``: logs of its account told some in the month before, so silence is news.
    ``input`` and ``output`` are what its texts in the span may have been in tokens, 0 where nobody
    asked for that.
    """

    agent: str
    session: str
    account: str
    cwd: str
    told_before: int = 0
    input: int = 0
    output: int = 0


class SkippedRow(NamedTuple):
    """Records of one file left out for one reason; ``offset`` is where the last one stood."""

    agent: str
    root: str
    name: str
    path: str
    reason: str
    records: int
    offset: int


class FileRow(NamedTuple):
    """A log file and how far it was read, in bytes."""

    agent: str
    root: str
    name: str
    path: str
    size: int
    offset: int
    mtime_ns: int


class RateLimitRow(NamedTuple):
    """A plan window; ``resets_ms`` 0: unknown."""

    agent: str
    account: str
    name: str
    window_minutes: int
    time_ms: int
    used_percent: float
    resets_ms: int
    plan: str


class SessionRow(NamedTuple):
    """A session as the ledger knows it; ``last_ms`` is its last sign of life.

    ``prompts`` are the human's, ``turns`` those that ended.
    """

    id: int
    agent: str
    session: str
    account: str
    cwd: str
    branch: str
    version: str
    parent: str
    spawned: int
    started_ms: int | None
    last_ms: int
    prompts: int
    turns: int


class AgentRow(NamedTuple):
    """An agent's sessions in the ledger; ``last_ms`` is its last sign of life."""

    agent: str
    sessions: int
    last_ms: int


class Tokenless(NamedTuple):
    """An agent's version that was prompted in a span and told no tokens of anything in it."""

    agent: str
    version: str
    prompts: int


class RequestAfter(NamedTuple):
    """A request made after some time; ``tokens`` are all, in and out.

    Each sub-agent writes a log of its own, so ``session_id`` and ``file_id`` tell who made it.
    """

    session_id: int
    file_id: int
    time_ms: int
    tokens: int


class UnpricedModel(NamedTuple):
    """What was spent on a model and tier that had no price when it was booked."""

    agent: str
    model: str
    tier: str
    requests: int
    tokens: int


RowT = TypeVar(
    "RowT",
    BindingRow,
    RecentSession,
    Unmetered,
    SkippedRow,
    FileRow,
    RateLimitRow,
    SessionRow,
    AgentRow,
    Tokenless,
    UnpricedModel,
)

SELECT_BINDINGS = """
    SELECT b.id, s.agent, s.key, b.where_kind, b.pane_id, b.pid, b.pid_start, b.start_ms, b.end_ms,
           b.seen_ms, b.evidence, b.confidence, coalesce(p.socket, ''),
           coalesce(p.server_pid, 0), coalesce(p.server_started, 0), coalesce(p.pane, '')
    FROM binding b JOIN session s ON s.id = b.session_id LEFT JOIN pane p ON p.id = b.pane_id
"""
BINDINGS = (
    SELECT_BINDINGS
    + " WHERE b.start_ms < ? AND (b.end_ms IS NULL OR b.end_ms > ?) ORDER BY b.start_ms, b.id"
)

# every part is one step down an index, however long the history
_ACTIVE = """
        SELECT session_id FROM usage INDEXED BY usage_time WHERE time_ms >= ?1
        UNION SELECT session_id FROM prompt INDEXED BY prompt_time WHERE time_ms >= ?1
        UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time WHERE time_ms >= ?1
        UNION SELECT id FROM session INDEXED BY session_started WHERE started_ms >= ?1
"""
_NAMED = """
        SELECT s.id FROM json_each(?2) named CROSS JOIN session s
        ON s.agent = json_extract(named.value, '$[0]')
           AND s.key = json_extract(named.value, '$[1]')
"""
_STATES = """
    WITH active (id) AS ({which}), newest (id, usage_key, prompt_ms, turn_key) AS (
        SELECT a.id,
            (SELECT u.key FROM usage u JOIN session s ON s.id = u.session_id
             WHERE u.session_id = a.id AND (u.sidechain = 0 OR s.spawned)
             ORDER BY u.time_ms DESC LIMIT 1),
            (SELECT time_ms FROM prompt WHERE session_id = a.id AND human
             ORDER BY time_ms DESC LIMIT 1),
            (SELECT key FROM turn_end WHERE session_id = a.id ORDER BY time_ms DESC LIMIT 1)
        FROM active a
    )
    SELECT s.agent, s.key, s.account, s.cwd, s.branch, s.parent, s.spawned, s.started_ms,
        max(coalesce(s.started_ms, 0),
            coalesce((SELECT max(time_ms) FROM usage WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM prompt WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM tool_result WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM file_touch WHERE session_id = s.id), 0),
            coalesce(t.time_ms, 0)) AS last_ms,
        n.prompt_ms, t.time_ms, coalesce(t.reason, ''), coalesce(t.asked, 0),
        coalesce(m.name, ''),
        coalesce(u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h, 0),
        coalesce(u.context_window, 0)
    FROM newest n CROSS JOIN session s ON s.id = n.id
         LEFT JOIN usage u ON u.key = n.usage_key LEFT JOIN model m ON m.id = u.model_id
         LEFT JOIN turn_end t ON t.key = n.turn_key
    {where} ORDER BY last_ms, s.id
"""
RECENT_SESSIONS = _STATES.format(which=_ACTIVE, where="")
RECENT_OF_THESE = _STATES.format(which=_NAMED, where="WHERE last_ms >= ?1")

# a request may come on the other side of midnight, so "never" is asked, not "not in the span"
_UNMETERED = """
    SELECT s.agent, s.key, s.account, s.cwd, EXISTS (
        SELECT 1 FROM session x JOIN usage u ON u.session_id = x.id
             JOIN file f ON f.id = u.owner_file_id
        WHERE x.agent = s.agent AND f.root = s.account AND u.time_ms >= ?1 - 2592000000
    ) {estimates}
    FROM (
        SELECT session_id FROM prompt INDEXED BY prompt_time
        WHERE time_ms >= ?1 AND time_ms < ?2 AND human
        UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time
        WHERE time_ms >= ?1 AND time_ms < ?2
    ) active CROSS JOIN session s ON s.id = active.session_id
    WHERE NOT s.spawned
      AND NOT EXISTS (SELECT 1 FROM usage WHERE session_id = s.id)
      AND NOT EXISTS (
        SELECT 1 FROM session child JOIN usage ON usage.session_id = child.id
        WHERE child.agent = s.agent AND child.parent = s.key AND child.parent <> ''
          AND child.spawned
    )
    ORDER BY s.agent, s.key
"""
_ESTIMATED = """, coalesce((
        SELECT sum(e.{kind}) FROM (
            SELECT s.id UNION SELECT child.id FROM session child
            WHERE child.agent = s.agent AND child.parent = s.key AND child.parent <> ''
              AND child.spawned
        ) own CROSS JOIN estimate e INDEXED BY estimate_session ON e.session_id = own.id
        WHERE e.time_ms >= ?1 AND e.time_ms < ?2
    ), 0)"""
UNMETERED = _UNMETERED.format(estimates="")
UNMETERED_ESTIMATED = _UNMETERED.format(
    estimates=_ESTIMATED.format(kind="input") + _ESTIMATED.format(kind="output")
)

# a few steps down an index per session, however long each of them is
_STORIES = """
    WITH story (id, last_ms) AS (
        SELECT s.id, max(coalesce(s.started_ms, 0),
            coalesce((SELECT max(time_ms) FROM usage WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM prompt WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM turn_end WHERE session_id = s.id), 0))
        FROM session s
    )
"""
SESSIONS = (
    _STORIES
    + """
    SELECT n.*, (SELECT count(*) FROM prompt WHERE session_id = n.id AND human),
        (SELECT count(*) FROM turn_end WHERE session_id = n.id)
    FROM (
        SELECT s.id, s.agent, s.key, s.account, s.cwd, s.branch, s.version, s.parent, s.spawned,
               s.started_ms, t.last_ms
        FROM story t JOIN session s ON s.id = t.id WHERE t.last_ms >= ? AND t.last_ms > 0
        ORDER BY t.last_ms DESC, s.id DESC LIMIT ?
    ) n ORDER BY n.last_ms DESC, n.id DESC
"""
)
AGENTS = (
    _STORIES
    + """
    SELECT s.agent, count(*), max(t.last_ms) FROM story t JOIN session s ON s.id = t.id
    WHERE t.last_ms > 0 GROUP BY s.agent ORDER BY s.agent
"""
)
# a sub-agent's tokens are its version's too
TOKENLESS = """
    SELECT s.agent, s.version, count(*)
    FROM prompt p INDEXED BY prompt_time JOIN session s ON s.id = p.session_id
    WHERE p.time_ms >= ?1 AND p.time_ms < ?2 AND p.human AND NOT s.spawned
    GROUP BY s.agent, s.version
    HAVING NOT EXISTS (
        SELECT 1 FROM usage u INDEXED BY usage_time JOIN session x ON x.id = u.session_id
        WHERE u.time_ms >= ?1 AND x.agent = s.agent AND x.version = s.version
    )
    ORDER BY count(*) DESC, s.agent, s.version
"""
MODELS = "SELECT DISTINCT agent, name FROM model WHERE name <> '' ORDER BY agent, name"
REQUEST_SPAN = "SELECT (SELECT min(time_ms) FROM usage), (SELECT max(time_ms) FROM usage)"
LAST_REQUESTS = """
    SELECT s.agent, s.key, max(u.time_ms) FROM usage u INDEXED BY usage_time
    JOIN session s ON s.id = u.session_id WHERE u.time_ms >= ? GROUP BY s.id
"""
LAST_REQUEST_BEFORE = "SELECT max(time_ms) FROM usage WHERE time_ms < ?"
UNPRICED_MODELS = """
    SELECT m.agent, m.name, m.tier, count(*),
        sum(u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.output)
    FROM usage u JOIN model m ON m.id = u.model_id WHERE u.cost IS NULL
    GROUP BY m.agent, m.name, m.tier ORDER BY count(*) DESC, m.agent, m.name, m.tier
"""

SKIPPED = """
    SELECT f.agent, f.root, f.name, f.path, k.reason, k.count, k.offset
    FROM skipped k JOIN file f ON f.id = k.file_id ORDER BY k.count DESC, f.id, k.reason
"""
FILES = "SELECT agent, root, name, path, size, offset, mtime_ns FROM file ORDER BY id"
POSITION = """
    SELECT device, inode, size, mtime_ns, offset, mark, reader FROM file
    WHERE agent = ? AND root = ? AND name = ?
"""
FILE_PATHS = "SELECT id, path FROM file ORDER BY id"
AT_ONCE = 5000
"""Ids in one question, which SQLite reads as text."""
FILE_MARKS = "SELECT path, size, mtime_ns FROM file WHERE id IN ({ids})"
RATE_LIMITS = """
    SELECT agent, account, name, window_minutes, time_ms, used_percent, resets_ms, plan
    FROM rate_limit ORDER BY agent, account, name, window_minutes
"""
# a session's own requests, and those of the sub-agents that work for it
REQUESTS_AFTER = """
    WITH RECURSIVE family (id, agent, key) AS (
        SELECT id, agent, key FROM session WHERE agent = ?1 AND key = ?2
        UNION SELECT c.id, c.agent, c.key FROM family f CROSS JOIN session c
        ON c.agent = f.agent AND c.parent = f.key AND c.parent <> '' WHERE c.spawned
    )
    SELECT u.session_id, u.file_id, u.time_ms,
        u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.output
    FROM family f CROSS JOIN usage u INDEXED BY usage_session ON u.session_id = f.id
    WHERE u.time_ms > ?3 ORDER BY u.time_ms
"""
META = "SELECT value FROM meta WHERE name = ?"

COUNTS = {
    name: f"SELECT count(*) FROM {name}"
    for name in (
        *("file", "session", "usage", "prompt", "turn_end", "tool_result", "file_touch"),
        *("compaction", "pane", "binding"),
    )
} | {"unpriced": "SELECT count(*) FROM usage WHERE cost IS NULL"}
