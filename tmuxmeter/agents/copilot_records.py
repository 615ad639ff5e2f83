"""The records of Copilot's logs, as far as they are read.

Sources: Copilot CLI 1.0.102, run against a stub API; the vendor's schema of session events;
published observations of 1.0.75 to 1.0.91. Fields without which a record still counts are ``Any``
or ``Raw``.
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


class Request(Tally, gc=False, rename="camel"):
    """What ``session.usage_record`` tells of one request."""

    model: Any = None


class Metric(msgspec.Struct, gc=False):
    """What ``session.shutdown`` tells of a model."""

    usage: Tally = msgspec.field(default_factory=Tally)


class Context(msgspec.Struct, gc=False):
    """Where a session works."""

    cwd: Any = None
    branch: Any = None


class ShellExecution(msgspec.Struct, gc=False, rename="camel"):
    """How a shell command ended; the call itself is a success whatever the command says."""

    exit_code: Any = None


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
    usage: msgspec.Raw = msgspec.Raw()
    compaction_tokens_used: msgspec.Raw = msgspec.Raw()
    trigger: Any = None
    shell_execution: ShellExecution | None = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """One line. ``agent_id`` is there for what a sub-agent did."""

    type: Any = None
    id: Any = None
    timestamp: Any = None
    agent_id: Any = None
    data: Data = msgspec.field(default_factory=Data)


RECORD = msgspec.json.Decoder(Record)
REQUEST = msgspec.json.Decoder(Request)


def kinds_of(tally: Tally) -> Kinds | None:
    """Return a tally's disjoint kinds, None where they can't be such."""
    return disjoint(
        tally.input_tokens or 0,
        tally.cache_read_tokens or 0,
        tally.cache_write_tokens or 0,
        tally.output_tokens or 0,
    )


def disjoint(taken: int, read: int, written: int, given: int) -> Kinds | None:
    """Return inclusive input and its parts as disjoint kinds, None where they can't be such."""
    fresh = taken - read - written
    return (fresh, read, written, given) if min(fresh, read, written, given) >= 0 else None
