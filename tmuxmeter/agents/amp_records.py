"""A thread of Amp, as far as it is read.

Sources: published observations of threads from 2025 and 2026. Fields without which a thread still
counts are ``Any`` or ``Raw`` and looked at by the reader.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations
from tmuxmeter.agents.times import plausible_ms


class Tally(msgspec.Struct, gc=False, rename="camel"):
    """An answer's tokens in disjoint kinds."""

    model: Any = None
    input_tokens: Tokens | None = 0
    output_tokens: Tokens | None = 0
    cache_creation_input_tokens: Tokens | None = 0
    cache_read_input_tokens: Tokens | None = 0
    timestamp: Any = None


class EntryTally(msgspec.Struct, gc=False, rename="camel"):
    """An entry's tokens; most entries tell no cached input."""

    input: Tokens | None = 0
    output: Tokens | None = 0
    cache_creation_input_tokens: Tokens | None = 0
    cache_read_input_tokens: Tokens | None = 0


class Entry(msgspec.Struct, gc=False, rename="camel"):
    """One request in the thread's ledger."""

    id: Any = None
    timestamp: Any = None
    model: Any = None
    tokens: EntryTally = msgspec.field(default_factory=EntryTally)
    to_message_id: Any = None


class Ledger(msgspec.Struct, gc=False):
    """The thread's ledger."""

    events: list[Entry] = []


class Progress(msgspec.Struct, gc=False, rename="camel"):
    """How far an answer is."""

    type: Any = None
    stop_reason: Any = None


class Run(msgspec.Struct, gc=False):
    """What became of a tool call."""

    status: Any = None


class Block(msgspec.Struct, gc=False):
    """A block of a message's content."""

    type: Any = None
    text: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw()
    tool_use_id: Any = msgspec.field(default=None, name="toolUseID")
    run: Run = msgspec.field(default_factory=Run)


class Message(msgspec.Struct, gc=False, rename="camel"):
    """A message; its id is its number."""

    role: Any = None
    message_id: Any = None
    content: msgspec.Raw = msgspec.Raw()
    usage: Tally | None = None
    state: Progress = msgspec.field(default_factory=Progress)
    meta: Any = None


class _Tree(msgspec.Struct, gc=False):
    uri: Any = None


class _Initial(msgspec.Struct, gc=False):
    trees: list[_Tree] = []


class _Environment(msgspec.Struct, gc=False):
    initial: _Initial = msgspec.field(default_factory=_Initial)


class Thread(msgspec.Struct, gc=False, rename="camel"):
    """A thread. ``created`` is epoch ms."""

    created: Any = None
    messages: list[Message] = []
    usage_ledger: Ledger = msgspec.field(default_factory=Ledger)
    env: msgspec.Raw = msgspec.Raw()


class _Given(msgspec.Struct, gc=False):
    path: Any = None
    patch: Any = msgspec.field(default=None, name="patchText")


THREAD = msgspec.json.Decoder(Thread)
_blocks = msgspec.json.Decoder(list[Block]).decode
_environment = msgspec.json.Decoder(_Environment).decode
_given = msgspec.json.Decoder(_Given).decode
_string = msgspec.json.Decoder(str).decode


def blocks_of(message: Message) -> list[Block]:
    """Return a message's blocks, none where they are damaged; a plain text is one block."""
    raw = bytes(message.content)
    try:
        if raw.startswith(b'"'):
            return [Block(type="text", text=_string(raw))]
        return _blocks(raw) if raw else []
    except (ValueError, RecursionError):
        return []


def sent_ms(message: Message) -> int | None:
    """Return when a prompt was sent, epoch ms, None where it isn't told."""
    sent = message.meta.get("sentAt") if isinstance(message.meta, dict) else None
    return plausible_ms(sent) if isinstance(sent, int | float) else None


def words_of(blocks: list[Block]) -> str:
    """Return what is said in a message's blocks."""
    return "\n".join(text(block.text) for block in blocks if block.type == "text").strip()


def folder_of(thread: Thread) -> str:
    """Return the folder a thread began in, "" where it isn't told."""
    from urllib.parse import unquote

    try:
        trees = _environment(bytes(thread.env)).initial.trees if bytes(thread.env) else []
    except (ValueError, RecursionError):
        return ""
    uri = text(trees[0].uri) if trees else ""
    return unquote(uri.removeprefix("file://")) if uri.startswith("file:///") else ""


def file_of(call: Block) -> tuple[str, str]:
    """Return the file a tool call is about, and its patch where it has one."""
    raw = bytes(call.input)
    try:
        given = _given(raw) if raw else _Given()
    except (ValueError, RecursionError):
        return "", ""
    return text(given.path), text(given.patch)


def text(value: object) -> str:
    """Return a text, "" for anything else."""
    return value if isinstance(value, str) else ""
