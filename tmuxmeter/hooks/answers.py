"""What a hook answers, in each agent's own words.

Sources: the vendors' hook references; the shapes for Claude Code 2.1.197 and Codex 0.169.0 were
tried with the real programs. Only the least is said: older Codex takes a field it doesn't know for
a failed hook, and a failed hook lets the call through.
"""

from __future__ import annotations

import json
from typing import Final

PROMPT_EVENTS: Final = frozenset({"UserPromptSubmit", "BeforeAgent", "beforeSubmitPrompt"})
"""A prompt was typed: while held it is refused, so that nothing is sent or waits unseen."""
COMPACT_EVENT: Final = "PreCompact"
"""A context is to be compacted, which is a request (Claude Code 2.1.330 and Codex 0.169.0 obey what
is answered): asked for by hand it is refused like a prompt, in the midst of a turn it waits."""


def go_on(agent: str, notice: str = "") -> str:
    """Return the answer that changes nothing; ``notice`` is shown to the agent's user.

    Cursor would take a permission for its user's own consent, so it is told nothing.
    """
    if agent == "cursor":
        return "{}"
    if notice:
        return json.dumps({"systemMessage": notice})
    return "{}" if agent == "gemini" else ""


def refuse(agent: str, event: str, reason: str) -> str:
    """Return the answer that refuses a tool call or a prompt."""
    if agent == "cursor":
        if event in PROMPT_EVENTS:
            return json.dumps({"continue": False, "user_message": reason})
        return json.dumps({"permission": "deny", "user_message": reason, "agent_message": reason})
    if agent == "gemini":
        return json.dumps({"decision": "deny", "reason": reason})
    if agent == "codex" and event == COMPACT_EVENT:
        return json.dumps({"continue": False, "stopReason": reason})
    if event in PROMPT_EVENTS or event == COMPACT_EVENT:
        return json.dumps({"decision": "block", "reason": reason})
    decision = {
        "hookEventName": event,
        "permissionDecision": "deny",
        "permissionDecisionReason": reason,
    }
    return json.dumps({"hookSpecificOutput": decision})
