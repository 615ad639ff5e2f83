"""The parts of OpenCode's messages that stand for events: prompts, tools, compactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.codex_tools import absolute, patched_paths
from tmuxmeter.agents.opencode_records import Message, Times, time_of
from tmuxmeter.events import Compaction, FileTouch, Prompt, ToolResult, event_key

if TYPE_CHECKING:
    from tmuxmeter.agents.lines import Batch
    from tmuxmeter.agents.opencode_state import State
    from tmuxmeter.events import Event

WANTED = frozenset({"compaction", "text", "tool"})
# fmt: off
KNOWN = WANTED | {
    "agent", "file", "patch", "reasoning", "retry", "snapshot", "step-finish", "step-start",
    "subtask",
}
# fmt: on
_EDITS = frozenset({"apply_patch", "edit", "multiedit", "patch", "write"})
FINISHED = frozenset({"completed", "error"})


class Input(msgspec.Struct, gc=False, rename="camel"):
    """The part of a tool's input that names files; ``path`` since version 2."""

    file_path: str | None = None
    path: str | None = None
    patch_text: str | None = None


class Outcome(msgspec.Struct, gc=False):
    """``metadata`` of a finished tool."""

    exit: int | float | None = None


class Running(msgspec.Struct, gc=False):
    """``state`` of a tool's part."""

    status: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    structured: msgspec.Raw = msgspec.Raw(b"{}")
    """``metadata`` of version 2's first releases."""
    time: Times = msgspec.field(default_factory=Times)


class Part(msgspec.Struct, gc=False):
    """``part.data``."""

    type: str = ""
    text: str | None = None
    synthetic: bool | None = None
    ignored: bool | None = None
    auto: bool | None = None
    tool: str = ""
    state: Running = msgspec.field(default_factory=Running)
    time: Times | None = None


PART = msgspec.json.Decoder(Part)
_decode_input = msgspec.json.Decoder(Input).decode
_decode_outcome = msgspec.json.Decoder(Outcome).decode


def tool(batch: Batch, part: Part, identity: str, session: str, owner: Message) -> bool:
    """Take a tool's part; return whether the tool is still at it."""
    state = part.state
    if state.status not in FINISHED:
        return True
    time_ms = time_of(state.time.end)
    batch.events += outcome(
        part.tool, state, identity, session, time_ms=time_ms, cwd=owner.path.cwd
    )
    return False


def outcome(
    name: str, state: Running, identity: str, session: str, *, time_ms: int, cwd: str
) -> list[Event]:
    """Return how a tool ended, and the files it touched."""
    ok = state.status == "completed" and name != "invalid" and not _exit_code(state)
    events: list[Event] = [
        ToolResult(
            key=event_key("opencode", "tool", identity),
            session=session,
            time_ms=time_ms,
            tool=name,
            ok=ok,
        )
    ]
    edit = name in _EDITS
    if state.status == "completed" and (edit or name == "read"):
        events += [
            FileTouch(
                key=event_key("opencode", "touch", f"{identity}/{path}"),
                session=session,
                time_ms=time_ms,
                edit=edit,
                path=path,
            )
            for path in _paths(state, cwd)
        ]
    return events


def prompt(
    batch: Batch,
    state: State,
    part: Part,
    message: str,
    session: str,
    time_ms: int,
    *,
    spawned: bool,
) -> None:
    """Take the words of a prompt; what OpenCode adds to it of its own is marked synthetic."""
    time_ms = time_of(time_ms)
    state.prompted(message, time_ms)
    if part.synthetic or part.ignored or not part.text:
        return
    corrects = False
    if not spawned:
        current = wording.fingerprint(part.text)
        corrects = wording.corrects(part.text, current, state.said(session, current))
    batch.events.append(
        Prompt(
            key=event_key("opencode", "prompt", message),
            session=session,
            time_ms=time_ms,
            human=not spawned,
            corrects=corrects,
        )
    )


def compaction(batch: Batch, part: Part, message: str, session: str, time_ms: int) -> None:
    """Take the mark of a compaction."""
    batch.events.append(
        Compaction(
            key=event_key("opencode", "compaction", message),
            session=session,
            time_ms=time_of(time_ms),
            trigger={True: "auto", False: "manual"}.get(part.auto, "")
            if part.auto is not None
            else "",
        )
    )


def words(state: State, part: Part, message: str) -> bool:
    """Take the words of a reply; return whether they are still being written."""
    if part.time is None or part.time.end is None:
        return True
    state.closed(message, asks=wording.asks(part.text or ""))
    return False


def _exit_code(state: Running) -> int:
    for told in (state.metadata, state.structured):
        try:
            code = _decode_outcome(told).exit
        except msgspec.MsgspecError:
            continue
        if code:
            return int(code)
    return 0


def _paths(state: Running, cwd: str) -> tuple[str, ...]:
    try:
        given = _decode_input(state.input)
    except msgspec.MsgspecError:
        return ()
    if given.patch_text:
        return patched_paths(given.patch_text, cwd)
    path = given.file_path or given.path
    return (absolute(path, cwd),) if path else ()
