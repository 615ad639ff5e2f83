"""Qwen Code: where its chats are, and how its processes show themselves.

Observed with Qwen Code 0.24.4 in tmux, run against a stub; older shapes from its public source.
The format of a chat is described in ``docs/formats-qwen.md``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.base import Defaults, LiveSession, Root
from tmuxmeter.agents.lines import decode
from tmuxmeter.agents.node_scripts import arguments, is_uuid, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_PROGRAM = re.compile(r"qwen(?:\.exe)?")
_SCRIPT = re.compile(r"/@qwen-code/qwen-code/|/qwen-code/(?:bundle|dist|packages/cli)/")
# fmt: off
_OTHER = frozenset({
    "auth", "board", "channel", "extensions", "hooks", "mcp", "review", "sandbox", "sessions",
    "update",
})
# fmt: on
_ARCHIVE = "archive"
_LEAVES = frozenset({"--help", "--list-extensions", "--version", "-h", "-l", "-v"})


class _Sidecar(msgspec.Struct, gc=False):
    """``<session>.runtime.json``, there while the session runs; ``started_at`` in seconds."""

    pid: int
    session_id: str
    work_dir: str | None = None
    started_at: float | None = None


class _SubAgent(msgspec.Struct, gc=False):
    """``<sub-agent>.meta.json``."""

    model: str | None = None


_SUB_AGENT = msgspec.json.Decoder(_SubAgent)


class Qwen(Defaults):
    """Alibaba's Qwen Code. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "qwen"
    title = "Qwen Code"
    provider = "alibaba"
    programs = ("qwen",)
    meters = (
        "answers of the main conversation and of sub-agents, side requests that telemetry shows"
    )
    lacks = (
        "suggestions for the next prompt are billed but never logged; chats of versions before 2026"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$QWEN_RUNTIME_DIR``, else ``$QWEN_HOME``, else ``~/.qwen``."""
        told = env.get("QWEN_RUNTIME_DIR") or env.get("QWEN_HOME") or ""
        if not told:
            return (Root(self.name, home / ".qwen"),)
        path = home / told[2:] if told.startswith("~/") else Path(told)
        return (Root(self.name, path),)

    def log_name(self, relative: str) -> str | None:
        """Return the name of chats of sessions and sub-agents, None for the rest.

        A session that was archived is the same as before.
        """
        parts = PurePosixPath(relative).parts
        if len(parts) < 4 or parts[0] != "projects" or not relative.endswith(".jsonl"):
            return None
        if parts[2:4] == ("chats", _ARCHIVE) and len(parts) == 5:
            return str(PurePosixPath(*parts[:3], parts[4]))
        is_chat = parts[2] == "chats" and len(parts) == 4
        return relative if is_chat or (parts[2] == "subagents" and len(parts) == 5) else None

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of all projects."""
        return ("projects",)

    def walks(self, relative: str) -> bool:
        """Tell a project's chats and sub-agents from its memory and other folders."""
        parts = PurePosixPath(relative).parts
        depth = {"chats": 3, "subagents": 4}
        is_archive = parts[2:] == ("chats", _ARCHIVE)
        return len(parts) <= 2 or len(parts) <= depth.get(parts[2], 0) or is_archive

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a chat."""
        return self.reader_beside(name, state, {})

    def beside(self, name: str) -> tuple[str, ...]:
        """Return the file that tells a sub-agent's model, which its chat doesn't."""
        is_sub_agent = len(PurePosixPath(name).parts) == 5
        return (name.removesuffix(".jsonl") + ".meta.json",) if is_sub_agent else ()

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a chat, with what is beside a sub-agent's."""
        from tmuxmeter.agents.qwen_reader import QwenReader

        model = ""
        for content in files.values():
            with suppress(ValueError, RecursionError):
                model = decode(_SUB_AGENT, content).model or ""
        return QwenReader(self.session_of_log(name), state, model)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``helper`` for other uses of the same program.

        The program starts itself twice below itself (seen: a wrapper, a launcher, the worker).
        ``qwen serve`` serves several clients.
        """
        rest = arguments(process.argv or (process.name,), _PROGRAM, _SCRIPT)
        if rest is None:
            return ""
        first = rest[0] if rest else ""
        if first == "serve":
            return "daemon"
        return "helper" if first in _OTHER or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id after ``--session-id``, ``--resume`` or ``-r``, unless it is forked."""
        rest = arguments(argv, _PROGRAM, _SCRIPT) or ()
        told = value_of(rest, "--session-id")
        if not told and "--fork-session" not in rest:
            told = value_of(rest, "--resume", "-r")
        return told.lower() if is_uuid(told) else ""

    def session_of_log(self, name: str) -> str:
        """Return the session in a chat's path; a sub-agent's is its parent's."""
        parts = PurePosixPath(name).parts
        return parts[3] if len(parts) == 5 else PurePosixPath(name).stem

    def live_files(self) -> tuple[str, ...]:
        """Return the pattern of the files that describe running processes, beside the chats."""
        return ("projects/*/chats/*.runtime.json",)

    def live_session(self, content: bytes) -> LiveSession | None:
        """Return what ``<session>.runtime.json`` says, None if it can't be trusted."""
        try:
            live = msgspec.json.decode(content, type=_Sidecar)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if live.pid <= 0 or not live.session_id:
            return None
        return LiveSession(
            pid=live.pid,
            session=live.session_id,
            cwd=live.work_dir or "",
            started_ms=int((live.started_at or 0) * 1000),
        )
