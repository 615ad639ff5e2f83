"""A played Claude Code session: its turns as timed log lines, the way the real one writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tmuxmeter.demo.role import LIVE, Context, Role, Streak
from tmuxmeter.demo.words import COMMANDS, as_line, prompt, random_id, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.role import Tempo
    from tmuxmeter.demo.words import Line


@dataclass
class ClaudeSession:
    """One played Claude Code session."""

    rng: Random
    cwd: str
    branch: str
    role: Role = field(default_factory=Role)
    tempo: Tempo = LIVE
    model: str = "claude-sonnet-4-6"
    session: str = ""
    turns: int = 0
    last_uuid: str | None = None

    def __post_init__(self) -> None:
        self.session = self.session or random_id(self.rng)
        self.context = Context(self.role.context)
        self.streak = Streak(self.role.stuck)

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
                message={"role": "user", "content": prompt(self.turns, strays=self.role.strays)},
            ),
        )
        for left in range(rng.randint(*self.tempo.requests) - 1, -1, -1):
            for line in self._request(now + rng.randint(*self.tempo.reply), last=not left):
                now = line[0]
                yield line
        yield now, self._record(now, "system", subtype="turn_duration", durationMs=now - start_ms)

    def _request(self, now: int, *, last: bool) -> Iterator[Line]:
        """Yield a reply, part by part, and what its tools answer."""
        rng = self.rng
        fresh, read, written = self.context.send(rng)
        usage = {
            "input_tokens": fresh,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written,
                "ephemeral_1h_input_tokens": 0,
            },
            "service_tier": "standard",
        }
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

        output = self.role.output(rng, self.turns)
        yield part({"type": "thinking", "thinking": "", "signature": "demo"}, 8, None)
        if last:
            yield part({"type": "text", "text": "Done."}, output, "end_turn")
            return
        calls = [self._call() for _ in range(rng.randint(2, 3))]
        for call, _ in calls:
            yield part({"type": "tool_use", **call}, output, "tool_use")
        for call, failed in calls:
            now += rng.randint(*self.tempo.tool)
            yield now, self._result(now, call["id"], failed=failed)

    def _call(self) -> tuple[dict[str, Any], bool]:
        """Return a tool call and whether it fails.

        Every second turn only looks, and leaves nothing to be reviewed.
        """
        rng = self.rng
        path = f"{self.cwd}/{rng.choice(self.role.files)}"
        tools: list[tuple[str, dict[str, str]]] = [
            ("Read", {"file_path": path}),
            ("Bash", {"command": rng.choice(COMMANDS)}),
        ]
        if self.turns % 2:
            tools.append(("Edit", {"file_path": path, "old_string": "a", "new_string": "b"}))
        name, inputs = rng.choice(tools)
        failed = name == "Bash" and rng.random() < 0.2
        if self.streak.on:
            name, inputs = "Bash", {"command": "make test"}
        failed = self.streak.fails(rng, by_itself=failed)
        return {
            "id": f"toolu_demo{rng.getrandbits(64):016x}",
            "name": name,
            "input": inputs,
        }, failed

    def _result(self, now: int, call: str, *, failed: bool) -> str:
        text = "Exit code 2\ndemo" if failed else "ok (demo)"
        result = {"type": "tool_result", "tool_use_id": call, "content": text}
        return self._record(
            now,
            "user",
            message={"role": "user", "content": [{**result, "is_error": failed}]},
            toolUseResult={"stdout": text},
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
