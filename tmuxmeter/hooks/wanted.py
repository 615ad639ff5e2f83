"""What each agent's settings are to hold: which events run our hook, and in which shape.

Sources: the vendors' hook references (Claude Code, Codex, Gemini CLI, Cursor); tried with Claude
Code 2.1.197 and Codex 0.169.0.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S: Final = 86_400
"""How long a hook may hold; the waiting program answers before that."""
ASK_S: Final = 30
"""For hooks that refuse a prompt: they may wait for a watcher that is just started anew."""
SHORT_S: Final = 10
"""For hooks that only report."""
_OURS = re.compile(r"/hook\.sh'? (?:claude|codex|gemini|cursor) [A-Za-z]+ --runtime ")
_WAITING = frozenset({"PreToolUse", "BeforeTool", "preToolUse", "PreCompact"})
_ASKING = _WAITING | {"UserPromptSubmit", "BeforeAgent", "beforeSubmitPrompt"}

EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "claude": ("PreToolUse", "UserPromptSubmit", "PreCompact", "SessionStart", "SessionEnd"),
    "codex": ("PreToolUse", "UserPromptSubmit", "PreCompact", "SessionStart"),
    "gemini": ("BeforeTool", "BeforeAgent", "SessionStart", "SessionEnd"),
    "cursor": ("preToolUse", "beforeSubmitPrompt", "sessionStart", "sessionEnd", "stop"),
}
COMMENTS: Final = frozenset({"gemini"})
"""Agents that allow comments in their settings."""


@dataclass(frozen=True, slots=True)
class Program:
    """What hooks run: our script, the Python that waits, and where flags and reports lie."""

    script: Path
    python: Path
    runtime: Path

    def command(self, agent: str, event: str) -> str:
        """Return the command line for an event, in words that sh and fish understand alike.

        A script that has moved away must not fail: some shells end with 2 then, which agents take
        for a refusal.
        """
        run = self._run(agent, event)
        if event in _ASKING:
            run += f" --python {shlex.quote(str(self.python))}"
            # what waits longer than its agent does, lets everything through without a word
            run += "" if event in _WAITING else f" --timeout {ASK_S}"
        return f"test -r {shlex.quote(str(self.script))} && exec {run} || exit 0"

    def status_line(self, then: str) -> str:
        """Return the command line that reports and runs the user's own status line, if any.

        With the script gone, the user's own still runs.
        """
        if not then:
            return self.command("claude", "statusLine")
        run = f'{self._run("claude", "statusLine")} --then "$c"'
        readable = f"test -r {shlex.quote(str(self.script))}"
        return f'c={shlex.quote(then)}; {readable} && exec {run}; eval "$c"'

    def _run(self, agent: str, event: str) -> str:
        script, runtime = shlex.quote(str(self.script)), shlex.quote(str(self.runtime))
        return f"/bin/sh {script} {agent} {event} --runtime {runtime}"

    def entry(self, agent: str, event: str) -> dict[str, Any]:
        """Return the item of an event's list."""
        seconds = WAIT_S if event in _WAITING else ASK_S if event in _ASKING else SHORT_S
        command = self.command(agent, event)
        if agent == "cursor":
            return {"command": command, "timeout": seconds}
        handler: dict[str, Any] = {"type": "command", "command": command, "timeout": seconds}
        if agent == "gemini":
            handler = {"name": "tmuxmeter", **handler, "timeout": seconds * 1000}
        return {"hooks": [handler]}


def is_ours(command: object) -> bool:
    """Tell whether a command line is one of ours, of whatever version and place."""
    return isinstance(command, str) and bool(_OURS.search(command))


def script_of(command: str) -> str:
    """Return the script that a command line of ours runs, "" where it can't be told."""
    return next((word for word in _words(command) if word.endswith("/hook.sh")), "")


def runtime_of(command: str) -> str:
    """Return the folder whose flags a command line of ours obeys, "" where it can't be told."""
    words = _words(command)
    return words[words.index("--runtime") + 1] if "--runtime" in words[:-1] else ""


def wrapped(command: str) -> str:
    """Return the user's own status line within a command line of ours, "" where there is none."""
    if not command.startswith("c="):
        return ""
    return next(iter(_words(command)), "")[2:-1]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
