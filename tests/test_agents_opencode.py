from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from build_opencode import AGENT, T0, Store, close, real

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.opencode_database import OpenCodeDatabase
from tmuxmeter.agents.readers import PAGE
from tmuxmeter.errors import LogError
from tmuxmeter.events import (
    Compaction,
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

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmuxmeter.events import Event

MAIN, SUB, FORK = (
    "ses_dff34c735ffeuHpxNMtnWR45XW",
    "ses_dff34b76effe0A2TdWSyffu4RV",
    "ses_dff3292d7ffednH490kNz8mcyZ",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "opencode.db")
    yield made
    close(made)


def usages(events: list[Event]) -> list[Usage]:
    return [event for event in events if isinstance(event, Usage)]


def of(kind: type, events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def news(store: Store) -> list[Event]:
    """Return new events but beginnings of sessions, which are told again for a while."""
    return [event for event in store.read() if not isinstance(event, SessionStart)]


def row(event: Event) -> tuple[object, ...]:
    """Return what matters of an event, for the golden table."""
    names = {MAIN: "main", SUB: "sub", FORK: "fork"}
    session = names.get(event.session, event.session)
    if isinstance(event, Usage):
        return ("usage", session, event.fresh, event.cache_read, event.output, event.reasoning)
    if isinstance(event, Prompt):
        return ("prompt", session, event.human)
    if isinstance(event, TurnEnd):
        return ("turn end", session, event.reason, event.duration_ms)
    if isinstance(event, ToolResult):
        return ("tool", session, event.tool, event.ok)
    if isinstance(event, FileTouch):
        return ("touch", session, event.edit, event.path)
    if isinstance(event, SessionStart):
        return ("session", session, event.cwd, names.get(event.parent, ""), event.spawned)
    raise AssertionError(event)


def test_golden_table_of_what_the_real_program_wrote(tmp_path: Path) -> None:
    store = real(tmp_path / "opencode.db")
    assert [row(event) for event in store.read()] == [
        ("session", "sub", "/repo", "main", True),
        ("session", "main", "/repo", "", False),
        ("session", "fork", "/repo", "", False),
        ("prompt", "main", True),
        ("tool", "main", "bash", True),
        ("tool", "main", "bash", False),
        ("tool", "main", "read", True),
        ("touch", "main", False, "/repo/notes.txt"),
        ("tool", "main", "invalid", False),
        ("tool", "main", "task", True),
        ("prompt", "sub", False),
        ("tool", "sub", "bash", True),
        ("prompt", "fork", True),
        ("usage", "main", 2040, 7080, 136, 32),
        ("usage", "main", 2060, 7120, 144, 33),
        ("usage", "main", 2080, 7160, 152, 34),
        ("usage", "main", 2100, 7200, 160, 35),
        ("usage", "main", 2120, 7240, 168, 36),
        ("usage", "sub", 2140, 7280, 176, 37),
        ("usage", "sub", 2160, 7320, 184, 38),
        ("turn end", "sub", "done", 513),
        ("usage", "main", 2180, 7360, 192, 39),
        ("turn end", "main", "done", 4901),
        # the fork's copies of its parent's messages are no spend
        ("usage", "fork", 2020, 7040, 128, 31),
        ("turn end", "fork", "done", 1944),
    ]
    again = store.read()
    assert again == []
    close(store)


def test_a_reply_is_followed_while_it_is_written(store: Store) -> None:
    store.session()
    store.message("msg_1", at=1)
    empty = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    store.reply("msg_2", at=2, done=None, tokens=empty, finish=None)
    assert usages(store.read()) == []
    for number in range(3):
        store.message(f"msg_x{number}", at=3)
        store.read()
    store.reply("msg_2", at=2, done=None, finish="tool-calls")
    (early,) = usages(store.read())
    store.reply("msg_2", at=2, done=9, finish="tool-calls")
    (late,) = usages(store.read())
    assert early == late  # the same key and the same moment: booked once
    store.message("msg_y", at=10)
    assert usages(store.read()) == []  # it is finished, so it is not asked for again


def test_reasoning_stands_outside_output_unless_the_total_says_otherwise(store: Store) -> None:
    store.session()
    counts = {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 3, "write": 1}}
    store.reply("msg_1", tokens=counts | {"total": 21})
    store.reply("msg_2", tokens=counts | {"total": 19})
    store.reply("msg_3", tokens=counts)
    assert [(u.output, u.reasoning) for u in usages(store.read())] == [(7, 2), (5, 2), (7, 2)]


def test_input_excludes_the_cache(store: Store) -> None:
    store.session()
    counts = {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 30, "write": 4}}
    store.reply("msg_1", tokens=counts)
    (usage,) = usages(store.read())
    assert (usage.fresh, usage.cache_read, usage.cache_write_5m) == (10, 30, 4)


def test_models_of_ones_own_machine_get_no_vendors_price(store: Store) -> None:
    store.session()
    store.reply("msg_1", providerID="ollama", modelID="deepseek-r1")
    store.reply("msg_2", providerID="openrouter", modelID="anthropic/claude-sonnet-4.5")
    models = [usage.model for usage in usages(store.read())]
    assert models == ["ollama/deepseek-r1", "anthropic/claude-sonnet-4.5"]


def test_the_database_and_the_old_files_tell_one_message_once(store: Store, tmp_path: Path) -> None:
    store.session()
    store.reply("msg_1")
    (here,) = usages(store.read())
    path = tmp_path / "storage/message/ses_1/msg_1.json"
    path.parent.mkdir(parents=True)
    time = {"created": T0 + 1, "completed": T0 + 2}
    stored = {"id": "msg_1", "sessionID": "ses_1", "role": "assistant", "time": time}
    stored |= {"modelID": "gpt-5.5", "providerID": "openai", "path": {"cwd": "/repo"}}
    stored |= {"tokens": {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 3}}}
    path.write_text(json.dumps(stored))
    assert stored_events(tmp_path, path) == [here]
    path.write_text(json.dumps(stored | {"summary": {"title": "cut \ud83d"}}))
    assert stored_events(tmp_path, path) == [here]


def stored_events(root: Path, path: Path) -> list[Event]:
    name = AGENT.log_name(str(path.relative_to(root)))
    assert name
    log = LogFile("opencode", str(root), name, str(path))
    (chunk,) = read_log(AGENT, log, Position(), now_ns=2**62)
    return chunk.events


def test_old_sessions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "storage/session/p1/ses_2.json"
    path.parent.mkdir(parents=True)
    session = {"id": "ses_2", "directory": "/repo", "parentID": "ses_1", "version": "0.9"}
    path.write_text(json.dumps(session | {"time": {"created": T0}}))
    (start,) = stored_events(tmp_path, path)
    assert row(start) == ("session", "ses_2", "/repo", "", True)
    for content, reason in (('{"id": 1}', "broken session"), ('{"id"', "broken document")):
        path.write_text(content)
        (skipped,) = stored_events(tmp_path, path)
        assert isinstance(skipped, Skipped)
        assert skipped.reason == reason


def test_questions_and_ends_of_turns(store: Store) -> None:
    store.session()
    store.message("msg_1", at=1)
    store.part("prt_1", "msg_1", type="text", text="Do it")
    store.reply("msg_2", at=2, done=8, parentID="msg_1")
    store.part("prt_2", "msg_2", type="text", text="Shall I?", time={"start": 1, "end": 2})
    store.reply("msg_3", at=3, done=9, parentID="msg_x", error={"name": "MessageAbortedError"})
    store.reply("msg_4", at=3, done=9, parentID="msg_y", error={"name": "APIError"})
    store.reply("msg_5", at=3, done=9, parentID="msg_z", finish="tool-calls")
    ends = of(TurnEnd, store.read())
    told = dict.fromkeys((e.reason, e.asked, e.duration_ms) for e in ends if isinstance(e, TurnEnd))
    assert list(told) == [("done", True, 7), ("interrupted", False, -1), ("error", False, -1)]


def test_prompts_are_what_people_typed(store: Store) -> None:
    store.session()
    store.session("ses_2", parent="ses_1")
    for number, words in enumerate(("add a test please now", "no, not there", "")):
        store.message(f"msg_{number}", at=number + 1)
        store.part(f"prt_{number}", f"msg_{number}", type="text", text=words)
    store.message("msg_s", at=5)
    store.part("prt_s", "msg_s", type="text", text="<system>", synthetic=True)
    store.message("msg_c", "ses_2", at=6)
    store.part("prt_c", "msg_c", "ses_2", type="text", text="search for it")
    prompts = [p for p in of(Prompt, store.read()) if isinstance(p, Prompt)]
    assert [(p.session, p.human, p.corrects) for p in prompts] == [
        ("ses_1", True, False),
        ("ses_1", True, True),
        ("ses_2", False, False),
    ]


def test_a_tool_is_told_when_it_came_back(store: Store) -> None:
    store.session()
    store.reply("msg_1")
    state = {"status": "running", "input": {"filePath": "src/a.py"}, "time": {"start": T0}}
    store.part("prt_1", "msg_1", type="tool", tool="edit", state=state)
    assert of(ToolResult, store.read()) == []
    store.part("prt_2", "msg_1", type="reasoning", text="hm")
    store.read()
    state |= {"status": "completed", "time": {"start": T0, "end": T0 + 5}}
    store.part("prt_1", "msg_1", type="tool", tool="edit", state=state)
    assert [row(event) for event in news(store)] == [
        ("tool", "ses_1", "edit", True),
        ("touch", "ses_1", True, "/repo/src/a.py"),
    ]
    patch = {"patchText": "*** Begin Patch\n*** Update File: b.py\n*** Add File: /c.py\n"}
    done = {"status": "completed", "input": patch, "time": {"end": T0}}
    store.part("prt_3", "msg_1", type="tool", tool="apply_patch", state=done)
    failed = {"status": "error", "input": {"filePath": "x"}, "time": {"end": T0}}
    store.part("prt_4", "msg_1", type="tool", tool="read", state=failed)
    assert [row(event)[2:] for event in news(store)] == [
        ("apply_patch", True),
        (True, "/repo/b.py"),
        (True, "/c.py"),
        ("read", False),
    ]


def test_compactions(store: Store) -> None:
    store.session()
    store.message("msg_1")
    store.part("prt_1", "msg_1", type="compaction", auto=True)
    (compaction,) = of(Compaction, store.read())
    assert isinstance(compaction, Compaction)
    assert compaction.trigger == "auto"


def test_deleted_sessions_and_new_row_numbers_lose_nothing(store: Store) -> None:
    store.session()
    store.session("ses_2")
    store.reply("msg_1")
    store.reply("msg_2", "ses_2")
    store.read()
    store.connection.execute("DELETE FROM message WHERE id = 'msg_2'")
    store.reply("msg_3", at=5)  # gets the number of the deleted one
    keys = {usage.session: usage.key for usage in usages(store.read())}
    store.connection.execute("DELETE FROM message WHERE id = 'msg_1'")
    store.connection.execute("VACUUM")
    store.reply("msg_4", at=6)
    new = [usage for usage in usages(store.read()) if usage.key not in keys.values()]
    assert len(new) == 1


def test_a_long_history_comes_in_pages_with_its_turns(store: Store) -> None:
    store.session()
    store.connection.execute("BEGIN")
    for number in range(PAGE + 10):
        store.reply(f"msg_{number:05}", at=number + 1, done=number + 2)
        words = {"type": "text", "text": "Really?", "time": {"end": T0}}
        store.part(f"prt_{number:05}", f"msg_{number:05}", **words)
    store.connection.execute("COMMIT")
    events = store.read()
    assert len({usage.key for usage in usages(events)}) == PAGE + 10
    asked = {end.key for end in events if isinstance(end, TurnEnd) and end.asked}
    assert len(asked) == PAGE + 10
    assert news(store) == []


def test_a_look_at_a_long_history_goes_by_numbers_and_ids(store: Store) -> None:
    store.session()
    store.reply("msg_1", done=None)
    store.read()
    reader = OpenCodeDatabase(store.position.reader)
    columns = {
        table: frozenset(row[1] for row in store.connection.execute(f"PRAGMA table_info({table})"))
        for table in ("session", "message", "part")
    }
    plans = {
        query.name: " ".join(
            row[3]
            for row in store.connection.execute(
                f"EXPLAIN QUERY PLAN {query.sql}", {**query.values, "page": PAGE}
            )
        )
        for query in reader.queries(columns)
    }
    for name in ("messages", "parts"):
        assert "SEARCH x USING INTEGER PRIMARY KEY" in plans[name]
        assert "SCAN message" not in plans[name]
        assert "SCAN part" not in plans[name]


def test_half_a_character_in_a_text_costs_nothing(store: Store) -> None:
    store.session()
    store.reply("msg_1", error={"name": "Other", "data": {"message": "cut \ud83d"}})
    store.message("msg_2")
    store.part("prt_1", "msg_2", type="text", text="cut \ud83d")
    events = store.read()
    assert len(usages(events)) == 1
    assert [event for event in events if isinstance(event, Prompt)]


def test_what_it_doesnt_know_is_counted_and_named(store: Store) -> None:
    store.session()
    store.message("msg_1", role="robot")
    store.part("prt_1", "msg_1", type="hologram")
    store.part("prt_2", "msg_1", type="snapshot")
    store.connection.execute("INSERT INTO message VALUES ('msg_2', 'ses_1', 1e13, 1, '{')")
    store.reply("msg_3", tokens={"input": -1, "output": 1})
    reasons = {s.reason: s.count for s in store.read() if isinstance(s, Skipped)}
    assert reasons == {
        "unknown type part hologram in 1.18.33": 1,
        "unknown type message robot in 1.18.33": 1,
        "broken row in messages": 2,
    }


def test_missing_columns_are_told_and_strange_databases_left_alone(store: Store) -> None:
    store.connection.execute("ALTER TABLE message RENAME COLUMN data TO content")
    with pytest.raises(LogError, match="OpenCode's table message has no data"):
        store.read()
    strange = {"cookies": frozenset({"id"})}
    assert OpenCodeDatabase().queries(strange) == ()
    made = {"__drizzle_migrations": frozenset({"id"})}
    assert OpenCodeDatabase(own=True).queries(made) == ()
    with pytest.raises(LogError, match="none of the tables that are known: cookies"):
        OpenCodeDatabase(own=True).queries(strange | made)
    with pytest.raises(LogError, match="none of the tables that are known: session_v3"):
        OpenCodeDatabase().queries({"session_v3": frozenset({"id"})})


def test_tables_of_a_later_version_are_told_once_and_the_others_read_on(store: Store) -> None:
    store.session()
    store.reply("msg_1")
    store.connection.execute("CREATE TABLE session_v3 (id TEXT)")
    store.connection.execute("CREATE TABLE session_message_v2 (id TEXT)")
    events = store.read()
    assert len(usages(events)) == 1
    reasons = {s.reason: s.count for s in events if isinstance(s, Skipped)}
    tables = ("session_message_v2", "session_v3")
    assert reasons == {f"unknown type table {table}": 1 for table in tables}
    store.reply("msg_2")
    events = store.read()
    assert not [event for event in events if isinstance(event, Skipped)]


def process(*argv: str) -> Process:
    return Process(pid=1, ppid=0, name="opencode", argv=argv, started_ms=0)


@pytest.mark.parametrize(
    ("command", "role", "session", "cwd"),
    [
        ("opencode", "agent", "", ""),
        ("/x/bin/opencode.exe -s ses_abc", "agent", "ses_abc", ""),
        ("opencode --session=ses_abc /repo", "agent", "ses_abc", "/repo"),
        ("opencode -s ses_abc --fork", "agent", "", ""),
        ("opencode run -m openai/gpt-5.5 hello", "agent", "", ""),
        ("opencode run --dir /repo hello", "agent", "", "/repo"),
        ("node /x/opencode-ai/bin/opencode -m a/b sub", "agent", "", "sub"),
        ("opencode serve --port 4096", "daemon", "", ""),
        ("opencode2", "agent", "", ""),
        ("/x/bin/opencode2 serve --service", "daemon", "", ""),
        ("node /x/@opencode-ai/cli/bin/opencode2 serve --service", "daemon", "", ""),
        ("opencode service status", "helper", "", ""),
        ("opencode stats", "helper", "", ""),
        ("opencode --version", "helper", "", ""),
        ("vim opencode", "", "", ""),
        ("node other.js opencode", "", "", ""),
    ],
)
def test_processes(command: str, role: str, session: str, cwd: str) -> None:
    argv = command.split()
    assert AGENT.role(process(*argv)) == role
    assert AGENT.session_in_argv(argv) == session
    assert AGENT.cwd_in_argv(argv) == cwd


def test_folders_and_names(tmp_path: Path) -> None:
    (root,) = AGENT.roots(tmp_path, {})
    assert root.path == tmp_path / ".local/share/opencode"
    named = AGENT.roots(tmp_path, {"OPENCODE_DB": "/x/y.db", "XDG_DATA_HOME": "/d"})
    assert [str(root.path) for root in named] == ["/x", "/d/opencode"]
    assert AGENT.log_name("opencode-dev.db") == "opencode-dev.db"
    assert AGENT.log_name("snapshot/x.db") is None
    assert AGENT.log_name("storage/part/msg_1/prt_1.json") is None
    message = "storage/message/ses_1/msg_1.json"
    assert AGENT.log_name(message) == message
    assert AGENT.session_of_log(message) == "ses_1"
    assert AGENT.session_of_log("storage/session/p/ses_2.json") == "ses_2"
    assert AGENT.session_of_log("opencode.db") == ""
    walked = ["storage", "storage/message", "storage/message/ses_1", "storage/session/p"]
    assert all(map(AGENT.walks, walked))
    assert not any(map(AGENT.walks, ["snapshot", "log", "storage/part"]))
