"""Row ids of the things events name: files, sessions, models, places, tools, paths."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, TypeAlias

from tmuxmeter.ledger.text import exact, storable, text_of

if TYPE_CHECKING:
    from tmuxmeter.events import LogFile, Usage

FileIdentity: TypeAlias = tuple[str, str, str]
"""Agent, root and canonical name of a log file."""

# names are kept in memory to save look-ups; history must not make the memory grow
_MOST_NAMES = 50_000


class Ids:
    """Finds or makes the row of a name; remembers what it found until :meth:`forget`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._files: dict[FileIdentity, tuple[int, str]] = {}
        self._sessions: dict[tuple[str, str], tuple[int, int | None]] = {}
        self._models: dict[tuple[str, str, str, str], int] = {}
        self._names: dict[tuple[str, str, str], int] = {}

    def forget(self) -> None:
        """Forget all, because a transaction that made some of the rows was undone."""
        self._files.clear()
        self._sessions.clear()
        self._models.clear()
        self._names.clear()

    def file(self, log: LogFile) -> int:
        """Return a log file's id; ids are given in the order in which files are first seen."""
        identity = (log.agent, log.root, log.name)
        known = self._files.get(identity)
        if known is None:
            row = self._connection.execute(
                "SELECT id, path FROM file WHERE agent = ? AND root = ? AND name = ?",
                (log.agent, exact(log.root), exact(log.name)),
            ).fetchone()
            known = (int(row[0]), text_of(row[1])) if row else None
        if known is None:
            row_id = self._made(
                "INSERT INTO file (agent, root, name, path, device, inode, size, mtime_ns,"
                " offset, mark, reader) VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, x'', x'')",
                (log.agent, exact(log.root), exact(log.name), exact(log.path)),
            )
        elif known[1] != log.path:
            row_id = known[0]
            self._connection.execute(
                "UPDATE file SET path = ? WHERE id = ?", (exact(log.path), row_id)
            )
        else:
            row_id = known[0]
        if len(self._files) >= _MOST_NAMES:
            self._files.clear()
        self._files[identity] = (row_id, log.path)
        return row_id

    def session(self, agent: str, key: str, file_id: int | None, account: str) -> int:
        """Return a session's id; its account is the root of the first file that shows it."""
        known = self._sessions.get((agent, key))
        if known is None:
            text = storable(key)
            row = self._connection.execute(
                "SELECT id, file_id FROM session WHERE agent = ? AND key = ?", (agent, text)
            ).fetchone()
            if row is None:
                row_id = self._made(
                    "INSERT INTO session (agent, key, account, file_id) VALUES (?, ?, ?, ?)",
                    (agent, text, storable(account), file_id),
                )
                known = (row_id, file_id)
            else:
                known = (int(row[0]), row[1])
            if len(self._sessions) >= _MOST_NAMES:
                self._sessions.clear()
            self._sessions[agent, key] = known
        row_id, shown_by = known
        if file_id is not None and (shown_by is None or file_id < shown_by):
            self._connection.execute(
                "UPDATE session SET file_id = ?, account = ? WHERE id = ?",
                (file_id, storable(account), row_id),
            )
            self._sessions[agent, key] = (row_id, file_id)
        return row_id

    def model(self, agent: str, usage: Usage) -> int:
        """Return the id of a model with its tier and geography, as the log writes them."""
        name = (agent, usage.model, usage.tier, usage.geo)
        row_id = self._models.get(name)
        if row_id is None:
            values = tuple(map(storable, name))
            row_id = self._found(
                "SELECT id FROM model WHERE agent = ? AND name = ? AND tier = ? AND geo = ?",
                "INSERT INTO model (agent, name, tier, geo) VALUES (?, ?, ?, ?)",
                values,
            )
            if len(self._models) >= _MOST_NAMES:
                self._models.clear()
            self._models[name] = row_id
        return row_id

    def place(self, cwd: str, branch: str) -> int:
        """Return the id of a working directory and branch."""
        return self._name(
            ("place", cwd, branch),
            "SELECT id FROM place WHERE cwd = ? AND branch = ?",
            "INSERT INTO place (cwd, branch) VALUES (?, ?)",
            (storable(cwd), storable(branch)),
        )

    def tool(self, name: str) -> int:
        """Return the id of a tool's name."""
        return self._name(
            ("tool", name, ""),
            "SELECT id FROM tool WHERE name = ?",
            "INSERT INTO tool (name) VALUES (?)",
            (storable(name),),
        )

    def path(self, name: str) -> int:
        """Return the id of a file's path."""
        return self._name(
            ("path", name, ""),
            "SELECT id FROM path WHERE name = ?",
            "INSERT INTO path (name) VALUES (?)",
            (storable(name),),
        )

    def _name(
        self, memo: tuple[str, str, str], find: str, make: str, values: tuple[str, ...]
    ) -> int:
        row_id = self._names.get(memo)
        if row_id is None:
            row_id = self._found(find, make, values)
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[memo] = row_id
        return row_id

    def _found(self, find: str, make: str, values: tuple[str, ...]) -> int:
        row = self._connection.execute(find, values).fetchone()
        return int(row[0]) if row is not None else self._made(make, values)

    def _made(self, make: str, values: tuple[object, ...]) -> int:
        row_id = self._connection.execute(make, values).lastrowid
        if row_id is None:
            msg = "an insert gave no row id"
            raise sqlite3.InternalError(msg)
        return row_id
