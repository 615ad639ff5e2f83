"""Turns the settings of a Droid session into events: its tokens so far, as what they grew by.

``tokenUsage`` is the session's own; ``inclusiveTokenUsage`` has its sub-agents' too, who have
sessions and settings of their own, so it never counts. The kinds are disjoint. ``thinkingTokens``
lie inside ``outputTokens`` (seen for OpenAI's models); for Google's they are taken as its API
counts them, besides. Times are those of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.lines import BAD_COUNTS, Batch, Tokens, decode
from tmuxmeter.agents.totals import Totals
from tmuxmeter.events import Event, SessionStart, SoFar, Usage, event_key

if TYPE_CHECKING:
    from tmuxmeter.agents.totals import Counts


class _Tokens(msgspec.Struct, gc=False, rename="camel"):
    input_tokens: Tokens | None = 0
    output_tokens: Tokens | None = 0
    cache_creation_tokens: Tokens | None = 0
    cache_read_tokens: Tokens | None = 0
    thinking_tokens: Tokens | None = 0


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    calling_session_id: Any = None


class _Tag(msgspec.Struct, gc=False):
    metadata: _Metadata | None = None


class _Parents(msgspec.Struct, gc=False):
    tags: list[_Tag] = []


class _Routed(msgspec.Struct, gc=False, rename="camel"):
    model_id: Any = None


class _Settings(msgspec.Struct, gc=False, rename="camel"):
    model: Any = None
    effective_factory_router_model: _Routed | None = None
    token_usage: _Tokens | None = None


_settings = msgspec.json.Decoder(_Settings)
_parents = msgspec.json.Decoder(_Parents)


class DroidSettings:
    """Reads settings. See :class:`tmuxmeter.agents.readers.DocumentReader` and ``Dated``."""

    def __init__(self, session: str, state: bytes = b"") -> None:
        self._session = session
        self._totals = msgspec.msgpack.decode(state, type=Totals) if state else Totals()
        self._written_ms = 0

    def written(self, time_ms: int) -> None:
        """Take the time of the file's last change: its records have none."""
        self._written_ms = time_ms

    def state(self) -> bytes:
        """Return the tokens so far."""
        return msgspec.msgpack.encode(self._totals)

    def read(self, content: bytes) -> list[Event] | None:
        """Return what the session's tokens grew by."""
        batch = Batch()
        try:
            settings = decode(_settings, content)
        except msgspec.ValidationError:
            batch.skip(BAD_COUNTS)
            return batch.finish()
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        model = _model(settings)
        parent = parent_of(content)
        if parent:
            # known before its messages are read, so that no spend of its own is ever shown
            batch.events.append(
                SessionStart(
                    key=event_key("droid", "spawn", self._session),
                    session=self._session,
                    time_ms=self._written_ms,
                    parent=parent,
                    spawned=True,
                )
            )
        if settings.token_usage is not None:
            self._usage(batch, settings.token_usage, model)
        return batch.finish()

    def _usage(self, batch: Batch, tokens: _Tokens, model: str) -> None:
        counts = (
            tokens.input_tokens or 0,
            tokens.cache_read_tokens or 0,
            tokens.cache_creation_tokens or 0,
            tokens.output_tokens or 0,
            tokens.thinking_tokens or 0,
        )
        growth = self._totals.grown(self._session, counts)
        if growth is None:
            return
        fresh, read, written, output, reasoning = _kinds(growth.counts, model)
        batch.events.append(
            Usage(
                key=event_key("droid", "usage", growth.identity),
                session=self._session,
                time_ms=self._written_ms,
                model=model,
                fresh=fresh,
                cache_read=read,
                cache_write_5m=written,
                output=output,
                reasoning=reasoning,
                so_far=SoFar(*_kinds(growth.total, model)) if growth.total else None,
            )
        )


def parent_of(content: bytes) -> str:
    """Return the session that called this one as its sub-agent, "" where its settings tell none."""
    try:
        tags = decode(_parents, content).tags
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    called = (tag.metadata.calling_session_id for tag in tags if tag.metadata is not None)
    return next((one for one in called if isinstance(one, str) and one), "")


def _model(settings: _Settings) -> str:
    """Return the model: where Factory chooses one (``auto``), the one that it chose last."""
    routed = settings.effective_factory_router_model
    chosen = routed.model_id if routed is not None else None
    told = settings.model if isinstance(settings.model, str) else ""
    return chosen if told in ("", "auto") and isinstance(chosen, str) else told


def _kinds(counts: Counts, model: str) -> Counts:
    """Return fresh input, cache reads, cache writes, output and the reasoning inside it."""
    fresh, read, written, output, thought = counts
    if model.lower().startswith("gemini-"):
        output += thought
    return fresh, read, written, output, min(thought, output)
