"""A played Codex thread: its turns as timed log lines, the way the real one writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tmuxmeter.demo.role import LIVE, Context, Role, Streak
from tmuxmeter.demo.words import COMMANDS, as_line, prompt, stamp, timed_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.role import Tempo
    from tmuxmeter.demo.words import Line


@dataclass
class CodexSession:
    """One played Codex thread."""

    rng: Random
    cwd: str
    branch: str
    started_ms: int
    role: Role = field(default_factory=Role)
    tempo: Tempo = LIVE
    model: str = "gpt-5.5"
    session: str = ""
    turns: int = 0
    totals: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = self.session or timed_id(self.rng, self.started_ms)
        self.context = Context(self.role.context)
        self.streak = Streak(self.role.stuck)

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
        asked = prompt(self.turns, strays=self.role.strays)
        yield now, self._event(now, {"type": "user_message", "message": asked})
        for left in range(rng.randint(*self.tempo.requests) - 1, -1, -1):
            now += rng.randint(*self.tempo.reply)
            for _ in range(rng.randint(2, 3) if left else 0):
                yield from self._tool(now, now := now + rng.randint(*self.tempo.tool))
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

    def _tool(self, begun: int, ended: int) -> Iterator[Line]:
        """Yield a tool call and its outcome: a patch in every second turn, else a command."""
        rng = self.rng
        call = f"call_demo{rng.getrandbits(64):016x}"
        if self.turns % 2 and not self.streak.on and rng.random() < 0.3:
            path = f"{self.cwd}/{rng.choice(self.role.files)}"
            ended_well = {"call_id": call, "success": True, "changes": {path: {"type": "update"}}}
            yield ended, self._event(ended, {"type": "patch_apply_end", **ended_well})
            return
        command = {"cmd": rng.choice(COMMANDS)}
        called = {"name": "exec_command", "call_id": call, "arguments": json.dumps(command)}
        yield begun, self._line(begun, "response_item", {"type": "function_call", **called})
        failed = self.streak.fails(rng, by_itself=not self.streak.on and rng.random() < 0.1)
        output = f"Process exited with code {int(failed)}\ndemo"
        answer = {"type": "function_call_output", "call_id": call, "output": output}
        yield ended, self._line(ended, "response_item", answer)

    def _count(self, now: int) -> str:
        rng = self.rng
        fresh, read, written = self.context.send(rng)
        output = self.role.output(rng, self.turns)
        last = {
            "input_tokens": fresh + read + written,
            "cached_input_tokens": read // 128 * 128,
            "output_tokens": output,
            "reasoning_output_tokens": rng.randint(0, min(60, output)),
        }
        last["total_tokens"] = last["input_tokens"] + last["output_tokens"]
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
