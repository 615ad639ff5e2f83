"""Droid, Factory's agent: its sessions, their settings, and how its processes look.

Sources: ``droid exec`` 0.215.0, run against stub APIs; the vendor's documentation; published
observations of Droid 0.171 to 0.233. The format is described in ``docs/formats-more.md``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import base, is_uuid, value_of
from tmuxmeter.agents.readers import DOCUMENT, LINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

_LOG = re.compile(r"sessions/(?:[^/]+/)?([^/]+?)(\.settings\.json|\.jsonl)")
_WALKED = re.compile(r"sessions(?:/[^/]+)?")
# fmt: off
_TASKS = frozenset({
    "auth", "computer", "config", "help", "login", "logout", "mcp", "plugin", "search", "update",
})
# fmt: on
_LEAVES = frozenset({"--help", "--list-tools", "--version", "-h", "-v"})


class Droid(Defaults):
    """The Droid agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "droid"
    title = "Droid"
    provider = ""
    programs = ("droid",)
    meters = "sessions' and sub-agents' tokens as they grow; prompts, turns, tools and files"
    lacks = (
        "single requests aren't logged; models of your own (custom:…) have names of your own, so "
        "no price; Factory bills credits: dollars are the models' list prices"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``.factory`` in ``$FACTORY_HOME_OVERRIDE``, which replaces the home folder."""
        told = env.get("FACTORY_HOME_OVERRIDE", "")
        return (Root(self.name, (Path(told) if told.startswith("/") else home) / ".factory"),)

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of the sessions."""
        return ("sessions",)

    def walks(self, relative: str) -> bool:
        """Tell that folders named after projects lie there, and nothing deeper."""
        return _WALKED.fullmatch(relative) is not None

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for a session's messages and its settings, None for the rest."""
        return relative if _LOG.fullmatch(relative) else None

    def log_kind(self, name: str) -> str:
        """Tell settings, which are rewritten, from messages."""
        return DOCUMENT if name.endswith(".json") else LINES

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a session's settings or its messages."""
        if name.endswith(".json"):
            from tmuxmeter.agents.droid_settings import DroidSettings

            return DroidSettings(self.session_of_log(name), state)
        return self.reader_beside(name, state, {})

    def beside(self, name: str) -> tuple[str, ...]:
        """Return the settings for messages: they tell a sub-agent's parent."""
        if name.endswith(".json"):
            return ()
        return (name.removesuffix(".jsonl") + ".settings.json",)

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a session's messages that knows its settings."""
        from tmuxmeter.agents.droid_messages import DroidMessages

        (settings,) = self.beside(name)
        return DroidMessages(self.session_of_log(name), state, files.get(settings, b""))

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation or ``droid exec``, ``daemon`` where it serves."""
        argv = process.argv or (process.name,)
        if base(argv[0]).removesuffix(".exe") != "droid":
            return ""
        first = argv[1] if len(argv) > 1 else ""
        if first == "daemon" or value_of(argv, "--input-format") == "stream-jsonrpc":
            return "daemon"
        return "helper" if first in _TASKS or _LEAVES.intersection(argv) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``resume``, ``--resume`` or ``--session-id``; forks have others."""
        if not argv or base(argv[0]).removesuffix(".exe") != "droid":
            return ""
        told = value_of(argv, "--resume", "-r", "--session-id", "-s", "resume")
        return told.lower() if is_uuid(told) else ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder behind ``--cwd``."""
        return value_of(argv, "--cwd")

    def session_of_log(self, name: str) -> str:
        """Return the session id, which is the file's name."""
        found = _LOG.fullmatch(str(PurePosixPath(name)))
        return found[1] if found else ""
