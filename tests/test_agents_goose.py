from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from agent_reading import FIXTURES, booked, only, skips, spent, table
from logs_agent import Book

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.goose import Goose
from tmuxmeter.errors import LogError
from tmuxmeter.events import (
    Compaction,
    Event,
    FileTouch,
    LogFile,
    Prompt,
    SessionStart,
    Skipped,
    ToolResult,
    Usage,
)
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOSE = Goose()
REAL = FIXTURES / "goose" / "1.52.0.sql"
UNLOGGED = {1, 5, 12, 15, 16}
"""Titles, and an answer whose tool was interrupted."""
TABLES = """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '',
        session_type TEXT NOT NULL DEFAULT 'user',
        working_dir TEXT NOT NULL, created_at TIMESTAMP, updated_at TIMESTAMP,
        total_tokens INTEGER, input_tokens INTEGER, output_tokens INTEGER,
        accumulated_total_tokens INTEGER, accumulated_input_tokens INTEGER,
        accumulated_output_tokens INTEGER, provider_name TEXT, model_config_json TEXT
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL,
        content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL, metadata_json TEXT
    );
"""
# what versions 14 to 17 of the schema add, as the agent's source has it
LEDGER = """
    ALTER TABLE sessions ADD COLUMN accumulated_cache_read_tokens INTEGER;
    ALTER TABLE sessions ADD COLUMN accumulated_cache_write_tokens INTEGER;
    ALTER TABLE sessions ADD COLUMN parent_session_id TEXT;
    CREATE TABLE schema_version (
        version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
    );
    INSERT INTO schema_version VALUES (14, '2026-06-20 00:00:00'), (15, '2026-11-20 00:00:00');
    CREATE TABLE usage_ledger (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        created_timestamp INTEGER NOT NULL, model TEXT, input_tokens INTEGER,
        output_tokens INTEGER, total_tokens INTEGER, cache_read_tokens INTEGER,
        cache_write_tokens INTEGER, cost REAL, cost_source TEXT, is_compaction INTEGER DEFAULT 0
    );
"""
T0 = 1_795_309_600


class Store:
    def __init__(self, root: Path, tables: str = "") -> None:
        self.path = root / "sessions/sessions.db"
        self.path.parent.mkdir()
        self.log = LogFile("goose", str(root), "sessions/sessions.db", str(self.path))
        self.book = Book()
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.executescript(tables or TABLES)

    def session(self, identity: str, taken: int | None, given: int | None, minute: int = 0) -> None:
        config = json.dumps({"model_name": "claude-sonnet-4-5", "context_limit": 200_000})
        self.connection.execute(
            "INSERT INTO sessions (id, working_dir, created_at, updated_at, input_tokens,"
            " accumulated_input_tokens, accumulated_output_tokens, model_config_json)"
            " VALUES (?, '/repo', '2026-11-22 01:00:00', ?, 7, ?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET updated_at = excluded.updated_at, accumulated_input_tokens ="
            " excluded.accumulated_input_tokens, accumulated_output_tokens ="
            " excluded.accumulated_output_tokens",
            (identity, f"2026-11-22 01:{minute:02}:00", taken, given, config),
        )

    def request(self, identity: str, *counts: int, model: str = "claude-opus-4-5") -> None:
        """Write a request as Goose does: carry forward what is in no ledger, add, note."""
        self.connection.execute(
            "INSERT INTO usage_ledger (session_id, created_timestamp, input_tokens, output_tokens,"
            " cache_read_tokens, cache_write_tokens, cost_source)"
            " SELECT s.id, ?, accumulated_input_tokens - l.i, accumulated_output_tokens - l.o,"
            " COALESCE(accumulated_cache_read_tokens, 0) - l.r,"
            " COALESCE(accumulated_cache_write_tokens, 0) - l.w, 'carried_forward' FROM sessions s,"
            " (SELECT COALESCE(SUM(input_tokens), 0) i, COALESCE(SUM(output_tokens), 0) o,"
            " COALESCE(SUM(cache_read_tokens), 0) r, COALESCE(SUM(cache_write_tokens), 0) w"
            " FROM usage_ledger WHERE session_id = ?) l"
            " WHERE s.id = ? AND accumulated_input_tokens > l.i",
            (T0, identity, identity),
        )
        self.connection.execute(
            "UPDATE sessions SET"
            " accumulated_input_tokens = COALESCE(accumulated_input_tokens, 0) + ?,"
            " accumulated_output_tokens = COALESCE(accumulated_output_tokens, 0) + ?,"
            " accumulated_cache_read_tokens = COALESCE(accumulated_cache_read_tokens, 0) + ?,"
            " accumulated_cache_write_tokens = COALESCE(accumulated_cache_write_tokens, 0) + ?"
            " WHERE id = ?",
            (*counts, identity),
        )
        self.connection.execute(
            "INSERT INTO usage_ledger (session_id, created_timestamp, input_tokens, output_tokens,"
            " cache_read_tokens, cache_write_tokens, model, cost_source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'estimated')",
            (identity, T0 + 5, *counts, model),
        )

    def message(
        self, role: str, *content: dict[str, Any], session: str = "s1", at: int = 0
    ) -> None:
        self.connection.execute(
            "INSERT INTO messages (session_id, role, content_json, created_timestamp)"
            " VALUES (?, ?, ?, ?)",
            (session, role, json.dumps(content), T0 + at),
        )

    def read(self) -> list[Event]:
        events: list[Event] = []
        for chunk in read_log(GOOSE, self.log, self.book.at(self.log)):
            events += chunk.events
            self.book.add([chunk])
        return events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    with closing(made.connection):
        yield made


def usages(events: list[Event]) -> list[tuple[int, int, str]]:
    return [(e.fresh, e.output, e.model) for e in events if isinstance(e, Usage)]


# --- what the real program wrote


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, REAL.read_text())
    with closing(made.connection):
        yield made


def test_golden_table_of_what_the_real_program_wrote(real: Store) -> None:
    events = real.read()
    assert table(events) == REAL.with_suffix(".txt").read_text()
    assert skips(events) == {}
    # the same keys again, whatever the ledger forgot
    real.book = Book()
    assert booked(events + real.read()).keys() == booked(events).keys()


def test_the_real_program_s_ledger_is_what_the_stub_served(real: Store) -> None:
    events = real.read()
    assert sorted(spent(events)) == [
        (2000 + 20 * n, 7000 + 40 * n, 120 + 8 * n, 0) for n in range(1, 20) if n not in UNLOGGED
    ]
    assert [one.sidechain for one in only(Usage, events)].count(True) == 2
    assert len(only(Compaction, events)) == 1


# --- counting


def test_totals_are_booked_as_they_grow(store: Store) -> None:
    model = "claude-sonnet-4-5"
    store.session("s1", 100, 10)
    store.session("s2", None, None)
    assert usages(store.read()) == [(100, 10, model)]
    store.session("s1", 250, 30, minute=5)
    assert usages(store.read()) == [(150, 20, model)]
    # what the ledger keeps is all there is: another process goes on from it
    store.session("s2", 5, 1, minute=6)
    assert usages(store.read()) == [(5, 1, model)]
    store.session("s1", 250, 30, minute=7)
    assert usages(store.read()) == []


def test_a_restored_database_counts_nothing_twice(store: Store) -> None:
    store.session("s1", 100, 10)
    store.message("user", {"type": "text", "text": "go"})
    store.read()
    with closing(sqlite3.connect(store.path.with_name("copy"))) as copy:
        store.connection.backup(copy)
    store.path.with_name("copy").rename(store.path)
    events = store.read()
    assert usages(events) == []
    assert [type(event) for event in events] == [Prompt]  # under the same key


def test_the_ledger_tells_each_request(store: Store) -> None:
    store.connection.executescript(LEDGER)
    store.session("s1", None, None)
    store.request("s1", 100, 10, 60, 30)
    store.request("s1", 40, 4, 0, 0, model="gpt-5.5")
    used = [event for event in store.read() if isinstance(event, Usage)]
    assert [
        (e.model, e.fresh, e.cache_read, e.cache_write_5m, e.output, e.time_ms, e.cwd) for e in used
    ] == [
        ("claude-opus-4-5", 10, 60, 30, 10, (T0 + 5) * 1000, "/repo"),
        ("gpt-5.5", 40, 0, 0, 4, (T0 + 5) * 1000, "/repo"),
    ]
    store.request("s1", 5, 1, 0, 0)
    assert usages(store.read()) == [(5, 1, "claude-opus-4-5")]
    assert store.read() == []


@pytest.mark.parametrize("seen_before", [True, False])
def test_what_was_spent_before_the_ledger_counts_once(store: Store, seen_before: bool) -> None:
    store.session("s1", 100, 10)
    seen = usages(store.read()) if seen_before else []
    store.connection.executescript(LEDGER)
    store.request("s1", 7, 2, 3, 0)
    later = usages(store.read())
    store.request("s1", 1, 1, 0, 0)
    later += usages(store.read())
    model = "claude-opus-4-5"
    assert seen + later == [(100, 10, "claude-sonnet-4-5"), (4, 2, model), (1, 1, model)]


def test_totals_with_cached_input(store: Store) -> None:
    store.connection.executescript(LEDGER + "DROP TABLE usage_ledger;")
    store.session("s1", 100, 10)
    store.connection.execute(
        "UPDATE sessions SET accumulated_cache_read_tokens = 60, accumulated_cache_write_tokens = 5"
    )
    (used,) = [event for event in store.read() if isinstance(event, Usage)]
    assert (used.fresh, used.cache_read, used.cache_write_5m, used.output) == (35, 60, 5, 10)


def test_an_imported_session_s_tokens_were_spent_elsewhere(store: Store) -> None:
    store.connection.executescript(LEDGER)
    store.session("s1", 100, 10)
    store.message("user", {"type": "text", "text": "long ago"}, at=-90_000)
    assert [type(event) for event in store.read()] == [SessionStart]
    store.request("s1", 7, 2, 0, 0)
    assert usages(store.read()) == [(7, 2, "claude-opus-4-5")]


def test_a_fork_counts_its_own(store: Store) -> None:
    store.connection.executescript(LEDGER)
    store.session("s1", None, None)
    store.message("user", {"type": "text", "text": "copied"}, at=-90_000)
    store.message("user", {"type": "text", "text": "its own"}, at=1)
    store.request("s1", 7, 2, 0, 0)
    events = store.read()
    assert usages(events) == [(7, 2, "claude-opus-4-5")]
    assert [e.time_ms for e in events if isinstance(e, Prompt)] == [(T0 + 1) * 1000]


def test_a_sub_agent_belongs_to_its_parent(store: Store) -> None:
    store.connection.executescript(LEDGER)
    store.session("s1", None, None)
    assert [e.parent for e in store.read() if isinstance(e, SessionStart)] == [""]
    # Goose makes the row first and names the parent afterwards
    store.connection.execute(
        "UPDATE sessions SET parent_session_id = 's0', session_type = 'sub_agent'"
    )
    (start,) = [event for event in store.read() if isinstance(event, SessionStart)]
    assert (start.parent, start.spawned) == ("s0", True)
    store.request("s1", 7, 2, 0, 0)
    (used,) = store.read()
    assert isinstance(used, Usage)
    assert used.sidechain


def test_what_the_user_is_not_shown_is_no_prompt(store: Store) -> None:
    store.session("s1", 1, 1)
    for at, shown in enumerate((True, False)):
        store.message("user", {"type": "text", "text": "go"}, at=at)
        metadata = json.dumps({"userVisible": shown, "agentVisible": True})
        store.connection.execute(
            "UPDATE messages SET metadata_json = ? WHERE id = ?", (metadata, at + 1)
        )
    store.connection.execute("UPDATE messages SET created_timestamp = created_timestamp * 1000")
    prompts = [event.time_ms for event in store.read() if isinstance(event, Prompt)]
    assert prompts == [T0 * 1000]  # in milliseconds, too


def test_goose_s_own_commands_are_no_prompts(store: Store) -> None:
    store.session("s1", 1, 1)
    for at, (text, heard) in enumerate([("/compact", False), ("/mine x", True), ("go", False)]):
        store.message("user", {"type": "text", "text": text}, at=at)
        metadata = json.dumps({"userVisible": True, "agentVisible": heard})
        store.connection.execute(
            "UPDATE messages SET metadata_json = ? WHERE id = ?", (metadata, at + 1)
        )
    times = [one.time_ms // 1000 - T0 for one in only(Prompt, store.read())]
    assert times == [1, 2]  # what was compacted away is no longer heard either


def test_golden_table(store: Store) -> None:
    store.session("s1", 100, 10)
    store.message("user", {"type": "text", "text": "list the files"})
    call = {"status": "success", "value": {"name": "developer__shell", "arguments": {}}}
    store.message("assistant", {"type": "toolRequest", "id": "c1", "toolCall": call}, at=1)
    good = {"status": "success", "value": {"content": [], "isError": False}}
    store.message("user", {"type": "toolResponse", "id": "c1", "toolResult": good}, at=2)
    bad = {"status": "error", "error": "no"}
    store.message("user", {"type": "toolResponse", "id": "c2", "toolResult": bad}, at=3)
    store.message("assistant", {"type": "text", "text": "done"}, at=4)
    start, usage, prompt, first, second = store.read()
    assert isinstance(start, SessionStart)
    assert (start.cwd, start.time_ms) == ("/repo", 1_795_309_200_000)
    assert isinstance(usage, Usage)
    assert usage.time_ms == 1_795_309_200_000
    assert isinstance(prompt, Prompt)
    assert (prompt.human, prompt.time_ms) == (True, T0 * 1000)
    assert isinstance(first, ToolResult)
    assert isinstance(second, ToolResult)
    assert [(r.tool, r.ok) for r in (first, second)] == [("developer__shell", True), ("", False)]
    assert store.read() == []


@pytest.mark.parametrize(
    ("tool", "given", "touch"),
    [
        ("developer__text_editor", {"command": "view", "path": "/r/a"}, (False, "/r/a")),
        ("developer__text_editor", {"command": "str_replace", "path": "/r/a"}, (True, "/r/a")),
        ("developer__text_editor", {"command": "write", "path": "/r/a"}, (True, "/r/a")),
        ("edit", {"path": "a.py", "before": "x"}, (True, "a.py")),
        ("developer__write", {"path": "a.py"}, (True, "a.py")),
        ("developer__shell", {"command": "cat a.py", "path": "a.py"}, None),
        ("edit", {"path": 5}, None),
        ("edit", {}, None),
    ],
)
def test_files_are_touched_where_the_call_worked(
    store: Store, tool: str, given: dict[str, Any], touch: tuple[bool, str] | None
) -> None:
    store.session("s1", 1, 1)
    call = {"status": "success", "value": {"name": tool, "arguments": given}}
    for one in ("c1", "c2"):
        store.message("assistant", {"type": "toolRequest", "id": one, "toolCall": call}, at=1)
    store.read()  # what is under way is kept for the next reader
    for one, failed in (("c1", False), ("c2", True)):
        result = {"status": "success", "value": {"content": [], "isError": failed}}
        store.message("user", {"type": "toolResponse", "id": one, "toolResult": result}, at=2)
    events = store.read()
    assert [event.ok for event in events if isinstance(event, ToolResult)] == [True, False]
    touched = [(e.edit, e.path) for e in events if isinstance(e, FileTouch)]
    assert touched == ([touch] if touch else [])


def test_a_compaction_writes_old_messages_anew(store: Store) -> None:
    store.session("s1", 1, 1)
    good = {"type": "toolResponse", "id": "c1", "toolResult": {"status": "success", "value": {}}}

    def write() -> None:
        store.message("user", {"type": "text", "text": "go"}, at=1)
        store.message("user", good, at=2)

    write()
    keys = {event.key for event in store.read()}
    store.connection.execute("DELETE FROM messages")
    write()
    again = store.read()
    assert [type(event) for event in again] == [Prompt, ToolResult]
    assert {event.key for event in again} <= keys


def test_only_a_user_s_session_has_human_prompts(store: Store) -> None:
    for kind in ("user", "sub_agent", "scheduled"):
        store.session(kind, 5, 1)
        store.connection.execute("UPDATE sessions SET session_type = id WHERE id = ?", (kind,))
        store.message("user", {"type": "text", "text": "go"}, session=kind)
    events = store.read()
    human = {event.session: event.human for event in events if isinstance(event, Prompt)}
    assert human == {"user": True, "sub_agent": False, "scheduled": False}
    aside = {event.session: event.sidechain for event in events if isinstance(event, Usage)}
    assert aside == {"user": False, "sub_agent": True, "scheduled": False}


def test_broken_rows_are_counted_once(store: Store) -> None:
    store.session("s1", -5, 10)
    store.connection.execute(
        "INSERT INTO messages (session_id, role, content_json, created_timestamp)"
        " VALUES ('s1', 'user', '{', 1)"
    )
    events = store.read()
    assert usages(events) == []
    assert [e.reason for e in events if isinstance(e, Skipped)] == ["broken row in messages"]
    store.session("s2", 1, 1)
    assert not [e for e in store.read() if isinstance(e, Skipped)]


def test_older_and_strange_schemas(store: Store) -> None:
    store.session("s1", 1, 1)
    store.connection.execute("ALTER TABLE sessions DROP COLUMN model_config_json")
    store.connection.execute("ALTER TABLE sessions DROP COLUMN session_type")
    assert usages(store.read()) == [(1, 1, "")]
    store.connection.execute("DROP TABLE messages")
    with pytest.raises(LogError, match="Goose's table messages has no content_json"):
        store.read()


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("goose", "agent"),
        ("/usr/bin/goose session --session-id 20261122_3", "agent"),
        ("goose run -t hi", "agent"),
        ("goose session list", "helper"),
        ("goose session rename --new-name a", "helper"),
        ("goose term run why", "agent"),
        ("goose term info", "helper"),
        ("goose review main...HEAD", "agent"),
        ("goose serve", "daemon"),
        ("goose configure", "helper"),
        ("goose --version", "helper"),
        ("goose web", "daemon"),
        ("goosed agent", "daemon"),
        ("mongoose", ""),
    ],
)
def test_processes(command: str, role: str) -> None:
    argv = tuple(command.split())
    assert GOOSE.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role
    assert GOOSE.session_in_argv(argv) == ("20261122_3" if "20261122_3" in command else "")
    assert GOOSE.session_in_argv((*argv, "--fork")) == ""


def test_folders(tmp_path: Path) -> None:
    (root,) = GOOSE.roots(tmp_path, {"GOOSE_PATH_ROOT": "/g"})
    assert str(root.path) == "/g/data"
    assert GOOSE.roots(tmp_path, {})[0].path == tmp_path / ".local/share/goose"
    assert GOOSE.log_name("sessions/sessions.db") == "sessions/sessions.db"
    assert GOOSE.log_name("sessions/20250101.jsonl") is None
