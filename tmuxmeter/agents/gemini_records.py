"""The records of a Gemini CLI chat, as far as they are read.

Fields without which a record still counts are ``Any`` or ``Raw`` and looked at by the reader, so
that a new shape of one doesn't cost the record. Observed with Gemini CLI 0.61.0; whole files of
one JSON object from its source and public logs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations

NOTHING = msgspec.Raw()


class TokenCounts(msgspec.Struct, gc=False):
    """Tokens of the request that brought a message, in Google's kinds."""

    input: Tokens | None = 0
    output: Tokens | None = 0
    cached: Tokens | None = 0
    thoughts: Tokens | None = 0
    tool: Tokens | None = 0
    total: Tokens | None = 0


class Message(msgspec.Struct, gc=False, rename="camel"):
    """One message of the conversation. It is written again whenever it changes."""

    id: str = ""
    timestamp: Any = None
    type: Any = None
    content: msgspec.Raw = NOTHING
    tool_calls: msgspec.Raw = NOTHING
    tokens: TokenCounts | None = None
    model: Any = None


class Line(Message, gc=False, rename="camel"):
    """One line: the header, a message, or what changes the state of either."""

    session_id: Any = None
    start_time: Any = None
    kind: Any = None
    directories: Any = None
    messages: msgspec.Raw = NOTHING
    set: msgspec.Raw = msgspec.field(default=NOTHING, name="$set")
    rewind_to: Any = msgspec.field(default=None, name="$rewindTo")


class Update(msgspec.Struct, gc=False):
    """What ``$set`` changes; ``messages`` is the whole conversation again, anew."""

    messages: msgspec.Raw = NOTHING


class Arguments(msgspec.Struct, gc=False):
    """The part of a tool's arguments that names files."""

    file_path: Any = None
    absolute_path: Any = None


class ToolCall(msgspec.Struct, gc=False):
    """A tool call with its result."""

    id: Any = None
    name: Any = None
    status: Any = None
    timestamp: Any = None
    args: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING


class Part(msgspec.Struct, gc=False, rename="camel"):
    """A part of a message's content; text and thoughts have text."""

    text: str | None = None
    thought: bool | None = None


class Response(msgspec.Struct, gc=False):
    """What a tool answered."""

    output: Any = None


class FunctionResponse(msgspec.Struct, gc=False):
    """A tool's answer in its envelope."""

    response: Response | None = None


class ResultPart(msgspec.Struct, gc=False, rename="camel"):
    """A part of a tool's result."""

    function_response: FunctionResponse | None = None


LINE = msgspec.json.Decoder(Line)
UPDATE = msgspec.json.Decoder(Update)
MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
MESSAGE = msgspec.json.Decoder(Message)
CALLS = msgspec.json.Decoder(list[ToolCall])
ARGUMENTS = msgspec.json.Decoder(Arguments)
PARTS = msgspec.json.Decoder(list[Part | str])
RESULT = msgspec.json.Decoder(list[ResultPart])
TEXT = msgspec.json.Decoder(str)


def text_of(content: msgspec.Raw) -> str:
    """Return the words of a message's content, "" where there are none or they are damaged."""
    raw = bytes(content)
    if not raw:
        return ""
    try:
        if raw.startswith(b'"'):
            return TEXT.decode(raw)
        parts = PARTS.decode(raw)
    except (ValueError, RecursionError):
        return ""
    texts = (part if isinstance(part, str) else part.text for part in parts if not _thinks(part))
    return "\n".join(text for text in texts if text)


def _thinks(part: Part | str) -> bool:
    return not isinstance(part, str) and bool(part.thought)
