"""The ledger's smaller questions: their rows and their SQL."""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
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


class UnpricedModel(NamedTuple):
    """What was spent on a model and tier that had no price when it was booked."""

    agent: str
    model: str
    tier: str
    requests: int
    tokens: int


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

MODELS = "SELECT DISTINCT agent, name FROM model WHERE name <> '' ORDER BY agent, name"
REQUEST_SPAN = "SELECT (SELECT min(time_ms) FROM usage), (SELECT max(time_ms) FROM usage)"
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
META = "SELECT value FROM meta WHERE name = ?"

COUNTS = {
    name: f"SELECT count(*) FROM {name}"
    for name in (
        *("file", "session", "usage", "prompt", "turn_end", "tool_result", "file_touch"),
        *("compaction", "pane", "binding"),
    )
} | {"unpriced": "SELECT count(*) FROM usage WHERE cost IS NULL"}
