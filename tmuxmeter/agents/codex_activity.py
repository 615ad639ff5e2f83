"""What happens in a Codex thread besides spending: prompts, turn ends, tools, compactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.agents import codex_records as records
from tmuxmeter.agents.codex_prompts import (
    EVENT,
    ITEM,
    Mirrored,
    digest,
    is_injected,
    is_new,
    text_of,
)
from tmuxmeter.agents.codex_state import State, own_time, word
from tmuxmeter.agents.codex_tools import (
    Call,
    changed_paths,
    output_ok,
    patched_paths,
    remember,
    result_ok,
    status_ok,
)
from tmuxmeter.agents.wording import asks, corrects, fingerprint
from tmuxmeter.events import Compaction, Event, FileTouch, Prompt, ToolResult, TurnEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

_MIRRORED_KEPT = 8
_LONGEST_TURN_MS = 10**10

COMPACTED_LINE, COMPACTED_EVENT, COMPACTED_ITEM = range(3)


def on_user_message(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell a prompt in the form it had until about Codex 0.148."""
    line = records.decode(records.USER_MESSAGE, raw)
    time_ms = own_time(state, line.timestamp, line.ordinal)
    text = line.payload.message
    if line.payload.kind not in (None, "plain") or is_injected(text):
        return
    if time_ms is not None and text.strip():
        _prompt(state, text, EVENT, time_ms, events)


def on_message(state: State, raw: bytes, _events: list[Event]) -> None:
    """Keep a message to the model in mind: it may be a prompt that has no other form."""
    line = records.decode(records.MESSAGE, raw)
    message = line.payload
    if message.role != "user" or state.prompted:
        return
    time_ms = own_time(state, line.timestamp, line.ordinal)
    passed = message.internal_chat_message_metadata_passthrough
    kinds = passed.get("content_item_kinds") if isinstance(passed, dict) else None
    text = text_of(message.content, kinds if isinstance(kinds, list) else ())
    if time_ms is None or not text or len(state.mirrored) >= _MIRRORED_KEPT:
        return
    current = fingerprint(text)
    before = state.mirrored[-1].fingerprint if state.mirrored else state.fingerprint
    state.mirrored.append(Mirrored(time_ms, digest(text), current, corrects(text, current, before)))


def _prompt(state: State, text: str, form: int, time_ms: int, events: list[Event]) -> None:
    mirrored, state.mirrored = state.mirrored, []
    state.prompted = True
    mark = digest(text)
    if is_new(state.prompts, mark, form):
        if mirrored and mirrored[0].digest == mark:  # told by the message to the model just before
            current, corrected = mirrored[0].fingerprint, mirrored[0].corrects
        else:
            current = fingerprint(text)
            corrected = corrects(text, current, state.fingerprint)
        _tell_prompt(state, Mirrored(time_ms, mark, current, corrected), events)


def _tell_prompt(state: State, prompt: Mirrored, events: list[Event]) -> None:
    human = not state.spawned  # a sub-agent is asked by its parent
    state.fingerprint = prompt.fingerprint
    events.append(
        Prompt(
            key=state.key("prompt", f"{state.session}|{prompt.time_ms}|{prompt.digest}"),
            session=state.session,
            time_ms=prompt.time_ms,
            human=human,
            corrects=human and prompt.corrects,
        )
    )


def on_task_complete(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell the end of a turn that ran to its end."""
    _end_turn(state, raw, "done", events)


def on_turn_aborted(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell the end of a turn that was stopped, by the human or by another taking its place."""
    _end_turn(state, raw, "interrupted", events)


def _end_turn(state: State, raw: bytes, reason: str, events: list[Event]) -> None:
    line = records.decode(records.TURN, raw)
    turn = line.payload
    time_ms = own_time(state, line.timestamp, line.ordinal)
    if time_ms is None:
        return
    for prompt in state.mirrored:
        _tell_prompt(state, prompt, events)
    state.prompted, state.mirrored = False, []
    took = turn.duration_ms
    known = isinstance(took, int) and 0 <= took < _LONGEST_TURN_MS
    events.append(
        TurnEnd(
            key=state.key("turn", word(turn.turn_id) or f"{state.turn}|{time_ms}"),
            session=state.session,
            time_ms=time_ms,
            reason="error" if turn.error else reason,
            duration_ms=took if known else -1,
            asked=asks(word(turn.last_agent_message)),
        )
    )


def on_tool_call(state: State, raw: bytes, _events: list[Event]) -> None:
    """Keep a call's tool, and the files its patch names, for the outcome."""
    line = records.decode(records.CALL, raw)
    call = line.payload
    call_id = word(call.call_id)
    if not call_id or own_time(state, line.timestamp, line.ordinal) is None:
        return
    paths = patched_paths(call.input, state.cwd) or patched_paths(call.arguments, state.cwd)
    remember(state.calls, call_id, Call(word(call.name) or "local_shell", paths))


def on_tool_output(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell a tool's outcome from the output that the model gets."""
    line = records.decode(records.OUTPUT, raw)
    output = line.payload
    time_ms = own_time(state, line.timestamp, line.ordinal)
    if time_ms is None:
        return
    ok = status_ok(output.status, None) and output_ok(bytes(output.output))
    call = _settle(state, word(output.call_id), time_ms, events, ok=ok)
    if call is not None and call.paths:
        if ok:
            _touch(state, word(output.call_id), call.paths, time_ms, events)
        call.paths = ()


def on_tool_end(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell an outcome from ``exec_command_end``, ``mcp_tool_call_end`` or ``patch_apply_end``."""
    line = records.decode(records.OUTPUT, raw)
    end = line.payload
    time_ms = own_time(state, line.timestamp, line.ordinal)
    if time_ms is None:
        return
    ok = status_ok(end.status, end.exit_code, end.success) and result_ok(bytes(end.result))
    _settle(state, word(end.call_id), time_ms, events, ok=ok)
    _changes(state, word(end.call_id), bytes(end.changes), time_ms, events, ok=ok)


def on_item(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell what newer versions write in one form: prompts, commands, changes, compactions."""
    line = records.decode(records.ITEM, raw)
    item = line.payload.item
    handled = item.type in {"UserMessage", "ContextCompaction", "FileChange"}
    if not handled and not isinstance(item.status, str):
        return
    if isinstance(line.payload.thread_id, str):
        state.lineage.see_thread(line.payload.thread_id)
    time_ms = own_time(state, line.timestamp, line.ordinal)
    if time_ms is None:
        return
    if item.type == "UserMessage":
        text = text_of(item.content)
        if text:
            _prompt(state, text, ITEM, time_ms, events)
    elif item.type == "ContextCompaction":
        _compact(state, COMPACTED_ITEM, time_ms, events)
    else:
        ok = status_ok(item.status, item.exit_code)
        call_id = word(item.id)
        if call_id in state.calls:  # some versions give items ids of their own
            _settle(state, call_id, time_ms, events, ok=ok)
        _changes(state, call_id, bytes(item.changes), time_ms, events, ok=ok)


def _settle(
    state: State, call_id: str, time_ms: int, events: list[Event], *, ok: bool
) -> Call | None:
    """Tell a call's outcome once, and once more should a success turn out to be a failure."""
    if not call_id:
        return None
    call = state.calls.get(call_id) or remember(state.calls, call_id, Call())
    told = 1 if ok else 2
    if call.told < told:
        call.told = told
        events.append(
            ToolResult(
                key=state.key("tool", call_id),
                session=state.session,
                time_ms=time_ms,
                tool=call.tool,
                ok=ok,
            )
        )
    return call


def _changes(
    state: State, change_id: str, raw: bytes, time_ms: int, events: list[Event], *, ok: bool
) -> None:
    """Tell the files a change really touched; the patch text need not be asked any more."""
    paths: tuple[str, ...] = ()
    if raw.startswith(b"{"):
        paths = changed_paths(records.CHANGES.decode(raw))
    if not paths:
        return
    for call in state.calls.values():
        if call.paths:
            call.paths = tuple(path for path in call.paths if path not in paths)
    if ok:
        _touch(state, change_id, paths, time_ms, events)


def _touch(
    state: State, call_id: str, paths: Iterable[str], time_ms: int, events: list[Event]
) -> None:
    events.extend(
        FileTouch(
            key=state.key("touch", f"{state.session}|{call_id}|{path}"),
            session=state.session,
            time_ms=time_ms,
            edit=True,
            path=path,
        )
        for path in paths
    )


def on_compacted(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell a compaction from the line that holds the shortened history."""
    _compacted(state, raw, COMPACTED_LINE, events)


def on_context_compacted(state: State, raw: bytes, events: list[Event]) -> None:
    """Tell a compaction from the event that goes with it."""
    _compacted(state, raw, COMPACTED_EVENT, events)


def _compacted(state: State, raw: bytes, form: int, events: list[Event]) -> None:
    line: records.Line[Any] = records.decode(records.NOTHING_ELSE, raw)
    time_ms = own_time(state, line.timestamp, line.ordinal)
    if time_ms is not None:
        _compact(state, form, time_ms, events)


def _compact(state: State, form: int, time_ms: int, events: list[Event]) -> None:
    """Tell a compaction once, whichever of its forms comes first."""
    seen = state.compacted or [0, 0, 0]
    seen[form] += 1
    state.compacted = seen
    if seen[form] > state.compactions:
        state.compactions = seen[form]
        events.append(
            Compaction(
                key=state.key("compaction", f"{state.session}|{time_ms}"),
                session=state.session,
                time_ms=time_ms,
            )
        )
