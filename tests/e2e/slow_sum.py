"""Read the agents' logs the slow and simple way, as a second opinion on what they hold.

Shares no code with the meter: whole files, the standard library's JSON, one dictionary.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stub import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Logged:
    """One request as a log shows it."""

    session: str
    model: str
    tokens: Tokens


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a log that may be in the middle of being written."""
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def claude_requests(folder: Path) -> dict[str, Logged]:
    """Return what Claude's transcripts below ``folder`` hold, by message id."""
    found: dict[str, Logged] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for record in records(path):
            message = record.get("message")
            if record["type"] != "assistant" or not isinstance(message, dict):
                continue
            usage = message["usage"]
            split = usage["cache_creation"]
            tokens = Tokens(
                usage["input_tokens"],
                usage["cache_read_input_tokens"],
                split["ephemeral_5m_input_tokens"],
                split["ephemeral_1h_input_tokens"],
                usage["output_tokens"],
            )
            known = found.get(message["id"])
            if known is None or tokens.output >= known.tokens.output:
                # A fork copies its parent's records under its own session id.
                session = record.get("requestSessionId", record["sessionId"])
                found[message["id"]] = Logged(session, message["model"], tokens)
    return found


def codex_requests(folder: Path) -> dict[str, Logged]:
    """Return what Codex's rollouts below ``folder`` hold, by response id."""
    found: dict[str, Logged] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        thread = model = ""
        for record in records(path):
            payload = record["payload"]
            if record["type"] == "session_meta":
                thread = payload["id"]
            elif record["type"] == "turn_context":
                model = payload["model"]
            elif record["type"] == "token_usage_record":
                usage = payload["usage"]
                cached = usage["cached_input_tokens"]
                tokens = Tokens(
                    fresh=usage["input_tokens"] - cached,
                    cache_read=cached,
                    output=usage["output_tokens"],
                    reasoning=usage["reasoning_output_tokens"],
                )
                found[payload["response_id"]] = Logged(thread, model, tokens)
    return found
