"""A played Claude Code session: its turns as timed log lines, the way the real one writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmuxmeter.demo.words import COMMANDS, FILES, as_line, prompt, random_id, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.words import Line


@dataclass
class ClaudeSession:
    """One played Claude Code session."""

    rng: Random
    cwd: str
    branch: str
    model: str = "claude-sonnet-4-6"
    session: str = ""
    context: int = 18_000
    cached: int = 0
    pace: float = 1.0
    turns: int = 0
    last_uuid: str | None = None

    def __post_init__(self) -> None:
        self.session = self.session or random_id(self.rng)

    @property
    def path(self) -> str:
        """Where the transcript lies below the home folder."""
        slug = "".join(c if c.isalnum() else "-" for c in self.cwd)
        return f".claude/projects/{slug}/{self.session}.jsonl"

    def turn(self, start_ms: int) -> Iterator[Line]:
        """Yield the lines of one turn: a prompt, some requests with tools, the end."""
        rng = self.rng
        self.turns += 1
        now = start_ms
        yield (
            now,
            self._record(
                now,
                "user",
                promptSource="typed",
                origin={"kind": "human"},
                message={"role": "user", "content": prompt(self.turns)},
            ),
        )
        steps = rng.randint(2, 6)
        for step in range(steps):
            now += self._pause(2_500, 9_000)
            last = step == steps - 1
            yield from self._reply(now, last)
            now += self._pause(300, 900)
        yield now, self._record(now, "system", subtype="turn_duration", durationMs=now - start_ms)

    def _pause(self, least: int, most: int) -> int:
        return int(self.rng.randint(least, most) * self.pace)

    def _reply(self, now: int, last: bool) -> Iterator[Line]:
        rng = self.rng
        added = rng.randint(300, 2_600)
        usage = {
            "input_tokens": rng.randint(3, 40),
            "output_tokens": 8,
            "cache_read_input_tokens": self.cached,
            "cache_creation_input_tokens": self.context - self.cached + added,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0,
                "ephemeral_1h_input_tokens": self.context - self.cached + added,
            },
            "service_tier": "standard",
        }
        self.context += added
        # now and then the cache has expired and everything is written anew
        self.cached = 0 if rng.random() < 0.06 else self.context
        message_id = f"msg_demo{rng.getrandbits(64):016x}"
        request_id = f"req_demo{rng.getrandbits(64):016x}"

        def part(content: dict[str, Any], output: int, stop: str | None) -> Line:
            message = {
                "id": message_id,
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": [content],
                "stop_reason": stop,
                "usage": {**usage, "output_tokens": output},
            }
            return now, self._record(now, "assistant", requestId=request_id, message=message)

        output = rng.randint(120, 900)
        yield part({"type": "thinking", "thinking": "", "signature": "demo"}, 8, None)
        if last:
            yield part({"type": "text", "text": "Done."}, output, "end_turn")
            return
        call = f"toolu_demo{rng.getrandbits(64):016x}"
        path = f"{self.cwd}/{rng.choice(FILES)}"
        name, inputs = rng.choice(
            (
                ("Read", {"file_path": path}),
                ("Edit", {"file_path": path, "old_string": "a", "new_string": "b"}),
                ("Bash", {"command": rng.choice(COMMANDS)}),
            )
        )
        yield part(
            {"type": "tool_use", "id": call, "name": name, "input": inputs}, output, "tool_use"
        )
        failed = name == "Bash" and rng.random() < 0.3
        text = "Exit code 2\ndemo" if failed else "ok (demo)"
        result = {"type": "tool_result", "tool_use_id": call, "content": text, "is_error": failed}
        later = now + self._pause(100, 280)
        yield (
            later,
            self._record(
                later,
                "user",
                message={"role": "user", "content": [result]},
                toolUseResult={"stdout": text},
            ),
        )

    def _record(self, time_ms: int, kind: str, **fields: Any) -> str:
        uuid = random_id(self.rng)
        record = {
            "parentUuid": self.last_uuid,
            "isSidechain": False,
            "userType": "external",
            "cwd": self.cwd,
            "sessionId": self.session,
            "version": "2.1.197",
            "gitBranch": self.branch,
            "type": kind,
            **fields,
            "uuid": uuid,
            "timestamp": stamp(time_ms),
        }
        self.last_uuid = uuid
        return as_line(record)
