"""Claude Code: where its transcripts are, and how its processes show themselves."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.base import Defaults, LiveSession, Root
from tmuxmeter.agents.claude_reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SCRIPT = re.compile(
    r"(?:^|/)(?:@anthropic-ai/claude-code/[^ ]+|claude-code/cli\.[cm]?js|bin/claude)$"
)
_VERSIONED = re.compile(r"/claude/versions/\d[\w.-]*$")
_RUNTIMES = frozenset({"bun", "deno", "node", "nodejs"})
_TASKS = frozenset(
    {
        "agents",
        "auth",
        "auto-mode",
        "config",
        "doctor",
        "help",
        "install",
        "mcp",
        "migrate-installer",
        "plugin",
        "plugins",
        "setup-token",
        "uninstall",
        "update",
        "upgrade",
    }
)
"""Subcommands that do a job and leave, or serve another program: no conversation in them."""
_HELP_FLAGS = frozenset({"--chrome-native-host", "--claude-in-chrome-mcp", "--help", "--version"})

_STATES = {"busy": "working", "waiting": "waiting", "idle": "idle", "shell": "idle"}
"""``shell``: idle at the prompt while a command runs in the background."""


class _Live(msgspec.Struct, gc=False, rename="camel"):
    """``sessions/<pid>.json`` as Claude Code 2.1.139 and later write it."""

    pid: int
    session_id: str
    cwd: str | None = None
    proc_start: str | int | None = None
    status: str | None = None
    waiting_for: str | None = None
    started_at: int | float | None = None
    updated_at: int | float | None = None


class Claude(Defaults):
    """Anthropic's Claude Code."""

    name = "claude"
    title = "Claude Code"
    provider = "anthropic"
    programs = ("claude",)
    meters = "replies of the main thread, sub-agents and asides"
    lacks = "titles and /compact are billed but never logged"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``CLAUDE_CONFIG_DIR`` (one folder or several, with commas) or the usual places.

        The usual places are ``~/.claude``, its XDG form, and ``~/.claude-*`` for further accounts.
        """
        told = [part.strip() for part in env.get("CLAUDE_CONFIG_DIR", "").split(",")]
        paths = [_expand(part, home) for part in told if part]
        if paths:
            return tuple(Root(self.name, path) for path in dict.fromkeys(paths))
        config = env.get("XDG_CONFIG_HOME", "")
        xdg = Path(config) if config.startswith("/") else home / ".config"
        return (
            Root(self.name, home / ".claude"),
            Root(self.name, xdg / "claude"),
            Root(self.name, home / ".claude-*", needs=("projects", "sessions")),
        )

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for transcripts of sessions and sub-agents, None for the rest."""
        parts = PurePath(relative).parts
        if len(parts) < 3 or parts[0] != "projects" or not relative.endswith(".jsonl"):
            return None
        if len(parts) == 3:
            return relative
        # Below a session only sub-agents write transcripts; tool results may look like any file.
        if parts[-1].startswith("agent-") and "tool-results" not in parts:
            return relative
        return None

    def log_folders(self) -> tuple[str, ...]:
        """Return the one folder that holds transcripts."""
        return ("projects",)

    def reader(self, name: str, state: bytes = b"") -> Reader:
        """Return a reader for a transcript, going on from ``state``."""
        return Reader(self.session_of_log(name) or PurePath(name).stem, state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``helper`` for other uses of the same program.

        A native build's file is named after its version, but ``argv[0]`` still says ``claude``; the
        npm build is a script run by Node. A nested ``claude -p`` is an agent like any other.
        """
        argv = process.argv or (process.name,)
        program = argv[0].removesuffix(".exe")
        rest = argv[1:]
        if PurePath(program).name in _RUNTIMES:
            script = next((n for n, word in enumerate(rest) if not word.startswith("-")), None)
            if script is None or not _SCRIPT.search(rest[script]):
                return ""
            rest = rest[script + 1 :]
        elif PurePath(program).name != "claude" and not _VERSIONED.search(program):
            return ""
        first = rest[0] if rest else ""
        return "helper" if first in _TASKS or first in _HELP_FLAGS else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id after ``--session-id``, ``--resume`` or ``-r``; a name is none."""
        told = {"--session-id": "", "--resume": "", "-r": ""}
        for index, word in enumerate(argv):
            flag, equals, value = word.partition("=")
            if flag in told:
                value = value if equals else "".join(argv[index + 1 : index + 2])
                if _UUID.fullmatch(value):
                    told[flag] = value.lower()
        if told["--session-id"]:
            return told["--session-id"]
        # A fork begins under an id of its own.
        return "" if "--fork-session" in argv else told["--resume"] or told["-r"]

    def session_of_log(self, name: str) -> str:
        """Return the session in a transcript's path; a sub-agent's is its parent's."""
        parts = PurePath(name).parts
        if len(parts) < 3:
            return ""
        stem = PurePath(parts[2]).stem if len(parts) == 3 else parts[2]
        return "" if stem.startswith("agent-") else stem

    def live_files(self) -> tuple[str, ...]:
        """Return the pattern of the files that describe running processes."""
        return ("sessions/*.json",)

    def live_session(self, content: bytes) -> LiveSession | None:
        """Return what ``sessions/<pid>.json`` says, None for what only old builds left behind.

        Such leftovers name neither a state nor the process' start, so that a reused pid would
        pass for theirs. ``sessionId`` may be stale after ``/clear`` in some builds.
        """
        try:
            live = msgspec.json.decode(content, type=_Live)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if live.pid <= 0 or not live.session_id or not (live.proc_start or live.status):
            return None
        return LiveSession(
            pid=live.pid,
            session=live.session_id,
            cwd=live.cwd or "",
            start_token=str(live.proc_start or ""),
            state=_STATES.get(live.status or "", ""),
            waiting_for=live.waiting_for or "",
            started_ms=int(live.started_at or 0),
            updated_ms=int(live.updated_at or 0),
        )


def _expand(path: str, home: Path) -> Path:
    if path == "~" or path.startswith("~/"):
        return home / path[2:]
    return Path(path)
