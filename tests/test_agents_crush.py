from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.crush import Crush
from tmuxmeter.config import Config
from tmuxmeter.errors import LogError
from tmuxmeter.events import (
    Estimate,
    Event,
    FileTouch,
    LogFile,
    Position,
    Prompt,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.logs.reading import read_log
from tmuxmeter.paths import places
from tmuxmeter.watcher.roots import agent_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

CRUSH = Crush()
TABLES = """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, parent_session_id TEXT, title TEXT NOT NULL,
        message_count INTEGER NOT NULL DEFAULT 0, prompt_tokens INTEGER NOT NULL DEFAULT 0,
        completion_tokens INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0.0,
        updated_at INTEGER NOT NULL, created_at INTEGER NOT NULL
    );
    CREATE TABLE messages (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL, role TEXT NOT NULL,
        parts BLOB NOT NULL default '[]', model TEXT, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, finished_at INTEGER
    );
"""
T0 = 1_795_309_600


class Store:
    def __init__(self, root: Path) -> None:
        self.log = LogFile("crush", str(root), "crush.db", str(root / "crush.db"))
        self.position = Position()
        self.connection = sqlite3.connect(self.log.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=wal")
        self.connection.executescript(TABLES)

    def session(self, identity: str = "s1", parent: str | None = None) -> None:
        self.connection.execute(
            "INSERT INTO sessions VALUES (?, ?, 't', 0, 900, 50, 0.25, ?, ?)",
            (identity, parent, T0, T0),
        )

    def message(
        self, identity: str, role: str, *parts: tuple[str, Any], at: int = 0, session: str = "s1"
    ) -> None:
        content = json.dumps([{"type": kind, "data": data} for kind, data in parts])
        self.connection.execute(
            "INSERT INTO messages VALUES (?, ?, ?, ?, 'm', ?, ?, NULL)"
            " ON CONFLICT (id) DO UPDATE SET parts = excluded.parts",
            (identity, session, role, content, T0 + at, T0 + at),
        )

    def read(self) -> list[Event]:
        events: list[Event] = []
        for chunk in read_log(CRUSH, self.log, self.position):
            events += chunk.events
            self.position = chunk.position
        return events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    with closing(made.connection):
        yield made


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end_turn", "done"),
        ("max_tokens", "done"),
        ("canceled", "interrupted"),
        ("permission_denied", "interrupted"),
        ("content_filter", "error"),
        ("tool_use", None),
    ],
)
def test_how_turns_end(store: Store, told: str, reason: str | None) -> None:
    store.session()
    store.message("m1", "assistant", ("finish", {"reason": told, "time": T0}))
    ends = [event.reason for event in store.read() if isinstance(event, TurnEnd)]
    assert ends == ([reason] if reason else [])


def test_golden_table(store: Store) -> None:
    store.session()
    store.session("s2", parent="s1")
    store.message("m1", "user", ("text", {"text": "add a test"}))
    call = {"id": "c1", "name": "edit", "input": '{"file_path": "/repo/a.go"}', "finished": True}
    used = ("finish", {"reason": "tool_use", "time": T0 + 2})
    store.message("m2", "assistant", ("tool_call", call), used, at=1)
    back = {"tool_call_id": "c1", "name": "edit", "content": "x", "is_error": True}
    store.message("m3", "tool", ("tool_result", back), at=2)
    ended = ("finish", {"reason": "end_turn", "time": T0 + 4})
    store.message("m4", "assistant", ("text", {"text": "Shall I go on?"}), ended, at=3)
    store.message("m5", "user", ("text", {"text": "find it"}), session="s2", at=4)
    stopped = ("finish", {"reason": "canceled", "time": 0})
    store.message("m6", "assistant", stopped, session="s2", at=5)
    told = [event for event in store.read() if not isinstance(event, Estimate)]
    first, second, prompt, touch, result, end, task, cut = told
    assert isinstance(first, SessionStart)
    assert isinstance(second, SessionStart)
    assert (second.parent, second.spawned) == ("s1", True)
    assert isinstance(prompt, Prompt)
    assert prompt.human
    assert isinstance(touch, FileTouch)
    assert (touch.path, touch.edit) == ("/repo/a.go", True)
    assert isinstance(result, ToolResult)
    assert (result.tool, result.ok) == ("edit", False)
    assert isinstance(end, TurnEnd)
    assert (end.reason, end.asked, end.time_ms) == ("done", True, (T0 + 4) * 1000)
    assert isinstance(task, Prompt)
    assert not task.human
    assert isinstance(cut, TurnEnd)
    assert cut.reason == "interrupted"


def test_its_counts_are_no_tokens(store: Store) -> None:
    store.session()
    assert not [event for event in store.read() if isinstance(event, Usage)]
    assert CRUSH.unmetered


def test_a_message_is_followed_while_it_is_written(store: Store) -> None:
    store.session()
    store.message("m1", "assistant", ("text", {"text": "Let"}))
    store.read()
    ended = ("finish", {"reason": "end_turn", "time": T0 + 4})
    store.message("m1", "assistant", ("text", {"text": "Let me"}), ended, at=3)
    again = [event for event in store.read() if not isinstance(event, Estimate)]
    assert [type(event) for event in again] == [SessionStart, TurnEnd]


def test_what_its_texts_may_have_been_in_tokens(store: Store) -> None:
    store.session()
    store.message("m1", "user", ("text", {"text": "x" * 9}))
    thought = ("reasoning", {"thinking": "y" * 8})
    call = {"id": "c1", "name": "bash", "input": '{"command":1}', "finished": True}
    store.message("m2", "assistant", thought, ("tool_call", call))
    back = {"tool_call_id": "c1", "name": "bash", "content": "z" * 400}
    store.message("m3", "tool", ("tool_result", back))
    found = [(e.input, e.output) for e in store.read() if isinstance(e, Estimate)]
    assert found == [(3, 0), (0, 6), (100, 0)]


def test_times_may_be_milliseconds(store: Store) -> None:
    store.connection.execute(
        "INSERT INTO sessions VALUES ('s1', NULL, 't', 0, 0, 0, 0, ?, ?)", (T0 * 1000, T0 * 1000)
    )
    parts = json.dumps([{"type": "text", "data": {"text": "go"}}])
    store.connection.execute(
        "INSERT INTO messages VALUES ('m1', 's1', 'user', ?, 'm', ?, ?, NULL)",
        (parts, T0 * 1000 + 5, T0 * 1000 + 5),
    )
    (start, _, prompt) = store.read()
    assert (start.time_ms, prompt.time_ms) == (T0 * 1000, T0 * 1000 + 5)


def test_the_folder_is_the_one_the_data_lies_in(tmp_path: Path) -> None:
    root = tmp_path / "repo/.crush"
    root.mkdir(parents=True)
    store = Store(root)
    with closing(store.connection):
        store.session()
        (start,) = store.read()
    assert isinstance(start, SessionStart)
    assert start.cwd == str(tmp_path / "repo")
    assert CRUSH.folder_of_root("/data/crush-of-mine") == ""


def test_broken_rows_and_tables(store: Store) -> None:
    store.session()
    store.connection.execute("INSERT INTO messages VALUES ('m', 's1', 'user', '{', '', 5, 5, 1)")
    assert [e.reason for e in store.read() if isinstance(e, Skipped)] == ["broken row in messages"]
    store.connection.execute("ALTER TABLE messages RENAME COLUMN parts TO pieces")
    with pytest.raises(LogError, match="Crush's table messages has no parts"):
        store.read()


def test_each_project_is_a_root(tmp_path: Path) -> None:
    folder = tmp_path / ".local/share/crush"
    folder.mkdir(parents=True)
    listed = [
        {"path": "/repo", "data_dir": "/repo/.crush"},
        {"path": "/other", "data_dir": ".crush"},
        {"path": "relative"},
    ]
    (folder / "projects.json").write_text(json.dumps({"projects": listed}))
    roots = agent_roots(places(tmp_path, {}), Config())
    found = [str(root.path) for agent, root in roots if agent.name == "crush"]
    assert found == [str(folder), "/repo/.crush", "/other/.crush"]
    for content in (b"{", b'{"projects": 5}', b"[]", b'{"projects": [{}]}'):
        assert CRUSH.indexed(content) == ()
    (root,) = CRUSH.roots(Path("/h"), {"CRUSH_GLOBAL_DATA": "/d"})
    assert (str(root.path), root.index) == ("/d", "projects.json")


@pytest.mark.parametrize(
    ("command", "role", "session", "cwd"),
    [
        ("crush", "agent", "", ""),
        ("crush -c /repo -s abc", "agent", "abc", "/repo"),
        ("crush run fix it", "agent", "", ""),
        ("crush logs", "helper", "", ""),
        ("crush --version", "helper", "", ""),
        ("candycrush", "", "", ""),
    ],
)
def test_processes(command: str, role: str, session: str, cwd: str) -> None:
    argv = tuple(command.split())
    assert CRUSH.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role
    assert CRUSH.session_in_argv(argv) == session
    assert CRUSH.cwd_in_argv(argv) == cwd
