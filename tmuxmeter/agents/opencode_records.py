"""What is read of OpenCode's messages and parts, typed, and the events they stand for.

``tokens.input`` excludes the cache; ``tokens.output`` excludes ``reasoning`` (observed with
1.18.33: of 136 output tokens with 32 of reasoning it writes 104 and 32). Where ``total`` is the
sum without ``reasoning``, output includes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.lines import Tokens  # noqa: TC001 - msgspec looks at it at run time
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import TurnEnd, Usage, event_key

if TYPE_CHECKING:
    from tmuxmeter.events import Event

_LOCAL = frozenset({"llama.cpp", "llamacpp", "lmstudio", "local", "ollama", "vllm"})
"""Providers that are programs on a machine of one's own: a vendor's price would be a guess."""
_GOING_ON = frozenset({"", "tool-calls", "unknown"})


class Times(msgspec.Struct, gc=False):
    """Epoch milliseconds."""

    created: int | float | None = None
    completed: int | float | None = None
    end: int | float | None = None


class Cache(msgspec.Struct, gc=False):
    """Cached input, in tokens."""

    read: Tokens = 0
    write: Tokens = 0


class Counts(msgspec.Struct, gc=False):
    """``tokens`` of a message."""

    input: Tokens = 0
    output: Tokens = 0
    reasoning: Tokens = 0
    total: Tokens | None = None
    cache: Cache = msgspec.field(default_factory=Cache)


class Where(msgspec.Struct, gc=False):
    """``path`` of a message."""

    cwd: str = ""


class Failure(msgspec.Struct, gc=False):
    """``error`` of a message."""

    name: str = ""


class Message(msgspec.Struct, gc=False, rename="camel"):
    """``message.data``; ``id`` and ``session_id`` are told in stored files only."""

    role: str = ""
    id: str = ""
    session_id: str = msgspec.field(default="", name="sessionID")
    parent_id: str = msgspec.field(default="", name="parentID")
    model_id: str = msgspec.field(default="", name="modelID")
    provider_id: str = msgspec.field(default="", name="providerID")
    time: Times = msgspec.field(default_factory=Times)
    path: Where = msgspec.field(default_factory=Where)
    tokens: Counts | None = None
    finish: str | None = None
    error: Failure | None = None


def usage_of(message: Message, identity: str, session: str, *, spawned: bool) -> Usage | None:
    """Return the tokens of an assistant's message, None as long as it has none.

    Raises
    ------
    ValueError
        If it has no plausible time.
    """
    counts = message.tokens
    if message.role != "assistant" or counts is None:
        return None
    return spent(
        counts,
        (message.model_id, message.provider_id),
        identity=identity,
        session=session,
        time_ms=time_of(message.time.created),
        cwd=message.path.cwd,
        spawned=spawned,
    )


def spent(
    counts: Counts,
    asked: tuple[str, str],
    *,
    identity: str,
    session: str,
    time_ms: int,
    cwd: str,
    spawned: bool,
) -> Usage | None:
    """Return the event of a request's tokens, None where it has none; ``asked``: who answered.

    The model comes with its provider: those of your own machine keep the provider in their name.
    """
    separate = counts.reasoning
    parts = counts.input + counts.output + counts.cache.read + counts.cache.write
    if counts.total is not None and counts.total == parts:
        separate = 0
    if not parts + separate:
        return None
    model, provider = asked
    if provider.lower() in _LOCAL:
        model = f"{provider}/{model}"
    return Usage(
        key=event_key("opencode", "usage", identity),
        session=session,
        time_ms=time_ms,
        model=model,
        fresh=counts.input,
        cache_read=counts.cache.read,
        cache_write_5m=counts.cache.write,
        output=counts.output + separate,
        reasoning=counts.reasoning,
        cwd=cwd,
        sidechain=spawned,
    )


def turn_end(
    message: Message, identity: str, session: str, *, begun_ms: int = 0, asked: bool = False
) -> list[Event]:
    """Return the end of a turn, if this message ended one; ``begun_ms``: its prompt's time."""
    done = message.time.completed
    finish = message.finish or ""
    if message.role != "assistant" or done is None:
        return []
    if message.error is None and finish in _GOING_ON:
        return []
    reason = "done"
    if message.error is not None:
        reason = "interrupted" if message.error.name == "MessageAbortedError" else "error"
    time_ms = time_of(done)
    duration = time_ms - begun_ms
    return [
        TurnEnd(
            key=event_key("opencode", "turn", message.parent_id or identity),
            session=session,
            time_ms=time_ms,
            reason=reason,
            duration_ms=duration if begun_ms and duration >= 0 else -1,
            asked=asked and reason == "done",
        )
    ]


def time_of(value: float | None) -> int:
    """Return epoch milliseconds.

    Raises
    ------
    ValueError
        If they are no plausible time.
    """
    found = None if value is None else plausible_ms(value)
    if found is None:
        msg = "bad time"
        raise ValueError(msg)
    return found
