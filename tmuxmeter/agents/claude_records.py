"""What is read of a Claude Code transcript line, typed, and how a damaged line is saved.

Only the named fields become Python objects; everything else (tool output, file contents) is
skipped by the decoder. Field names and shapes: see ``docs/formats-claude.md``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

MAX_TOKENS = 2**40
"""No request and no session comes near: a larger figure is damage, not spend."""

BROKEN_RECORD = "broken record"
BROKEN_USAGE = "broken usage"
BAD_TIME = "bad time"

Tokens = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]


class BrokenRecordError(Exception):
    """A line that can't be counted; the message is the reason shown by ``doctor``."""


class CacheCreation(Struct, gc=False):
    """Cache writes by lifetime, in tokens."""

    ephemeral_5m_input_tokens: Tokens | None = 0
    ephemeral_1h_input_tokens: Tokens | None = 0


class ServerTools(Struct, gc=False):
    """Calls of tools that run at the vendor's and are billed by the call."""

    web_search_requests: Tokens | None = 0


class OutputDetails(Struct, gc=False):
    """What the output consists of, in tokens (seen since 2.1.2xx)."""

    thinking_tokens: Tokens | None = 0


class Tally(Struct, gc=False):
    """``message.usage``: tokens of one request in disjoint kinds."""

    input_tokens: Tokens | None = 0
    output_tokens: Tokens | None = 0
    cache_read_input_tokens: Tokens | None = 0
    cache_creation_input_tokens: Tokens | None = 0
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerTools | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: msgspec.Raw = msgspec.Raw(b"")


class Iteration(Tally, gc=False):
    """One pass inside a request; only an advisor's is billed beside the totals."""

    type: str | None = None
    model: str | None = None


class Input(Struct, gc=False):
    """The part of a tool's input that names a file."""

    file_path: str | None = None
    notebook_path: str | None = None


class Block(Struct, gc=False):
    """A content block of a message."""

    type: str | None = None
    id: str | None = None
    name: str | None = None
    tool_use_id: str | None = None
    is_error: bool | None = None
    text: str | None = None
    input: Input | None = None


class Message(Struct, gc=False):
    """``message`` of a user or assistant record, in the vendor's API shape."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    content: str | list[Block] | None = None
    usage: Tally | None = None


class Origin(Struct, gc=False):
    """Who a prompt came from: ``human``, ``peer``, ``task-notification`` and others."""

    kind: str | None = None


class Fork(Struct, gc=False, rename="camel"):
    """On a record copied into a branched session: where it was first written."""

    session_id: str | None = None
    message_uuid: str | None = None


class CompactMetadata(Struct, gc=False, rename="camel"):
    """What a compaction says of itself."""

    trigger: str | None = None
    pre_tokens: Tokens | None = None


class Attachment(Struct, gc=False, rename="camel"):
    """Something put into the conversation; only ``queued_command`` is read."""

    type: str | None = None
    prompt: str | list[Block] | None = None
    command_mode: str | None = None
    is_meta: bool | None = None
    origin: Origin | None = None


class Progress(Struct, gc=False):
    """``data`` of a progress record; ``message`` is a sub-agent's record in its parent's file."""

    type: str | None = None
    message: Record | None = None


class Record(Struct, gc=False, rename="camel"):
    """One line of a transcript."""

    type: str | None = None
    subtype: str | None = None
    uuid: str | None = None
    session_id: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    request_id: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_visible_in_transcript_only: bool | None = None
    is_api_error_message: bool | None = None
    prompt_source: str | None = None
    origin: Origin | None = None
    forked_from: Fork | str | None = None
    message: Message | None = None
    tool_use_result: msgspec.Raw = msgspec.Raw(b"")
    duration_ms: int | float | None = None
    compact_metadata: CompactMetadata | None = None
    data: Progress | None = None
    attachment: Attachment | None = None


_decode = Decoder(Record).decode
_decode_object = Decoder(dict[str, msgspec.Raw]).decode
_decode_array = Decoder(list[msgspec.Raw]).decode
_decode_iterations = Decoder(list[Iteration]).decode

# A token field of the wrong kind spoils the whole record; any other field is only left out.
_STRICT = {
    (Tally, name)
    for name in (
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
    )
}
_NESTED: dict[tuple[type, str], type] = {
    (Record, "message"): Message,
    (Record, "data"): Progress,
    (Record, "attachment"): Attachment,
    (Progress, "message"): Record,
    (Message, "usage"): Tally,
}
_BLOCKS = {(Message, "content"), (Attachment, "prompt")}

_SURROGATE = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def decode_record(line: bytes | memoryview) -> Record | None:
    """Return the record on a line, None where the line is blank.

    A field of an unexpected type is left out and the rest is kept; damaged text (invalid UTF-8,
    half a surrogate pair, padding with NUL) is replaced.

    Raises
    ------
    BrokenRecordError
        If the line is no JSON object, or its usage can't be believed.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = bytes(line)
    if not text.strip(b"\0 \t\r"):
        return None
    for attempt in (text, _repaired(text)):
        try:
            record: Record = _lenient(Record, attempt)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        return record
    raise BrokenRecordError(BROKEN_RECORD)


def advisors(tally: Tally) -> list[Iteration]:
    """Return the advisor calls among a request's iterations, which its totals leave out.

    Raises
    ------
    BrokenRecordError
        If they can't be believed.
    """
    raw = bytes(tally.iterations)
    if b'"advisor_message"' not in raw:
        return []
    try:
        passes = _decode_iterations(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BrokenRecordError(BROKEN_USAGE) from None
    return [one for one in passes if one.type == "advisor_message"]


def _repaired(text: bytes) -> bytes:
    """Make a line decodable where only text is damaged; the rest of it stays as it is."""
    text = text.strip(b"\0 \t\r").decode("utf-8", "replace").encode()
    return _SURROGATE.sub(lambda found: found.group(1) or b"\\ufffd", text)


@cache
def _plan(kind: type) -> tuple[tuple[str, str, Decoder[Any]], ...]:
    return tuple(
        (field.name, field.encode_name, Decoder(field.type))
        for field in msgspec.structs.fields(kind)
    )


def _lenient(kind: type, raw: bytes | msgspec.Raw) -> Any:
    """Decode an object field by field, leaving out what has an unexpected type."""
    present = _decode_object(raw)
    values: dict[str, Any] = {}
    for name, key, decoder in _plan(kind):
        if key not in present:
            continue
        try:
            values[name] = decoder.decode(present[key])
        except msgspec.ValidationError:
            if (kind, name) in _STRICT:
                raise BrokenRecordError(BROKEN_USAGE) from None
            values.update(_rescue(kind, name, present[key]))
    return kind(**values)


def _rescue(kind: type, name: str, raw: msgspec.Raw) -> dict[str, Any]:
    """Return what can be kept of a field that isn't what it should be."""
    nested = _NESTED.get((kind, name))
    try:
        if nested is not None:
            return {name: _lenient(nested, raw)}
        if (kind, name) in _BLOCKS:
            return {name: [_block(one) for one in _decode_array(raw)]}
    except msgspec.ValidationError:
        if nested is Tally:
            raise BrokenRecordError(BROKEN_USAGE) from None
    return {}


def _block(raw: msgspec.Raw) -> Block:
    try:
        block: Block = _lenient(Block, raw)
    except msgspec.ValidationError:
        return Block()
    return block
