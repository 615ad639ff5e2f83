"""Turns the lines of a Qwen Code chat into events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import qwen_records as records
from tmuxmeter.agents import qwen_state, wording
from tmuxmeter.agents.file_paths import absolute
from tmuxmeter.agents.gemini_usage import counts as google_counts
from tmuxmeter.agents.lines import (
    BAD_TIME,
    MOST_TOKENS,
    Batch,
    SkipRecord,
    decode,
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
    from tmuxmeter.agents.qwen_records import Record
    from tmuxmeter.agents.qwen_state import Counts
    from tmuxmeter.events import Event

_EDITS = frozenset({"edit", "notebook_edit", "write_file"})
_READS = frozenset({"read_file"})
_ANSWER = "qwen-code.api_response"
_SUB_AGENT = re.compile(r"[0-9a-f-]{36}#([^#]+)#\d+")
"""How telemetry names a sub-agent's request: the session, the sub-agent, the round."""
_HUMAN = (None, "real_user")


class QwenReader:
    """Reads one chat, of a session or of a sub-agent. See :class:`tmuxmeter.agents.readers.Reader`.

    Newer versions show a request up to three times: at once as telemetry, then as the answer, and
    a sub-agent's also in a chat of its own. Telemetry also has what is asked for on the side.

    Parameters
    ----------
    session : str
        Session of records that don't name one, from the file's name.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    model : str
        Model of answers that don't name one.
    """

    def __init__(self, session: str, state: bytes = b"", model: str = "") -> None:
        self._session = session
        self._model = model
        self._state = qwen_state.load(state)

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        record = decode(records.RECORD, raw)
        kind = record.type
        if kind == "assistant":
            self._at(batch, record).answer()
        elif kind == "user":
            self._at(batch, record).user()
        elif kind == "tool_result":
            self._at(batch, record).result()
        elif kind == "system":
            self._at(batch, record).system()
        else:
            unknown(str(kind), version=_text(record.version))

    def _at(self, batch: Batch, record: Record) -> _Line:
        record.model = record.model or self._model
        return _Line(self._state, self._session, batch, record)


class _Line:
    """One record at work."""

    def __init__(self, state: qwen_state.State, session: str, batch: Batch, record: Record) -> None:
        time_ms = epoch_ms(record.timestamp) if isinstance(record.timestamp, str) else None
        if time_ms is None:
            raise SkipRecord(BAD_TIME)
        self._state = state
        self._events = batch.events
        self._record = record
        self._time_ms = time_ms
        self._aside = bool(record.is_sidechain)
        own = _text(record.session_id) or session
        origin = _text(record.forked_from.session_id) if record.forked_from is not None else ""
        if origin:
            # A fork begins with copies of what was spent and booked where it was first written.
            state.parent = origin
        self._session = origin or own
        if not origin and not self._aside and state.start(own):
            self._start(own)

    def _start(self, session: str) -> None:
        parent = self._state.parent
        self._events.append(
            SessionStart(
                key=event_key("qwen", "session", session),
                session=session,
                time_ms=self._time_ms,
                cwd=_text(self._record.cwd),
                branch=_text(self._record.git_branch),
                parent=parent if parent != session else "",
                spawned=self._state.spawned,
                version=_text(self._record.version),
            )
        )

    def answer(self) -> None:
        """Take an answer: its tokens, its calls, the turn's end."""
        record = self._record
        usage = record.usage_metadata
        if usage is not None:
            found = (
                usage.prompt_token_count or 0,
                usage.candidates_token_count or 0,
                usage.cached_content_token_count or 0,
                usage.thoughts_token_count or 0,
                usage.total_token_count or 0,
            )
            agent = _text(record.agent_id) if self._aside else ""
            if agent:
                self._usage(_sub_agent(agent, found), record.model, found, 0)
            else:
                # Told again under telemetry's name: the answer knows the size of the context.
                identity = self._state.telling(found) or record.uuid
                tools = usage.tool_use_prompt_token_count or 0
                self._usage(identity, record.model, found, tools)
        parts = self._parts()
        calls = [part.function_call for part in parts if part.function_call is not None]
        for call in calls:
            if _text(call.name) in _EDITS | _READS:
                path = _path(call.args)
                if path and isinstance(call.id, str):
                    self._state.call(call.id, path)
        words = records.words_of(parts)
        if words and not calls and not self._aside:
            self._events.append(
                TurnEnd(
                    key=event_key("qwen", "turn", f"{self._session}/{self._state.turn}"),
                    session=self._session,
                    time_ms=self._time_ms,
                    reason="done",
                    asked=wording.asks(words),
                )
            )

    def _usage(self, identity: str, model: object, found: Counts, tools: int) -> None:
        record = self._record
        tokens = google_counts(*found[:4], tools, found[4])
        if not any(tokens):
            return
        self._events.append(
            Usage(
                key=event_key("qwen", "usage", identity),
                session=self._session,
                time_ms=self._time_ms,
                model=_text(model),
                fresh=tokens.fresh,
                cache_read=tokens.cache_read,
                output=tokens.output,
                reasoning=tokens.reasoning,
                context_window=_count(record.context_window_size, 0),
                cwd=_text(record.cwd),
                branch=_text(record.git_branch),
                sidechain=self._aside,
            )
        )

    def system(self) -> None:
        """Take what telemetry tells of a request, and compressions."""
        record = self._record
        if record.subtype == "ui_telemetry":
            event = decode(records.PAYLOAD, record.system_payload).ui_event
            if event is not None and event.name == _ANSWER:
                self._told(event)
        elif record.subtype == "parent_session":
            self._spawned(_text(decode(records.PAYLOAD, record.system_payload).parent_session_id))
        elif record.subtype == "chat_compression":
            info = decode(records.PAYLOAD, record.system_payload).info
            before = info.original_token_count if info is not None else None
            self._events.append(
                Compaction(
                    key=event_key("qwen", "compaction", record.uuid),
                    session=self._session,
                    time_ms=self._time_ms,
                    trigger=_text(info.trigger_reason) if info is not None else "",
                    tokens_before=_count(before, -1),
                )
            )

    def _spawned(self, parent: str) -> None:
        """Take that another session's agent began this one."""
        if parent and self._record.forked_from is None:
            self._state.parent, self._state.spawned = parent, True
            self._start(self._session)

    def _told(self, event: records.UiEvent) -> None:
        found = (
            event.input_token_count or 0,
            event.output_token_count or 0,
            event.cached_content_token_count or 0,
            event.thoughts_token_count or 0,
            event.total_token_count or 0,
        )
        agent = _SUB_AGENT.fullmatch(_text(event.prompt_id))
        if agent is not None:
            self._aside = True
            self._usage(_sub_agent(agent[1], found), event.model, found, 0)
            return
        self._state.tell(self._record.uuid, found)
        self._usage(self._record.uuid, event.model, found, event.tool_token_count or 0)

    def user(self) -> None:
        """Take a prompt; notifications are written in the user's name, too."""
        record = self._record
        text = records.words_of(self._parts()).strip()
        if not text:
            return
        human = not (self._aside or self._state.spawned)
        human = human and record.provenance in _HUMAN and record.subtype is None
        corrects = False
        if human:
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.prompt)
            self._state.prompt = current
        if not self._aside:
            self._state.turn = record.uuid
        self._events.append(
            Prompt(
                key=event_key("qwen", "prompt", record.uuid),
                session=self._session,
                time_ms=self._time_ms,
                human=human,
                corrects=corrects,
            )
        )

    def result(self) -> None:
        """Take how a tool call ended."""
        answers = [p.function_response for p in self._parts() if p.function_response is not None]
        told = self._record.tool_call_result
        for answer in answers:
            status = told.status if told is not None else None
            error = answer.response is not None and bool(bytes(answer.response.error))
            call = _text(answer.id) or (_text(told.call_id) if told is not None else "")
            path = self._state.calls.pop(call, "")
            if status == "cancelled":
                continue
            name = _text(answer.name)
            ok = status == "success" if status in ("success", "error") else not error
            identity = f"{self._record.uuid}/{call}"
            self._events.append(
                ToolResult(
                    key=event_key("qwen", "tool", identity),
                    session=self._session,
                    time_ms=self._time_ms,
                    tool=name,
                    ok=ok,
                )
            )
            if ok and path:
                self._events.append(
                    FileTouch(
                        key=event_key("qwen", "touch", identity),
                        session=self._session,
                        time_ms=self._time_ms,
                        edit=name in _EDITS,
                        path=absolute(path, _text(self._record.cwd)),
                    )
                )

    def _parts(self) -> list[records.Part]:
        if not bytes(self._record.message):
            return []
        try:
            return decode(records.MESSAGE, self._record.message).parts
        except msgspec.ValidationError:
            return []


def _sub_agent(agent: str, found: Counts) -> str:
    """Return what a sub-agent's request is in the session's chat and in the sub-agent's own."""
    return f"{agent}/{'/'.join(map(str, found))}"


def _path(arguments: msgspec.Raw) -> str:
    try:
        found = decode(records.ARGUMENTS, arguments) if bytes(arguments) else None
    except (ValueError, RecursionError):
        return ""
    if found is None:
        return ""
    return _text(found.file_path) or _text(found.absolute_path) or _text(found.notebook_path)


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else otherwise


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
