"""The records of Kimi's wire files, new and old, as far as they are read.

New: observed with Kimi Code 2.1.0. Old (kimi-cli, until 1.x): from the vendor's source. Fields
without which a record still counts are ``Any`` or ``Raw`` and looked at by the reader, so that a
new shape of one doesn't cost the record.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations

NOTHING = msgspec.Raw()


class Tally(msgspec.Struct, gc=False, rename="camel"):
    """Tokens of a request in disjoint kinds; reasoning lies inside output, and isn't told."""

    input_other: Tokens | None = 0
    output: Tokens | None = 0
    input_cache_read: Tokens | None = 0
    input_cache_creation: Tokens | None = 0


class OldTally(msgspec.Struct, gc=False):
    """The same as the older program writes it."""

    input_other: Tokens | None = 0
    output: Tokens | None = 0
    input_cache_read: Tokens | None = 0
    input_cache_creation: Tokens | None = 0


class Origin(msgspec.Struct, gc=False):
    """Who asked: ``user``, or what in the program."""

    kind: Any = None


class Arguments(msgspec.Struct, gc=False):
    """The part of a tool's arguments that names a file."""

    path: Any = None


class Result(msgspec.Struct, gc=False, rename="camel"):
    """What came back from a tool."""

    is_error: Any = None


class Part(msgspec.Struct, gc=False):
    """A part of what the model or the user says."""

    type: Any = None
    text: Any = None


class LoopEvent(msgspec.Struct, gc=False, rename="camel"):
    """A step of the agent's loop."""

    type: Any = None
    uuid: Any = None
    parent_uuid: Any = None
    name: Any = None
    args: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    part: Part | None = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One line. ``time`` is epoch ms; the older program has ``timestamp`` in seconds instead."""

    type: Any = None
    time: Any = None
    created_at: Any = msgspec.field(default=None, name="created_at")
    model: Any = None
    model_alias: Any = None
    usage: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    origin: Origin | None = None
    prompt_id: Any = None
    turn_id: Any = None
    reason: Any = None
    duration_ms: Any = None
    tokens_before: Any = None
    event: msgspec.Raw = NOTHING
    timestamp: Any = None
    message: msgspec.Raw = NOTHING


class State(msgspec.Struct, gc=False, rename="camel"):
    """``state.json`` beside a session's wire files."""

    cwd: Any = None
    work_dir: Any = None
    created_at: Any = None
    forked_from: Any = None


class WorkDir(msgspec.Struct, gc=False):
    """A folder the older program worked in."""

    path: Any = None


class OldConfig(msgspec.Struct, gc=False):
    """``kimi.json`` of the older program."""

    work_dirs: list[WorkDir] = []


class Envelope(msgspec.Struct, gc=False):
    """A message of the older program's wire."""

    type: Any = None
    payload: msgspec.Raw = NOTHING


class Function(msgspec.Struct, gc=False):
    """What a tool call of the older program calls; ``arguments`` is JSON in a text."""

    name: Any = None
    arguments: Any = None


class ReturnValue(msgspec.Struct, gc=False):
    """What a tool of the older program returned."""

    is_error: Any = None


class Payload(msgspec.Struct, gc=False):
    """What such a message carries, whatever its type."""

    token_usage: OldTally | None = None
    message_id: Any = None
    user_input: msgspec.Raw = NOTHING
    type: Any = None
    text: Any = None
    id: Any = None
    function: Function | None = None
    tool_call_id: Any = None
    return_value: ReturnValue | None = None
    event: Envelope | None = None


RECORD = msgspec.json.Decoder(Record)
TALLY = msgspec.json.Decoder(Tally)
EVENT = msgspec.json.Decoder(LoopEvent)
ARGUMENTS = msgspec.json.Decoder(Arguments)
RESULT = msgspec.json.Decoder(Result)
ENVELOPE = msgspec.json.Decoder(Envelope)
PAYLOAD = msgspec.json.Decoder(Payload)
_PARTS = msgspec.json.Decoder(list[Part] | str)


def words_of(content: msgspec.Raw) -> str:
    """Return what is said in a prompt, "" where it is damaged or only pictures."""
    try:
        parts = _PARTS.decode(bytes(content)) if bytes(content) else ""
    except (ValueError, RecursionError):
        return ""
    if isinstance(parts, str):
        return parts
    return "\n".join(p.text for p in parts if isinstance(p.text, str) and p.type == "text")


def path_of(arguments: bytes) -> str:
    """Return the file a tool's arguments name, "" if they name none."""
    try:
        path = ARGUMENTS.decode(arguments).path if arguments else ""
    except (ValueError, RecursionError):
        return ""
    return path if isinstance(path, str) else ""
