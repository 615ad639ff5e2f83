"""A stub of the Chat Completions API: streaming, tools, cached input."""

from __future__ import annotations

import json
from typing import Any

from stub import Served, Stub, Tokens, marked, step


class ChatStub(Stub):
    """``POST /v1/chat/completions``: what agents need of it, with a known usage per request."""

    def tokens(self, number: int) -> Tokens:
        # Multiples that keep every price per kind a whole number of microdollars.
        return Tokens(
            fresh=2_000 + 20 * number,
            cache_read=7_000 + 40 * number,
            output=120 + 8 * number,
            reasoning=30 + number,
        )

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[str, str] | None:
        if path != "/v1/chat/completions":
            return None
        marker, script, index = _where(body.get("messages", []))
        works = self.is_logged(body)
        action = self.pause(step(script, index) if works else "say")
        served = self.book(
            Served(
                number=0,
                marker=marker,
                session="",
                thread="",
                model=str(body.get("model", "")),
                purpose="" if works else "title",
                logged=works,
                tokens=Tokens(),
                headers=headers,
            )
        )
        self.bodies.append(body)
        delta, finish = self.delta(action, served)
        base = {"id": f"chat_stub{served.number:04}", "object": "chat.completion.chunk"}
        base |= {"created": 1, "model": served.model}
        chunks = [
            base | {"choices": [{"index": 0, "delta": {"role": "assistant"} | delta}]},
            base | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
            base | {"choices": [], "usage": _usage(served.tokens)},
        ]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        return "text/event-stream", text + "data: [DONE]\n\n"

    def is_logged(self, body: dict[str, Any]) -> bool:
        """Tell whether a request belongs in a log: titles, asked for without tools, don't."""
        return bool(body.get("tools"))

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        """Return the tool and the arguments that carry out a step, None if it needs none."""
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("bash", {"command": rest, "description": "runs it"}),
            "fail": ("bash", {"command": "echo nope >&2; exit 2", "description": "fails"}),
            "read": ("read", {"filePath": rest}),
            "edit": ("write", {"filePath": rest, "content": "new\n"}),
            "agent": (
                "task",
                {"description": "a task", "prompt": rest, "subagent_type": "general"},
            ),
        }
        return calls.get(verb)

    def delta(self, action: str, served: Served) -> tuple[dict[str, Any], str]:
        """Return what a step's answer says, and why it ends."""
        verb, _, rest = action.partition(" ")
        wanted = self.call(verb, rest)
        if wanted is None:
            return {"content": f"Answer {served.number}."}, "stop"
        name, arguments = wanted
        call = {
            "index": 0,
            "id": f"call_stub{served.number:04}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        return {"tool_calls": [call]}, "tool_calls"


def _usage(tokens: Tokens) -> dict[str, Any]:
    """Return usage as this API counts: cached is inside the prompt, reasoning inside the rest."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def _where(messages: list[dict[str, Any]]) -> tuple[str, str, int]:
    """Return the newest prompt's marker and script, and how many answers it has had."""
    answers = 0
    for message in reversed(messages):
        if message.get("role") == "assistant":
            answers += 1
        elif message.get("role") == "user":
            content = message.get("content", "")
            texts = [content] if isinstance(content, str) else [c.get("text", "") for c in content]
            found = [hit for hit in map(marked, texts) if hit]
            if found:
                return (*found[-1], answers)
    return "", "", answers
