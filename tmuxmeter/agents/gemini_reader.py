"""Turns a Gemini CLI chat into events: lines that are appended, or one object rewritten whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import gemini_records as records
from tmuxmeter.agents import gemini_tools as tools
from tmuxmeter.agents import wording
from tmuxmeter.agents.file_paths import absolute
from tmuxmeter.agents.gemini_usage import counts
from tmuxmeter.agents.lines import (
    BAD_TIME,
    Batch,
    SkipRecord,
    decode,
    guarded,
    read_lines,
    unknown,
)
from tmuxmeter.agents.times import epoch_ms
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
    from tmuxmeter.agents.gemini_records import Line, Message, ToolCall
    from tmuxmeter.events import Event

_NOT_SAID = ("/", "?", "<session_context>", "<hook_context>")
"""Openings of what Gemini CLI itself doesn't take for a prompt: commands and its own context."""
_SUMMARY = "<state_snapshot>"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SILENT = frozenset({"info", "warning"})


class State(msgspec.Struct, array_like=True, gc=False):
    """What later lines need of earlier ones; stored beside the file's position."""

    cwd: str = ""
    started: bool = False
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    turn: str = ""
    """Id of the prompt that opened the turn."""


class GeminiReader:
    """Reads one chat. See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    session, parent : str
        The session as the file's name has it, and whose sub-agent it is ("": nobody's). Its header
        has more of the id, but may be gone (see ``docs/formats-gemini.md``).
    cwd : str
        The project's folder, "" where it isn't known: chats don't name it.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    """

    def __init__(self, session: str, parent: str = "", cwd: str = "", state: bytes = b"") -> None:
        self._session = session
        self._parent = parent
        self._state = _load(state) or State()
        self._state.cwd = cwd or self._state.cwd

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        line = decode(records.LINE, raw)
        if line.id:
            self._message(batch, line)
        elif bytes(line.set):
            self._rewritten(batch, decode(records.UPDATE, line.set))
        elif isinstance(line.session_id, str) and line.session_id:
            self.header(batch, line)
        elif line.rewind_to is None:
            # What is rewound was billed: it stays counted.
            kinds = json.loads(raw)
            unknown("line", *(kinds if isinstance(kinds, dict) else ()))

    def header(self, batch: Batch, line: Line) -> None:
        """Take what a chat says of itself, and the messages where it is one whole object."""
        folders = line.directories
        if not self._state.cwd and isinstance(folders, list) and folders:
            self._state.cwd = str(folders[0])
        started = _time(line.start_time)
        if started is not None:
            self._start(batch, started)
        for message in _split(line.messages):
            guarded(self._one, batch, message)

    def _start(self, batch: Batch, time_ms: int) -> None:
        self._state.started = True
        batch.events.append(
            SessionStart(
                key=event_key("gemini", "session", self._session),
                session=self._session,
                time_ms=time_ms,
                cwd=self._state.cwd,
                parent=self._parent,
                spawned=bool(self._parent),
            )
        )

    def _one(self, batch: Batch, raw: bytes) -> None:
        self._message(batch, decode(records.MESSAGE, raw))

    def _rewritten(self, batch: Batch, update: records.Update) -> None:
        """Take the conversation told anew: the same messages, but prompts get another id."""
        for raw in _split(update.messages):
            guarded(self._again, batch, raw)

    def _again(self, batch: Batch, raw: bytes) -> None:
        message = decode(records.MESSAGE, raw)
        if message.type == "gemini":
            self._reply(batch, message)
        elif message.type == "user" and records.text_of(message.content).startswith(_SUMMARY):
            batch.events.append(
                Compaction(
                    key=event_key("gemini", "compaction", self._identity(message)),
                    session=self._session,
                    time_ms=_needed(message),
                )
            )

    def _message(self, batch: Batch, message: Message) -> None:
        kind = message.type
        if not self._state.started:
            # A chat that another Gemini CLI of the folder cleared away goes on without its header.
            self._start(batch, _needed(message))
        if kind == "gemini":
            self._reply(batch, message)
            self._turn(batch, message)
        elif kind == "user":
            self._user(batch, message)
        elif kind == "error":
            self._end(batch, _needed(message), "error")
        elif str(kind) not in _SILENT:
            unknown("message", str(kind))

    def _identity(self, message: Message) -> str:
        """Return what is the same in every copy: ids of Gemini's own making repeat, UUIDs don't."""
        if _UUID.fullmatch(message.id):
            return message.id
        return f"{self._session}/{message.id}"

    def _reply(self, batch: Batch, message: Message) -> None:
        identity = self._identity(message)
        tokens = message.tokens
        if tokens is not None:
            found = counts(
                tokens.input or 0,
                tokens.output or 0,
                tokens.cached or 0,
                tokens.thoughts or 0,
                tokens.tool or 0,
                tokens.total or 0,
            )
            if any(found):
                batch.events.append(
                    Usage(
                        key=event_key("gemini", "usage", identity),
                        session=self._session,
                        time_ms=_needed(message),
                        model=message.model if isinstance(message.model, str) else "",
                        fresh=found.fresh,
                        cache_read=found.cache_read,
                        output=found.output,
                        reasoning=found.reasoning,
                        cwd=self._state.cwd,
                        sidechain=bool(self._parent),
                    )
                )
        if bytes(message.tool_calls):
            calls = decode(records.CALLS, message.tool_calls)
            for index, call in enumerate(calls):
                self._call(batch, message, call, f"{identity}/{call.id or index}")

    def _call(self, batch: Batch, message: Message, call: ToolCall, identity: str) -> None:
        name = call.name if isinstance(call.name, str) else ""
        time_ms = _time(call.timestamp) or _needed(message)
        if call.status == "cancelled" and not self._parent:
            self._end(batch, time_ms, "interrupted")
        if call.status not in ("success", "error"):
            # Still under way, or the human said no: neither a success nor a failure.
            return
        ok = call.status == "success" and not (name == tools.SHELL and tools.failed(call.result))
        batch.events.append(
            ToolResult(
                key=event_key("gemini", "tool", identity),
                session=self._session,
                time_ms=time_ms,
                tool=name,
                ok=ok,
            )
        )
        if ok and (name in tools.EDITS or name in tools.READS):
            path = tools.path_in(call.args)
            if path:
                batch.events.append(
                    FileTouch(
                        key=event_key("gemini", "touch", identity),
                        session=self._session,
                        time_ms=time_ms,
                        edit=name in tools.EDITS,
                        path=absolute(path, self._state.cwd),
                    )
                )

    def _turn(self, batch: Batch, message: Message) -> None:
        """Tell that a turn may have ended: words without a call are the last, as far as is known.

        A call beside the words is only logged once it is done; then the turn ends later, and of one
        turn the latest end counts.
        """
        text = records.text_of(message.content)
        if text and not bytes(message.tool_calls) and not self._parent:
            self._end(batch, _needed(message), "done", asked=wording.asks(text))

    def _end(self, batch: Batch, time_ms: int, reason: str, *, asked: bool = False) -> None:
        state = self._state
        batch.events.append(
            TurnEnd(
                key=event_key("gemini", "turn", f"{self._session}/{state.turn}"),
                session=self._session,
                time_ms=time_ms,
                reason=reason,
                asked=asked,
            )
        )

    def _user(self, batch: Batch, message: Message) -> None:
        text = records.text_of(message.content).strip()
        if not text or text.startswith(_NOT_SAID):
            return
        time_ms = _needed(message)
        human = not self._parent
        corrects = False
        if human:
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.prompt)
            self._state.prompt = current
            self._state.turn = message.id
        batch.events.append(
            Prompt(
                key=event_key("gemini", "prompt", self._identity(message)),
                session=self._session,
                time_ms=time_ms,
                human=human,
                corrects=corrects,
            )
        )


class GeminiDocument(GeminiReader):
    """Reads a chat of older versions, one object rewritten whole.

    See :class:`tmuxmeter.agents.readers.DocumentReader`. Its messages have the ids they keep when
    the chat goes on as lines, so a chat that lies there in both forms counts once.
    """

    def read(self, content: bytes) -> list[Event] | None:  # type: ignore[override]
        """Return the events of the whole file, None where it is half-written or broken."""
        batch = Batch()
        self._state.prompt, self._state.turn = 0, ""
        try:
            chat = decode(records.LINE, content)
        except (ValueError, RecursionError):
            return None
        if not isinstance(chat.session_id, str):
            return None
        self.header(batch, chat)
        return batch.finish()


def _load(state: bytes) -> State | None:
    try:
        return msgspec.msgpack.decode(state, type=State) if state else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _time(value: object) -> int | None:
    return epoch_ms(value) if isinstance(value, str) else None


def _needed(message: Message) -> int:
    time_ms = _time(message.timestamp)
    if time_ms is None:
        raise SkipRecord(BAD_TIME)
    return time_ms


def _split(messages: msgspec.Raw) -> list[bytes]:
    """Return the messages of an array one by one, so that a damaged one costs only itself."""
    if not bytes(messages).startswith(b"["):
        return []
    return [bytes(one) for one in decode(records.MESSAGES, messages)]
