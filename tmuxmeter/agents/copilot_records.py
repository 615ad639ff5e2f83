"""The records of Copilot's logs, as far as they are read.

Sources: the vendor's documentation of session events; published observations of Copilot CLI
1.0.75 to 1.0.91. Fields without which a record still counts are ``Any`` or ``Raw``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec reads the annotations

Kinds: TypeAlias = tuple[int, int, int, int]
"""Fresh input, cache read, cache write, output: disjoint."""


class Detail(msgspec.Struct, gc=False, rename="camel"):
    """One kind of tokens of a request, as billed; ``model`` where it isn't the request's."""

    token_type: str
    token_count: Tokens
    model: Any = None


class Tally(msgspec.Struct, gc=False, rename="camel"):
    """A model's tokens in a session so far; input contains both kinds of cache."""

    input_tokens: Tokens | None = 0
    output_tokens: Tokens | None = 0
    cache_read_tokens: Tokens | None = 0
    cache_write_tokens: Tokens | None = 0
    reasoning_tokens: Tokens | None = 0


class Metric(msgspec.Struct, gc=False):
    """What ``session.shutdown`` tells of a model."""

    usage: Tally = msgspec.field(default_factory=Tally)


class Context(msgspec.Struct, gc=False):
    """Where a session works."""

    cwd: Any = None
    branch: Any = None


class Data(msgspec.Struct, gc=False, rename="camel"):
    """What a record says, all kinds of records in one."""

    session_id: Any = None
    copilot_version: Any = None
    context: Context | None = None
    cwd: Any = None
    branch: Any = None
    content: Any = None
    source: Any = None
    message_id: Any = None
    tool_requests: list[Any] | None = None
    tool_call_id: Any = None
    tool_name: Any = None
    parent_tool_call_id: Any = None
    arguments: msgspec.Raw = msgspec.Raw()
    success: Any = None
    pre_compaction_tokens: Any = None
    model_metrics: dict[str, Metric] | None = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One line. ``agent_id`` is there for what a sub-agent did."""

    type: Any = None
    id: Any = None
    timestamp: Any = None
    agent_id: Any = None
    data: Data = msgspec.field(default_factory=Data)


RECORD = msgspec.json.Decoder(Record)


def disjoint(taken: int, read: int, written: int, given: int) -> Kinds | None:
    """Return inclusive input and its parts as disjoint kinds, None where they can't be such."""
    fresh = taken - read - written
    return (fresh, read, written, given) if min(fresh, read, written, given) >= 0 else None
