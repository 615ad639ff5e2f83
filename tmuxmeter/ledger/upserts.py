"""The statements that book rows, each with the rule by which one row beats another.

A rule is an order of all rows that were ever shown under one key; whatever comes first, the
greatest stays.
"""

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.events import Compaction, Estimate, FileTouch, Prompt, ToolResult, TurnEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

_USAGE_COLUMNS = (
    "key, session_id, time_ms, model_id, place_id, file_id, owner_file_id, owner_sidechain,"
    " fresh, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches,"
    " context_window, sidechain, cost"
)
# the winning line: highest output, then a main transcript before a side chain, then the file
# seen first, then the last line of that file
_WINS = (
    "(excluded.output > output OR (excluded.output = output"
    " AND (excluded.sidechain, excluded.file_id) <= (sidechain, file_id)))"
)
# the owner: a main transcript before a side chain, then the file seen first
_OWNS = "(excluded.owner_sidechain, excluded.owner_file_id) < (owner_sidechain, owner_file_id)"
_PRICED = (
    "time_ms", "model_id", "fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output",
    "reasoning", "web_searches",
)  # fmt: skip
_WON = (*_PRICED, "place_id", "file_id", "context_window", "sidechain")


def _row(columns: Iterable[str], table: str = "") -> str:
    return "(" + ", ".join(f"{table}{name}" for name in columns) + ")"


# a line read again is no change, and what was priced once keeps its price until `reprice`
UPSERT_USAGE = (
    f"INSERT INTO usage ({_USAGE_COLUMNS}) VALUES ({', '.join('?' * 18)})"
    " ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(
        f"{name} = CASE WHEN {_OWNS} THEN excluded.{name} ELSE {name} END"
        for name in ("session_id", "owner_file_id", "owner_sidechain")
    )
    + ", "
    + ", ".join(f"{name} = CASE WHEN {_WINS} THEN excluded.{name} ELSE {name} END" for name in _WON)
    + f", cost = CASE WHEN {_WINS} AND {_row(_PRICED, 'excluded.')} <> {_row(_PRICED)}"
    " THEN excluded.cost ELSE cost END"
    f" WHERE {_OWNS} OR ({_WINS} AND {_row(_WON, 'excluded.')} <> {_row(_WON)})"
)


# what a session's totals were booked as, and whether other files showed any of it; where its name
# alone doesn't tell it (?3: when it began), only by files that tell the same beginning
BOOKED_SO_FAR = """
    SELECT coalesce(max(owner_file_id <> ?1), 0), coalesce(sum(fresh), 0),
        coalesce(sum(cache_read), 0), coalesce(sum(cache_write_5m), 0), coalesce(sum(output), 0),
        coalesce(sum(reasoning), 0)
    FROM usage u INDEXED BY usage_session
    WHERE session_id = ?2 AND (?3 = 0 OR owner_file_id = ?1 OR EXISTS (
        SELECT 1 FROM session_fact f
        WHERE f.session_id = ?2 AND f.file_id = u.owner_file_id AND f.started_ms = ?3
    ))
"""


def _upsert(table: str, columns: tuple[str, ...], rank: str) -> str:
    names = ("session_id", "time_ms", "owner_file_id", *columns)
    better = rank.replace("{}", "excluded.")
    return (
        f"INSERT INTO {table} (key, {', '.join(names)}) VALUES (?{', ?' * len(names)})"
        f" ON CONFLICT (key) DO UPDATE SET"
        f" {', '.join(f'{name} = excluded.{name}' for name in names)}"
        f" WHERE excluded.owner_file_id < owner_file_id"
        f" OR (excluded.owner_file_id = owner_file_id AND {better} >= {rank.replace('{}', '')}"
        f" AND {_row(names, 'excluded.')} <> {_row(names)})"
    )


# the file seen first tells the event; within it the line that knows most, then the last one
UPSERTS: dict[type, str] = {
    Prompt: _upsert("prompt", ("human", "corrects"), "0"),
    TurnEnd: _upsert(
        "turn_end", ("reason", "duration_ms", "asked"), "({}duration_ms, {}time_ms, {}asked)"
    ),
    ToolResult: _upsert("tool_result", ("tool_id", "ok"), "({}ok = 0, {}tool_id <> 0)"),
    FileTouch: _upsert("file_touch", ("path_id", "edit"), "0"),
    Compaction: _upsert("compaction", ("cause", "tokens_before"), "({}tokens_before >= 0)"),
    Estimate: _upsert("estimate", ("input", "output"), "({}input + {}output)"),
}

UPSERT_RATE_LIMIT = """
    INSERT INTO rate_limit (agent, account, name, window_minutes, time_ms, used_percent,
                            resets_ms, plan)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (agent, account, name, window_minutes) DO UPDATE SET
        time_ms = excluded.time_ms, used_percent = excluded.used_percent,
        resets_ms = excluded.resets_ms, plan = excluded.plan
    WHERE (excluded.time_ms, excluded.used_percent, excluded.resets_ms, excluded.plan)
        > (time_ms, used_percent, resets_ms, plan)
"""
UPSERT_SKIPPED = """
    INSERT INTO skipped (file_id, reason, count, offset) VALUES (?, ?, ?, ?)
    ON CONFLICT (file_id, reason) DO UPDATE SET
        count = count + excluded.count, offset = max(offset, excluded.offset)
"""
SET_POSITION = """
    UPDATE file SET device = ?, inode = ?, size = ?, mtime_ns = ?, offset = ?, mark = ?, reader = ?
    WHERE id = ?
"""
