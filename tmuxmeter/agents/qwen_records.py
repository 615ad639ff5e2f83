"""The records of a Qwen Code chat, as far as they are read.

Fields without which a record still counts are ``Any`` or ``Raw`` and looked at by the reader, so
that a new shape of one doesn't cost the record. Observed with Qwen Code 0.24.4.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations

NOTHING = msgspec.Raw()


class UsageMetadata(msgspec.Struct, gc=False, rename="camel"):
    """Tokens of a request as Google's API names them, whatever API it went to."""

    prompt_token_count: Tokens | None = 0
    candidates_token_count: Tokens | None = 0
    thoughts_token_count: Tokens | None = 0
    cached_content_token_count: Tokens | None = 0
    tool_use_prompt_token_count: Tokens | None = 0
    total_token_count: Tokens | None = 0


class Origin(msgspec.Struct, gc=False, rename="camel"):
    """Where a copied record was first written."""

    session_id: Any = None


class CallResult(msgspec.Struct, gc=False, rename="camel"):
    """How a tool call ended."""

    call_id: Any = None
    status: Any = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One line of a chat."""

    uuid: str = ""
    session_id: Any = None
    timestamp: Any = None
    type: Any = None
    subtype: Any = None
    provenance: Any = None
    cwd: Any = None
    version: Any = None
    git_branch: Any = None
    model: Any = None
    message: msgspec.Raw = NOTHING
    usage_metadata: UsageMetadata | None = None
    context_window_size: Any = None
    tool_call_result: CallResult | None = None
    system_payload: msgspec.Raw = NOTHING
    is_sidechain: Any = None
    agent_id: Any = None
    forked_from: Origin | None = None


class UiEvent(msgspec.Struct, gc=False):
    """A telemetry event; only answers of the API are read. Its token counts are plain fields."""

    name: Any = msgspec.field(default=None, name="event.name")
    model: Any = None
    prompt_id: Any = None
    input_token_count: Tokens | None = 0
    output_token_count: Tokens | None = 0
    cached_content_token_count: Tokens | None = 0
    thoughts_token_count: Tokens | None = 0
    tool_token_count: Tokens | None = 0
    total_token_count: Tokens | None = 0


class CompressionInfo(msgspec.Struct, gc=False, rename="camel"):
    """What a compression says of itself."""

    original_token_count: Any = None
    trigger_reason: Any = None


class Payload(msgspec.Struct, gc=False, rename="camel"):
    """What a system record carries."""

    ui_event: UiEvent | None = None
    info: CompressionInfo | None = None
    parent_session_id: Any = None


class Arguments(msgspec.Struct, gc=False):
    """The part of a tool's arguments that names a file."""

    file_path: Any = None
    absolute_path: Any = None
    notebook_path: Any = None


class FunctionCall(msgspec.Struct, gc=False):
    """The model's wish to call a tool."""

    id: Any = None
    name: Any = None
    args: msgspec.Raw = NOTHING


class Response(msgspec.Struct, gc=False):
    """What a tool answered."""

    error: msgspec.Raw = NOTHING


class FunctionResponse(msgspec.Struct, gc=False):
    """A tool's answer in its envelope."""

    id: Any = None
    name: Any = None
    response: Response | None = None


class Part(msgspec.Struct, gc=False, rename="camel"):
    """A part of a message."""

    text: str | None = None
    thought: bool | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


class Message(msgspec.Struct, gc=False):
    """A message as the API has it."""

    parts: list[Part] = []


RECORD = msgspec.json.Decoder(Record)
PAYLOAD = msgspec.json.Decoder(Payload)
MESSAGE = msgspec.json.Decoder(Message)
ARGUMENTS = msgspec.json.Decoder(Arguments)


def words_of(parts: list[Part]) -> str:
    """Return what is said in a message, thoughts left out."""
    return "\n".join(part.text for part in parts if part.text and not part.thought)
