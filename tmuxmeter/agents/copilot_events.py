"""Turns the events of a Copilot session into ours.

Sub-agents' events stand among the session's own, marked by ``agentId``. A fork begins with copies
of its parent's events, under their old ids and times: what is older than the session is its
parent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import copilot_records as records
from tmuxmeter.agents import copilot_spend as spend
from tmuxmeter.agents import copilot_state, wording
from tmuxmeter.agents.copilot_tools import Call, call_of
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
    event_key,
)

if TYPE_CHECKING:
    from tmuxmeter.agents.copilot_records import Data, Record
    from tmuxmeter.events import Event

# fmt: off
_SILENT = frozenset({
    "assistant.intent", "assistant.reasoning", "assistant.turn_start", "human_response.recorded",
    "system.message", "system.notification", "tool.user_requested", "tool_search.activated",
    "subagent.completed", "subagent.configured", "subagent.deselected", "subagent.failed",
    "subagent.selected", "subagent.started",
    *(f"session.{name}" for name in (
        "auto_mode_resolved", "autopilot_objective_changed", "background_tasks_changed",
        "binary_asset", "compaction_start", "completion_receipt", "context_cleared",
        "custom_agents_updated", "custom_notification", "extensions_loaded", "handoff", "idle",
        "info", "mcp_server_needs_reconnect", "mcp_server_removed", "mcp_server_status_changed",
        "mcp_servers_loaded", "mode_changed", "mode_notice_delivered", "model_change",
        "model_deselected", "permission_recovery", "permissions_changed", "plan_changed",
        "remote_steerable_changed", "request_body_compression_disabled", "schedule_cancelled",
        "schedule_created", "schedule_rearmed", "session_limits_changed", "skills_loaded",
        "snapshot_rewind", "task_complete", "title_changed", "tools_updated", "truncation",
        "usage_checkpoint", "usage_info", "warning", "workspace_file_changed",
    )),
})
_SILENT_FAMILIES = (
    "assistant.fusion_", "auto_mode_switch.", "command.", "commands.", "elicitation.",
    "exit_plan_mode.", "external_tool.", "hook.", "mcp.", "model.", "pending_messages.",
    "permission.", "sampling.", "session.canvas.", "session.fusion_", "skill.", "user_input.",
)
"""What the program and its windows say to each other. Tokens come with sessions and sub-agents:
whatever is new there is told."""
# fmt: on


class CopilotEvents:
    """Reads one session. See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    session : str
        The session as the log's path has it.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    stored : bool
        Whether there is a database of requests beside it.
    """

    def __init__(self, session: str, state: bytes = b"", *, stored: bool = False) -> None:
        self._state = copilot_state.load(state) or copilot_state.State(session)
        self._stored = stored
        self._kinds = {
            "session.start": self._first,
            "session.resume": self._begin,
            "session.context_changed": self._moved,
            "session.compaction_complete": self._compacted,
            "session.shutdown": self._shutdown,
            "session.usage_record": self._request,
            "session.error": self._failed,
            "user.message": self._prompt,
            "assistant.message": self._answer,
            "assistant.turn_end": self._end,
            "tool.execution_start": self._call,
            "tool.execution_complete": self._result,
            "abort": self._aborted,
        }

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        record = decode(records.RECORD, raw)
        kind = str(record.type)
        take = self._kinds.get(kind)
        if take is not None:
            # what copied sums tell is no spend, but what later ones grow from
            if kind in ("session.start", "session.shutdown") or not self._copied(record):
                take(batch, record)
        elif kind not in _SILENT and not kind.startswith(_SILENT_FAMILIES):
            unknown(kind, version=self._state.version)

    def _copied(self, record: Record) -> bool:
        return _time(record) < self._state.begun_ms

    def _first(self, batch: Batch, record: Record) -> None:
        self._state.begun_ms = self._state.begun_ms or _time(record)
        self._begin(batch, record)

    def _begin(self, batch: Batch, record: Record) -> None:
        state, data = self._state, record.data
        state.session = _text(data.session_id) or state.session
        state.version = _text(data.copilot_version)
        self._place(data.context or records.Context())
        self._start(batch, record)

    def _moved(self, batch: Batch, record: Record) -> None:
        self._place(record.data)
        self._start(batch, record)

    def _place(self, told: records.Context | Data) -> None:
        self._state.cwd = _text(told.cwd) or self._state.cwd
        self._state.branch = _text(told.branch) or self._state.branch

    def _start(self, batch: Batch, record: Record) -> None:
        state = self._state
        batch.events.append(
            SessionStart(
                key=event_key("copilot", "session", state.session),
                session=state.session,
                time_ms=_time(record),
                cwd=state.cwd,
                branch=state.branch,
                version=state.version,
            )
        )

    def _prompt(self, batch: Batch, record: Record) -> None:
        data, state = record.data, self._state
        if _is_inner(record):
            return
        human = not data.source or data.source == "user"
        corrects = False
        if human:
            text = _text(data.content)
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, state.prompt)
            state.prompt = current
        state.turn = _text(record.id)
        state.last = state.asked = False
        batch.events.append(
            Prompt(
                key=event_key("copilot", "prompt", f"{state.session}/{state.turn}"),
                session=state.session,
                time_ms=_time(record),
                human=human,
                corrects=corrects,
            )
        )

    def _answer(self, batch: Batch, record: Record) -> None:  # noqa: ARG002
        if not _is_inner(record):
            self._state.last = not record.data.tool_requests
            self._state.asked = self._state.last and wording.asks(_text(record.data.content))

    def _end(self, batch: Batch, record: Record) -> None:
        # one for each answer: those that call tools go on
        if not _is_inner(record) and self._state.last:
            self._turn(batch, record, "done", asked=self._state.asked)

    def _aborted(self, batch: Batch, record: Record) -> None:
        self._turn(batch, record, "interrupted")

    def _failed(self, batch: Batch, record: Record) -> None:
        self._turn(batch, record, "error")

    def _turn(self, batch: Batch, record: Record, reason: str, *, asked: bool = False) -> None:
        state = self._state
        state.last = False
        batch.events.append(
            TurnEnd(
                key=event_key("copilot", "turn", f"{state.session}/{state.turn}"),
                session=state.session,
                time_ms=_time(record),
                reason=reason,
                asked=asked,
            )
        )

    def _call(self, batch: Batch, record: Record) -> None:  # noqa: ARG002
        data = record.data
        call = call_of(_text(data.tool_name), bytes(data.arguments), self._state.cwd)
        self._state.call(_text(data.tool_call_id), call)

    def _result(self, batch: Batch, record: Record) -> None:
        state, data = self._state, record.data
        identity = _text(data.tool_call_id)
        call = state.calls.pop(identity, Call())
        shell = data.shell_execution
        ok = data.success is True and (shell is None or shell.exit_code in (0, None))
        time_ms = _time(record)
        batch.events.append(
            ToolResult(
                key=event_key("copilot", "tool", f"{state.session}/{identity}"),
                session=state.session,
                time_ms=time_ms,
                tool=call.tool,
                ok=ok,
            )
        )
        batch.events += [
            FileTouch(
                key=event_key("copilot", "touch", f"{state.session}/{identity}/{path}"),
                session=state.session,
                time_ms=time_ms,
                edit=call.edit,
                path=path,
            )
            for path in (call.paths if ok else ())
        ]

    def _compacted(self, batch: Batch, record: Record) -> None:
        self._spent(batch, record, record.data.compaction_tokens_used)
        before = record.data.pre_compaction_tokens
        known = isinstance(before, int) and 0 <= before <= MOST_TOKENS
        if record.data.success is not False:
            batch.events.append(
                Compaction(
                    key=event_key("copilot", "compaction", _text(record.id)),
                    session=self._state.session,
                    time_ms=_time(record),
                    trigger=_text(record.data.trigger),
                    tokens_before=before if known and isinstance(before, int) else -1,
                )
            )

    def _shutdown(self, batch: Batch, record: Record) -> None:
        if self._state.shut_down(_text(record.id)):
            is_booked = not (self._state.told or self._copied(record)) and self._counts()
            metrics = record.data.model_metrics or {}
            spend.take_sums(batch, self._state, metrics, _time(record), booked=is_booked)

    def _request(self, batch: Batch, record: Record) -> None:
        self._state.told = True
        self._spent(batch, record, record.data.usage)

    def _spent(self, batch: Batch, record: Record, told: msgspec.Raw) -> None:
        """Take a request; sums at the session's end have no compactions in them."""
        if self._counts():
            time_ms, inner = _time(record), _is_inner(record)
            spend.take_request(batch, self._state, told, _text(record.id), time_ms, inner=inner)

    def _counts(self) -> bool:
        return spend.counts(self._state.version, stored=self._stored)


def _is_inner(record: Record) -> bool:
    """Tell whether a sub-agent did it; older versions mark that in the data."""
    return bool(record.agent_id or record.data.parent_tool_call_id)


def _time(record: Record) -> int:
    value = record.timestamp
    time_ms = epoch_ms(value) if isinstance(value, str) else None
    if time_ms is None:
        raise SkipRecord(BAD_TIME)
    return time_ms


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
