"""A stub of the Gemini API, enough for Gemini CLI: streaming, thoughts, tools, cached input."""

from __future__ import annotations

import json
from typing import Any

from stub import Served, Stub, Tokens, marked, step


class GoogleStub(Stub):
    """``POST /v1beta/models/MODEL:streamGenerateContent``, with a known usage per request."""

    def tokens(self, number: int) -> Tokens:
        # Multiples that keep every price per kind a whole number of microdollars.
        return Tokens(
            fresh=2_000 + 16 * number,
            cache_read=6_000 + 80 * number,
            output=190 + 7 * number,
            reasoning=40 + number,
        )

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[str, str] | None:
        model, _, method = path.rpartition("/")[2].partition(":")
        if method not in {"streamGenerateContent", "generateContent"}:
            return None
        marker, script, index = _where(body.get("contents", []))
        # What isn't streamed is asked for on the side (a summary, a check) and is in no log.
        works = method == "streamGenerateContent"
        action = self.pause(step(script, index) if works else "say")
        served = self.book(
            Served(
                number=0,
                marker=marker,
                session="",
                thread="",
                model=model,
                purpose=method,
                logged=works,
                tokens=Tokens(),
                headers=headers,
            )
        )
        self.bodies.append(body)
        answer = {
            "candidates": [
                {
                    "content": {"role": "model", "parts": _parts(action, served, _tools(body))},
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": _usage(served.tokens),
            "modelVersion": model,
            "responseId": f"goog_stub{served.number:04}",
        }
        if not works:
            return "application/json", json.dumps(answer)
        return "text/event-stream", f"data: {json.dumps(answer)}\r\n\r\n"


def _usage(tokens: Tokens) -> dict[str, int]:
    """Return usage as Google counts: cached is inside the prompt, thoughts outside candidates."""
    return {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "cachedContentTokenCount": tokens.cache_read,
        "thoughtsTokenCount": tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
    }


def _where(contents: list[dict[str, Any]]) -> tuple[str, str, int]:
    """Return the newest prompt's marker and script, and how many answers it has had."""
    answers = 0
    for content in reversed(contents):
        if content.get("role") == "model":
            answers += 1
            continue
        texts = [part.get("text", "") for part in content.get("parts", [])]
        found = [hit for hit in map(marked, texts) if hit]
        if found:
            return (*found[-1], answers)
    return "", "", answers


def _tools(body: dict[str, Any]) -> set[str]:
    """Return the names of the tools a request offers."""
    declared = [f for tool in body.get("tools", []) for f in tool.get("functionDeclarations", [])]
    return {str(function.get("name")) for function in declared}


def _parts(action: str, served: Served, tools: set[str]) -> list[dict[str, Any]]:
    """Return an answer's parts; like the real models', each begins with a thought.

    ``bare`` before a step leaves the thought out, ``tell`` puts a text beside the call.
    """
    thought = {"text": f"**Thinking**\nThought {served.number}.", "thought": True}
    parts: list[dict[str, Any]] = [] if action.startswith("bare ") else [thought]
    action = action.removeprefix("bare ")
    if action.startswith("tell "):
        parts.append({"text": f"Step {served.number}."})
    verb, _, rest = action.removeprefix("tell ").partition(" ")
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "run": ("run_shell_command", {"command": rest, "description": "a step"}),
        "fail": ("run_shell_command", {"command": "echo nope >&2; exit 2"}),
        "read": ("read_file", {"file_path": rest}),
        "write": ("write_file", {"file_path": rest, "content": "written\n"}),
        "agent": ("invoke_agent", {"agent_name": "generalist", "prompt": rest}),
    }
    if verb not in calls and "complete_task" in tools:
        # The only way a sub-agent may end.
        calls[verb] = ("complete_task", {"result": {"response": f"Answer {served.number}."}})
    if verb in calls:
        name, arguments = calls[verb]
        call = {"id": f"call_stub{served.number:04}", "name": name, "args": arguments}
        return [*parts, {"functionCall": call}]
    return [*parts, {"text": f"Answer {served.number}."}]
