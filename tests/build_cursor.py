"""Builds what Cursor's command line agent and its editor leave on a disk, from its known format."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any

from tmuxmeter.agents.cursor import Cursor
from tmuxmeter.events import Estimate, LogFile, Position
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.events import Event

CURSOR = Cursor()
T0 = 1_795_309_600_000
"""2026-11-22T01:06:40Z."""
CHAT = "0198c4a2-7f31-7c02-9a55-3f6b8b1d2e01"
COMPOSER = "5b0c7b52-8a44-4d0e-9d53-2f9f5b9b7a10"


def said(role: str, *parts: Any) -> dict[str, Any]:
    """Return a transcript's record; a text stands for a part of text."""
    content = [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]
    return {"role": role, "message": {"content": content}}


def asked(text: str) -> dict[str, Any]:
    """Return a prompt as the terminal writes it."""
    return said("user", f"<user_query>\n{text}\n</user_query>")


def tool(name: str, **given: str) -> dict[str, Any]:
    """Return a part that calls a tool."""
    return {"type": "tool_use", "name": name, "input": given}


def ended(status: str = "success") -> dict[str, Any]:
    """Return the record that ends a turn."""
    return {"type": "turn_ended", "status": status}


class Log:
    """One log of Cursor's below a root, read on from where it was left."""

    def __init__(self, root: Path, name: str) -> None:
        self.path = root / name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.log = LogFile("cursor", str(root), name, str(self.path))
        self.position = Position()

    def read(self, *, estimates: bool = False) -> list[Event]:
        """Return the events of what came since the last time: estimates, or all others."""
        events: list[Event] = []
        for chunk in read_log(CURSOR, self.log, self.position):
            events += chunk.events
            self.position = chunk.position
        return [event for event in events if isinstance(event, Estimate) == estimates]


class Transcript(Log):
    """A transcript, rewritten whole at a time."""

    def __init__(self, root: Path, session: str = CHAT, sub: str = "") -> None:
        end = f"subagents/{sub}.jsonl" if sub else f"{session}.jsonl"
        super().__init__(root, f"projects/home-me-app/agent-transcripts/{session}/{end}")

    def write(self, *records: Any, at: int = 0) -> None:
        """Write all records, ``at`` milliseconds after T0."""
        lines = [json.dumps(record, separators=(",", ":")) for record in records]
        self.path.write_text("".join(f"{line}\n" for line in lines))
        os.utime(self.path, ns=((T0 + at) * 1_000_000,) * 2)


class Chat(Log):
    """A chat of the command line agent: a database and a description beside it."""

    def __init__(
        self, root: Path, session: str = CHAT, cwd: str = "/home/me/app", made_ms: int = T0 - 5_000
    ) -> None:
        folder = md5(cwd.encode()).hexdigest()
        super().__init__(root, f"chats/{folder}/{session}/store.db")
        meta = {
            "schemaVersion": 1,
            "title": "t",
            "createdAtMs": made_ms,
            "hasConversation": True,
        }
        self.path.with_name("meta.json").write_text(json.dumps(meta))
        about = {
            "agentId": session,
            "latestRootBlobId": "00",
            "name": "t",
            "createdAt": made_ms,
            "workspacePath": cwd,
            "lastUsedModel": "composer-2.5",
        }
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=wal")
        self.connection.execute("CREATE TABLE blobs (id TEXT PRIMARY KEY, data BLOB)")
        self.connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
        self.connection.execute(
            "INSERT INTO meta VALUES ('0', ?)", (json.dumps(about).encode().hex(),)
        )


class Editor(Log):
    """The editor's database of composers."""

    def __init__(self, root: Path, *, table: bool = False) -> None:
        super().__init__(root, "globalStorage/state.vscdb")
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=wal")
        for name in ("ItemTable", "cursorDiskKV"):
            self.connection.execute(
                f"CREATE TABLE {name} (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)"
            )
        if table:
            self.connection.execute(
                "CREATE TABLE composerHeaders (composerId TEXT PRIMARY KEY, createdAt INTEGER,"
                " lastUpdatedAt INTEGER, isSubagent INTEGER, workspaceId TEXT, value TEXT)"
            )

    def put(self, key: str, value: Any) -> None:
        """Write a value under a key: it gets a new row."""
        content = value if value is None or isinstance(value, bytes) else json.dumps(value)
        self.connection.execute("INSERT INTO cursorDiskKV VALUES (?, ?)", (key, content))

    def change(self, key: str, value: Any) -> None:
        """Write a value in its place."""
        self.connection.execute(
            "UPDATE cursorDiskKV SET value = ? WHERE key = ?", (json.dumps(value), key)
        )

    def composer(self, identity: str = COMPOSER, bubbles: int = 2, **more: Any) -> None:
        """Write a composer."""
        heads = [{"bubbleId": f"b{n}", "type": 1 + n % 2} for n in range(bubbles)]
        self.put(
            f"composerData:{identity}",
            {"_v": 3, "composerId": identity, "createdAt": T0 - 1_000, "status": "completed"}
            | {"fullConversationHeadersOnly": heads, **more},
        )

    def header(self, identity: str, at: int = 0, **value: Any) -> None:
        """Write a composer's header into its table."""
        self.connection.execute(
            "INSERT OR REPLACE INTO composerHeaders VALUES (?, ?, ?, ?, 'w', ?)",
            (identity, T0, T0 + at, 0, json.dumps(value)),
        )


def bubble(kind: int, text: str = "", *, at: int = 0, **more: Any) -> dict[str, Any]:
    """Return a bubble, 1: the human's, 2: the agent's, ``at`` milliseconds after T0."""
    moment = datetime.fromtimestamp((T0 + at) / 1000, UTC)
    return {
        "_v": 3,
        "type": kind,
        "text": text,
        "createdAt": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tokenCount": {"inputTokens": 0, "outputTokens": 0},
        **more,
    }


def workspace(root: Path, folder: str, composers: list[str]) -> Log:
    """Return the database of a workspace, with its description beside it."""
    log = Log(root, "workspaceStorage/0f0e0d/state.vscdb")
    log.path.with_name("workspace.json").write_text(json.dumps({"folder": folder}))
    connection = sqlite3.connect(log.path)
    connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
    listed = {"allComposers": [{"composerId": one, "createdAt": T0} for one in composers]}
    connection.execute(
        "INSERT INTO ItemTable VALUES ('composer.composerData', ?)", (json.dumps(listed),)
    )
    connection.commit()
    connection.close()
    return log
