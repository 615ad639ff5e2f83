"""A played Codex thread: its turns as timed log lines, the way the real one writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tmuxmeter.demo.words import COMMANDS, as_line, prompt, stamp, timed_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.words import Line


@dataclass
class CodexSession:
    """One played Codex thread."""

    rng: Random
    cwd: str
    branch: str
    started_ms: int
    model: str = "gpt-5.5"
    session: str = ""
    context: int = 14_000
    cached: int = 0
    pace: float = 1.0
    turns: int = 0
    totals: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = self.session or timed_id(self.rng, self.started_ms)

    @property
    def path(self) -> str:
        """Where the rollout lies below the home folder; its folders are named in local time."""
        local = datetime.fromtimestamp(self.started_ms / 1000).astimezone()
        name = f"rollout-{local:%Y-%m-%dT%H-%M-%S}-{self.session}.jsonl"
        return f".codex/sessions/{local:%Y/%m/%d}/{name}"

    def turn(self, start_ms: int) -> Iterator[Line]:
        """Yield the lines of one turn: context, a prompt, requests with their counts, the end."""
        rng = self.rng
        now = start_ms
        if not self.turns:
            yield (
                now,
                self._line(
                    now,
                    "session_meta",
                    {
                        "id": self.session,
                        "timestamp": stamp(self.started_ms),
                        "cwd": self.cwd,
                        "originator": "codex-tui",
                        "cli_version": "0.169.0",
                        "source": "cli",
                        "model_provider": "openai",
                        "git": {"branch": self.branch},
                    },
                ),
            )
        self.turns += 1
        turn_id = timed_id(rng, now)
        yield (
            now,
            self._event(
                now, {"type": "task_started", "turn_id": turn_id, "model_context_window": 258_400}
            ),
        )
        yield (
            now,
            self._line(
                now,
                "turn_context",
                {"turn_id": turn_id, "cwd": self.cwd, "model": self.model, "effort": "medium"},
            ),
        )
        yield now, self._event(now, {"type": "user_message", "message": prompt(self.turns)})
        for _ in range(rng.randint(2, 5)):
            now += self._pause(2_500, 8_000)
            call = f"call_demo{rng.getrandbits(64):016x}"
            yield (
                now,
                self._line(
                    now,
                    "response_item",
                    {
                        "type": "function_call",
                        "name": "exec_command",
                        "call_id": call,
                        "arguments": json.dumps({"cmd": rng.choice(COMMANDS)}),
                    },
                ),
            )
            code = 1 if rng.random() < 0.15 else 0
            yield (
                now + 200,
                self._line(
                    now + 200,
                    "response_item",
                    {
                        "type": "function_call_output",
                        "call_id": call,
                        "output": f"Process exited with code {code}\ndemo",
                    },
                ),
            )
            yield now + 210, self._count(now + 210)
        now += self._pause(900, 2_500)
        yield now, self._count(now)
        yield (
            now,
            self._event(
                now,
                {
                    "type": "task_complete",
                    "turn_id": turn_id,
                    "last_agent_message": "Done.",
                    "duration_ms": now - start_ms,
                },
            ),
        )

    def _pause(self, least: int, most: int) -> int:
        return int(self.rng.randint(least, most) * self.pace)

    def _count(self, now: int) -> str:
        rng = self.rng
        self.context += rng.randint(200, 2_200)
        last = {
            "input_tokens": self.context,
            "cached_input_tokens": self.cached,
            "output_tokens": rng.randint(80, 700),
            "reasoning_output_tokens": rng.randint(0, 60),
        }
        last["total_tokens"] = last["input_tokens"] + last["output_tokens"]
        self.cached = self.context // 128 * 128
        self.totals = {kind: self.totals.get(kind, 0) + count for kind, count in last.items()}
        return self._event(
            now,
            {
                "type": "token_count",
                "info": {
                    "total_token_usage": self.totals,
                    "last_token_usage": last,
                    "model_context_window": 258_400,
                },
                "rate_limits": None,
            },
        )

    def _event(self, now: int, payload: dict[str, Any]) -> str:
        return self._line(now, "event_msg", payload)

    def _line(self, now: int, kind: str, payload: dict[str, Any]) -> str:
        return as_line({"timestamp": stamp(now), "type": kind, "payload": payload})
