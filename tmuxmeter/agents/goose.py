"""Goose: its one database of sessions, and how its processes look.

Sources: Goose 1.52.0, run against stub APIs; the vendor's documentation; the agent's source with
schema versions 1 to 17 of the database. Since version 15 (July 2026) it tells each request; before,
a session's totals only, and before version 14 (June 2026) cached input not from fresh.
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
_WORKING = frozenset({"", "acp", "review", "run", "s", "session"})
_LISTING = frozenset({"diagnostics", "export", "import", "list", "remove", "rename"})
_WORKING_PAIRS = frozenset({("schedule", "run-now"), ("term", "run")})


class Goose(Defaults):
    """The Goose agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "goose"
    title = "Goose"
    provider = ""
    programs = ("goose",)
    meters = "requests, sub-agents, compactions; prompts, tools and files"
    lacks = (
        "titles and answers whose tool was interrupted are billed but never logged; versions "
        "before July 2026 log a session's tokens as they grow, no requests, and until June 2026 no "
        "cached input: all input is priced as fresh; ends of turns; sessions before the database"
    )
    start_blur_ms = 999

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
        if first in {"serve", "web"}:
            return "daemon"
        listing = first in {"session", "s"} and len(words) > 1 and words[1] in _LISTING
        asked = {"-h", "--help", "-V", "--version"} & set(argv)
        works = (first in _WORKING and not listing) or tuple(words[:2]) in _WORKING_PAIRS
        return "agent" if works and not asked else "helper"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``--session-id``; the names behind ``--name`` are no ids.

        With ``--fork`` it is the session that is copied: the fork has an id of its own.
        """
        if not argv or base(argv[0]).removesuffix(".exe") != "goose" or "--fork" in argv:
            return ""
        session = value_of(argv, "--session-id")
        return session if _SESSION.fullmatch(session) else ""
