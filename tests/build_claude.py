"""Writes Claude Code transcripts as the real program does, one record at a time.

Shapes as written by Claude Code 2.1.330, one line per content block, with the older ones
(progress records, unsplit cache writes) on request. Times advance by a second a record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Json = dict[str, Any]

START_MS = 1_795_250_000_000  # 2026-11-21T08:33:20Z
MODEL = "claude-sonnet-4-6"
_NAMES = UUID("6f3c0a52-9d0e-4a77-8d3b-0c3a1f7d9b11")


def session_id(name: str) -> str:
    """Return the session id that goes by this name in a test."""
    return str(uuid5(_NAMES, name))


def iso(time_ms: int) -> str:
    """Return epoch milliseconds as Claude Code writes times."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def usage(
    fresh: int = 3,
    output: int = 120,
    read: int = 40_000,
    write_5m: int = 0,
    write_1h: int = 900,
    **extra: object,
) -> Json:
    """Return ``message.usage`` of one request."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_read_input_tokens": read,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "cache_creation": {
            "ephemeral_1h_input_tokens": write_1h,
            "ephemeral_5m_input_tokens": write_5m,
        },
        "inference_geo": "",
        "iterations": [],
        "speed": "standard",
        **extra,
    }


def text(words: str) -> Json:
    """Return a text block."""
    return {"type": "text", "text": words}


def tool_use(call: str, name: str, **arguments: object) -> Json:
    """Return a tool call block."""
    return {"type": "tool_use", "id": call, "name": name, "input": arguments}


def encode(record: object) -> bytes:
    """Return a record as one line, compact as JavaScript writes it."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@dataclass
class Transcript:
    """One transcript being written; each method adds a record and returns it."""

    session: str
    cwd: str = "/work/app"
    branch: str = "main"
    version: str = "2.1.330"
    now_ms: int = START_MS
    agent: str = ""
    """Id of the sub-agent whose transcript this is; ``session`` is then its parent's."""
    records: list[Json] = field(default_factory=list)

    def add(self, kind: str, **fields: Any) -> Json:
        """Add a record of the conversation."""
        count = len(self.records)
        late = kind in ("assistant", "attachment")  # their type stands behind their contents
        record: Json = {
            "parentUuid": self.records[-1].get("uuid") if self.records else None,
            "isSidechain": bool(self.agent),
            **({"agentId": self.agent} if self.agent else {}),
            **({} if late else {"type": kind}),
            **fields,
            **({"type": kind} if late else {}),
        }
        record.setdefault("uuid", str(uuid5(_NAMES, f"{self.session}{self.agent}{count}")))
        record.setdefault("timestamp", iso(self.now_ms))
        record |= {
            "userType": "external",
            "entrypoint": "cli",
            "cwd": self.cwd,
            "sessionId": self.session,
            "version": self.version,
            "gitBranch": self.branch,
        }
        return self.append(record)

    def append(self, record: Json) -> Json:
        """Add a record as it is."""
        self.records.append(record)
        self.now_ms += 1000
        return record

    def state(self, kind: str, **fields: Any) -> Json:
        """Add one of the records that only hold the program's own state."""
        return self.append({"type": kind, **fields, "sessionId": self.session})

    def prompt(self, words: str | Sequence[Json], **fields: Any) -> Json:
        """Add a prompt, typed by a human unless ``fields`` say otherwise."""
        content = words if isinstance(words, str) else list(words)
        said = {} if self.agent else {"origin": {"kind": "human"}, "promptSource": "typed"}
        return self.add("user", message={"role": "user", "content": content}, **{**said, **fields})

    def reply(
        self,
        message: str,
        *blocks: Json,
        tokens: Json | None = None,
        stop: str | None = "end_turn",
        model: str = MODEL,
        **fields: Any,
    ) -> list[Json]:
        """Add a reply: one record per block, each with the whole usage."""
        return [
            self.add(
                "assistant",
                message={
                    "id": message,
                    "type": "message",
                    "role": "assistant",
                    "model": model,
                    "content": [block],
                    "stop_reason": stop,
                    "stop_sequence": None,
                    "usage": usage() if tokens is None else tokens,
                },
                **{"requestId": f"req_{message}", **fields},
            )
            for block in (blocks or (text("Done."),))
        ]

    def result(
        self, call: str, output: str = "ok", *, error: bool | None = None, **fields: Any
    ) -> Json:
        """Add a tool's result; most successes carry no ``is_error``."""
        block: Json = {"tool_use_id": call, "type": "tool_result", "content": output}
        if error is not None:
            block["is_error"] = error
        told = {"toolUseResult": f"Error: {output}" if error else {"stdout": output}}
        return self.add("user", message={"role": "user", "content": [block]}, **{**told, **fields})

    def system(self, subtype: str, **fields: Any) -> Json:
        """Add a system record."""
        return self.add("system", subtype=subtype, **fields)

    def turn_duration(self, duration_ms: int = 90_000) -> Json:
        """Add what ends most turns."""
        return self.system("turn_duration", durationMs=duration_ms)

    def interrupted(self) -> Json:
        """Add the mark of a human who pressed Escape."""
        words = [text("[Request interrupted by user for tool use]")]
        return self.add("user", message={"role": "user", "content": words})

    def api_error(self) -> Json:
        """Add the error that Claude Code shows in place of a reply."""
        return self.reply(
            "error",
            text("API Error: 529 overloaded"),
            model="<synthetic>",
            tokens=usage(0, 0, 0, 0, 0),
            stop="stop_sequence",
            isApiErrorMessage=True,
            error="overloaded",
        )[0]

    def agent_progress(self, record: Json, **fields: Any) -> Json:
        """Add a sub-agent's record to its parent's file, as builds until 2.1.4x did."""
        data = {"type": "agent_progress", "agentId": "a1", "prompt": "", "message": record}
        return self.add("progress", data={**data, **fields}, toolUseID="agent_msg_1")

    def queued(self, words: str, mode: str = "prompt", origin: str = "human") -> Json:
        """Add a prompt that was typed while the agent was at work, with its queue records."""
        self.queue("enqueue", words)
        record = self.add(
            "attachment",
            attachment={
                "type": "queued_command",
                "prompt": words,
                "commandMode": mode,
                "origin": {"kind": origin},
            },
        )
        self.queue("remove", words)
        return record

    def queue(self, operation: str, words: str) -> Json:
        """Add a record of the prompt queue."""
        return self.state(
            "queue-operation", operation=operation, timestamp=iso(self.now_ms), content=words
        )

    def compacted(self, before: int = 167_979, trigger: str = "auto") -> Json:
        """Add a compaction."""
        return self.system(
            "compact_boundary", compactMetadata={"trigger": trigger, "preTokens": before}
        )

    def forked(self, session: str, *, marked: bool = True) -> Transcript:
        """Return a branch of this session: its records copied under a new id.

        ``/branch`` marks the copies with their origin, ``--fork-session`` doesn't.
        """
        copy = Transcript(session, self.cwd, self.branch, self.version, self.now_ms)
        for record in self.records:
            if "uuid" in record:
                origin = {"sessionId": self.session, "messageUuid": record["uuid"]}
                mark = {"forkedFrom": origin} if marked else {}
                copy.records.append({**record, "sessionId": session, **mark})
        return copy

    @property
    def name(self) -> str:
        """Path below Claude Code's folder."""
        slug = "".join(c if c.isalnum() else "-" for c in self.cwd)
        below = f"{self.session}/subagents/agent-{self.agent}" if self.agent else self.session
        return f"projects/{slug}/{below}.jsonl"

    def data(self) -> bytes:
        """Return the file's bytes."""
        return b"".join(encode(record) for record in self.records)

    def write(self, root: Path) -> Path:
        """Write the file below Claude Code's folder."""
        path = root / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data())
        return path
