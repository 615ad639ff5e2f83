"""Kimi Code and the older kimi-cli: where their logs are, and how their processes show themselves.

Observed with Kimi Code 2.1.0 in tmux, run against a stub; kimi-cli from the vendor's source. The
format of both logs is described in ``docs/formats-kimi.md``.
"""

from __future__ import annotations

import re
from hashlib import md5
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.lines import decode
from tmuxmeter.agents.node_scripts import arguments, value_of
from tmuxmeter.agents.times import plausible_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_PROGRAM = re.compile(r"kimi(?:-code|-cli)?(?:\.exe)?")
_SCRIPT = re.compile(r"/@moonshot-ai/kimi-code/|/kimi-code/dist/")
_PYTHON = re.compile(r"python[\d.]*")
# fmt: off
_OTHER = frozenset({
    "export", "fork", "help", "info", "login", "logout", "mcp", "plugin", "provider", "session",
    "vis",
})
# fmt: on
_LEAVES = frozenset({"--help", "--version", "-V", "-h"})
_OLD_CONFIG = "kimi.json"
_OLD_AGENTS = "subagents"
_AGENTS = frozenset({"agents", _OLD_AGENTS})
"""Folders of agents' own wires in a session's folder; the latter is kimi-cli's."""
_Beside = TypeVar("_Beside")


class Kimi(Defaults):
    """Moonshot's Kimi Code. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "kimi"
    title = "Kimi Code"
    provider = "moonshotai"
    programs = ("kimi",)
    meters = "answers of the main conversation and of sub-agents"
    lacks = "reasoning apart from output; kimi-cli's logs name no model, so they are unpriced"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$KIMI_CODE_HOME`` or ``~/.kimi-code``, ``$KIMI_SHARE_DIR`` or ``~/.kimi``."""
        return (
            Root(self.name, Path(env.get("KIMI_CODE_HOME") or home / ".kimi-code")),
            Root(self.name, Path(env.get("KIMI_SHARE_DIR") or home / ".kimi")),
        )

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for wire files of sessions and sub-agents, None for the rest."""
        parts = PurePosixPath(relative).parts
        if not parts or parts[0] != "sessions" or parts[-1] != "wire.jsonl":
            return None
        is_new = len(parts) == 6 and parts[3] in _AGENTS
        return relative if is_new or len(parts) == 4 else None

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of all sessions."""
        return ("sessions",)

    def walks(self, relative: str) -> bool:
        """Tell sessions and their agents from file histories, indexes and logs."""
        parts = PurePosixPath(relative).parts
        if len(parts) == 2:
            return not parts[1].startswith(".")
        return len(parts) <= 3 or (parts[3] in _AGENTS and len(parts) <= 5)

    def beside(self, name: str) -> tuple[str, ...]:
        """Return the file that tells a session's folder and origin."""
        path = PurePosixPath(name)
        return (str(path.parents[2] / "state.json"),) if _is_new(name) else (_OLD_CONFIG,)

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a session whose folder isn't known."""
        return self.reader_beside(name, state, {})

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a wire file, with what is beside it."""
        from tmuxmeter.agents import kimi_records as records
        from tmuxmeter.agents.kimi_reader import KimiReader
        from tmuxmeter.agents.kimi_state import About

        parts = PurePosixPath(name).parts
        session = self.session_of_log(name)
        content = next(iter(files.values()), b"")
        if not _is_new(name):
            config = _decode(content, records.OldConfig)
            folder = _old_folder(parts[1], config.work_dirs)
            return KimiReader(About(session, sub_agent=len(parts) == 6, cwd=folder), state)
        told = _decode(content, records.State)
        folder = told.cwd if isinstance(told.cwd, str) else told.work_dir
        forked = told.forked_from if isinstance(told.forked_from, str) else ""
        created = told.created_at if isinstance(told.created_at, (int, float)) else 0
        about = About(
            session,
            sub_agent=parts[4] != "main",
            cwd=folder if isinstance(folder, str) else "",
            parent=forked,
            forked_ms=(plausible_ms(created) or 0) if forked else 0,
        )
        return KimiReader(about, state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``daemon`` for the web server, else ``helper``.

        The program overwrites its own command line with its bare name once it runs.
        """
        rest = _arguments(process.argv or (process.name,))
        if rest is None:
            return ""
        first = rest[0] if rest else ""
        if first == "web":
            return "daemon"
        return "helper" if first in _OTHER or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id after ``--session``, ``-S``, ``--resume`` or ``-r``, where it is seen."""
        told = value_of(_arguments(argv) or (), "--session", "-S", "--resume", "-r")
        return "" if told.startswith("-") else told

    def session_of_log(self, name: str) -> str:
        """Return the session in a wire file's path; a sub-agent's is its parent's."""
        parts = PurePosixPath(name).parts
        return parts[2] if len(parts) > 3 else ""


def _is_new(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) == 6 and parts[3] != _OLD_AGENTS


def _arguments(argv: Sequence[str]) -> Sequence[str] | None:
    if len(argv) > 1 and _PYTHON.fullmatch(PurePosixPath(argv[0]).name):
        # kimi-cli is a Python script.
        is_ours = _PROGRAM.fullmatch(PurePosixPath(argv[1]).name)
        return argv[2:] if is_ours else None
    return arguments(argv, _PROGRAM, _SCRIPT)


def _decode(content: bytes, kind: type[_Beside]) -> _Beside:
    try:
        return decode(msgspec.json.Decoder(kind), content) if content else kind()
    except (ValueError, RecursionError):
        return kind()


def _old_folder(digest: str, folders: Sequence[Any]) -> str:
    """Return the folder whose MD5 names kimi-cli's folder of sessions."""
    for folder in folders:
        path = folder.path
        if isinstance(path, str):
            named = md5(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
            if digest.rpartition("_")[2] == named:
                return path
    return ""
