"""Builders and a canonical dump for the ledger's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.events import Chunk, LogFile, Position, Usage, event_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tmuxmeter.events import Event
    from tmuxmeter.ledger.writer import Writer

NOON = 1_783_512_000_000
"""2026-07-08 12:00 UTC."""


def log(name: str = "a.jsonl", root: str = "/home/u/.claude", agent: str = "claude") -> LogFile:
    return LogFile(agent, root, name, f"{root}/{name}")


def usage(name: str = "m1", session: str = "s1", time_ms: int = NOON, **fields: Any) -> Usage:
    fields.setdefault("model", "claude-sonnet-4-6")
    key = event_key("claude", "usage", name)
    return Usage(key=key, session=session, time_ms=time_ms, **fields)


def chunk(
    file: LogFile, events: Sequence[Event], offset: int = 100, *, restart: bool = False
) -> Chunk:
    return Chunk(file, list(events), Position(size=offset, offset=offset), restart)


def price(_agent: str, request: Usage, /) -> int | None:
    """Charge by tokens and by month, nothing known for a model named unpriced."""
    if request.model == "unpriced":
        return None
    month = request.time_ms // (30 * 86_400_000)
    return (request.fresh + request.cache_read + 5 * request.output) * (1 + month % 7)


QUERIES = {
    "usage": """
        SELECT u.key, s.key, u.time_ms, m.name, m.tier, m.geo, p.cwd, p.branch, f.name, o.name,
               owner_sidechain, fresh, cache_read, cache_write_5m, cache_write_1h, output,
               reasoning, web_searches, context_window, sidechain, cost
        FROM usage u JOIN session s ON s.id = session_id JOIN model m ON m.id = model_id
             JOIN place p ON p.id = place_id JOIN file f ON f.id = u.file_id
             JOIN file o ON o.id = owner_file_id""",
    "session": """
        SELECT s.agent, key, account, f.name, parent, spawned, started_ms, cwd, branch, version
        FROM session s LEFT JOIN file f ON f.id = s.file_id""",
    "prompt": """
        SELECT e.key, s.key, time_ms, owner_file_id, human, corrects
        FROM prompt e JOIN session s ON s.id = session_id""",
    "turn_end": """
        SELECT e.key, s.key, time_ms, owner_file_id, reason, duration_ms, asked
        FROM turn_end e JOIN session s ON s.id = session_id""",
    "tool_result": """
        SELECT e.key, s.key, time_ms, owner_file_id, t.name, ok
        FROM tool_result e JOIN session s ON s.id = session_id JOIN tool t ON t.id = tool_id""",
    "file_touch": """
        SELECT e.key, s.key, time_ms, owner_file_id, p.name, edit
        FROM file_touch e JOIN session s ON s.id = session_id JOIN path p ON p.id = path_id""",
    "compaction": """
        SELECT e.key, s.key, time_ms, owner_file_id, cause, tokens_before
        FROM compaction e JOIN session s ON s.id = session_id""",
    "estimate": """
        SELECT e.key, s.key, time_ms, owner_file_id, input, output
        FROM estimate e JOIN session s ON s.id = session_id""",
    "rate_limit": "SELECT * FROM rate_limit",
    "skipped": "SELECT name, reason, count, skipped.offset FROM skipped JOIN file ON id = file_id",
    "file": "SELECT id, agent, root, name, path, size, offset, mark, reader FROM file",
}


def dump(writer: Writer) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that was booked, free of the row ids that depend on the order of booking."""
    return dump_connection(writer._connection)


def dump_connection(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted(connection.execute(statement).fetchall(), key=repr)
        for table, statement in QUERIES.items()
    }
