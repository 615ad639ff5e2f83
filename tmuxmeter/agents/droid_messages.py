"""Turns the messages of a Droid session into events: prompts, turns, tools and files, no tokens.

Records without a time (the beginning, ends of turns) have that of the record before or after. A
fork begins with copies of its parent's records, up to the message that its first record names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.codex_tools import absolute, patched_paths
from tmuxmeter.agents.droid_settings import parent_of
from tmuxmeter.agents.lines import BAD_TIME, Batch, SkipRecord, decode, read_lines, unknown
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    event_key,
)

if TYPE_CHECKING:
    from tmuxmeter.events import Event

_EDITS = frozenset({"ApplyPatch", "Create", "Edit", "MultiEdit", "Write"})
_READS = frozenset({"Read"})
_SILENT = frozenset({"session_end", "todo_state"})
_ENDS = {
    "aborted": "interrupted",
    "cancelled": "interrupted",
    "completed": "done",
    "completion_persistence_failed": "error",
    "error": "error",
    "interrupted": "interrupted",
    "model_authentication_failed": "error",
    "model_provider_unavailable": "error",
    "model_provider_unreachable": "error",
    "model_request_rejected": "error",
    "model_usage_exhausted": "error",
    "no_approver_available": "error",
    "permission_rejected": "interrupted",
    "process_exit": "interrupted",
    "prompt_rejected": "error",
    "spec_handoff": "done",
    "structured_output_invalid": "error",
    "structured_output_missing": "error",
    "structured_output_schema_invalid": "error",
}
_CALLS = 64


class _Block(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw()
    tool_use_id: Any = None
    is_error: Any = None


class _Input(msgspec.Struct, gc=False):
    file_path: Any = None
    path: Any = None
    input: Any = None
    patch: Any = None


class _Message(msgspec.Struct, gc=False):
    role: Any = None
    content: list[_Block] | str = ""
    visibility: Any = None


class _Record(msgspec.Struct, gc=False, rename="camel"):
    type: Any = None
    id: Any = None
    timestamp: Any = None
    cwd: Any = None
    parent: Any = None
    calling_session_id: Any = None
    forked_at_message_id: Any = None
    parent_id: Any = None
    message: _Message | None = None
    role: Any = None
    text: Any = None
    visibility: Any = None
    turn_id: Any = None
    reason: Any = None


class _State(msgspec.Struct, array_like=True):
    session: str = ""
    cwd: str = ""
    parent: str = ""
    begun: bool = False
    """Whether the session's beginning was told: it waits for the first time."""
    time_ms: int = 0
    prompt: int = 0
    asked: bool = False
    calls: dict[str, tuple[str, tuple[str, ...]]] = {}
    """Tool and files of the calls that have no result yet."""
    caller: str = ""
    """The session whose sub-agent this one is, as its first record has it."""
    forked_at: str = ""
    """The last message that was copied, while it hasn't come yet."""


_record = msgspec.json.Decoder(_Record)
_input = msgspec.json.Decoder(_Input | str).decode


class DroidMessages:
    """Reads one session. See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    session : str
        The session as the file's name has it.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    settings : bytes
        The session's settings, b"" where there are none.
    """

    def __init__(self, session: str, state: bytes = b"", settings: bytes = b"") -> None:
        self._state = _load(state) or _State(session)
        self._told = parent_of(settings) if settings else ""

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    @property
    def _caller(self) -> str:
        return self._state.caller or self._told

    def _line(self, batch: Batch, raw: bytes) -> None:
        record = decode(_record, raw)
        state = self._state
        kind = str(record.type)
        if kind == "session_start":
            state.cwd, state.parent = _text(record.cwd), _text(record.parent)
            state.caller = _text(record.calling_session_id)
            state.forked_at = _text(record.forked_at_message_id) if state.parent else ""
        elif self._copied(kind, record):
            return
        elif kind == "message":
            self._message(batch, record)
        elif kind == "agent_turn_outcome":
            self._outcome(batch, record)
        elif kind == "compaction_state":
            self._timed(batch, record)
            batch.events.append(
                Compaction(
                    key=event_key("droid", "compaction", _text(record.id)),
                    session=state.session,
                    time_ms=state.time_ms,
                )
            )
        elif kind not in _SILENT:
            unknown(kind)

    def _copied(self, kind: str, record: _Record) -> bool:
        """Tell whether a record is the parent's; the end of the turn follows its last message."""
        state = self._state
        if state.forked_at:
            is_next = record.parent_id == state.forked_at
            if is_next or (kind == "message" and record.id == state.forked_at):
                state.forked_at = ""
            return not is_next
        return kind == "agent_turn_outcome" and bool(state.parent) and not state.time_ms

    def _timed(self, batch: Batch, record: _Record) -> None:
        """Take a record's time, and tell the session's beginning with the first of them."""
        state, value = self._state, record.timestamp
        found = epoch_ms(value) if isinstance(value, str) else None
        if isinstance(value, int | float):
            found = plausible_ms(value)
        state.time_ms = found or state.time_ms
        if not state.time_ms:
            raise SkipRecord(BAD_TIME)
        if not state.begun:
            state.begun = True
            batch.events.append(
                SessionStart(
                    key=event_key("droid", "session", state.session),
                    session=state.session,
                    time_ms=state.time_ms,
                    cwd=state.cwd,
                    parent=self._caller or state.parent,
                    spawned=bool(self._caller),
                )
            )

    def _message(self, batch: Batch, record: _Record) -> None:
        message = record.message
        if message is None:
            if not isinstance(record.text, str):
                return
            # some sub-agents' messages have no inner part
            message = _Message(record.role, record.text, record.visibility)
        self._timed(batch, record)
        blocks = message.content
        if isinstance(blocks, str):
            blocks = [_Block(type="text", text=blocks)]
        words = "\n".join(_text(block.text) for block in blocks if block.type == "text")
        hidden = message.visibility or record.visibility
        if message.role == "assistant":
            self._state.asked = wording.asks(words)
            for block in blocks:
                if block.type == "tool_use":
                    self._call(block)
            return
        for block in blocks:
            if block.type == "tool_result":
                self._result(batch, block)
        if message.role == "user" and words and hidden in (None, "", "both"):
            self._prompt(batch, _text(record.id), words)

    def _prompt(self, batch: Batch, identity: str, words: str) -> None:
        state = self._state
        # a sub-agent is asked by its agent
        human = not self._caller
        corrects = False
        if human:
            current = wording.fingerprint(words)
            corrects = wording.corrects(words, current, state.prompt)
            state.prompt = current
        batch.events.append(
            Prompt(
                key=event_key("droid", "prompt", identity),
                session=state.session,
                time_ms=state.time_ms,
                human=human,
                corrects=corrects,
            )
        )

    def _call(self, block: _Block) -> None:
        calls, tool = self._state.calls, _text(block.name)
        paths = _paths(bytes(block.input), self._state.cwd) if tool in _EDITS | _READS else ()
        calls[_text(block.id)] = tool, paths
        if len(calls) > _CALLS:
            del calls[next(iter(calls))]

    def _result(self, batch: Batch, block: _Block) -> None:
        state, identity = self._state, _text(block.tool_use_id)
        tool, paths = state.calls.pop(identity, ("", ()))
        ok = not block.is_error
        batch.events.append(
            ToolResult(
                key=event_key("droid", "tool", identity),
                session=state.session,
                time_ms=state.time_ms,
                tool=tool,
                ok=ok,
            )
        )
        batch.events += [
            FileTouch(
                key=event_key("droid", "touch", f"{identity}/{path}"),
                session=state.session,
                time_ms=state.time_ms,
                edit=tool in _EDITS,
                path=path,
            )
            for path in (paths if ok else ())
        ]

    def _outcome(self, batch: Batch, record: _Record) -> None:
        state = self._state
        reason = _ENDS.get(_text(record.reason), "")
        if not reason:
            unknown("agent_turn_outcome", _text(record.reason))
        self._timed(batch, record)
        batch.events.append(
            TurnEnd(
                key=event_key("droid", "turn", _text(record.turn_id)),
                session=state.session,
                time_ms=state.time_ms,
                reason=reason,
                asked=reason == "done" and state.asked,
            )
        )


def _paths(raw: bytes, cwd: str) -> tuple[str, ...]:
    try:
        told = _input(raw) if raw else ""
    except (ValueError, RecursionError):
        return ()
    if isinstance(told, str):
        return patched_paths(told, cwd)
    path = told.file_path or told.path
    if isinstance(path, str) and path:
        return (absolute(path, cwd),)
    return patched_paths(told.input, cwd) or patched_paths(told.patch, cwd)


def _load(state: bytes) -> _State | None:
    try:
        return msgspec.msgpack.decode(state, type=_State) if state else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
