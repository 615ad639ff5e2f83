"""Goose: its one database of sessions, and how its processes look.

Sources: the vendor's documentation and source of the database (schema versions 1 to 9). Goose
keeps a session's totals only: requests can't be told apart, and cached input not from fresh.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import base, value_of
from tmuxmeter.agents.readers import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.agents.readers import DatabaseReader

_DATABASE = "sessions/sessions.db"
_SESSION = re.compile(r"\d{8}_\d+")
_WORKING = frozenset({"", "acp", "run", "s", "session"})
_LISTING = frozenset({"diagnostics", "export", "list", "remove"})


class Goose(Defaults):
    """The Goose agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "goose"
    title = "Goose"
    provider = ""
    programs = ("goose",)
    meters = "sessions' tokens as they grow; prompts, tools and files"
    lacks = (
        "single requests and cached input aren't logged: all input is priced as fresh, so the "
        "cost is the most it can have been; ends of turns; sessions before the database"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``GOOSE_PATH_ROOT``'s data folder, or the usual places of all systems."""
        told = env.get("GOOSE_PATH_ROOT", "")
        if told.startswith("/"):
            return (Root(self.name, Path(told) / "data"),)
        xdg = env.get("XDG_DATA_HOME", "")
        data = Path(xdg) if xdg.startswith("/") else home / ".local/share"
        support = home / "Library/Application Support"
        folders = (data / "goose", data / "Block/goose", support / "goose", support / "Block/goose")
        return tuple(Root(self.name, folder) for folder in folders)

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of the database."""
        return ("sessions",)

    def walks(self, relative: str) -> bool:  # noqa: ARG002
        """Tell that nothing lies deeper; backups do."""
        return False

    def log_name(self, relative: str) -> str | None:
        """Return the path of the database, None for everything else."""
        return relative if relative == _DATABASE else None

    def log_kind(self, name: str) -> str:  # noqa: ARG002
        """Tell that it is a database."""
        return DATABASE

    def reader(self, name: str, state: bytes = b"") -> DatabaseReader:  # noqa: ARG002
        """Return a reader for the database."""
        from tmuxmeter.agents.goose_database import GooseDatabase

        return GooseDatabase(state)

    def role(self, process: Process) -> str:
        """Return what a process is to Goose; ``goosed`` serves its desktop program."""
        argv = process.argv or (process.name,)
        program = base(argv[0]).removesuffix(".exe")
        if program == "goosed":
            return "daemon"
        if program != "goose":
            return ""
        words = [word for word in argv[1:] if not word.startswith("-")]
        first = words[0] if words else ""
        if first == "web":
            return "daemon"
        listing = first in {"session", "s"} and len(words) > 1 and words[1] in _LISTING
        asked = {"-h", "--help", "-V", "--version"} & set(argv)
        return "agent" if first in _WORKING and not listing and not asked else "helper"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``--session-id``; the names behind ``--name`` are no ids."""
        if not argv or base(argv[0]).removesuffix(".exe") != "goose":
            return ""
        session = value_of(argv, "--session-id")
        return session if _SESSION.fullmatch(session) else ""
