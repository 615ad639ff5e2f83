"""Turns the rows of Crush's databases into events: what was asked and done, without any tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.cursors import Cursor
from tmuxmeter.agents.estimates import estimate
from tmuxmeter.agents.lines import Batch
from tmuxmeter.agents.readers import Query, check_columns
from tmuxmeter.agents.rows import Place, new_rows
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, TurnEnd, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

_OVERLAP_S = 60
_SECONDS = 100_000_000_000
"""Times below are seconds, those above milliseconds: versions differ."""
_REASONS = {
    "end_turn": "done",
    "max_tokens": "done",
    "content_filter": "error",
    "canceled": "interrupted",
    "permission_denied": "interrupted",
    "error": "error",
}
_EDITS = frozenset({"edit", "multiedit", "write"})
_READS = frozenset({"view"})
_NEEDED = {
    "sessions": {"id", "parent_session_id", "created_at", "updated_at"},
    "messages": {"id", "session_id", "role", "parts", "created_at", "updated_at"},
}
_SESSIONS = """
    SELECT id, parent_session_id, created_at, updated_at FROM sessions
    WHERE (updated_at, id) > (:time, :id) ORDER BY updated_at, id LIMIT :page
"""
_MESSAGES = """
    SELECT x.rowid, x.id, x.session_id, s.parent_session_id, x.role, x.parts, x.created_at
    FROM messages x JOIN sessions s ON s.id = x.session_id
"""


class _State(msgspec.Struct, array_like=True):
    sessions: tuple[int, str] = (0, "")
    messages: Place = msgspec.field(default_factory=Place)


class _Data(msgspec.Struct, gc=False):
    text: str = ""
    thinking: object = ""
    content: object = ""
    hidden: bool = False
    id: str = ""
    name: str = ""
    input: str = ""
    finished: bool = False
    tool_call_id: str = ""
    is_error: bool = False
    reason: str = ""
    time: int = 0


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    data: _Data = msgspec.field(default_factory=_Data)


class _Input(msgspec.Struct, gc=False):
    file_path: str = ""


_load = msgspec.msgpack.Decoder(_State).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_input = msgspec.json.Decoder(_Input).decode


class CrushDatabase:
    """Reads one project's database. See :class:`tmuxmeter.agents.readers.DatabaseReader`."""

    def __init__(self, state: bytes = b"") -> None:
        known = _load(state) if state else _State()
        self._sessions = Cursor(known.sessions, _OVERLAP_S)
        self._messages = known.messages

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        return msgspec.msgpack.encode(_State(self._sessions.reached, self._messages))

    def rewind(self) -> None:
        """Go back to the first row."""
        self._sessions.rewind()
        self._messages = Place()

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next.

        Raises
        ------
        LogError
            If a column is missing.
        """
        check_columns("Crush", _NEEDED, tables)
        return (
            Query("sessions", _SESSIONS, self._sessions.values),
            Query("messages", *new_rows("messages", _MESSAGES, self._messages)),
        )

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of rows."""
        batch = Batch()
        again = frozenset(self._messages.pending)
        for row in rows:
            is_new = row[1] not in again
            going_on = False
            try:
                if query == "sessions":
                    is_new = self._sessions.take(row[-1], row[0])
                    self._session(batch, row)
                else:
                    going_on = self._message(batch, row)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                if is_new:
                    batch.skip(f"broken row in {query}")
            if query == "messages":
                self._messages.passed(row[0], row[1], new=is_new, pending=going_on)
        return batch.finish()

    def _session(self, batch: Batch, row: Sequence[Any]) -> None:
        session, parent, created, _ = row
        batch.events.append(
            SessionStart(
                key=event_key("crush", "session", session),
                session=session,
                time_ms=_time(created),
                parent=parent or "",
                spawned=bool(parent),
            )
        )

    def _message(self, batch: Batch, row: Sequence[Any]) -> bool:
        """Take a message; return whether it is still being written."""
        _, identity, session, parent, role, content, created = row
        time_ms = _time(created)
        text = ""
        going_on: bool = role == "assistant"
        length = 0
        for part in _parts(content):
            data = part.data
            texts = (data.text, data.thinking, data.content, data.input)
            length += sum(len(one) for one in texts if isinstance(one, str))
            if part.type == "text" and not data.hidden:
                text = data.text
            elif part.type == "tool_call" and data.finished:
                _touch(batch, data, session, time_ms)
            elif part.type == "tool_result":
                batch.events.append(
                    ToolResult(
                        key=event_key("crush", "tool", f"{session}/{data.tool_call_id}"),
                        session=session,
                        time_ms=time_ms,
                        tool=data.name,
                        ok=not data.is_error,
                    )
                )
            elif part.type == "finish":
                going_on = False
                if role != "assistant" or data.reason not in _REASONS:
                    continue
                reason = _REASONS[data.reason]
                batch.events.append(
                    TurnEnd(
                        key=event_key("crush", "turn", identity),
                        session=session,
                        time_ms=_time(data.time) if data.time else time_ms,
                        reason=reason,
                        asked=reason == "done" and wording.asks(text),
                    )
                )
        batch.events += estimate(
            *("crush", identity, session, time_ms),
            sent=length * (role != "assistant"),
            received=length * (role == "assistant"),
        )
        if role == "user" and text:
            human = not parent
            batch.events.append(
                Prompt(
                    key=event_key("crush", "prompt", identity),
                    session=session,
                    time_ms=time_ms,
                    human=human,
                    corrects=human and wording.corrects(text),
                )
            )
        return going_on


def _touch(batch: Batch, data: _Data, session: str, time_ms: int) -> None:
    edit = data.name in _EDITS
    if not edit and data.name not in _READS:
        return
    try:
        path = _input(data.input).file_path
    except msgspec.MsgspecError:
        return
    if path:
        batch.events.append(
            FileTouch(
                key=event_key("crush", "touch", f"{session}/{data.id}"),
                session=session,
                time_ms=time_ms,
                edit=edit,
                path=path,
            )
        )


def _time(value: int) -> int:
    found = plausible_ms(value * 1000 if value < _SECONDS else value)
    if found is None:
        msg = "bad time"
        raise ValueError(msg)
    return found
