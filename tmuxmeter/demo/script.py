"""What the played agents write: turns of a session as timed log lines, the way the real ones do.

Pure and seeded: the same seed gives the same week. Texts say that they are a demo.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Line = tuple[int, str]
"""When a line is written (epoch ms) and its text without the newline."""

FILES = (
    "src/api/routes.py",
    "src/api/models.py",
    "src/billing.py",
    "tests/test_api.py",
    "README.md",
)

TASKS = (
    "round invoices the way the law wants",
    "make the API's errors say what is wrong",
    "find out why the test of refunds fails now and then",
    "move the price lists out of the code",
    "write down how to set the shop up",
)

COMMANDS = ("make test", "make test", "git diff --stat", "rg -n refund src", "make lint")


def stamp(time_ms: int) -> str:
    """Return epoch milliseconds as the ISO text both agents write."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def prompt(turn: int) -> str:
    """Return what the human asks for in a session's turn, the first being 1."""
    return f"demo: {TASKS[(turn - 1) % len(TASKS)]}"


def random_id(rng: Random) -> str:
    """Return a random UUID."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def timed_id(rng: Random, time_ms: int) -> str:
    """Return a UUID that begins with its time, as Codex names its threads (version 7)."""
    value = (time_ms << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62)
    return str(UUID(int=value | rng.getrandbits(62)))


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


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
        return _json(record)


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
        return _json({"timestamp": stamp(now), "type": kind, "payload": payload})


Session = ClaudeSession | CodexSession


def played_agents(rng: Random, projects: str, start_ms: int) -> tuple[Session, Session, Session]:
    """Return fresh sessions of the demo's three agents, working below the folder ``projects``."""
    return (
        ClaudeSession(rng, f"{projects}/shop", "main"),
        CodexSession(rng, f"{projects}/shop", "feature/invoices", start_ms),
        ClaudeSession(rng, f"{projects}/docs", "main", model="claude-haiku-4-5"),
    )


def past_days(rng: Random, projects: str, now_ms: int, days: int = 6) -> Iterator[tuple[str, Line]]:
    """Yield (path below home, line) for the days before today and this day's earlier hours."""
    day_ms = 86_400_000
    for ago in range(days, -1, -1):
        # nine hours of work that end now on the last day
        start = now_ms - ago * day_ms - 4 * 3_600_000
        for index, session in enumerate(played_agents(rng, projects, start + 60_000)):
            clock = start + 60_000 + index * 240_000
            for _ in range(rng.randint(9, 16)):
                last = clock
                for line in session.turn(clock):
                    last = line[0]
                    if last < now_ms:
                        yield session.path, line
                clock = last + rng.randint(120_000, 900_000)
