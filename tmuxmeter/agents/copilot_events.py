"""Turns the events of a Copilot session into ours.

Where the database is (it has every request), no tokens are taken from here: a session's tokens
come from one of both, never both. Without it: newer versions tell each request
(``session.usage_record``, and what a compaction used); older ones only each model's sum of the
session so far, over all its resumed parts (``session.shutdown``), which is booked as what it grew
by. Sub-agents' events stand among the session's own, marked by ``agentId``. A fork begins with
copies of its parent's events, under their old ids and times: what is older than the session is its
parent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import copilot_records as records
from tmuxmeter.agents import wording
from tmuxmeter.agents.copilot_tools import Call, call_of
from tmuxmeter.agents.lines import (
    BAD_COUNTS,
    BAD_TIME,
    MOST_TOKENS,
    Batch,
    SkipRecord,
    decode,
    read_lines,
    unknown,
)
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.agents.totals import Totals
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
    from tmuxmeter.agents.copilot_records import Data, Record
    from tmuxmeter.events import Event

_CALLS = 64
_STORED_SINCE = (0, 0, 412)
"""The version that brought the database: no earlier one's requests can be in it."""
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


class _State(msgspec.Struct, array_like=True):
    """What later records need of earlier ones; stored beside the file's position."""

    session: str = ""
    cwd: str = ""
    branch: str = ""
    version: str = ""
    prompt: int = 0
    turn: str = ""
    last: bool = False
    """Whether the newest answer called no tools: the end of its part ends the turn."""
    asked: bool = False
    calls: dict[str, Call] = {}
    totals: Totals = msgspec.field(default_factory=Totals)
    shutdowns: list[str] = []
    begun_ms: int = 0
    """When the session began: what is older was copied from the one it was forked from."""
    told: bool = False
    """Whether the session tells its requests one by one."""


class CopilotEvents:
    """Reads one session. See :class:`tmuxmeter.agents.base.Reader`.

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
        self._state = _load(state) or _State(session)
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
        data, calls = record.data, self._state.calls
        call = call_of(_text(data.tool_name), bytes(data.arguments), self._state.cwd)
        calls[_text(data.tool_call_id)] = call
        if len(calls) > _CALLS:
            del calls[next(iter(calls))]

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
        state = self._state
        identity = _text(record.id)
        if identity and identity in state.shutdowns:
            return
        state.shutdowns = [*state.shutdowns, identity][-_CALLS:]
        time_ms = _time(record)
        is_booked = not (state.told or self._copied(record)) and self._counts()
        for model, metric in (record.data.model_metrics or {}).items():
            kinds = records.kinds_of(metric.usage)
            if kinds is None:
                batch.skip(BAD_COUNTS)
                continue
            reasoning = min(metric.usage.reasoning_tokens or 0, kinds[3])
            # a database that goes away again must not bring what it told a second time
            growth = state.totals.grown(f"{state.session}/{model}", (*kinds, reasoning))
            if growth is not None and is_booked:
                fresh, read, written, output, thought = growth.counts
                batch.events.append(
                    Usage(
                        key=event_key("copilot", "total", growth.identity),
                        session=state.session,
                        time_ms=time_ms,
                        model=model,
                        fresh=fresh,
                        cache_read=read,
                        cache_write_5m=written,
                        output=output,
                        reasoning=thought,
                        cwd=state.cwd,
                        branch=state.branch,
                    )
                )

    def _counts(self) -> bool:
        """Tell whether tokens are taken from here, not from the database."""
        return not self._stored or _before_the_database(self._state.version)

    def _request(self, batch: Batch, record: Record) -> None:
        self._state.told = True
        self._spent(batch, record, record.data.usage)

    def _spent(self, batch: Batch, record: Record, raw: msgspec.Raw) -> None:
        """Take a request; sums at the session's end have no compactions in them."""
        state = self._state
        if not bytes(raw).startswith(b"{"):
            return
        told = decode(records.REQUEST, raw)
        kinds = records.kinds_of(told)
        if kinds is None:
            raise SkipRecord(BAD_COUNTS)
        if not any(kinds) or not self._counts():
            return
        fresh, read, written, output = kinds
        batch.events.append(
            Usage(
                key=event_key("copilot", "request", f"{state.session}/{_text(record.id)}"),
                session=state.session,
                time_ms=_time(record),
                model=_text(told.model),
                fresh=fresh,
                cache_read=read,
                cache_write_5m=written,
                output=output,
                reasoning=min(told.reasoning_tokens or 0, output),
                cwd=state.cwd,
                branch=state.branch,
                sidechain=_is_inner(record),
            )
        )


def _before_the_database(version: str) -> bool:
    numbers = version.partition("-")[0].split(".")
    try:
        return bool(version) and tuple(map(int, numbers)) < _STORED_SINCE
    except ValueError:
        return False


def _is_inner(record: Record) -> bool:
    """Tell whether a sub-agent did it; older versions mark that in the data."""
    return bool(record.agent_id or record.data.parent_tool_call_id)


def _load(state: bytes) -> _State | None:
    try:
        return msgspec.msgpack.decode(state, type=_State) if state else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _time(record: Record) -> int:
    value = record.timestamp
    time_ms = epoch_ms(value) if isinstance(value, str) else None
    if time_ms is None:
        raise SkipRecord(BAD_TIME)
    return time_ms


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
