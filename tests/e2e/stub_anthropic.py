"""A stub of the Messages API, enough for Claude Code: streaming, tools, token counts."""

from __future__ import annotations

import json
from typing import Any

from stub import Served, Stub, Tokens, event_stream, marked, step

COMPACTION = "Your task is to create a detailed summary of the conversation so far"


class AnthropicStub(Stub):
    """``POST /v1/messages``: what Claude Code needs of it, with a known usage per request."""

    def tokens(self, number: int) -> Tokens:
        # Multiples that keep every price per kind a whole number of microdollars.
        return Tokens(
            fresh=100 + 13 * number,
            cache_read=10_000 + 110 * number,
            cache_write_5m=1_500 + 8 * number if number % 3 else 0,
            cache_write_1h=500 + 3 * number if number % 4 else 0,
            output=60 + 11 * number,
        )

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[str, str] | None:
        if path == "/":
            return "application/json", "{}"
        if path == "/v1/messages/count_tokens":
            return "application/json", json.dumps({"input_tokens": 1234})
        if path != "/v1/messages":
            return None
        marker, script, index = _where(body.get("messages", []))
        purpose = _purpose(body)
        works = purpose == "turn"
        action = self.pause(step(script, index) if works else "say")
        served = self.book(
            Served(
                number=0,
                marker=marker,
                session=headers.get("x-claude-code-session-id", ""),
                thread=headers.get("x-claude-code-agent-id", ""),
                model=str(body.get("model", "")),
                purpose=purpose,
                logged=works,
                tokens=Tokens(),
                headers=headers,
            )
        )
        self.bodies.append(body)
        names = {tool.get("name", "") for tool in body.get("tools", [])}
        blocks, stop = _content(action, served, names)
        message: dict[str, Any] = {
            "id": f"msg_stub{served.number:04}",
            "type": "message",
            "role": "assistant",
            "model": served.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(served.tokens) | {"output_tokens": 1},
        }
        if body.get("stream"):
            return event_stream(_events(message, blocks, stop, served.tokens))
        whole = message | {"content": blocks, "stop_reason": stop, "usage": _usage(served.tokens)}
        return "application/json", json.dumps(whole)


def _purpose(body: dict[str, Any]) -> str:
    """Return what a request is for: only turns are logged.

    Title generation offers the model no tools; a compaction ends with the vendor's own prompt.
    """
    if not body.get("tools"):
        return "title"
    last = body["messages"][-1]
    texts = _texts(last) if last.get("role") == "user" else []
    return "compaction" if any(COMPACTION in text for text in texts) else "turn"


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.fresh,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write_5m + tokens.cache_write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write_5m,
            "ephemeral_1h_input_tokens": tokens.cache_write_1h,
        },
        "output_tokens": tokens.output,
        "service_tier": "standard",
    }


def _texts(message: dict[str, Any]) -> list[str]:
    content = message.get("content", "")
    if isinstance(content, str):
        return [content]
    return [str(block.get("text", "")) for block in content if block.get("type") == "text"]


def _where(messages: list[dict[str, Any]]) -> tuple[str, str, int]:
    """Return the newest prompt's marker and script, and how many answers it has had."""
    answers = 0
    for message in reversed(messages):
        if message.get("role") == "assistant":
            answers += 1
            continue
        found = [hit for hit in map(marked, _texts(message)) if hit]
        if found:
            return (*found[-1], answers)
    return "", "", answers


def _content(action: str, served: Served, tools: set[str]) -> tuple[list[dict[str, Any]], str]:
    """Return the content blocks of an answer and why it stops."""
    verb, _, rest = action.partition(" ")
    call: tuple[str, dict[str, Any]] | None = None
    if verb == "run":
        call = "Bash", {"command": rest, "description": "Run the command"}
    elif verb == "fail":
        call = "Bash", {"command": "echo nope >&2; exit 2", "description": "Fail"}
    elif verb == "read":
        call = "Read", {"file_path": rest}
    elif verb == "write":
        call = "Write", {"file_path": rest, "content": "written\n"}
    elif verb == "agent":
        call = (
            "Agent" if "Agent" in tools else "Task",
            {"description": "Look around", "prompt": rest, "subagent_type": "general-purpose"},
        )
    if call:
        name, arguments = call
        use = {
            "type": "tool_use",
            "id": f"toolu_stub{served.number:04}",
            "name": name,
            "input": arguments,
        }
        return [{"type": "text", "text": f"Calling {name}."}, use], "tool_use"
    text = {
        "title": json.dumps({"title": "A stub's title"}),
        "compaction": "<analysis>None.</analysis><summary>All was said.</summary>",
    }.get(served.purpose, f"Answer {served.number}.")
    return [{"type": "text", "text": text}], "end_turn"


def _events(
    message: dict[str, Any], blocks: list[dict[str, Any]], stop: str, tokens: Tokens
) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            start: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            start = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": start},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    return [
        *events,
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": tokens.output},
        },
        {"type": "message_stop"},
    ]
