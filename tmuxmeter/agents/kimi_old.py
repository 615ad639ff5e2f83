"""The wire of the older kimi-cli: one message a line.

A sub-agent's are inside its parent's file, unless it ran in the background. Newer versions give
each sub-agent a file of its own besides, of which only the requests are read: they have ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import kimi_records as records
from tmuxmeter.agents import wording
from tmuxmeter.agents.file_paths import absolute
from tmuxmeter.agents.lines import BAD_TIME, SkipRecord, decode, unknown
from tmuxmeter.agents.times import plausible_ms
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
    from tmuxmeter.agents.kimi_records import Payload, Record
    from tmuxmeter.agents.kimi_state import About, State
    from tmuxmeter.agents.lines import Batch

NO_ID = "sub-agent's request without an id"
UNKNOWN_MODEL = "unknown"
"""The wire names no model; the configuration names today's, which may not be that day's."""
_EDITS = frozenset({"StrReplaceFile", "WriteFile"})
_READS = frozenset({"ReadFile"})
# fmt: off
_SILENT = frozenset({
    "ApprovalRequest", "ApprovalRequestResolved", "ApprovalResponse", "BtwBegin", "BtwEnd",
    "CompactionEnd", "HookRequest", "HookResolved", "HookTriggered", "MCPLoadingBegin",
    "MCPLoadingEnd", "Notification", "PlanDisplay", "QuestionRequest", "StepBegin", "SteerInput",
    "StepRetry", "ToolCallPart", "ToolCallRequest",
})
# fmt: on


def take(batch: Batch, record: Record, about: About, state: State) -> None:
    """Add the events of one line.

    Raises
    ------
    SkipRecord
        If it can't be counted.
    """
    seconds = record.timestamp
    time_ms = plausible_ms(seconds * 1000) if isinstance(seconds, (int, float)) else None
    if time_ms is None:
        raise SkipRecord(BAD_TIME)
    if not state.started and not about.sub_agent:
        state.started = True
        batch.events.append(
            SessionStart(
                key=event_key("kimi", "session", about.session),
                session=about.session,
                time_ms=time_ms,
                cwd=about.cwd,
            )
        )
    _Message(batch, about, state, time_ms).take(decode(records.ENVELOPE, record.message))


class _Message:
    """One message at work."""

    def __init__(self, batch: Batch, about: About, state: State, time_ms: int) -> None:
        self._events = batch.events
        self._about = about
        self._state = state
        self._time_ms = time_ms
        self._aside = about.sub_agent

    def take(self, message: records.Envelope) -> None:
        kind = message.type
        payload = decode(records.PAYLOAD, message.payload) if bytes(message.payload) else None
        if payload is None:
            payload = records.Payload()
        if kind == "StatusUpdate":
            self._usage(payload)
        elif self._about.sub_agent:
            return
        elif kind == "SubagentEvent":
            self._aside = True
            if payload.event is not None:
                self.take(payload.event)
        elif kind == "TurnBegin":
            self._prompt(payload)
        elif kind in ("TurnEnd", "StepInterrupted"):
            self._end("done" if kind == "TurnEnd" else "interrupted")
        elif kind == "ContentPart":
            if payload.type == "text" and isinstance(payload.text, str) and not self._aside:
                self._state.asked = wording.asks(payload.text)
        elif kind == "ToolCall":
            self._call(payload)
        elif kind == "ToolResult":
            self._result(payload)
        elif kind == "CompactionBegin":
            self._compaction()
        elif str(kind) not in _SILENT:
            unknown(str(kind))

    def _usage(self, payload: Payload) -> None:
        tally = payload.token_usage
        if tally is None:
            return
        kinds = (
            tally.input_other or 0,
            tally.input_cache_read or 0,
            tally.input_cache_creation or 0,
            tally.output or 0,
        )
        if not any(kinds):
            return
        fresh, read, written, output = kinds
        told = payload.message_id
        if self._about.sub_agent and not told:
            # its parent's file may have it, too, at another time
            raise SkipRecord(NO_ID)
        at = f"{self._time_ms}/{'/'.join(map(str, kinds))}"
        self._events.append(
            Usage(
                key=event_key("kimi", "usage", told if isinstance(told, str) and told else at),
                session=self._about.session,
                time_ms=self._time_ms,
                model=UNKNOWN_MODEL,
                fresh=fresh,
                cache_read=read,
                cache_write_5m=written,
                output=output,
                cwd=self._about.cwd,
                sidechain=self._aside,
            )
        )

    def _prompt(self, payload: Payload) -> None:
        human = not self._aside
        corrects = False
        if human:
            text = records.words_of(payload.user_input)
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.prompt)
            self._state.prompt = current
            self._state.asked = False
            self._state.turn = str(self._time_ms)
        self._events.append(
            Prompt(
                key=event_key("kimi", "prompt", f"{self._about.session}/{self._time_ms}"),
                session=self._about.session,
                time_ms=self._time_ms,
                human=human,
                corrects=corrects,
            )
        )

    def _end(self, reason: str) -> None:
        if self._aside:
            return
        self._events.append(
            TurnEnd(
                key=event_key("kimi", "turn", f"{self._about.session}/{self._state.turn}"),
                session=self._about.session,
                time_ms=self._time_ms,
                reason=reason,
                asked=self._state.asked and reason == "done",
            )
        )

    def _call(self, payload: Payload) -> None:
        function = payload.function
        if function is None or not isinstance(payload.id, str):
            return
        name = function.name if isinstance(function.name, str) else ""
        arguments = function.arguments if isinstance(function.arguments, str) else ""
        path = ""
        if name in _EDITS or name in _READS:
            path = records.path_of(arguments.encode("utf-8", "replace"))
        self._state.call(payload.id, name, path)

    def _result(self, payload: Payload) -> None:
        if not isinstance(payload.tool_call_id, str):
            return
        call = payload.tool_call_id
        name, path = self._state.calls.pop(call, ("", ""))
        ok = payload.return_value is None or not payload.return_value.is_error
        identity = f"{call}/{self._time_ms}"
        self._events.append(
            ToolResult(
                key=event_key("kimi", "tool", identity),
                session=self._about.session,
                time_ms=self._time_ms,
                tool=name,
                ok=ok,
            )
        )
        if ok and path:
            self._events.append(
                FileTouch(
                    key=event_key("kimi", "touch", identity),
                    session=self._about.session,
                    time_ms=self._time_ms,
                    edit=name in _EDITS,
                    path=absolute(path, self._about.cwd),
                )
            )

    def _compaction(self) -> None:
        self._events.append(
            Compaction(
                key=event_key("kimi", "compaction", f"{self._about.session}/{self._time_ms}"),
                session=self._about.session,
                time_ms=self._time_ms,
            )
        )
