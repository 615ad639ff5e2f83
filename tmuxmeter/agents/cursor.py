"""Cursor: where its command line agent and its editor keep their sessions, and its processes.

Sources: programs that read these files (cursor-agent 2026.06 to 2026.08, Cursor 1.7 to 3), as
described in ``docs/formats-cursor.md``; the program itself could not be run. Since 2026 neither
keeps tokens on disk: they come from its stop hook or from the export of its dashboard.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments, base, is_uuid, value_of
from tmuxmeter.agents.readers import DATABASE, DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process

GLOBAL = "globalStorage/state.vscdb"
_PROGRAM = re.compile(r"cursor-agent(?:\.exe)?")
_SCRIPT = re.compile(r"/cursor-agent/(?:versions/[^/]+/)?index\.js$")
_OTHER = frozenset(
    {"about", "create-chat", "generate-rule", "help", "install-shell-integration", "login"}
    | {"logout", "ls", "mcp", "models", "rule", "sandbox", "status", "uninstall-shell-integration"}
    | {"update", "upgrade", "whoami", "worker-server"}
)
_LEAVES = frozenset({"--help", "--list-models", "--version", "-h", "-v"})


class Cursor(Defaults):
    """Cursor's command line agent and its editor. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "cursor"
    title = "Cursor"
    provider = ""
    programs = ("cursor-agent",)
    meters = (
        "prompts, turns, tools and time; tokens the editor kept until early 2026 (cached input as"
        " fresh), of the stop hook (`tmuxmeter hooks install cursor`) and of the dashboard's"
        " export (`tmuxmeter import cursor FILE.csv`)"
    )
    unmetered = (
        "its logs tell no tokens any more; `estimate = true` below `[agents]` shows what the texts"
        " in them may have been, with a ~"
    )
    lacks = "failures of tools in the terminal; when something was done that nobody watched"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the command line agent's folders, then the editor's on all systems."""
        told = env.get("CURSOR_CONFIG_DIR", "")
        xdg = env.get("XDG_CONFIG_HOME", "")
        config = Path(xdg) if xdg.startswith("/") else home / ".config"
        folders = [
            *([Path(told)] if told.startswith("/") else []),
            home / ".cursor",
            config / "cursor",
            config / "Cursor/User",
            home / "Library/Application Support/Cursor/User",
        ]
        return tuple(Root(self.name, folder) for folder in dict.fromkeys(folders))

    def settings_folder(self, home: Path, env: Mapping[str, str]) -> Path:  # noqa: ARG002
        """Return ``~/.cursor``: its hooks lie there wherever its chats do."""
        return home / ".cursor"

    def log_folders(self) -> tuple[str, ...]:
        """Return the folders of chats and transcripts, and the editor's two kinds of storage."""
        return ("chats", "projects", "globalStorage", "workspaceStorage")

    def walks(self, relative: str) -> bool:
        """Tell a chat's and a workspace's folder, and those of transcripts, from the rest."""
        parts = PurePosixPath(relative).parts
        if parts[0] == "projects":
            return len(parts) <= 2 or (parts[2] == "agent-transcripts" and len(parts) <= 5)
        return len(parts) <= {"chats": 3, "workspaceStorage": 2}.get(parts[0], 1)

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for transcripts and the databases, None for the rest."""
        parts = PurePosixPath(relative).parts
        last = parts[-1] if parts else ""
        if relative == GLOBAL:
            return relative
        if parts[:1] == ("workspaceStorage",):
            return relative if len(parts) == 3 and last == "state.vscdb" else None
        if parts[:1] == ("chats",):
            return relative if len(parts) == 4 and last == "store.db" else None
        if len(parts) < 5 or parts[2] != "agent-transcripts" or not last.endswith(".jsonl"):
            return None
        is_main = len(parts) == 5 and PurePosixPath(last).stem == parts[3]
        return relative if is_main or (len(parts) == 6 and parts[4] == "subagents") else None

    def log_kind(self, name: str) -> str:
        """Return DOCUMENT for transcripts: the end of a turn is taken away with the next one."""
        return DOCUMENT if name.endswith(".jsonl") else DATABASE

    def beside(self, name: str) -> tuple[str, ...]:
        """Return what tells a session of the command line from one of the editor, and folders."""
        parts = PurePosixPath(name).parts
        if parts[:1] == ("workspaceStorage",):
            return (f"workspaceStorage/{parts[1]}/workspace.json",)
        if not name.endswith(".jsonl"):
            return ()
        session = parts[3]
        chats = (f"chats/*/{session}", f"../.config/cursor/chats/*/{session}")
        return tuple(f"{chat}/{file}" for chat in chats for file in ("meta.json", "store.db"))

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for a log beside which nothing is."""
        return self.reader_beside(name, state, {})

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader for a log of any kind."""
        parts = PurePosixPath(name).parts
        if name.endswith(".jsonl"):
            from tmuxmeter.agents.cursor_transcript import CursorTranscript

            parent = parts[3] if len(parts) == 6 else ""
            meta = next((told for path, told in files.items() if path.endswith("meta.json")), b"")
            return CursorTranscript(
                PurePosixPath(name).stem, parent, state, meta=meta, in_terminal=bool(files)
            )
        if name == GLOBAL:
            from tmuxmeter.agents.cursor_editor import CursorEditor

            return CursorEditor(state)
        from tmuxmeter.agents.cursor_places import CursorChat, CursorWorkspace

        if parts[0] == "chats":
            return CursorChat(parts[2])
        return CursorWorkspace(next(iter(files.values()), b""))

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation, ``helper`` for other uses of the same program."""
        rest = _own(process.argv or (process.name,))
        if rest is None:
            return ""
        first = next((word for word in rest if not word.startswith("-")), "")
        is_other = bool(rest) and rest[0] == first and first in _OTHER
        return "helper" if is_other or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the id behind ``--resume`` or ``resume``; without an id it is the latest one."""
        rest = _own(argv) or ()
        for flag in ("--resume", "resume"):
            told = value_of(rest, flag)
            if is_uuid(told):
                return told.lower()
        return ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder behind ``--workspace``."""
        return value_of(_own(argv) or (), "--workspace")

    def session_of_log(self, name: str) -> str:
        """Return the id in a chat's or transcript's name; the editor's databases hold many."""
        parts = PurePosixPath(name).parts
        if name.endswith(".jsonl"):
            return parts[3]
        return parts[2] if parts[0] == "chats" else ""


def _own(argv: Sequence[str]) -> Sequence[str] | None:
    """Return what stands behind the program, None for others.

    The launcher keeps its own name (``cursor-agent``, lately ``agent``) as the first word of the
    runtime it becomes, so that the script stands second.
    """
    if len(argv) > 1 and any(_SCRIPT.search(word.replace("\\", "/")) for word in argv[:4]):
        place = next(i for i, word in enumerate(argv) if _SCRIPT.search(word.replace("\\", "/")))
        return argv[place + 1 :]
    if argv and base(argv[0]) == "agent":
        return None
    return arguments(argv, _PROGRAM, _SCRIPT)
