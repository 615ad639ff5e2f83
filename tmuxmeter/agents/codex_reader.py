"""Turns the lines of one Codex rollout into events."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tmuxmeter.agents import codex_activity as activity
from tmuxmeter.agents import codex_session as session
from tmuxmeter.agents import codex_spend as spend
from tmuxmeter.agents.codex_records import HEAD, kind_of
from tmuxmeter.agents.codex_state import BAD_COUNTS, BAD_FIELD, BROKEN, SkipRecord, State, word
from tmuxmeter.agents.readers import unknown_type
from tmuxmeter.events import Event, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

Handler: TypeAlias = "Callable[[State, bytes, list[Event]], None]"

_NESTED: dict[str, dict[str, Handler]] = {
    "event_msg": {
        "token_count": spend.on_token_count,
        "thread_settings_applied": session.on_settings,
        "task_started": session.on_task_started,
        "turn_started": session.on_task_started,
        "task_complete": activity.on_task_complete,
        "turn_complete": activity.on_task_complete,
        "turn_aborted": activity.on_turn_aborted,
        "user_message": activity.on_user_message,
        "item_completed": activity.on_item,
        "exec_command_end": activity.on_tool_end,
        "mcp_tool_call_end": activity.on_tool_end,
        "patch_apply_end": activity.on_tool_end,
        "context_compacted": activity.on_context_compacted,
    },
    "response_item": {
        "message": activity.on_message,
        "function_call": activity.on_tool_call,
        "custom_tool_call": activity.on_tool_call,
        "local_shell_call": activity.on_tool_call,
        "function_call_output": activity.on_tool_output,
        "custom_tool_call_output": activity.on_tool_output,
        "local_shell_call_output": activity.on_tool_output,
    },
}
_HANDLERS: dict[bytes, Handler] = {
    b"session_meta": session.on_session_meta,
    b"turn_context": session.on_turn_context,
    b"token_usage_record": spend.on_usage_record,
    b"compacted": activity.on_compacted,
} | {
    kind_of(kind, inner): handler
    for kind, inners in _NESTED.items()
    for inner, handler in inners.items()
}

_SILENT = frozenset(
    (
        *(b"agent_response_observation", b"ghost_snapshot", b"inter_agent_communication"),
        *(b"inter_agent_communication_metadata", b"message", b"realtime_item", b"reasoning"),
        *(b"retained_context", b"security_risk_score", b"state", b"world_state"),
    )
)
"""Types that carry nothing of use. What is new inside ``event_msg`` and ``response_item`` is passed
by too: every version brings some, and a change that loses all tokens shows by itself."""
_NESTED_KINDS = frozenset(kind.encode() for kind in _NESTED)
_ANSWERS = (b'"role":"assistant"', b'"role":"developer"')
_ROLE_WITHIN = 250
_LONGEST_KIND = 40


class CodexReader:
    """Reads one rollout. See :class:`tmuxmeter.agents.readers.Reader`.

    Lines are told apart by their first bytes, so that what isn't needed (reasoning, answers, the
    state of the world: most of a rollout's bytes) is never decoded; what is needed is decoded
    whole, as a typed record. A line that doesn't begin as Codex writes it is decoded to see what
    it is.

    Parameters
    ----------
    thread : str
        The thread's id as the file's name has it, "" to take it from the file.
    state : bytes
        What :meth:`state` of another reader of this file returned.
    """

    def __init__(self, thread: str, state: bytes = b"") -> None:
        self._state = msgspec.msgpack.decode(state, type=State) if state else State()
        if not state:
            self._state.lineage.thread = thread

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return msgspec.msgpack.encode(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        events: list[Event] = []
        skipped: dict[str, tuple[int, int]] = {}
        match, handlers = HEAD.match, _HANDLERS
        position = start
        reason = ""
        with memoryview(block) as view:
            while position < end:
                stop = block.find(b"\n", position, end)
                if stop < 0:
                    stop = end
                head = match(block, position, stop)
                if head is None:
                    handler, wanted = None, stop > position
                else:
                    kind = head[1]
                    handler = handlers.get(kind)
                    wanted = handler is not None or kind in _NESTED_KINDS
                    if handler is activity.on_message:
                        wanted = _may_be_prompt(block, head.end(), stop)
                if wanted:
                    reason = self._line(handler, bytes(view[position:stop]), events)
                elif handler is None and head is not None and b'"' not in head[1]:
                    reason = self._unknown(head[1])
                if reason:
                    count = skipped.get(reason, (0, 0))[0]
                    skipped[reason] = (count + 1, offset + position - start)
                    reason = ""
                position = stop + 1
        events.extend(
            Skipped(key=0, session=self._state.session, time_ms=0, reason=why, count=n, offset=last)
            for why, (n, last) in skipped.items()
        )
        return events

    def _line(self, handler: Handler | None, line: bytes, events: list[Event]) -> str:
        """Add a line's events; return why it was left out, "" if it wasn't."""
        try:
            if handler is None:
                handler = self._unusual(line, events)
            if handler is not None:
                handler(self._state, line, events)
        except SkipRecord as reason:
            return str(reason)
        except msgspec.ValidationError as error:
            return BAD_COUNTS if "_tokens" in str(error) or "_usage" in str(error) else BAD_FIELD
        except (ValueError, RecursionError):
            return BROKEN
        return ""

    def _unknown(self, kind: bytes) -> str:
        """Return why a line of a type without a handler is left out, "" if it is known."""
        if kind in _SILENT or self._state.legacy:
            return ""
        return unknown_type(kind.decode(), self._state.version)

    def _unusual(self, line: bytes, events: list[Event]) -> Handler | None:
        """Return what handles a line that doesn't begin as Codex writes it."""
        if not line.strip():
            return None
        envelope = session.unknown_line(line)
        kind = word(envelope.type)
        if not kind and envelope.id is not None and not self._state.started:
            session.on_legacy(self._state, envelope, events)
        inner = session.payload_type(envelope) if kind in _NESTED else ""
        handler = _HANDLERS.get(kind_of(kind, inner))
        if handler is None and kind and kind not in _NESTED and len(kind) <= _LONGEST_KIND:
            reason = self._unknown(kind.encode())
            if reason:
                raise SkipRecord(reason)
        return handler


def _may_be_prompt(block: bytes | bytearray, start: int, stop: int) -> bool:
    """Tell whether a message may be the human's; most are the model's and needn't be decoded."""
    stop = min(stop, start + _ROLE_WITHIN)
    return all(block.find(role, start, stop) < 0 for role in _ANSWERS)
