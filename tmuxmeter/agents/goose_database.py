"""Turns the rows of Goose's database into events.

A session's row holds totals that grow (``accumulated_*``; the columns without that word are the
context of the last request and never count): what they grew by is booked at the row's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.lines import MOST_TOKENS, Batch
from tmuxmeter.agents.readers import Query
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.agents.totals import Totals
from tmuxmeter.errors import LogError
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

_CALLS = 256
_EDITOR = "text_editor"
_EDITS = frozenset({"edit", "write"})
_READS = frozenset({"read", "read_file"})
_VIEWS = frozenset({"view", ""})
"""Commands of the editor's tool; every other one edits."""
_HUMAN = frozenset({"user", ""})
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
_SESSIONS = """
    SELECT rowid, id, working_dir, created_at, updated_at, accumulated_input_tokens,
           accumulated_output_tokens, {model}, {kind}
    FROM sessions WHERE rowid > :row ORDER BY rowid LIMIT :page
"""
_MESSAGES = """
    SELECT m.id, m.session_id, m.role, m.content_json, m.created_timestamp, {kind}
    FROM messages m JOIN sessions s ON s.id = m.session_id
    WHERE m.id > :message ORDER BY m.id LIMIT :page
"""


class _State(msgspec.Struct, array_like=True):
    message: int = 0
    totals: Totals = msgspec.field(default_factory=Totals)
    calls: dict[str, str] = {}
    words: dict[str, int] = {}
    touches: dict[str, tuple[bool, str]] = {}
    """Whether a call that is under way edits a file or reads it, and which one."""


class _Call(msgspec.Struct, gc=False):
    status: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class _Named(msgspec.Struct, gc=False):
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Arguments(msgspec.Struct, gc=False):
    command: str = ""
    path: str = ""


class _Outcome(msgspec.Struct, gc=False, rename="camel"):
    status: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class _Failed(msgspec.Struct, gc=False, rename="camel"):
    is_error: bool | None = None


class _Content(msgspec.Struct, gc=False, rename="camel"):
    type: str = ""
    id: str = ""
    text: str = ""
    tool_call: _Call | None = None
    tool_result: _Outcome | None = None


class _Model(msgspec.Struct, gc=False):
    model_name: str = ""


_load = msgspec.msgpack.Decoder(_State).decode
_contents = msgspec.json.Decoder(list[_Content]).decode
_model = msgspec.json.Decoder(_Model).decode
_named = msgspec.json.Decoder(_Named).decode
_arguments = msgspec.json.Decoder(_Arguments).decode
_failed = msgspec.json.Decoder(_Failed).decode


class GooseDatabase:
    """Reads the database. See :class:`tmuxmeter.agents.readers.DatabaseReader`."""

    def __init__(self, state: bytes = b"") -> None:
        self._state = _load(state) if state else _State()
        self._row = 0

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        return msgspec.msgpack.encode(self._state)

    def rewind(self) -> None:
        """Go back to the first message; totals stay counted."""
        self._state.message = 0

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next.

        Raises
        ------
        LogError
            If a column is missing.
        """
        for table, columns in _NEEDED.items():
            missing = columns - tables.get(table, frozenset())
            if missing:
                msg = f"Goose's table {table} has no {', '.join(sorted(missing))}"
                raise LogError(msg)
        has = tables["sessions"]
        model = "model_config_json" if "model_config_json" in has else "NULL"
        kind = "session_type" if "session_type" in has else "''"
        return (
            Query("sessions", _SESSIONS.format(model=model, kind=kind), {"row": self._row}),
            Query("messages", _MESSAGES.format(kind=kind), {"message": self._state.message}),
        )

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of rows."""
        batch = Batch()
        for row in rows:
            try:
                if query == "sessions":
                    self._row = row[0]
                    self._session(batch, *row[1:])
                else:
                    self._state.message = row[0]
                    self._message(batch, *row[1:])
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                # Sessions are all read each time: only messages are counted once.
                if query == "messages":
                    batch.skip("broken row in messages")
        return batch.finish()

    def _session(
        self,
        batch: Batch,
        session: str,
        folder: str,
        created: object,
        updated: object,
        taken: int | None,
        given: int | None,
        model: str | None,
        kind: str,
    ) -> None:
        begun = _time(created)
        if session not in self._state.words:
            self._state.words[session] = 0
            batch.events.append(
                SessionStart(
                    key=event_key("goose", "session", session),
                    session=session,
                    time_ms=begun,
                    cwd=folder or "",
                )
            )
        counts = taken or 0, given or 0
        if not all(0 <= count < MOST_TOKENS for count in counts):
            return
        growth = self._state.totals.grown(session, counts)
        if growth is not None:
            batch.events.append(
                Usage(
                    key=event_key("goose", "usage", growth.identity),
                    session=session,
                    time_ms=_time(updated),
                    model=_model(model).model_name if model else "",
                    fresh=growth.counts[0],
                    output=growth.counts[1],
                    cwd=folder or "",
                    sidechain=kind == "sub_agent",
                )
            )

    def _message(
        self, batch: Batch, session: str, role: str, content: str, created: float, kind: str
    ) -> None:
        # A compaction writes all messages anew, under new numbers with their old times.
        time_ms = plausible_ms(created * 1000)
        if time_ms is None:
            msg = "bad time"
            raise ValueError(msg)
        for part in _contents(content):
            if part.type == "toolRequest" and part.tool_call is not None:
                self._call(part.id, _named(part.tool_call.value))
            elif part.type == "toolResponse" and part.tool_result is not None:
                result = part.tool_result
                ok = result.status == "success" and not _is_error(result.value)
                batch.events.append(
                    ToolResult(
                        key=event_key("goose", "tool", f"{session}/{part.id}"),
                        session=session,
                        time_ms=time_ms,
                        tool=self._state.calls.pop(part.id, ""),
                        ok=ok,
                    )
                )
                touch = self._state.touches.pop(part.id, None)
                if ok and touch is not None:
                    batch.events.append(
                        FileTouch(
                            key=event_key("goose", "touch", f"{session}/{part.id}"),
                            session=session,
                            time_ms=time_ms,
                            edit=touch[0],
                            path=touch[1],
                        )
                    )
            elif part.type == "text" and role == "user" and part.text:
                self._prompt(batch, session, part.text, time_ms, human=kind in _HUMAN)

    def _call(self, identity: str, call: _Named) -> None:
        """Remember a call until it comes back, and the file it is about."""
        state = self._state
        state.calls[identity] = call.name
        touch = _touch(call)
        if touch is not None:
            state.touches[identity] = touch
        if len(state.calls) > _CALLS:
            oldest = next(iter(state.calls))
            del state.calls[oldest]
            state.touches.pop(oldest, None)

    def _prompt(self, batch: Batch, session: str, text: str, time_ms: int, *, human: bool) -> None:
        corrects = False
        if human:
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.words.get(session, 0))
            self._state.words[session] = current
        batch.events.append(
            Prompt(
                key=event_key("goose", "prompt", f"{session}/{time_ms}"),
                session=session,
                time_ms=time_ms,
                human=human,
                corrects=corrects,
            )
        )


def _touch(call: _Named) -> tuple[bool, str] | None:
    """Return whether a call edits a file or reads it, and its path; None for other calls.

    Tools have their extension's name in front; newer versions leave that out.
    """
    tool = call.name.rpartition("__")[2]
    if tool != _EDITOR and tool not in _EDITS | _READS:
        return None
    try:
        told = _arguments(call.arguments)
    except msgspec.MsgspecError:
        return None
    edits = told.command not in _VIEWS if tool == _EDITOR else tool in _EDITS
    return (edits, told.path) if told.path else None


def _is_error(value: msgspec.Raw) -> bool:
    try:
        return bool(_failed(value).is_error)
    except msgspec.MsgspecError:
        return False


def _time(text: object) -> int:
    found = epoch_ms(str(text))
    if found is None:
        msg = "bad time"
        raise ValueError(msg)
    return found
