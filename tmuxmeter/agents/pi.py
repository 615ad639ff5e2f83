"""Pi and its fork Oh My Pi: where their sessions are, and how their processes show themselves.

Source: the vendor's documentation, and Pi 0.87.1 run in tmux against a stub. The format of a
session is described in ``docs/formats-pi.md``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments, is_uuid, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_PROGRAM = re.compile(r"(?:pi|omp)(?:\.exe)?")
_SCRIPT = re.compile(r"/(?:pi-coding-agent|oh-my-pi)/")
_OTHER = frozenset({"auth", "config", "install", "list", "remove", "uninstall", "update"})
_LEAVES = frozenset({"--export", "--help", "--list-models", "--version", "-h", "-v"})
_LOG = re.compile(r"\d{4}-\d\d-\d\dT[\d-]+Z?_[^/]+\.jsonl")


class Pi(Defaults):
    """The Pi coding agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "pi"
    title = "Pi"
    provider = ""
    programs = ("pi", "omp")
    meters = "answers on every branch, compactions, branch summaries and cache warming"
    lacks = (
        "sessions run with --no-session; the models that tools use of their own, so what those "
        "spend is unpriced"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$PI_CODING_AGENT_DIR`` or ``~/.pi/agent``, and what the fork uses.

        ``$PI_CODING_AGENT_SESSION_DIR`` holds sessions directly.
        """
        told = env.get("PI_CODING_AGENT_DIR", "")
        paths = [_expand(told, home)] if told else [home / ".pi/agent", home / ".omp/agent"]
        sessions = env.get("PI_CODING_AGENT_SESSION_DIR", "")
        if sessions:
            paths.append(_expand(sessions, home))
        return tuple(Root(self.name, path) for path in paths)

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for sessions, None for the rest."""
        path = PurePosixPath(relative)
        if not _LOG.fullmatch(path.name):
            return None
        return relative if len(path.parts) == 1 or self.walks(str(path.parent)) else None

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself, which may be a folder of sessions."""
        return ("",)

    def walks(self, relative: str) -> bool:
        """Tell ``sessions`` and the folders named after projects from the rest."""
        parts = PurePosixPath(relative).parts
        if parts and parts[0] == "sessions":
            parts = parts[1:]
        return not parts or (len(parts) == 1 and parts[0].startswith("--"))

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a session."""
        from tmuxmeter.agents.pi_reader import PiReader

        return PiReader(self.session_of_log(name), state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``helper`` for other uses of the same program.

        Pi overwrites its own command line with its bare name, so nothing else is known of it.
        """
        rest = arguments(process.argv or (process.name,), _PROGRAM, _SCRIPT)
        if rest is None:
            return ""
        first = rest[0] if rest else ""
        return "helper" if first in _OTHER or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id after ``--session-id`` or ``--session``, as far as it can be seen."""
        rest = arguments(argv, _PROGRAM, _SCRIPT) or ()
        told = value_of(rest, "--session-id") or value_of(rest, "--session")
        if told.endswith(".jsonl"):
            told = self.session_of_log(told)
        return told.lower() if is_uuid(told) else ""

    def session_of_log(self, name: str) -> str:
        """Return the session id at the end of a log's name."""
        return PurePosixPath(name).stem.partition("_")[2]


def _expand(path: str, home: Path) -> Path:
    return home / path[2:] if path.startswith("~/") else Path(path)
