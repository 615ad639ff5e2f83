"""Crush: its databases, one for each project, and how its processes look.

Sources: the vendor's documentation and the database's schema. Crush keeps no tokens that could be
counted: ``prompt_tokens`` and ``completion_tokens`` of a session are those of its last request, and
``cost`` is its own estimate. So its sessions are unmetered.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import base, value_of
from tmuxmeter.agents.readers import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.agents.readers import DatabaseReader

_DATABASE = "crush.db"
_DATA_FOLDER = ".crush"
_WITH_VALUE = frozenset({"-c", "--cwd", "-D", "--data-dir", "-m", "--model", "-s", "--session"})
_WORKING = frozenset({"", "run"})


class _Project(msgspec.Struct, gc=False):
    path: str = ""
    data_dir: str = ""


class _Projects(msgspec.Struct, gc=False):
    projects: list[_Project] = []


class Crush(Defaults):
    """The Crush agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "crush"
    title = "Crush"
    provider = ""
    programs = ("crush",)
    meters = "prompts, turns, tools and time"
    lacks = "the folder of projects that keep their data elsewhere than in .crush"
    unmetered = (
        "its database has only the last request's tokens of a session, and a cost of its own making"
    )
    start_blur_ms = 999

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folder with the list of projects, each of which has a root of its own."""
        told = env.get("CRUSH_GLOBAL_DATA", "")
        if told.startswith("/"):
            return (Root(self.name, Path(told), index="projects.json"),)
        xdg = env.get("XDG_DATA_HOME", "")
        data = Path(xdg) if xdg.startswith("/") else home / ".local/share"
        return (Root(self.name, data / "crush", index="projects.json"),)

    def indexed(self, content: bytes) -> tuple[Root, ...]:
        """Return the projects' data folders."""
        try:
            listed = msgspec.json.decode(content, type=_Projects).projects
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return ()
        folders = []
        for project in listed:
            folder = Path(project.path, project.data_dir or _DATA_FOLDER)
            if folder.is_absolute():
                folders.append(folder)
        return tuple(Root(self.name, folder) for folder in dict.fromkeys(folders))

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself."""
        return ("",)

    def walks(self, relative: str) -> bool:  # noqa: ARG002
        """Tell that nothing lies deeper."""
        return False

    def log_name(self, relative: str) -> str | None:
        """Return the database's name, None for everything else."""
        return relative if relative == _DATABASE else None

    def log_kind(self, name: str) -> str:  # noqa: ARG002
        """Tell that it is a database."""
        return DATABASE

    def reader(self, name: str, state: bytes = b"") -> DatabaseReader:  # noqa: ARG002
        """Return a reader for a project's database."""
        from tmuxmeter.agents.crush_database import CrushDatabase

        return CrushDatabase(state)

    def folder_of_root(self, root: str) -> str:
        """Return the project that a data folder of the usual name lies in."""
        path = PurePosixPath(root)
        return str(path.parent) if path.name == _DATA_FOLDER and path.is_absolute() else ""

    def role(self, process: Process) -> str:
        """Return what a process is to Crush."""
        own = _own(process.argv or (process.name,))
        if own is None:
            return ""
        words = [
            word
            for before, word in zip(("", *own), own, strict=False)
            if not word.startswith("-") and before not in _WITH_VALUE
        ]
        asked = {"-h", "--help", "-v", "--version"} & set(own)
        first = words[0] if words else ""
        if first == "server":
            return "daemon"
        return "agent" if first in _WORKING and not asked else "helper"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``-s`` or ``--session``."""
        return value_of(_own(argv) or (), "-s", "--session")

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder behind ``-c`` or ``--cwd``."""
        return value_of(_own(argv) or (), "-c", "--cwd")


def _own(argv: Sequence[str]) -> Sequence[str] | None:
    if not argv or base(argv[0]).removesuffix(".exe") != "crush":
        return None
    return argv[1:]
