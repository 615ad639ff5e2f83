"""OpenCode 2's tables, made as the agent's source of version 2.0 makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from build_opencode import T0, Store, close

from tmuxmeter.errors import LogError
from tmuxmeter.events import (
    Compaction,
    Event,
    FileTouch,
    Prompt,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSIONS = """
    CREATE TABLE session_v2 (
        id text PRIMARY KEY, project_id text NOT NULL, workspace_id text, parent_id text,
        fork_session_id text, fork_boundary text, slug text NOT NULL, directory text NOT NULL,
        path text, title text, version text NOT NULL, cost real DEFAULT 0 NOT NULL,
        tokens_input integer DEFAULT 0 NOT NULL, tokens_output integer DEFAULT 0 NOT NULL,
        tokens_reasoning integer DEFAULT 0 NOT NULL, tokens_cache_read integer DEFAULT 0 NOT NULL,
        tokens_cache_write integer DEFAULT 0 NOT NULL, agent text, model text,
        time_created integer NOT NULL, time_updated integer NOT NULL
    );
"""
MESSAGES = """
    CREATE TABLE session_message (
        id text PRIMARY KEY, session_id text NOT NULL, type text NOT NULL, seq integer NOT NULL,
        time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL
    );
    CREATE UNIQUE INDEX session_message_session_seq_idx ON session_message (session_id, seq);
"""
COUNTS = {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 3, "write": 1}}


class Second(Store):
    """A database of version 2, written to as it does."""

    seq = 0

    def start(self, identity: str = "ses_1", at: int = 0, **told: str) -> None:
        columns = "".join(f", {name}" for name in told)
        self.connection.execute(
            "INSERT INTO session_v2 (id, project_id, slug, directory, title, version,"
            f" time_created, time_updated{columns}) VALUES (?, 'p', 's', '/repo', 't', '2.0.12',"
            f" ?, ?{', ?' * len(told)})",
            (identity, T0 + at, T0 + at, *told.values()),
        )

    def row(
        self, kind: str, identity: str, at: int = 1, session: str = "ses_1", **data: Any
    ) -> None:
        self.seq += 1
        content = {"time": {"created": T0 + at}} | data
        self.connection.execute(
            "INSERT INTO session_message VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET data = excluded.data",
            (identity, session, kind, self.seq, T0 + at, T0 + at, json.dumps(content)),
        )

    def answer(
        self, identity: str, at: int = 1, done: int | None = None, *words: Any, **data: Any
    ) -> None:
        time = {"created": T0 + at} | ({} if done is None else {"completed": T0 + done})
        told: dict[str, Any] = {"agent": "build", "content": list(words), "time": time}
        told["model"] = {"id": "gpt-5.5", "providerID": "openai"}
        if done is not None:
            told |= {"tokens": COUNTS, "finish": "stop", "cost": 0.1}
        self.row("assistant", identity, at, **(told | data))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Second]:
    made = Second(tmp_path / "opencode.db", SESSIONS + MESSAGES)
    yield made
    close(made)


def only(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def tool(name: str, status: str, **state: Any) -> dict[str, Any]:
    """Return a tool's part; version 2 calls it by the call's own id."""
    told = {"status": status, "input": {}} | state
    time = {"created": T0, "ran": T0, "completed": T0 + 5}
    return {"type": "tool", "id": f"call_{name}", "name": name, "state": told, "time": time}


def test_a_turn(store: Second) -> None:
    store.start()
    store.row("user", "msg_1", 1, text="mend it")
    store.answer("msg_2", 2)
    (start, prompt) = store.read()
    assert isinstance(start, SessionStart)
    assert (start.session, start.cwd, start.version) == ("ses_1", "/repo", "2.0.12")
    assert isinstance(prompt, Prompt)
    assert (prompt.human, prompt.time_ms) == (True, T0 + 1)
    store.answer("msg_2", 2, 9, text("Shall I go on?"))
    store.row("idle", "msg_3", 10, outcome="succeeded")
    events = store.read()
    (used,) = only(Usage, events)
    assert (used.model, used.session, used.cwd, used.time_ms) == (
        *("gpt-5.5", "ses_1", "/repo"),
        T0 + 2,
    )
    kinds = (used.fresh, used.cache_read, used.cache_write_5m, used.output, used.reasoning)
    assert kinds == (10, 3, 1, 7, 2)
    ends = only(TurnEnd, events)
    assert len({end.key for end in ends}) == 1
    assert (ends[-1].reason, ends[-1].asked, ends[-1].duration_ms) == ("done", True, 9)
    assert not only(Usage, store.read())


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("succeeded", "done"), ("failed", "error"), ("interrupted", "interrupted")],
)
def test_how_a_session_came_to_rest(store: Second, outcome: str, reason: str) -> None:
    store.start()
    store.row("user", "msg_1", 1, text="go")
    store.row("idle", "msg_3", 10, outcome=outcome)
    assert [end.reason for end in only(TurnEnd, store.read())] == [reason]


def test_a_reply_that_failed_is_tried_again_under_its_id(store: Second) -> None:
    store.start()
    store.row("user", "msg_1", 1, text="go")
    store.answer("msg_2", 2, 3, tokens=None, finish="error", error={"type": "provider.transport"})
    assert [end.reason for end in only(TurnEnd, store.read())] == ["error"]
    store.row("user", "msg_3", 20, text="and more")
    assert not only(Usage, store.read())
    store.answer("msg_2", 2, 30)
    events = store.read()
    assert [used.output for used in only(Usage, events)] == [7]
    assert only(TurnEnd, events)[-1].duration_ms == 29  # of the turn it belongs to


def test_tools_and_files(store: Second) -> None:
    store.start()
    store.answer(
        *("msg_2", 2, 9),
        tool("edit", "completed", input={"path": "a.py"}, metadata={}),
        tool("read", "completed", input={"path": "/repo/b.py"}),
        tool("shell", "completed", metadata={"exit": 1}),
        tool("bash", "completed", structured={"exit": 2}),
        tool("write", "error", input={"path": "c.py"}, error={"type": "x"}),
        tool("grep", "running"),
    )
    events = store.read()
    assert [(one.tool, one.ok) for one in only(ToolResult, events)] == [
        *(("edit", True), ("read", True), ("shell", False), ("bash", False), ("write", False)),
    ]
    assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
        (True, "/repo/a.py"),
        (False, "/repo/b.py"),
    ]


def test_compactions_and_what_they_cost(store: Second) -> None:
    store.start()
    store.row("compaction", "msg_1", 1, status="running", reason="auto", summary="")
    assert only(Compaction, store.read()) == []
    told: dict[str, Any] = {"reason": "auto", "tokens": COUNTS, "summary": "s"}
    store.row("compaction", "msg_1", 1, status="completed", **told)
    store.row("compaction", "msg_2", 2, status="failed", **told, model={"id": "m"})
    events = store.read()
    assert [one.trigger for one in only(Compaction, events)] == ["auto"]
    assert [(used.model, used.output) for used in only(Usage, events)] == [("unknown", 7), ("m", 7)]


def test_half_a_character_in_a_text_costs_nothing(store: Second) -> None:
    store.start()
    store.answer("msg_2", 2, 9, text("cut \ud83d"))
    assert len(only(Usage, store.read())) == 1


def test_sub_agents_and_forks(store: Second) -> None:
    store.start("ses_1")
    store.start("ses_2", parent_id="ses_1")
    store.start("ses_3", at=50, fork_session_id="ses_1")
    store.row("user", "msg_1", 1, session="ses_2", text="look")
    store.answer("msg_2", 2, 9)
    # a fork's copies: ids of their own, old times
    store.row("user", "msg_f_1", 1, session="ses_3", text="copied")
    store.row("user", "msg_9", 60, session="ses_3", text="its own")
    events = store.read()
    starts = {one.session: (one.parent, one.spawned) for one in only(SessionStart, events)}
    assert starts == {"ses_1": ("", False), "ses_2": ("ses_1", True), "ses_3": ("ses_1", False)}
    assert [(one.session, one.human) for one in only(Prompt, events)] == [
        ("ses_2", False),
        ("ses_3", True),
    ]


def test_what_was_taken_over_from_version_1_counts_once(tmp_path: Path) -> None:
    store = Second(tmp_path / "opencode.db")
    store.session()
    store.message("msg_1")
    store.reply("msg_2", at=2, done=3)
    assert [used.output for used in only(Usage, store.read())] == [5]
    store.connection.executescript(SESSIONS + MESSAGES)
    store.start()
    store.row("user", "msg_1", 1, text="go")
    store.answer("msg_other", 2, 3)  # should an id not have been kept
    store.answer("msg_3", 7, 8)
    # version 1 beside it
    store.reply("msg_4", at=9, done=10)
    events = store.read()
    assert [used.time_ms - T0 for used in only(Usage, events)] == [9, 7]
    assert not only(Prompt, events)
    close(store)


def test_the_first_releases_kept_the_table_of_sessions(tmp_path: Path) -> None:
    store = Second(tmp_path / "opencode.db")
    store.connection.executescript(MESSAGES)
    store.session()
    store.answer("msg_2", 2, 3)
    assert [used.cwd for used in only(Usage, store.read())] == ["/repo"]
    close(store)


def test_what_it_doesnt_know_is_told(store: Second) -> None:
    store.start()
    for kind in ("agent-switched", "model-switched", "system", "synthetic", "shell", "skill"):
        store.row(kind, f"msg_{kind}", 1, text="x", model={"id": "m"})
    store.row("robot", "msg_1")
    store.row("user", "msg_2", time={})
    reasons = {one.reason for one in only(Skipped, store.read())}
    assert reasons == {"unknown type message robot in 2.0.12", "broken row in session_message"}
    store.connection.execute("ALTER TABLE session_message RENAME COLUMN data TO content")
    with pytest.raises(LogError, match="OpenCode's table session_message has no data"):
        store.read()
