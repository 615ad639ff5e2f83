"""What a played agent's pane shows: the lines it writes to its log, told the way agents do."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

BOLD, DIM, PLAIN = "\033[1m", "\033[2m", "\033[0m"


class Shown(NamedTuple):
    """A line of the screen. ``asks`` tells that a real agent may ask for permission here."""

    text: str
    asks: bool = False


def shown(line: str) -> Shown | None:
    """Return what a log line looks like on the agent's screen, None if it isn't seen there."""
    record = json.loads(line)
    if "payload" in record:
        return _codex(record["payload"])
    return _claude(record["message"]["content"], record["cwd"]) if "message" in record else None


def _claude(content: Any, cwd: str) -> Shown | None:
    if isinstance(content, str):
        return Shown(f"\n{BOLD}> {content}{PLAIN}")
    part = content[0]
    if part["type"] == "tool_use":
        value = part["input"].get("command") or part["input"]["file_path"].removeprefix(cwd + "/")
        return Shown(f"● {part['name']}({value})", asks=part["name"] == "Bash")
    if part["type"] == "tool_result":
        return Shown(f"{DIM}  └ {part['content'].splitlines()[0]}{PLAIN}")
    return Shown(f"● {part['text']}") if part["type"] == "text" else None


def _codex(payload: dict[str, Any]) -> Shown | None:
    match payload.get("type"):
        case "user_message":
            return Shown(f"\n{BOLD}› {payload['message']}{PLAIN}")
        case "function_call":
            return Shown(f"• Ran {json.loads(payload['arguments'])['cmd']}")
        case "function_call_output":
            return Shown(f"{DIM}  └ {payload['output'].splitlines()[0]}{PLAIN}")
        case "task_complete":
            return Shown(f"• {payload['last_agent_message']}")
    return None
