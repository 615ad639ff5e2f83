"""What Goose's database is asked, by what its version has.

Sources: the agent's source, schema versions 1 to 17. Version 14 brought cached input, version 15
the ledger of requests and sub-agents' parents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.readers import check_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NEEDED = {
    "sessions": {
        "id",
        "working_dir",
        "created_at",
        "updated_at",
        "accumulated_input_tokens",
        "accumulated_output_tokens",
    },
    "messages": {"id", "session_id", "role", "content_json", "created_timestamp"},
}
_CACHE = {"accumulated_cache_read_tokens", "accumulated_cache_write_tokens"}
_LEDGER = {
    *("id", "session_id", "created_timestamp", "model", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "cost_source", "is_compaction"),
}
_SESSIONS = """
    SELECT s.rowid, s.id, s.working_dir, s.created_at, s.updated_at, {model}, {kind}, {parent},
           {booked}, {imported}, s.accumulated_input_tokens, s.accumulated_output_tokens, {cache}
    FROM sessions s WHERE s.rowid > :row ORDER BY s.rowid LIMIT :page
"""
_BOOKED = "EXISTS (SELECT 1 FROM usage_ledger u WHERE u.session_id = s.id)"
_REQUESTS = """
    SELECT u.id, u.session_id, u.created_timestamp, u.model, s.working_dir, {model}, {kind},
           u.cost_source IS 'carried_forward' AS carried,
           u.cost_source IS 'carried_forward' AND {imported}, u.is_compaction, s.created_at,
           {counts}
    FROM usage_ledger u JOIN sessions s ON s.id = u.session_id
    WHERE u.id > :request ORDER BY u.id LIMIT :page
"""
# a session's carried rows add up to its total from before the ledger
_COUNT = """
    CASE WHEN u.cost_source IS 'carried_forward' THEN (
        SELECT SUM(c.{column}) FROM usage_ledger c
        WHERE c.session_id = u.session_id AND c.cost_source = 'carried_forward')
    ELSE u.{column} END
"""
_COUNTS = ", ".join(
    _COUNT.format(column=column)
    for column in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
)
_MESSAGES = """
    SELECT m.id, m.session_id, m.role, m.content_json, m.created_timestamp, {kind}, s.created_at,
           {metadata}
    FROM messages m JOIN sessions s ON s.id = m.session_id
    WHERE m.id > :message ORDER BY m.id LIMIT :page
"""
# A session made since there is a ledger, with messages older than itself: what it has beside its
# ledger's requests came with a file that was imported (a fork's totals begin at nothing).
_IMPORTED = """(
    s.created_at > (SELECT MIN(applied_at) FROM schema_version WHERE version >= 15)
    AND EXISTS (
        SELECT 1 FROM messages f WHERE f.session_id = s.id AND f.created_timestamp
            / CASE WHEN f.created_timestamp > 10000000000 THEN 1000 ELSE 1 END
            < CAST(strftime('%s', s.created_at) AS INTEGER) - 60))
"""


def questions(tables: Mapping[str, frozenset[str]]) -> Sequence[tuple[str, str]]:
    """Return the questions' names and texts, given the columns of each table.

    Raises
    ------
    LogError
        If a column is missing.
    """
    check_columns("Goose", _NEEDED, tables)
    has = tables["sessions"]
    ledger = tables.get("usage_ledger", frozenset()) >= _LEDGER
    model = "s.model_config_json" if "model_config_json" in has else "NULL"
    kind = "s.session_type" if "session_type" in has else "''"
    sessions = _SESSIONS.format(
        model=model,
        kind=kind,
        parent="s.parent_session_id" if "parent_session_id" in has else "NULL",
        cache=", ".join(sorted(f"s.{name}" for name in _CACHE)) if has >= _CACHE else "0, 0",
        booked=_BOOKED if ledger else "0",
        imported=f"NOT {_BOOKED} AND {_IMPORTED}" if ledger else "0",
    )
    metadata = "m.metadata_json" if "metadata_json" in tables["messages"] else "NULL"
    messages = _MESSAGES.format(kind=kind, metadata=metadata)
    asked = [("sessions", sessions), ("messages", messages)]
    if ledger:
        requests = _REQUESTS.format(model=model, kind=kind, imported=_IMPORTED, counts=_COUNTS)
        asked.append(("requests", requests))
    return asked
