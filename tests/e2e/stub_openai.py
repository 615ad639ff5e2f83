"""A stub of the Responses API, enough for Codex: streaming, tools, reasoning, cached input."""

from __future__ import annotations

import json
from typing import Any

from stub import Served, Stub, Tokens, event_stream, marked, step


class OpenAIStub(Stub):
    """``POST /v1/responses``: what Codex needs of it, with a known usage per request."""

    def tokens(self, number: int) -> Tokens:
        # Multiples that keep every price per kind a whole number of microdollars.
        return Tokens(
            fresh=3_000 + 17 * number,
            cache_read=6_000 + 14 * number,
            output=150 + 7 * number,
            reasoning=40 + number,
        )

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[str, str] | None:
        if path != "/v1/responses":
            # Codex asks for the list of models and is content with its own where there is none.
            return ("application/json", '{"models": []}') if path == "/v1/models" else None
        marker, script, index = _where(body.get("input", []))
        turn = json.loads(headers.get("x-codex-turn-metadata", "{}"))
        # Title generation runs on an ephemeral thread of its own that no rollout holds.
        purpose = f"{turn.get('request_kind', '')}:{turn.get('thread_source', '')}"
        works = "title" not in purpose
        action = self.pause(step(script, index) if works else "say")
        served = self.book(
            Served(
                number=0,
                marker=marker,
                session=headers.get("session-id", ""),
                thread=headers.get("thread-id", ""),
                model=str(body.get("model", "")),
                purpose=purpose,
                logged=works,
                tokens=Tokens(),
                headers=headers,
            )
        )
        self.bodies.append(body)
        item = _item(action, served, structured=not works)
        response = {
            "id": f"resp_stub{served.number:04}",
            "status": "completed",
            "output": [item],
            "usage": _usage(served.tokens),
        }
        return event_stream(
            [
                {"type": "response.created", "response": {"id": response["id"]}},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": response},
            ]
        )


def _usage(tokens: Tokens) -> dict[str, Any]:
    """Return usage as the Responses API counts: cached is inside input, reasoning inside output."""
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cache_read},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


def _where(items: list[dict[str, Any]]) -> tuple[str, str, int]:
    """Return the newest prompt's marker and script, and how many calls it has had."""
    answers = 0
    for item in reversed(items):
        if item.get("type") in {"function_call", "custom_tool_call"}:
            answers += 1
        elif item.get("type", "message") == "message":
            if item.get("role") == "assistant":
                answers += 1
                continue
            content = item.get("content", "")
            texts = [content] if isinstance(content, str) else [c.get("text", "") for c in content]
            found = [hit for hit in map(marked, texts) if hit]
            if found:
                return (*found[-1], answers)
    return "", "", answers


def _item(action: str, served: Served, *, structured: bool) -> dict[str, Any]:
    verb, _, rest = action.partition(" ")
    calls: dict[str, dict[str, Any]] = {
        "run": {"name": "exec_command", "arguments": {"cmd": rest}},
        "fail": {"name": "exec_command", "arguments": {"cmd": "echo nope >&2; exit 2"}},
        "agent": {
            "name": "spawn_agent",
            "namespace": "multi_agent_v1",
            "arguments": {"message": rest},
        },
    }
    if verb in calls:
        return calls[verb] | {
            "type": "function_call",
            "id": f"fc_stub{served.number:04}",
            "call_id": f"call_stub{served.number:04}",
            "arguments": json.dumps(calls[verb]["arguments"]),
            "status": "completed",
        }
    text = json.dumps({"title": "A stub's title"}) if structured else f"Answer {served.number}."
    return {
        "type": "message",
        "role": "assistant",
        "id": f"msg_stub{served.number:04}",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
