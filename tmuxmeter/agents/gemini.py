"""Gemini CLI: where its chats are, and how its processes show themselves.

Observed with Gemini CLI 0.61.0 in tmux, run against a stub; older shapes from its public source.
The format of a chat is described in ``docs/formats-gemini.md``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments, is_uuid, value_of
from tmuxmeter.agents.readers import DOCUMENT, LINES
from tmuxmeter.agents.session_names import session_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_PROGRAM = re.compile(r"gemini(?:\.exe)?")
_SCRIPT = re.compile(r"/@google/gemini-cli/|/gemini-cli/(?:bundle|dist|packages/cli)/")
"""Characters of a session's id in its chat's name: all that is always known of it."""
_OTHER = frozenset({"extension", "extensions", "gemma", "hook", "hooks", "mcp", "skill", "skills"})
_LEAVES = frozenset(
    {"--delete-session", "--help", "--list-extensions", "--list-sessions", "--version"}
    | {"-h", "-l", "-v"}
)


class _Projects(msgspec.Struct):
    """``projects.json``: the name of each project's folder below ``tmp``, by the project's path."""

    projects: dict[str, Any] = {}


class Gemini(Defaults):
    """Google's Gemini CLI. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "gemini"
    title = "Gemini CLI"
    provider = "google"
    programs = ("gemini",)
    meters = "answers of the main conversation and of sub-agents"
    lacks = (
        "side requests (routing, summaries, /compress, web tools) and answers cancelled on the way"
        " are billed but never logged; a turn's end is concluded from words without a tool call"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``.gemini`` in ``$GEMINI_CLI_HOME``, which replaces the home folder."""
        return (Root(self.name, Path(env.get("GEMINI_CLI_HOME") or home) / ".gemini"),)

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for chats of sessions and sub-agents, None for the rest."""
        parts = PurePosixPath(relative).parts
        if len(parts) not in (4, 5) or parts[0] != "tmp" or parts[2] != "chats":
            return None
        is_main = len(parts) == 4 and parts[3].startswith("session-")
        if is_main and relative.endswith((".json", ".jsonl")):
            return relative
        return relative if len(parts) == 5 and relative.endswith(".jsonl") else None

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of all projects' temporary folders."""
        return ("tmp",)

    def walks(self, relative: str) -> bool:
        """Tell a project's folder, its chats, and a session's sub-agents from the rest."""
        parts = PurePosixPath(relative).parts
        return len(parts) <= 2 or (parts[2] == "chats" and len(parts) <= 4)

    def log_kind(self, name: str) -> str:
        """Return DOCUMENT for chats of older versions, which are one object each."""
        return DOCUMENT if name.endswith(".json") else LINES

    def beside(self, name: str) -> tuple[str, ...]:
        """Return the files that tell a chat's project folder."""
        parts = PurePosixPath(name).parts
        return (f"tmp/{parts[1]}/.project_root", "projects.json") if len(parts) > 1 else ()

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a chat of a project whose folder isn't known."""
        return self.reader_beside(name, state, {})

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a chat, with the contents of the files beside it."""
        from tmuxmeter.agents.gemini_reader import GeminiDocument, GeminiReader

        kind = GeminiDocument if self.log_kind(name) == DOCUMENT else GeminiReader
        own = self.session_of_log(name)
        if len(PurePosixPath(name).parts) == 5:
            return kind(PurePosixPath(name).stem, own, _folder(name, files), state)
        return kind(own, "", _folder(name, files), state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``helper`` for other uses of the same program.

        The program starts itself again below itself with the same arguments and more memory.
        """
        rest = arguments(process.argv or (process.name,), _PROGRAM, _SCRIPT)
        if rest is None:
            return ""
        first = next((word for word in rest if not word.startswith("-")), "")
        is_other = bool(rest) and rest[0] == first and first in _OTHER
        return "helper" if is_other or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id after ``--session-id`` or ``--resume``; "latest" or a number is none."""
        rest = arguments(argv, _PROGRAM, _SCRIPT) or ()
        for flags in (("--session-id",), ("--resume", "-r")):
            told = value_of(rest, *flags)
            if is_uuid(told):
                return session_name(self.name, told)
        return ""

    def session_of_log(self, name: str) -> str:
        """Return the beginning of the session's id at the end of a chat's name.

        A sub-agent's chat lies in a folder named after its parent.
        """
        parts = PurePosixPath(name).parts
        if len(parts) == 5:
            return session_name(self.name, parts[3])
        return session_name(self.name, PurePosixPath(name).stem.rpartition("-")[2])


def _folder(name: str, beside: Mapping[str, bytes]) -> str:
    """Return the project's folder as the files beside a chat tell it, "" where they don't."""
    slug = PurePosixPath(name).parts[1] if "/" in name else ""
    told = beside.get(f"tmp/{slug}/.project_root", b"").decode("utf-8", "replace").strip()
    if told:
        return told
    try:
        known = msgspec.json.decode(beside.get("projects.json", b"{}"), type=_Projects).projects
    except (ValueError, RecursionError):
        return ""
    return next((folder for folder, of in known.items() if of == slug), "")
