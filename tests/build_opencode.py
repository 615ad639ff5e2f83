"""OpenCode's database as 1.18.33 makes it: the real one from the fixtures, and small ones."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tmuxmeter.agents.opencode import OpenCode
from tmuxmeter.events import Event, LogFile, Position
from tmuxmeter.logs.reading import read_log

FIXTURE = Path(__file__).parent / "fixtures/opencode/1.18.33.sql"
TABLES = [line for line in FIXTURE.read_text().splitlines() if line.startswith("CREATE")]
T0 = 1_795_309_600_000
AGENT = OpenCode()


class Store:
    """A database that is written to as OpenCode does, and read as the meter does."""

    def __init__(self, path: Path, script: str = "") -> None:
        self.path = path
        self.position = Position()
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=wal")
        self.connection.executescript(script or "\n".join(TABLES))

    def session(self, identity: str = "ses_1", parent: str | None = None, at: int = 0) -> None:
        self.connection.execute(
            "INSERT INTO session (id, project_id, parent_id, slug, directory, title, version,"
            " time_created, time_updated) VALUES (?, 'p', ?, 's', '/repo', 't', '1.18.33', ?, ?)",
            (identity, parent, T0 + at, T0 + at),
        )

    def message(
        self, identity: str, session: str = "ses_1", at: int = 1, role: str = "user", **data: Any
    ) -> None:
        content = {"role": role, "time": {"created": T0 + at}, "path": {"cwd": "/repo"}} | data
        self.connection.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " data = excluded.data, time_updated = excluded.time_updated",
            (identity, session, T0 + at, T0 + at, json.dumps(content)),
        )

    def reply(
        self,
        identity: str,
        session: str = "ses_1",
        at: int = 1,
        done: int | None = 2,
        tokens: dict[str, Any] | None = None,
        **data: Any,
    ) -> None:
        counts = tokens or {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 3}}
        time = {"created": T0 + at} | ({"completed": T0 + done} if done is not None else {})
        more = {"modelID": "gpt-5.5", "providerID": "openai", "finish": "stop", "time": time}
        self.message(identity, session, at, "assistant", **({"tokens": counts} | more | data))

    def part(self, identity: str, message: str, session: str = "ses_1", **data: Any) -> None:
        self.connection.execute(
            "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " data = excluded.data",
            (identity, message, session, T0, T0, json.dumps(data)),
        )

    def read(self) -> list[Event]:
        """Return the events since the last call."""
        log = LogFile("opencode", str(self.path.parent), self.path.name, str(self.path))
        events: list[Event] = []
        for chunk in read_log(AGENT, log, self.position):
            events += chunk.events
            self.position = chunk.position
        return events


def real(path: Path) -> Store:
    return Store(path, FIXTURE.read_text())


def close(store: Store) -> None:
    with closing(store.connection):
        pass
