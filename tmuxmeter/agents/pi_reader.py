"""Turns the entries of a Pi session into events.

The session is a tree in one file: what an abandoned branch spent was spent, so every entry counts.
A fork begins with copies of its parent's entries, which keep their ids and times.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import pi_records as records
from tmuxmeter.agents import wording
from tmuxmeter.agents.file_paths import absolute
from tmuxmeter.agents.lines import (
    BAD_TIME,
    MOST_TOKENS,
    Batch,
    SkipRecord,
    decode,
    read_lines,
    unknown,
)
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
    event_key,
)

if TYPE_CHECKING:
    from tmuxmeter.agents.pi_records import Entry, Message, Tally
    from tmuxmeter.events import Event

_EDITS = frozenset({"edit", "write"})
_READS = frozenset({"read"})
_SPENDING = frozenset({"usage", "compaction", "branch_summary"})
# fmt: off
_SILENT = frozenset({
    "context_edit", "custom", "custom_message", "label", "model_change", "session_info",
    "thinking_level_change",
})
_SILENT_ROLES = frozenset({
    "bashExecution", "branchSummary", "compactionSummary", "custom", "hookMessage", "system",
})
# fmt: on
_ENDS = {"stop": "done", "length": "done", "aborted": "interrupted", "error": "error"}
_CALLS = 64
UNKNOWN_MODEL = "unknown"
"""What a tool asked a model for is told without the model, which need not be the session's."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What later entries need of earlier ones; stored beside the file's position."""

    session: str = ""
    parent: str = ""
    began_ms: int = 0
    cwd: str = ""
    model: str = ""
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    turn: str = ""
    """Id of the prompt that opened the turn."""
    calls: dict[str, str] = {}
    """Files of the tool calls that have no result yet, by id."""


class PiReader:
    """Reads one session. See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    session : str
        The session as the file's name has it, for files without a header.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    """

    def __init__(self, session: str, state: bytes = b"") -> None:
        self._state = _load(state) or State(session)

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        entry = decode(records.ENTRY, raw)
        kind = str(entry.type)
        if kind == "session":
            self._header(batch, entry)
        elif kind == "message":
            if entry.message is not None:
                self._message(batch, entry, entry.message)
        elif kind in _SPENDING:
            self._aside(batch, entry)
        elif kind == "model_change":
            self._state.model = _text(entry.model_id)
        elif kind not in _SILENT:
            unknown(kind)

    def _header(self, batch: Batch, entry: Entry) -> None:
        state = self._state
        state.session = _text(entry.id) or state.session
        state.began_ms = _time(entry)
        state.cwd = _text(entry.cwd)
        # The path of the parent's file, whose name ends in its id.
        state.parent = PurePosixPath(_text(entry.parent_session)).stem.rpartition("_")[2]
        batch.events.append(
            SessionStart(
                key=event_key("pi", "session", state.session),
                session=state.session,
                time_ms=state.began_ms,
                cwd=state.cwd,
                parent=state.parent,
            )
        )

    def _session(self, time_ms: int) -> str:
        """Return whose entry of this time it is: older ones are copies of the parent's."""
        state = self._state
        return state.parent if state.parent and time_ms < state.began_ms else state.session

    def _message(self, batch: Batch, entry: Entry, message: Message) -> None:
        role = str(message.role)
        if role == "assistant":
            self._answer(batch, entry, message)
        elif role == "user":
            self._prompt(batch, entry, message)
        elif role == "toolResult":
            self._result(batch, entry, message)
        elif role not in _SILENT_ROLES:
            unknown("message of", role)

    def _answer(self, batch: Batch, entry: Entry, message: Message) -> None:
        time_ms = _time(entry)
        if message.usage is not None:
            moment = message.timestamp if isinstance(message.timestamp, int) else time_ms
            identity = f"{_text(message.response_id)}/{moment}"
            self._usage(batch, identity, _text(message.model), message.usage, time_ms)
        blocks = records.blocks_of(message.content)
        for block in blocks:
            if block.type == "toolCall" and _text(block.name) in _EDITS | _READS:
                path = records.path_of(block)
                if path and isinstance(block.id, str):
                    self._call(block.id, path)
        reason = _ENDS.get(_text(message.stop_reason))
        if reason:
            session = self._session(time_ms)
            asked = reason == "done" and wording.asks(records.words_of(blocks))
            batch.events.append(
                TurnEnd(
                    key=event_key("pi", "turn", f"{session}/{self._state.turn}"),
                    session=session,
                    time_ms=time_ms,
                    reason=reason,
                    asked=asked,
                )
            )

    def _usage(self, batch: Batch, identity: str, model: str, tally: Tally, time_ms: int) -> None:
        written = tally.cache_write or 0
        long = min(tally.cache_write1h or 0, written)
        output = tally.output or 0
        kinds = (tally.input or 0, tally.cache_read or 0, written - long, long, output)
        if not any(kinds):
            return
        fresh, read, write_5m, write_1h, _ = kinds
        # Ids of answers repeat behind some gateways, so time and counts belong to what it is.
        same = f"{identity}/{model}/{'/'.join(map(str, kinds))}"
        batch.events.append(
            Usage(
                key=event_key("pi", "usage", same),
                session=self._session(time_ms),
                time_ms=time_ms,
                model=model,
                fresh=fresh,
                cache_read=read,
                cache_write_5m=write_5m,
                cache_write_1h=write_1h,
                output=output,
                reasoning=min(tally.reasoning or 0, output),
                cwd=self._state.cwd,
            )
        )

    def _aside(self, batch: Batch, entry: Entry) -> None:
        """Take what was spent beside the conversation: summaries, a cache kept warm."""
        time_ms = _time(entry)
        if entry.usage is not None:
            model = _text(entry.model) or self._state.model
            identity = f"{entry.type}/{_text(entry.id)}/{time_ms}"
            self._usage(batch, identity, model, entry.usage, time_ms)
        if entry.type == "compaction":
            before = entry.tokens_before
            known = isinstance(before, int) and 0 <= before <= MOST_TOKENS
            batch.events.append(
                Compaction(
                    key=event_key("pi", "compaction", f"{_text(entry.id)}/{time_ms}"),
                    session=self._session(time_ms),
                    time_ms=time_ms,
                    tokens_before=int(before) if known else -1,
                )
            )

    def _prompt(self, batch: Batch, entry: Entry, message: Message) -> None:
        time_ms = _time(entry)
        text = records.words_of(records.blocks_of(message.content))
        current = wording.fingerprint(text)
        corrects = wording.corrects(text, current, self._state.prompt)
        self._state.prompt = current
        self._state.turn = _text(entry.id)
        batch.events.append(
            Prompt(
                key=event_key("pi", "prompt", f"{_text(entry.id)}/{time_ms}"),
                session=self._session(time_ms),
                time_ms=time_ms,
                human=True,
                corrects=corrects,
            )
        )

    def _call(self, identity: str, path: str) -> None:
        calls = self._state.calls
        calls[identity] = path
        if len(calls) > _CALLS:
            del calls[next(iter(calls))]

    def _result(self, batch: Batch, entry: Entry, message: Message) -> None:
        time_ms = _time(entry)
        session = self._session(time_ms)
        identity = f"{_text(entry.id)}/{time_ms}"
        if message.usage is not None:
            self._usage(batch, f"tool/{identity}", UNKNOWN_MODEL, message.usage, time_ms)
        tool = _text(message.tool_name)
        path = self._state.calls.pop(_text(message.tool_call_id), "")
        batch.events.append(
            ToolResult(
                key=event_key("pi", "tool", identity),
                session=session,
                time_ms=time_ms,
                tool=tool,
                ok=not message.is_error,
            )
        )
        if path and not message.is_error:
            batch.events.append(
                FileTouch(
                    key=event_key("pi", "touch", identity),
                    session=session,
                    time_ms=time_ms,
                    edit=tool in _EDITS,
                    path=absolute(path, self._state.cwd),
                )
            )


def _load(state: bytes) -> State | None:
    try:
        return msgspec.msgpack.decode(state, type=State) if state else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _time(entry: Entry) -> int:
    value = entry.timestamp
    time_ms = epoch_ms(value) if isinstance(value, str) else None
    if time_ms is None and entry.message is not None:
        inner = entry.message.timestamp
        time_ms = plausible_ms(inner) if isinstance(inner, int) else None
    if time_ms is None:
        raise SkipRecord(BAD_TIME)
    return time_ms


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
