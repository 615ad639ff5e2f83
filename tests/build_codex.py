"""Writes rollouts as Codex writes them, so that a test says only what matters to it.

Shapes as observed with Codex 0.169.0; the arguments reach the older ones.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tmuxmeter.agents.codex import Codex
from tmuxmeter.events import Event, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

START_MS = 1_785_754_136_000  # 2026-08-03T10:48:56Z


class Tokens(NamedTuple):
    """Tokens as Codex counts them."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    written: int = 0

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(*(a + b for a, b in zip(self, other, strict=True)))

    def json(self) -> dict[str, int]:
        return {
            "input_tokens": self.input,
            "cached_input_tokens": self.cached,
            "cache_write_input_tokens": self.written,
            "output_tokens": self.output,
            "reasoning_output_tokens": self.reasoning,
            "total_tokens": self.input + self.output,
        }


def uuid7(time_ms: int, number: int = 0) -> str:
    text = f"{time_ms:012x}7000800000{number:010x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def iso(time_ms: int) -> str:
    text = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{time_ms % 1000:03d}Z"


class Rollout:
    """One growing rollout. Each record comes a second after the one before, unless told."""

    def __init__(self, start_ms: int = START_MS, *, number: int = 0, ordinals: bool = True) -> None:
        self.now = start_ms
        self.id = uuid7(start_ms, number)
        self.lines: list[bytes] = []
        self.total = Tokens()
        self.turn = ""
        self.step_ms = 1000
        self._ordinals = ordinals
        self._number = 0

    @property
    def name(self) -> str:
        stamp = iso(self.now)[:19].replace(":", "-")
        return f"rollout-{stamp}-{self.id}.jsonl"

    def record(self, kind: str, payload: dict[str, Any], **more: Any) -> Rollout:
        line: dict[str, Any] = {"timestamp": iso(self.now)}
        if self._ordinals:
            line["ordinal"] = len(self.lines)
        line |= {"type": kind, "payload": payload} | more
        self.now += self.step_ms
        return self.raw(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode())

    def raw(self, line: bytes) -> Rollout:
        self.lines.append(line)
        return self

    def event(self, kind: str, /, **payload: Any) -> Rollout:
        return self.record("event_msg", {"type": kind, **payload})

    def item(self, kind: str, /, **payload: Any) -> Rollout:
        return self.record("response_item", {"type": kind, **payload})

    def meta(self, **payload: Any) -> Rollout:
        own = {
            "session_id": self.id,
            "id": self.id,
            "timestamp": iso(self.now),
            "cwd": "/w",
            "cli_version": "0.169.0",
            "source": "cli",
            "thread_source": "user",
            "base_instructions": {"text": "…", "provenance": {"type": "model", "model": "wrong"}},
            "git": {"branch": "main"},
        }
        return self.record("session_meta", own | payload)

    def begin(self, model: str = "gpt-5.6", turn: str = "", **context: Any) -> Rollout:
        self._number += 1
        self.turn = turn or uuid7(self.now, self._number)
        self.event("task_started", turn_id=self.turn, model_context_window=258_400)
        return self.context(model, **context)

    def context(self, model: str = "gpt-5.6", **context: Any) -> Rollout:
        payload = {"turn_id": self.turn, "cwd": "/w", "model": model} | context
        return self.record("turn_context", payload)

    def settings(self, **settings: Any) -> Rollout:
        return self.event("thread_settings_applied", thread_id=self.id, thread_settings=settings)

    def prompt(self, text: str) -> Rollout:
        content = [{"type": "input_text", "text": text}]
        kinds = {"content_item_kinds": ["user.text"]}
        self.item(
            "message",
            role="user",
            content=content,
            internal_chat_message_metadata_passthrough=kinds,
        )
        return self.completed(
            "UserMessage", id=f"m{self.now}", content=[{"type": "text", "text": text}]
        )

    def completed(self, kind: str, /, **item: Any) -> Rollout:
        return self.event("item_completed", thread_id=self.id, item={"type": kind, **item})

    def usage_record(self, last: Tokens, *, thread: str = "", response: str = "") -> Rollout:
        self.total = self.total.plus(last)
        return self.record(
            "token_usage_record",
            {
                "thread_id": thread or self.id,
                "turn_id": self.turn,
                "session_id": self.id,
                "response_id": response or f"resp_{len(self.lines)}",
                "usage": last.json(),
                "turn_token_usage": last.json(),
                "thread_token_usage": self.total.json(),
            },
        )

    def token_count(
        self, last: Tokens | None, total: Tokens | None = None, *, limits: Any = None, **info: Any
    ) -> Rollout:
        shown: dict[str, Any] = {"model_context_window": 258_400} | info
        if last is not None:
            shown["last_token_usage"] = last.json()
        shown["total_token_usage"] = (self.total if total is None else total).json()
        return self.event("token_count", info=shown, rate_limits=limits)

    def request(self, last: Tokens, *, limits: Any = None) -> Rollout:
        """A request in both forms, as newer versions write it."""
        return self.usage_record(last).token_count(last, limits=limits)

    def old_request(self, last: Tokens, *, limits: Any = None) -> Rollout:
        """A request as versions before 0.15x write it."""
        self.total = self.total.plus(last)
        return self.token_count(last, limits=limits)

    def complete(self, message: str = "Done.", **payload: Any) -> Rollout:
        more = {"duration_ms": 607, "last_agent_message": message} | payload
        return self.event("task_complete", turn_id=self.turn, **more)

    def content(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)

    def events(self) -> list[Event]:
        return read(self.name, self.content())

    def spent(self) -> list[tuple[int, int, int, int, int]]:
        return spent(self.events())


def read(name: str, content: bytes, state: bytes = b"") -> list[Event]:
    return Codex().reader(name, state).read(content, 0, len(content), 0)


def requests(events: list[Event]) -> list[Usage]:
    """What a ledger keeps: one request for a key, the highest output, the last of equals."""
    kept: dict[int, Usage] = {}
    for event in events:
        if isinstance(event, Usage) and event.output >= getattr(kept.get(event.key), "output", 0):
            kept[event.key] = event
    return list(kept.values())


def spent(events: list[Event]) -> list[tuple[int, int, int, int, int]]:
    """Fresh, read, written, output and reasoning tokens of each request."""
    return [
        (u.fresh, u.cache_read, u.cache_write_5m, u.output, u.reasoning) for u in requests(events)
    ]


def pick(events: list[Event], kind: type[Any], row: Callable[[Any], Any]) -> list[Any]:
    return [row(event) for event in events if isinstance(event, kind)]
