"""The entries of a Pi session, as far as they are read.

Source: the vendor's documentation of the format, version 3, and Pi 0.87.1 run against a stub.
Fields without which an entry still counts are ``Any`` or ``Raw`` and looked at by the reader, so
that a new shape of one doesn't cost the entry.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations

NOTHING = msgspec.Raw()


class Tally(msgspec.Struct, gc=False, rename="camel"):
    """Tokens of a request in disjoint kinds; reasoning lies inside output, 1 h inside writes."""

    input: Tokens | None = 0
    output: Tokens | None = 0
    cache_read: Tokens | None = 0
    cache_write: Tokens | None = 0
    cache_write1h: Tokens | None = msgspec.field(default=0, name="cacheWrite1h")
    reasoning: Tokens | None = 0


class Message(msgspec.Struct, gc=False, rename="camel"):
    """A message; ``timestamp`` is epoch ms."""

    role: Any = None
    content: msgspec.Raw = NOTHING
    timestamp: Any = None
    model: Any = None
    usage: Tally | None = None
    stop_reason: Any = None
    response_id: Any = None
    tool_call_id: Any = None
    tool_name: Any = None
    is_error: Any = None


class Entry(msgspec.Struct, gc=False, rename="camel"):
    """One line: the header, or an entry of the tree. ``timestamp`` is ISO 8601."""

    type: Any = None
    id: Any = None
    timestamp: Any = None
    cwd: Any = None
    parent_session: Any = None
    message: Message | None = None
    model: Any = None
    model_id: Any = None
    usage: Tally | None = None
    tokens_before: Any = None


class Arguments(msgspec.Struct, gc=False):
    """The part of a tool's arguments that names a file."""

    path: Any = None
    file_path: Any = None


class Block(msgspec.Struct, gc=False):
    """A block of a message's content."""

    type: Any = None
    text: Any = None
    id: Any = None
    name: Any = None
    arguments: msgspec.Raw = NOTHING


ENTRY = msgspec.json.Decoder(Entry)
BLOCKS = msgspec.json.Decoder(list[Block])
ARGUMENTS = msgspec.json.Decoder(Arguments)
TEXT = msgspec.json.Decoder(str)


def blocks_of(content: msgspec.Raw) -> list[Block]:
    """Return a message's blocks, none where they are damaged; a plain text is one block."""
    raw = bytes(content)
    try:
        if raw.startswith(b'"'):
            return [Block(type="text", text=TEXT.decode(raw))]
        return BLOCKS.decode(raw) if raw else []
    except (ValueError, RecursionError):
        return []


def words_of(blocks: list[Block]) -> str:
    """Return what is said in a message's blocks."""
    texts = (block.text for block in blocks if block.type == "text")
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def path_of(block: Block) -> str:
    """Return the file a tool call is about, "" if it is about none."""
    raw = bytes(block.arguments)
    try:
        found = ARGUMENTS.decode(raw) if raw else Arguments()
    except (ValueError, RecursionError):
        return ""
    path = found.path or found.file_path
    return path if isinstance(path, str) else ""
