"""The records of a Codex rollout, as far as they are read, and how one line becomes one of them.

Only fields at the depth named here are looked at: ``base_instructions`` and ``dynamic_tools`` of
a ``session_meta`` hold words like ``model`` and ``name`` that mean something else. Fields without
which a record still counts are ``Any`` and checked by the reader, so that a new shape of one
doesn't cost the record. Observed with Codex 0.169.0; older shapes from public rollouts.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Generic, TypeVar

import msgspec

MOST_TOKENS = 2**40
"""A request can't have more; a larger number is damage."""

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]

HEAD = re.compile(
    rb'\{"timestamp":"[^"\\]{1,40}",(?:"ordinal":-?\d{1,18},)?'
    rb'"type":"((?:event_msg|response_item)","payload":\{"type":"\w{1,40}|\w{1,40})"'
)
"""The beginning of a line as Codex writes it, up to its kind as :func:`kind_of` spells it."""


def kind_of(kind: str, inner: str = "") -> bytes:
    """Return how :data:`HEAD` spells a line's type and, for nested ones, its payload's."""
    return f'{kind}","payload":{{"type":"{inner}'.encode() if inner else kind.encode()


NOTHING = msgspec.Raw()


class TokenCounts(msgspec.Struct, gc=False):
    """Tokens of a request or a whole thread. ``cached`` and ``written`` are inside ``input``."""

    input: _Tokens | None = msgspec.field(default=0, name="input_tokens")
    cached: _Tokens | None = msgspec.field(default=0, name="cached_input_tokens")
    written: _Tokens | None = msgspec.field(default=0, name="cache_write_input_tokens")
    output: _Tokens | None = msgspec.field(default=0, name="output_tokens")
    reasoning: _Tokens | None = msgspec.field(default=0, name="reasoning_output_tokens")


class SessionMeta(msgspec.Struct, gc=False):
    """Who the thread is. ``session_id`` is the root of a family of threads, ``id`` the thread."""

    id: str = ""
    session_id: Any = None
    timestamp: Any = None
    cwd: Any = None
    cli_version: Any = None
    source: Any = None
    thread_source: Any = None
    git: Any = None
    forked_from_id: Any = None
    parent_thread_id: Any = None
    history_base: Any = None
    subagent_history_start_ordinal: Any = None


class TurnContext(msgspec.Struct, gc=False):
    """What a turn runs with."""

    turn_id: Any = None
    cwd: Any = None
    model: Any = None


class TokenUsageRecord(msgspec.Struct, gc=False):
    """One request, and its thread's sum with it (seen from Codex 0.15x on)."""

    usage: TokenCounts
    thread_token_usage: TokenCounts | None = None
    thread_id: Any = None
    turn_id: Any = None
    response_id: Any = None


class TokenInfo(msgspec.Struct, gc=False):
    """A snapshot of the thread's sum and its last request."""

    total_token_usage: TokenCounts | None = None
    last_token_usage: TokenCounts | None = None
    model_context_window: Any = None
    model: Any = None


class TokenCount(msgspec.Struct, gc=False):
    """News of tokens or, with ``info`` null, of the plan's windows only."""

    info: TokenInfo | None = None
    rate_limits: msgspec.Raw = NOTHING


class ThreadSettings(msgspec.Struct, gc=False):
    """The settings of a thread, whole; what isn't set is left out."""

    model: Any = None
    service_tier: Any = None
    cwd: Any = None


class SettingsApplied(msgspec.Struct, gc=False):
    """A thread's settings changed, or its process began."""

    thread_id: Any = None
    thread_settings: ThreadSettings = msgspec.field(default_factory=ThreadSettings)


class Turn(msgspec.Struct, gc=False):
    """``task_started``, ``task_complete`` and ``turn_aborted``."""

    turn_id: Any = None
    model_context_window: Any = None
    duration_ms: Any = None
    last_agent_message: Any = None
    error: Any = None


class UserMessage(msgspec.Struct, gc=False):
    """A prompt as an event."""

    message: str = ""
    kind: Any = None


class Item(msgspec.Struct, gc=False):
    """What was completed: a prompt, a command, a change of files, a compaction."""

    type: str = ""
    id: Any = None
    status: Any = None
    exit_code: Any = None
    content: msgspec.Raw = NOTHING
    changes: msgspec.Raw = NOTHING


class ItemCompleted(msgspec.Struct, gc=False):
    """An item, and the thread it belongs to."""

    thread_id: Any = None
    item: Item = msgspec.field(default_factory=Item)


class Message(msgspec.Struct, gc=False):
    """``response_item`` of type ``message``."""

    role: Any = None
    content: msgspec.Raw = NOTHING
    internal_chat_message_metadata_passthrough: Any = None


class ToolCall(msgspec.Struct, gc=False):
    """``function_call``, ``custom_tool_call`` and ``local_shell_call``."""

    call_id: Any = None
    name: Any = None
    arguments: Any = None
    input: Any = None


class ToolOutput(msgspec.Struct, gc=False):
    """What came back from a tool, in any of the forms that carry a call id."""

    call_id: Any = None
    output: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    changes: msgspec.Raw = NOTHING
    status: Any = None
    exit_code: Any = None
    success: Any = None


class Nothing(msgspec.Struct, gc=False):
    """A payload whose mere presence matters."""


Payload = TypeVar("Payload")


class Line(msgspec.Struct, Generic[Payload], gc=False):
    """One line of a rollout. ``ordinal`` counts a thread's records (newer versions)."""

    payload: Payload
    timestamp: str = ""
    ordinal: Any = None


class Envelope(msgspec.Struct, gc=False):
    """Any line, to learn what it is. Rollouts up to August 2025 have no envelope at all."""

    timestamp: Any = None
    type: Any = None
    payload: msgspec.Raw = NOTHING
    id: Any = None
    git: Any = None


class PayloadType(msgspec.Struct, gc=False):
    """What a payload says it is."""

    type: Any = None


class LimitWindow(msgspec.Struct, gc=False):
    """A plan's window. Its length is null where no plan applies (an API key)."""

    used_percent: Annotated[float, msgspec.Meta(ge=0, le=10_000)]
    window_minutes: Annotated[int, msgspec.Meta(gt=0, le=10_000_000)] | None = None
    resets_at: Any = None
    resets_in_seconds: Any = None


class RateLimits(msgspec.Struct, gc=False):
    """The plan's windows; which of them stands in which slot isn't fixed."""

    primary: LimitWindow | None = None
    secondary: LimitWindow | None = None
    limit_id: str | None = None
    plan_type: str | None = None


class TextPart(msgspec.Struct, gc=False):
    """A part of a message; images have no text."""

    text: str = ""


META = msgspec.json.Decoder(Line[SessionMeta])
TURN_CONTEXT = msgspec.json.Decoder(Line[TurnContext])
USAGE_RECORD = msgspec.json.Decoder(Line[TokenUsageRecord])
TOKEN_COUNT = msgspec.json.Decoder(Line[TokenCount])
SETTINGS = msgspec.json.Decoder(Line[SettingsApplied])
TURN = msgspec.json.Decoder(Line[Turn])
USER_MESSAGE = msgspec.json.Decoder(Line[UserMessage])
ITEM = msgspec.json.Decoder(Line[ItemCompleted])
MESSAGE = msgspec.json.Decoder(Line[Message])
CALL = msgspec.json.Decoder(Line[ToolCall])
OUTPUT = msgspec.json.Decoder(Line[ToolOutput])
NOTHING_ELSE = msgspec.json.Decoder(Line[Nothing])
ENVELOPE = msgspec.json.Decoder(Envelope)
PAYLOAD_TYPE = msgspec.json.Decoder(PayloadType)
LIMITS = msgspec.json.Decoder(RateLimits | None)
PARTS = msgspec.json.Decoder(list[TextPart])
CHANGES = msgspec.json.Decoder(dict[str, Any])

Record = TypeVar("Record")


def decode(decoder: msgspec.json.Decoder[Record], line: bytes) -> Record:
    """Return the record a line holds.

    A line with bytes that aren't UTF-8, or half a surrogate pair, is read again with those
    replaced: damage in a text must not cost the numbers beside it.

    Raises
    ------
    msgspec.ValidationError
        A field has a type or value it can't have.
    ValueError
        The line is no JSON.
    RecursionError
        The line is nested too deeply.
    """
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        raise
    except ValueError:
        content = json.loads(line.decode("utf-8", "replace"))
        mended = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        return decoder.decode(mended)
