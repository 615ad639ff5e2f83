"""OpenCode: its one database, the JSON files of its older versions, and how its processes look.

Sources: observed with OpenCode 1.18.33 in tmux; the vendor's documentation for older versions.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments, value_of
from tmuxmeter.agents.readers import DATABASE, DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.agents.readers import DatabaseReader, DocumentReader

_PROGRAM = re.compile(r"\.?opencode2?(?:\.exe)?")
_SCRIPT = re.compile(r"(?:^|/)(?:opencode-ai/bin/opencode|@opencode-ai/cli/bin/[^/]+)$")
_SESSION = re.compile(r"ses_[0-9A-Za-z]+")
_STORED = re.compile(r"storage/(?:message/ses_[^/]+/msg_[^/]+|session/[^/]+/ses_[^/]+)\.json")
_WALKED = re.compile(r"storage(?:/(?:message|session)(?:/[^/]+)?)?")

_SERVING = frozenset({"serve", "web", "acp"})
# fmt: off
_TASKS = frozenset({
    "agent", "api", "auth", "completion", "db", "debug", "export", "github", "import", "mcp",
    "models", "plugin", "plug", "providers", "service", "session", "stats", "uninstall", "upgrade",
})
_WITH_VALUE = frozenset({
    "--agent", "--cors", "--hostname", "--log-level", "--mdns-domain", "--model", "--port",
    "--prompt", "--replay-limit", "--session", "-m", "-s",
})
# fmt: on
_HELP = frozenset({"--help", "--version", "-h", "-v"})
_COMMANDS = _SERVING | _TASKS | {"attach", "pr", "run"}


class OpenCode(Defaults):
    """The OpenCode agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "opencode"
    title = "OpenCode"
    provider = ""
    programs = ("opencode", "opencode2")
    meters = "replies, sub-agents, compactions; prompts, turns, tools and files"
    lacks = "titles are billed but never logged; tools and files of versions before 1.2"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the data folder, and the folder of the database that ``OPENCODE_DB`` names."""
        told = env.get("XDG_DATA_HOME", "")
        data = Path(told) if told.startswith("/") else home / ".local/share"
        roots = [Root(self.name, data / "opencode")]
        database = env.get("OPENCODE_DB", "")
        if database.startswith("/"):
            roots.insert(0, Root(self.name, Path(database).parent))
        return tuple(roots)

    def settings_folder(self, home: Path, env: Mapping[str, str]) -> Path:
        """Return its folder below ``XDG_CONFIG_HOME``: its data lies elsewhere."""
        told = env.get("XDG_CONFIG_HOME", "")
        return (Path(told) if told.startswith("/") else home / ".config") / "opencode"

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself: the database lies there."""
        return ("",)

    def walks(self, relative: str) -> bool:
        """Tell that only the older versions' messages and sessions lie deeper."""
        return _WALKED.fullmatch(relative) is not None

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for a database beside nothing else, and for stored messages."""
        if relative.endswith(".db") and "/" not in relative:
            return relative
        return relative if _STORED.fullmatch(relative) else None

    def log_kind(self, name: str) -> str:
        """Tell databases from stored files."""
        return DATABASE if name.endswith(".db") else DOCUMENT

    def reader(self, name: str, state: bytes = b"") -> DatabaseReader | DocumentReader:
        """Return a reader for the database or for a stored file."""
        if name.endswith(".db"):
            from tmuxmeter.agents.opencode_database import OpenCodeDatabase

            return OpenCodeDatabase(state, own=name.startswith("opencode"))
        from tmuxmeter.agents.opencode_files import StoredMessage, StoredSession

        return StoredMessage() if name.startswith("storage/message/") else StoredSession()

    def role(self, process: Process) -> str:
        """Return what a process is to OpenCode; ``serve`` and ``web`` serve several panes."""
        argv = process.argv or (process.name,)
        own = arguments(argv, _PROGRAM, _SCRIPT)
        if own is None:
            return ""
        if _HELP & set(own):
            return "helper"
        words = _words(own)
        first = words[0] if words else ""
        if first in _SERVING:
            return "daemon"
        return "helper" if first in _TASKS else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``-s`` or ``--session``; a fork begins one of its own."""
        own = arguments(argv, _PROGRAM, _SCRIPT) or ()
        session = value_of(own, "-s", "--session")
        return session if _SESSION.fullmatch(session) and "--fork" not in own else ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder of ``opencode FOLDER`` and ``opencode run --dir FOLDER``."""
        own = arguments(argv, _PROGRAM, _SCRIPT) or ()
        words = _words(own)
        if words and words[0] in _COMMANDS:
            return "" if "--attach" in own else value_of(own, "--dir")
        return words[0] if words else ""

    def session_of_log(self, name: str) -> str:
        """Return the session in a stored file's path; a database holds many."""
        parts = PurePosixPath(name).parts
        if len(parts) < 4:
            return ""
        return parts[2] if parts[1] == "message" else PurePosixPath(name).stem


def _words(own: Sequence[str]) -> list[str]:
    """Return the arguments that are neither options nor their values."""
    words = []
    value = False
    for word in own:
        if value:
            value = False
        elif word in _WITH_VALUE:
            value = True
        elif not word.startswith("-"):
            words.append(word)
    return words
