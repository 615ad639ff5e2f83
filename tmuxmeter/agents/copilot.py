"""GitHub Copilot CLI: its sessions' logs, its database of requests, and how its processes look.

Sources: Copilot CLI 1.0.102, run against a stub API; the vendor's schema of the events; published
observations of 1.0.75 to 1.0.91. ``docs/formats-more.md`` describes both.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments, is_uuid, value_of
from tmuxmeter.agents.readers import DATABASE, LINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_DATABASE = "session-store.db"
_STORED = "session-store.db*"
_PROGRAM = re.compile(r"copilot(?:\.exe)?")
_SCRIPT = re.compile(r"/@github/copilot/")
_LOG = re.compile(r"session-state/([^/]+)(?:/events)?\.jsonl")
_HELD = re.compile(r"session-state/([^/]+)/inuse\.\d+\.hold")
_WALKED = re.compile(r"session-state(?:/[^/]+)?")
_TASKS = frozenset({"help", "init", "login", "logout", "mcp", "plugin", "update", "version"})
_LEAVES = frozenset({"--help", "--version", "-h", "-v"})
_SERVING = frozenset({"--acp", "--headless", "--server"})


class Copilot(Defaults):
    """GitHub Copilot CLI. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "copilot"
    title = "Copilot CLI"
    provider = ""
    programs = ("copilot",)
    meters = "requests, sub-agents, compactions; prompts, turns, tools and files"
    lacks = (
        "GitHub bills credits: dollars are the models' list prices; where there is no database of "
        "requests, an older version's session has its tokens at its end, none after a crash; "
        "sessions that versions with a database but without its requests wrote are unmetered; the "
        "first versions' (history-session-state, without tokens) aren't read"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$COPILOT_HOME`` or ``~/.copilot``."""
        told = env.get("COPILOT_HOME", "")
        return (Root(self.name, Path(told) if told.startswith("/") else home / ".copilot"),)

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself: the database lies there."""
        return ("",)

    def walks(self, relative: str) -> bool:
        """Tell the sessions' folders from the rest."""
        return _WALKED.fullmatch(relative) is not None

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for the database and for sessions' events."""
        is_log = relative == _DATABASE or _LOG.fullmatch(relative)
        return relative if is_log else None

    def log_kind(self, name: str) -> str:
        """Tell the database from sessions' events."""
        return DATABASE if name == _DATABASE else LINES

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for the database, or for the events of a session without one."""
        if name == _DATABASE:
            from tmuxmeter.agents.copilot_database import CopilotDatabase

            return CopilotDatabase(state)
        return self.reader_beside(name, state, {})

    def beside(self, name: str) -> tuple[str, ...]:
        """Return the database's own name for events: where it is, requests come from it only."""
        return () if name == _DATABASE else (_STORED,)

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a session's events that knows whether there is a database."""
        from tmuxmeter.agents.copilot_events import CopilotEvents

        return CopilotEvents(self.session_of_log(name), state, stored=_STORED in files)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation or a prompt, ``daemon`` where it serves editors."""
        rest = arguments(process.argv or (process.name,), _PROGRAM, _SCRIPT)
        if rest is None:
            return ""
        if _SERVING.intersection(rest):
            return "daemon"
        first = rest[0] if rest else ""
        return "helper" if first in _TASKS or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``--resume`` or ``--session-id``."""
        rest = arguments(argv, _PROGRAM, _SCRIPT) or ()
        told = value_of(rest, "--resume", "--session-id")
        return told.lower() if is_uuid(told) else ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder behind ``-C``."""
        return value_of(arguments(argv, _PROGRAM, _SCRIPT) or (), "-C")

    def session_of_log(self, name: str) -> str:
        """Return the session in the path of its events; the database holds many."""
        found = _LOG.fullmatch(str(PurePosixPath(name)))
        return found[1] if found else ""

    def session_of_open_file(self, relative: str) -> str:
        """Return the session whose ``inuse.<pid>.hold`` it is, which it has open while it has it.

        The session it had before ``/new`` stays open beside the new one and goes on with its turn.
        """
        found = _HELD.fullmatch(relative)
        return found[1] if found else super().session_of_open_file(relative)
