"""Turns the lines of a Kimi wire file into events.

A request shows up to four times: as ``usage.record``, at the end of its step, in the messages told
again at the turn's end, and in a sub-agent's sum at its parent's. Only the first counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import kimi_old, kimi_state, wording
from tmuxmeter.agents import kimi_records as records
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
    from tmuxmeter.agents.kimi_records import Record
    from tmuxmeter.agents.kimi_state import About
    from tmuxmeter.events import Event

_EDITS = frozenset({"Edit", "Write"})
_READS = frozenset({"Read"})
_ENDS = {
    "completed": "done",
    "cancelled": "interrupted",
    "aborted": "interrupted",
    "interrupted": "interrupted",
    "failed": "error",
    "error": "error",
}
# fmt: off
_SILENT = frozenset({
    "agent", "assistant", "background", "compaction", "config", "context", "context_size",
    "cron", "error", "event", "file_history", "forked", "full_compaction", "goal", "hook",
    "interaction", "interruptionReminder", "llm", "mcp", "metadata", "micro_compaction",
    "permission", "plan", "plan_mode", "plugin", "plugin_command", "profile", "prompt",
    "runtime", "session", "shell", "skill", "subagent", "swarm_mode", "task", "thinking",
    "token_counting", "tool", "tools", "tower", "tower_mode", "turn", "warning",
})
# fmt: on
"""First parts of the types that the program knows and this reader needs nothing of.

``usage`` isn't among them: whatever else comes there may be spend, and is told.
"""


class KimiReader:
    """Reads one wire file, of a session or of a sub-agent.

    See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    about : About
        What the path and the files beside it tell.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    """

    def __init__(self, about: About, state: bytes = b"") -> None:
        self._about = about
        self._state = kimi_state.load(state)

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        record = decode(records.RECORD, raw)
        kind = record.type
        if self._state.began_ms and self._about.cwd:
            self._start(batch, self._state.began_ms)
        if kind is None and record.timestamp is not None:
            kimi_old.take(batch, record, self._about, self._state)
        elif kind == "metadata":
            self._begin(batch, record)
        elif kind == "usage.record":
            self._usage(batch, record)
        elif kind == "llm.request":
            if isinstance(record.model_alias, str) and isinstance(record.model, str):
                self._state.models = {**self._state.models, record.model_alias: record.model}
        elif kind == "turn.prompt":
            self._prompt(batch, record)
        elif kind == "turn.ended":
            self._end(batch, record)
        elif kind == "context.append_loop_event":
            self._step(batch, record)
        elif kind == "context.apply_compaction":
            self._compaction(batch, record)
        elif not isinstance(kind, str) or kind.partition(".")[0] not in _SILENT:
            unknown(str(kind))

    def _begin(self, batch: Batch, record: Record) -> None:
        created = self._about.forked_ms or _plausible(record.created_at)
        if not self._about.sub_agent and created:
            self._start(batch, created)

    def _start(self, batch: Batch, time_ms: int) -> None:
        """Tell the session's start, again once ``state.json`` was there to tell its folder."""
        about = self._about
        self._state.began_ms = 0 if about.cwd else time_ms
        batch.events.append(
            SessionStart(
                key=event_key("kimi", "session", about.session),
                session=about.session,
                time_ms=time_ms,
                cwd=about.cwd,
                parent=about.parent,
            )
        )

    def _usage(self, batch: Batch, record: Record) -> None:
        tally = decode(records.TALLY, record.usage)
        time_ms = _time(record)
        kinds = (
            tally.input_other or 0,
            tally.input_cache_read or 0,
            tally.input_cache_creation or 0,
            tally.output or 0,
        )
        if not any(kinds):
            return
        alias = record.model if isinstance(record.model, str) else ""
        # Nothing names a request, and a fork copies it as it is: its time and counts tell.
        identity = f"{time_ms}/{alias}/{'/'.join(map(str, kinds))}"
        fresh, read, written, output = kinds
        batch.events.append(
            Usage(
                key=event_key("kimi", "usage", identity),
                session=self._about.owner(time_ms),
                time_ms=time_ms,
                model=self._state.models.get(alias, alias),
                fresh=fresh,
                cache_read=read,
                cache_write_5m=written,
                output=output,
                cwd=self._about.cwd,
                sidechain=self._about.sub_agent,
            )
        )

    def _prompt(self, batch: Batch, record: Record) -> None:
        time_ms = _time(record)
        asked_by = record.origin.kind if record.origin is not None else None
        human = not self._about.sub_agent and asked_by in (None, "user")
        corrects = False
        identity = f"{record.prompt_id}/{time_ms}"
        if human:
            text = records.words_of(record.input)
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.prompt)
            self._state.prompt = current
        self._state.asked = False
        batch.events.append(
            Prompt(
                key=event_key("kimi", "prompt", identity),
                session=self._about.owner(time_ms),
                time_ms=time_ms,
                human=human,
                corrects=corrects,
            )
        )

    def _end(self, batch: Batch, record: Record) -> None:
        if self._about.sub_agent:
            return
        time_ms = _time(record)
        reason = _ENDS.get(str(record.reason), "done")
        duration = record.duration_ms
        known = isinstance(duration, (int, float)) and 0 <= duration < MOST_TOKENS
        batch.events.append(
            TurnEnd(
                key=event_key("kimi", "turn", f"{record.turn_id}/{time_ms}"),
                session=self._about.owner(time_ms),
                time_ms=time_ms,
                reason=reason,
                duration_ms=int(duration) if known else -1,
                asked=self._state.asked and reason == "done",
            )
        )

    def _step(self, batch: Batch, record: Record) -> None:
        event = decode(records.EVENT, record.event)
        if event.type == "content.part" and event.part is not None:
            if event.part.type == "text" and isinstance(event.part.text, str):
                self._state.asked = wording.asks(event.part.text)
        elif event.type == "tool.call" and isinstance(event.uuid, str):
            name = event.name if isinstance(event.name, str) else ""
            path = ""
            if name in _EDITS or name in _READS:
                path = records.path_of(bytes(event.args))
            self._state.call(event.uuid, name, path)
        elif event.type == "tool.result" and isinstance(event.parent_uuid, str):
            self._result(batch, record, event)

    def _result(self, batch: Batch, record: Record, event: records.LoopEvent) -> None:
        time_ms = _time(record)
        session = self._about.owner(time_ms)
        call = str(event.parent_uuid)
        name, path = self._state.calls.pop(call, ("", ""))
        result = decode(records.RESULT, event.result) if bytes(event.result) else None
        ok = result is None or not result.is_error
        batch.events.append(
            ToolResult(
                key=event_key("kimi", "tool", call),
                session=session,
                time_ms=time_ms,
                tool=name,
                ok=ok,
            )
        )
        if ok and path:
            batch.events.append(
                FileTouch(
                    key=event_key("kimi", "touch", call),
                    session=session,
                    time_ms=time_ms,
                    edit=name in _EDITS,
                    path=absolute(path, self._about.cwd),
                )
            )

    def _compaction(self, batch: Batch, record: Record) -> None:
        time_ms = _time(record)
        before = record.tokens_before
        known = isinstance(before, int) and 0 <= before <= MOST_TOKENS
        batch.events.append(
            Compaction(
                key=event_key("kimi", "compaction", f"{self._about.owner(time_ms)}/{time_ms}"),
                session=self._about.owner(time_ms),
                time_ms=time_ms,
                tokens_before=int(before) if known else -1,
            )
        )


def _plausible(value: object) -> int:
    return (plausible_ms(value) or 0) if isinstance(value, (int, float)) else 0


def _time(record: Record) -> int:
    time_ms = _plausible(record.time)
    if not time_ms:
        raise SkipRecord(BAD_TIME)
    return time_ms
