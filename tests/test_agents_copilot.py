from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from agent_reading import (
    FIXTURES,
    booked,
    lines,
    logs_of,
    only,
    read,
    read_in_pieces,
    skips,
    spent,
    table,
)
from logs_agent import Book

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.copilot import Copilot
from tmuxmeter.errors import LogError
from tmuxmeter.events import (
    Compaction,
    Event,
    FileTouch,
    LogFile,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = FIXTURES / "copilot" / "1.0.102"
COMPACTION = 13
COPILOT = Copilot()
SESSION = "a995dbc4-4649-4073-82de-afcbbc8aec81"
NAME = f"session-state/{SESSION}/events.jsonl"
STORED = {"session-store.db*": b""}
# as the vendor's schema version 8 has them, without the columns that are never read
TABLES = """
    CREATE TABLE sessions (id TEXT PRIMARY KEY, cwd TEXT, repository TEXT, branch TEXT);
    CREATE TABLE assistant_usage_events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, turn_index INTEGER,
        model TEXT, input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
        cache_write_tokens INTEGER, reasoning_tokens INTEGER, token_details_json TEXT,
        agent_id TEXT, created_at TEXT NOT NULL
    );
"""


def record(number: int, kind: str, **data: Any) -> dict[str, Any]:
    stamp = f"2026-11-22T01:{number // 60:02}:{number % 60:02}.000Z"
    return {"type": kind, "data": data, "id": f"e{number}", "timestamp": stamp, "parentId": None}


def start(number: int = 0, version: str = "1.0.91") -> dict[str, Any]:
    context = {"cwd": "/repo", "branch": "main"}
    return record(
        number, "session.start", sessionId=SESSION, copilotVersion=version, context=context
    )


def shutdown(number: int, **models: tuple[int, int, int, int, int]) -> dict[str, Any]:
    """Each model's input, output, cache read, cache write and reasoning."""
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
    metrics = {
        model.replace("_", "-"): {
            "usage": dict(zip((*names, "reasoningTokens"), kinds, strict=True))
        }
        for model, kinds in models.items()
    }
    return record(number, "session.shutdown", shutdownType="routine", modelMetrics=metrics)


def tool(number: int, identity: str, name: str, arguments: Any, *, ok: bool = True) -> list[Any]:
    call = {"toolCallId": identity, "toolName": name, "arguments": arguments}
    return [
        record(number, "tool.execution_start", **call),
        record(number + 1, "tool.execution_complete", toolCallId=identity, success=ok),
    ]


def kinds(events: list[Event]) -> list[tuple[int, int, int, int, int]]:
    return [
        (e.fresh, e.cache_read, e.cache_write_5m, e.output, e.reasoning)
        for e in only(Usage, booked(events).values())
    ]


class Store:
    def __init__(self, root: Path, tables: str = TABLES) -> None:
        self.root = root
        self.path = root / "session-store.db"
        self.log = LogFile("copilot", str(root), "session-store.db", str(self.path))
        self.book = Book()
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=wal")
        self.connection.executescript(tables)
        if tables == TABLES:
            self.connection.execute(
                "INSERT INTO sessions VALUES (?, '/repo', '', 'main')", (SESSION,)
            )

    def request(self, second: int, *counts: int | None, **more: Any) -> None:
        """Add a request: inclusive input, output, cache read, cache write, reasoning."""
        names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
        row = dict(zip((*names, "reasoning_tokens"), counts, strict=False)) | more
        row |= {"session_id": SESSION, "created_at": f"2026-11-22T01:00:{second:02}.000Z"}
        row.setdefault("model", "claude-sonnet-4.5")
        self.connection.execute(
            f"INSERT INTO assistant_usage_events ({', '.join(row)})"
            f" VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )

    def read(self) -> list[Event]:
        events: list[Event] = []
        for chunk in read_log(COPILOT, self.log, self.book.at(self.log)):
            events += chunk.events
            self.book.add([chunk])
        return events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    with closing(made.connection):
        yield made


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Store]:
    """The database that the real program wrote."""
    store = Store(tmp_path, (ROOT / "session-store.sql").read_text())
    yield store
    store.connection.close()


# --- what the real program wrote


def served(number: int) -> tuple[int, int, int, int]:
    """Return what the stub told of its answers; of a compaction Copilot keeps no reasoning."""
    reasoning = 0 if number == COMPACTION else 30 + number
    return 2000 + 20 * number, 7000 + 40 * number, 120 + 8 * number, reasoning


@pytest.mark.parametrize("way", [read, read_in_pieces])
def test_golden_table_of_what_the_real_program_wrote(real: Store, way: Any) -> None:
    events = real.read()
    for name in logs_of(COPILOT, ROOT):
        events += way(COPILOT, name, (ROOT / name).read_bytes(), STORED)
    assert table(events) == (ROOT / "events.txt").read_text()
    assert skips(events) == {}
    assert spent(events) == [served(number) for number in range(1, 15)]


def test_without_the_database_the_real_program_s_events_tell_the_same() -> None:
    events: list[Event] = []
    for name in logs_of(COPILOT, ROOT):
        events += read(COPILOT, name, (ROOT / name).read_bytes())
    assert spent(events) == [served(number) for number in range(1, 15)]
    assert sum(one.sidechain for one in only(Usage, events)) == 2


# --- the database


def test_golden_table_of_requests(store: Store) -> None:
    store.request(1, 1000, 50, 700, 200, 20)
    store.request(2, 300, 5, None, None, None, model="gpt-5.4", agent_id="agent-1")
    assert table(store.read()) == (
        f"1795309201000 Usage session={SESSION} model=claude-sonnet-4.5 fresh=100 cache_read=700"
        " cache_write_5m=200 output=50 reasoning=20 cwd=/repo branch=main\n"
        f"1795309202000 Usage session={SESSION} model=gpt-5.4 fresh=300 output=5 cwd=/repo"
        " branch=main sidechain=True\n"
    )
    assert store.read() == []
    store.request(3, 10, 1, 0, 0, 0)
    assert kinds(store.read()) == [(10, 0, 0, 1, 0)]


def test_what_was_billed_counts_where_it_differs(store: Store) -> None:
    billed = [
        {"tokenType": "input", "tokenCount": 40, "costPerBatch": 1, "batchSize": 1},
        {"tokenType": "cache_read", "tokenCount": 900},
        {"tokenType": "output", "tokenCount": 60},
    ]
    store.request(1, 40, 60, 0, 0, 0, token_details_json=json.dumps(billed))
    unknown = [*billed, {"tokenType": "audio", "tokenCount": 5}]
    store.request(2, 40, 60, 0, 0, 0, token_details_json=json.dumps(unknown))
    store.request(3, 40, 60, 0, 0, 0, token_details_json="{")
    assert kinds(store.read()) == [(40, 900, 0, 60, 0), (40, 0, 0, 60, 0), (40, 0, 0, 60, 0)]


def test_kinds_and_models_may_be_told_in_pieces(store: Store) -> None:
    store.connection.execute(
        "ALTER TABLE assistant_usage_events ADD COLUMN copilot_usage_model TEXT"
    )
    pieces = [("input", 10), ("input", 5), ("cache_read", 80), ("output", 20), ("output", 3, "b")]
    details = [
        {"tokenType": kind, "tokenCount": count} | ({"model": more[0]} if more else {})
        for kind, count, *more in pieces
    ]
    told = json.dumps(details)
    store.request(1, 95, 23, 80, 0, 21, token_details_json=told, copilot_usage_model="a")
    used = only(Usage, store.read())
    found = [(e.model, e.fresh, e.cache_read, e.output, e.reasoning) for e in used]
    assert found == [("a", 15, 80, 20, 20), ("b", 0, 0, 3, 1)]


def test_rows_that_make_no_sense_are_told(store: Store) -> None:
    store.request(1, 10, 5, 700, 0, 0)  # input no longer contains the cache
    store.request(2, None, None, None, None)
    store.request(3, -1, 5, 0, 0)
    store.connection.execute("UPDATE assistant_usage_events SET created_at = '?' WHERE id = 3")
    store.request(4, 0, 0, 0, 0)
    events = store.read()
    assert kinds(events) == []
    assert skips(events) == {"bad token counts": 1, "request without tokens": 1, "bad time": 1}


def test_a_new_database_brings_new_requests_only(store: Store, tmp_path: Path) -> None:
    store.request(1, 10, 1)
    first = store.read()
    store.connection.close()
    for file in tmp_path.glob("session-store.db*"):
        file.unlink()
    again = Store(tmp_path)
    again.book = store.book
    with closing(again.connection):
        again.connection.execute("DELETE FROM assistant_usage_events")
        again.request(2, 20, 2)  # under the number that another one had
        assert kinds([*first, *again.read()]) == [(10, 0, 0, 1, 0), (20, 0, 0, 2, 0)]


def test_rows_under_old_numbers_are_read_even_unnoticed(store: Store) -> None:
    store.request(1, 10, 1)
    first = store.read()
    store.connection.execute("DELETE FROM assistant_usage_events")
    store.connection.execute("DELETE FROM sqlite_sequence")
    store.request(2, 20, 2)
    assert kinds([*first, *store.read()]) == [(10, 0, 0, 1, 0), (20, 0, 0, 2, 0)]


def test_older_and_strange_databases(tmp_path: Path) -> None:
    store = Store(tmp_path, "CREATE TABLE sessions (id TEXT)")
    with closing(store.connection):
        with pytest.raises(LogError, match="no requests in this version"):
            store.read()
        store.connection.execute("CREATE TABLE assistant_usage_events (id INTEGER PRIMARY KEY)")
        with pytest.raises(LogError, match="no cache_read_tokens, cache_write_tokens"):
            store.read()


# --- the events


def session() -> list[dict[str, Any]]:
    patch = "*** Begin Patch\n*** Update File: b.py\n*** End Patch"
    inner = record(20, "assistant.turn_end", turnId="0") | {"agentId": "agent-1"}
    return [
        start(),
        record(1, "system.message", content="you are"),
        record(2, "user.message", content="fix it", messageId="m1"),
        record(3, "assistant.turn_start", turnId="0"),
        record(4, "assistant.message", content="", toolRequests=[{"toolCallId": "1"}]),
        *tool(5, "1", "view", {"path": "a.py"}),
        *tool(7, "2", "edit", {"path": "/repo/a.py"}),
        *tool(9, "3", "edit", {"path": "/repo/c.py"}, ok=False),
        *tool(11, "4", "apply_patch", patch),
        *tool(13, "5", "bash", {"command": "ls"}),
        record(15, "assistant.turn_end", turnId="0"),
        record(16, "subagent.started", toolCallId="6"),
        record(17, "user.message", content="look", source="agent") | {"agentId": "agent-1"},
        record(18, "assistant.message", content="found", toolRequests=[]) | {"agentId": "agent-1"},
        inner,
        record(21, "session.compaction_complete", success=True, preCompactionTokens=9000),
        record(22, "assistant.message", content="Shall I go on?", toolRequests=[]),
        record(23, "assistant.turn_end", turnId="1"),
        record(24, "user.message", content="hidden", source="skill-pdf"),
        record(25, "abort", reason="user initiated"),
        shutdown(30, gpt_5=(100, 20, 60, 5, 7)),
    ]


def test_golden_table_of_events() -> None:
    expected = table(read(COPILOT, NAME, lines(*session())))
    assert table(read_in_pieces(COPILOT, NAME, lines(*session()))) == expected
    events = list(booked(read(COPILOT, NAME, lines(*session()))).values())
    assert skips(read(COPILOT, NAME, lines(*session()))) == {}
    (begun,) = only(SessionStart, events)
    assert (begun.session, begun.cwd, begun.branch, begun.version) == (
        SESSION,
        "/repo",
        "main",
        "1.0.91",
    )
    assert [(p.human, p.time_ms % 60_000) for p in only(Prompt, events)] == [
        (True, 2000),
        (False, 24_000),
    ]
    assert [(t.reason, t.asked, t.time_ms % 60_000) for t in only(TurnEnd, events)] == [
        ("done", True, 23_000),
        ("interrupted", False, 25_000),
    ]
    assert [(t.tool, t.ok) for t in only(ToolResult, events)] == [
        ("view", True),
        ("edit", True),
        ("edit", False),
        ("apply_patch", True),
        ("bash", True),
    ]
    assert [(t.edit, t.path) for t in only(FileTouch, events)] == [
        (False, "/repo/a.py"),
        (True, "/repo/a.py"),
        (True, "/repo/b.py"),
    ]
    assert [c.tokens_before for c in only(Compaction, events)] == [9000]
    assert kinds(events) == [(35, 60, 5, 20, 7)]


def test_a_command_s_failure_is_the_call_s() -> None:
    events = [
        record(i, "tool.execution_complete", toolCallId=str(i), success=True, shellExecution=shell)
        for i, shell in enumerate([{"exitCode": 0}, {"exitCode": 2}, {}, None])
    ]
    told = only(ToolResult, read(COPILOT, NAME, lines(start(), *events)))
    assert [one.ok for one in told] == [True, False, True, True]


def test_a_fork_s_sums_without_a_database_grow_from_its_parent_s() -> None:
    spend = {"claude_opus_5": (100, 10, 50, 0, 1)}
    copied = [record(1, "user.message", content="go"), shutdown(2, **spend)]
    own = [record(61, "user.message", content="on")]
    more = {"claude_opus_5": (180, 30, 90, 0, 4)}
    for way in (read, read_in_pieces):
        events = way(COPILOT, NAME, lines(start(60), *copied, *own, shutdown(62, **more)))
        assert len(only(Prompt, events)) == 1
        assert kinds(events) == [(40, 40, 0, 20, 3)]


def test_a_turn_ends_with_the_answer_that_calls_no_tools() -> None:
    content = lines(
        start(),
        record(1, "user.message", content="go"),
        record(2, "assistant.message", content="", toolRequests=[{"toolCallId": "1"}]),
        record(3, "assistant.turn_end", turnId="0"),
        record(4, "assistant.message", content="done", toolRequests=[]),
        record(5, "assistant.turn_end", turnId="0") | {"agentId": "agent-1"},
        record(6, "assistant.turn_end", turnId="1"),
    )
    ends = only(TurnEnd, read(COPILOT, NAME, content))
    assert [one.time_ms % 60_000 for one in ends] == [6000]


def test_shutdowns_are_cumulative_over_resumed_parts() -> None:
    first, second = (
        shutdown(30, gpt_5=(100, 20, 60, 0, 7)),
        shutdown(90, gpt_5=(250, 30, 100, 0, 9)),
    )
    resumed = record(60, "session.resume", context={"cwd": "/repo"})
    content = lines(start(), first, resumed, second, start(), first, resumed, second)
    expected = [(40, 60, 0, 20, 7), (110, 40, 0, 10, 2)]
    assert kinds(read(COPILOT, NAME, content)) == expected
    assert kinds(read_in_pieces(COPILOT, NAME, content)) == expected


def test_where_the_database_is_tokens_come_from_it_only() -> None:
    content = lines(start(), shutdown(30, gpt_5=(100, 20, 60, 0, 7)))
    assert spent(read(COPILOT, NAME, content, STORED)) == []
    assert spent(read(COPILOT, NAME, content)) == [(40, 60, 20, 7)]
    # what no database can hold counts from here even so
    older = lines(start(version="0.0.400"), shutdown(30, gpt_5=(100, 20, 60, 0, 7)))
    assert spent(read(COPILOT, NAME, older, STORED)) == [(40, 60, 20, 7)]
    strange = lines(start(version="nightly"), shutdown(30, gpt_5=(100, 20, 60, 0, 7)))
    assert spent(read(COPILOT, NAME, strange, STORED)) == []


def test_a_database_that_goes_away_brings_nothing_twice() -> None:
    reader = COPILOT.reader_beside(NAME, b"", STORED)
    content = lines(start(), shutdown(30, gpt_5=(100, 20, 60, 0, 7)))
    assert spent(reader.read(content, 0, len(content), 0)) == []
    later = lines(shutdown(90, gpt_5=(250, 30, 100, 0, 9)))
    gone = COPILOT.reader_beside(NAME, reader.state(), {})
    assert spent(gone.read(later, 0, len(later), 0)) == [(110, 40, 10, 2)]


def test_both_logs_of_a_session_count_it_once(store: Store) -> None:
    store.request(1, 100, 20, 60, 0, 7)
    folder = store.root / f"session-state/{SESSION}"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(lines(start(), shutdown(30, gpt_5=(100, 20, 60, 0, 7))))
    assert logs_of(COPILOT, store.root) == [NAME, "session-store.db"]
    events = store.read()
    log = LogFile("copilot", str(store.root), NAME, str(folder / "events.jsonl"))
    for chunk in read_log(COPILOT, log, store.book.at(log)):
        events += chunk.events
    assert spent(events) == [(40, 60, 20, 7)]


def test_unknown_and_broken_records_are_told() -> None:
    content = lines(
        start(),
        record(1, "assistant.telepathy"),
        record(1, "session.usage_ledger", tokens=5),
        record(1, "session.usage_checkpoint", totalNanoAiu=5),
        shutdown(2, gpt_5=(-1, 0, 0, 0, 0)),
        b"{",
        shutdown(3, gpt_5=(10, 5, 60, 0, 0)),
        record(4, "user.message", content="x") | {"timestamp": "never"},
    )
    assert skips(read(COPILOT, NAME, content)) == {
        "unknown type assistant.telepathy in 1.0.91": 1,
        "unknown type session.usage_ledger in 1.0.91": 1,
        "bad token counts": 2,
        "broken record": 1,
        "bad time": 1,
    }


# --- processes and places


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("copilot", "agent"),
        ("/usr/local/bin/copilot -p hi", "agent"),
        ("node /x/node_modules/@github/copilot/index.js", "agent"),
        ("copilot --acp", "daemon"),
        ("copilot update", "helper"),
        ("copilot --version", "helper"),
        ("node /x/copilot-proxy/index.js", ""),
    ],
)
def test_processes(command: str, role: str) -> None:
    argv = tuple(command.split())
    assert COPILOT.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role


def test_sessions_of_processes() -> None:
    assert COPILOT.session_in_argv(("copilot", f"--resume={SESSION.upper()}")) == SESSION
    assert COPILOT.session_in_argv(("copilot", "--session-id", SESSION)) == SESSION
    assert COPILOT.session_in_argv(("copilot", "--resume")) == ""
    assert COPILOT.cwd_in_argv(("copilot", "-C", "/repo")) == "/repo"


def test_what_a_process_holds_open_names_its_session() -> None:
    held = f"session-state/{SESSION}/inuse.4711.hold"
    assert COPILOT.session_of_open_file(held) == SESSION
    assert COPILOT.session_of_open_file(NAME) == SESSION
    assert COPILOT.session_of_open_file("session-store.db") == ""
    assert COPILOT.session_of_open_file(f"session-state/{SESSION}/.workspace-fork.lock") == ""


def test_folders(tmp_path: Path) -> None:
    assert [r.path for r in COPILOT.roots(tmp_path, {})] == [tmp_path / ".copilot"]
    assert [str(r.path) for r in COPILOT.roots(tmp_path, {"COPILOT_HOME": "/c"})] == ["/c"]
    assert COPILOT.session_of_log(NAME) == SESSION
    assert COPILOT.session_of_log(f"session-state/{SESSION}.jsonl") == SESSION
    assert COPILOT.log_name("logs/process.jsonl") is None
    assert not COPILOT.walks(f"session-state/{SESSION}/files")
