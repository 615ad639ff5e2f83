"""Turns the requests in Copilot's database into events: one row of ``assistant_usage_events`` each.

A row's ``input_tokens`` contains what was read from and written to the cache. What was billed
stands in ``token_details_json`` in disjoint kinds; where both are there, the details count (they
differ for compactions). A kind may stand there more than once, and under a model of its own: what
another model than the row's answered is an event of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.copilot_records import Detail, disjoint
from tmuxmeter.agents.lines import BAD_COUNTS, BAD_TIME, MOST_TOKENS, Batch
from tmuxmeter.agents.readers import Query
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.errors import LogError
from tmuxmeter.events import Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.copilot_records import Kinds
    from tmuxmeter.events import Event

_TABLE = "assistant_usage_events"
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_KINDS = ("input", "output", "cache_read", "cache_write")
_NEEDED = frozenset({"id", "session_id", "created_at", "model", *_COUNTS})
_ROWS = """
    SELECT e.id, e.session_id, e.created_at, {model}, e.input_tokens, e.output_tokens,
           e.cache_read_tokens, e.cache_write_tokens, {reasoning}, {details}, {agent}, {cwd},
           {branch}
    FROM assistant_usage_events e {joined} WHERE e.id > (SELECT CASE WHEN EXISTS (
        SELECT 1 FROM assistant_usage_events WHERE id = :row AND created_at = :last)
        THEN :row ELSE 0 END)
    ORDER BY e.id LIMIT :page
"""
_JOINED = "LEFT JOIN sessions s ON s.id = e.session_id"
_details = msgspec.json.Decoder(list[Detail]).decode


class _Place(msgspec.Struct, array_like=True, frozen=True):
    """The row read last. Where it is no longer, the database is another one: all is read again."""

    row: int = 0
    last: str = ""


_load = msgspec.msgpack.Decoder(_Place).decode


class CopilotDatabase:
    """Reads the database. See :class:`tmuxmeter.agents.readers.DatabaseReader`."""

    def __init__(self, state: bytes = b"") -> None:
        self._place = _load(state) if state else _Place()

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        return msgspec.msgpack.encode(self._place)

    def rewind(self) -> None:
        """Go back to the first request."""
        self._place = _Place()

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next.

        Raises
        ------
        LogError
            If the table of requests, or a column of it, is missing.
        """
        columns = tables.get(_TABLE, frozenset())
        missing = _NEEDED - columns
        if missing:
            told = f"no {', '.join(sorted(missing))}" if columns else "no requests in this version"
            msg = f"Copilot's table {_TABLE}: {told}"
            raise LogError(msg)
        sessions = tables.get("sessions", frozenset())
        joined = "id" in sessions
        text = _ROWS.format(
            model="COALESCE(e.copilot_usage_model, e.model)"
            if "copilot_usage_model" in columns
            else "e.model",
            reasoning="e.reasoning_tokens" if "reasoning_tokens" in columns else "0",
            details="e.token_details_json" if "token_details_json" in columns else "NULL",
            agent="e.agent_id" if "agent_id" in columns else "NULL",
            cwd="s.cwd" if joined and "cwd" in sessions else "''",
            branch="s.branch" if joined and "branch" in sessions else "''",
            joined=_JOINED if joined else "",
        )
        return (Query("requests", text, msgspec.structs.asdict(self._place)),)

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:  # noqa: ARG002
        """Return the events of rows."""
        batch = Batch()
        for row in rows:
            self._place = _Place(row[0], str(row[2]))
            _request(batch, *row)
        return batch.finish()


def _request(
    batch: Batch,
    number: int,
    session: object,
    created: object,
    model: object,
    taken: object,
    given: object,
    read: object,
    written: object,
    reasoning: object,
    details: object,
    agent: object,
    cwd: object,
    branch: object,
) -> None:
    time_ms = epoch_ms(str(created))
    if time_ms is None:
        batch.skip(BAD_TIME)
        return
    if all(count is None for count in (taken, given, read, written)):
        batch.skip("request without tokens")
        return
    asked = _text(model)
    billed = _billed(details, asked)
    if billed is None:
        kinds = disjoint(*(_count(count) for count in (taken, read, written, given)))
        billed = {} if kinds is None else {asked: kinds}
    if not billed or not (isinstance(session, str) and session):
        batch.skip(BAD_COUNTS)
        return
    thought = max(_count(reasoning), 0)
    for name, kinds in billed.items():
        fresh, cache_read, cache_write, output = kinds
        if not any(kinds):
            continue
        # numbers begin anew in a new database, so the time belongs to what it is
        identity = f"{session}/{created}/{number}" + (f"/{name}" if name != asked else "")
        batch.events.append(
            Usage(
                key=event_key("copilot", "usage", identity),
                session=session,
                time_ms=time_ms,
                model=name,
                fresh=fresh,
                cache_read=cache_read,
                cache_write_5m=cache_write,
                output=output,
                reasoning=min(thought, output),
                cwd=_text(cwd),
                branch=_text(branch),
                sidechain=bool(agent),
            )
        )
        thought -= min(thought, output)


def _billed(details: object, model: str) -> dict[str, Kinds] | None:
    """Return what each model's tokens are, None where the details tell too few kinds or others."""
    if not isinstance(details, str):
        return None
    try:
        entries = _details(details.encode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not {"input", "output"} <= {one.token_type for one in entries} <= set(_KINDS):
        return None
    sums: dict[str, dict[str, int]] = {}
    for one in entries:
        found = sums.setdefault(_text(one.model) or model, dict.fromkeys(_KINDS, 0))
        found[one.token_type] += one.token_count
    return {
        name: (found["input"], found["cache_read"], found["cache_write"], found["output"])
        for name, found in sums.items()
    }


def _count(value: object) -> int:
    """Return a count, 0 for none, -1 for what can't be one."""
    if value is None:
        return 0
    is_count = isinstance(value, int) and 0 <= value <= MOST_TOKENS
    return int(value) if is_count and isinstance(value, int) else -1


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
