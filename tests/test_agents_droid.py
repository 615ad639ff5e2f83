from __future__ import annotations

import json
import os
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
    read_tree,
    skips,
    table,
)
from logs_agent import Book

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.droid import Droid
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
from tmuxmeter.prices import PriceBook

if TYPE_CHECKING:
    from pathlib import Path

ROOT = FIXTURES / "droid" / "0.215.0"
DROID = Droid()
SESSION = "0f0e2b1c-91aa-4d62-8a9d-0f3b6f3ce5a1"
FORKED = "a66d584a-5d73-41d4-8ea2-06b2adb2dd53"
FORK = "1f3f5efb-e46d-4547-b94a-e8f6eb957293"
NAME = f"sessions/-repo/{SESSION}.jsonl"
SETTINGS = f"sessions/-repo/{SESSION}.settings.json"
T0 = 1_795_309_600


class Store:
    """A session's settings, rewritten as Droid does and read as the meter does."""

    def __init__(self, root: Path) -> None:
        self.path = root / SETTINGS
        self.path.parent.mkdir(parents=True)
        self.log = LogFile("droid", str(root), SETTINGS, str(self.path))
        self.book = Book()

    def write(self, at: int, *counts: int, model: str = "claude-opus-5", **more: Any) -> None:
        """Write totals: input, output, cache written, cache read, thinking."""
        content = {"model": model, "tokenUsage": usage(*counts)} | more
        self.path.write_text(json.dumps(content, indent=2))
        os.utime(self.path, (T0 + at, T0 + at))

    def read(self) -> list[Event]:
        events: list[Event] = []
        for chunk in read_log(DROID, self.log, self.book.at(self.log)):
            events += chunk.events
            self.book.add([chunk])
        return events


def usage(*counts: int) -> dict[str, int]:
    names = ("input", "output", "cacheCreation", "cacheRead", "thinking")
    return {f"{name}Tokens": count for name, count in zip(names, counts, strict=True)}


def spent(events: list[Event]) -> list[tuple[int, int, int, int, int]]:
    return [
        (e.fresh, e.cache_read, e.cache_write_5m, e.output, e.reasoning)
        for e in only(Usage, events)
    ]


# --- what the real program wrote


def test_golden_table_of_what_the_real_program_wrote() -> None:
    events = read_tree(DROID, ROOT)
    assert table(events) == (ROOT / "events.txt").read_text()
    assert skips(events) == {}


def test_the_real_program_s_totals_are_what_the_stub_served() -> None:
    """Of a fork only its own request; OpenAI's thinking is inside the output."""
    asked = [(2000 + 20 * n, 7000 + 40 * n, 120 + 8 * n) for n in range(1, 7)]
    first = tuple(map(sum, zip(*asked, strict=True)))
    assert set(spent(read_tree(DROID, ROOT))) == {
        (first[0], first[1], 0, first[2], 0),
        (2220, 7440, 0, 208, 0),
        (3017, 6014, 0, 157, 41),
        (113, 10_110, 2011, 71, 0),
    }


def test_the_real_program_s_fork_begins_with_its_own_prompt() -> None:
    (name,) = [one for one in logs_of(DROID, ROOT) if one.endswith(f"{FORK}.jsonl")]
    content = (ROOT / name).read_bytes()
    for events in (read(DROID, name, content), read_in_pieces(DROID, name, content)):
        (start,) = only(SessionStart, events)
        (prompt,) = only(Prompt, events)
        assert start.parent == FORKED
        assert 0 <= prompt.time_ms - start.time_ms < 1000
        assert len(only(TurnEnd, events)) == 1
        assert skips(events) == {}


# --- tokens


def test_totals_are_booked_as_they_grow(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(0, 303, 50, 200, 16_896, 20)
    (first,) = only(Usage, store.read())
    assert (first.time_ms, first.session, first.model) == (T0 * 1000, SESSION, "claude-opus-5")
    assert spent([first]) == [(303, 16_896, 200, 50, 20)]
    # what the ledger keeps is all there is: another process goes on from it
    store.write(60, 403, 90, 200, 20_000, 25, model="gpt-5.4")
    (second,) = only(Usage, store.read())
    assert (second.time_ms, second.model) == (T0 * 1000 + 60_000, "gpt-5.4")
    assert spent([second]) == [(100, 3104, 0, 40, 5)]
    store.write(70, 403, 90, 200, 20_000, 25)
    assert spent(store.read()) == []
    # a total that goes down began anew
    store.write(80, 10, 5, 0, 0, 0)
    assert spent(store.read()) == [(10, 0, 0, 5, 0)]


def test_sub_agents_tokens_are_in_their_own_sessions_only() -> None:
    settings = {
        "model": "claude-opus-5",
        "tokenUsage": usage(10, 5, 0, 0, 0),
        "inclusiveTokenUsage": usage(1000, 500, 0, 0, 0),
        "childInclusiveTokenUsageBySessionId": {"other": usage(990, 495, 0, 0, 0)},
        "lastCallTokenUsage": usage(9, 4, 0, 0, 0),
    }
    assert spent(read(DROID, SETTINGS, lines(settings))) == [(10, 0, 0, 5, 0)]
    only_inclusive = {"inclusiveTokenUsage": usage(1000, 500, 0, 0, 0)}
    assert spent(read(DROID, SETTINGS, lines(only_inclusive))) == []


def test_a_sub_agent_belongs_to_its_caller() -> None:
    tags = [{"name": "x"}, {"name": "subagent", "metadata": {"callingSessionId": "parent"}}]
    settings = lines({"tags": tags})
    (start,) = only(SessionStart, read(DROID, SETTINGS, settings))
    assert (start.session, start.parent, start.spawned) == (SESSION, "parent", True)
    events = read(DROID, NAME, lines(*session()), {SETTINGS: settings})
    (start,) = only(SessionStart, events)
    assert (start.parent, start.spawned) == ("parent", True)
    assert [one.human for one in only(Prompt, events)] == [False, False]


def test_a_sub_agent_s_first_record_names_its_caller() -> None:
    begin, *rest = session()
    content = lines(begin | {"callingSessionId": "parent", "callingToolUseId": "1"}, *rest)
    for events in (read(DROID, NAME, content), read_in_pieces(DROID, NAME, content)):
        (start, *_) = only(SessionStart, events)
        assert (start.parent, start.spawned) == ("parent", True)
        assert {one.human for one in only(Prompt, events)} == {False}


@pytest.mark.parametrize(
    ("model", "output"),
    [("claude-opus-5", 50), ("gpt-5.4", 50), ("gemini-3-pro-preview", 70)],
)
def test_thinking_counts_as_each_vendor_counts_it(model: str, output: int) -> None:
    settings = {"model": model, "tokenUsage": usage(100, 50, 0, 0, 20)}
    assert spent(read(DROID, SETTINGS, lines(settings))) == [(100, 0, 0, output, 20)]


def test_models_of_your_own_stay_without_a_price() -> None:
    own = "custom:Claude-Opus-4.5-[Anthropic]-0"
    settings = {"model": own, "tokenUsage": usage(100, 50, 0, 0, 20)}
    (one,) = only(Usage, read(DROID, SETTINGS, lines(settings)))
    assert one.model == own
    book = PriceBook((), {"droid": ""})
    assert not book.explain(one.model, T0 * 1000, agent="droid").priced
    assert book.explain("claude-opus-4.5", T0 * 1000, agent="droid").priced


def test_a_model_that_factory_chose_is_the_model() -> None:
    chosen = {"effectiveFactoryRouterModel": {"modelId": "claude-opus-5", "fallbacks": []}}
    told = {"tokenUsage": usage(100, 50, 0, 0, 0)} | chosen
    settings = [told | {"model": model} for model in ("auto", "gpt-5.4")]
    settings.append({"model": "auto", "tokenUsage": usage(1, 1, 0, 0, 0)})  # none chosen so far
    events = [read(DROID, SETTINGS, lines(one)) for one in settings]
    assert [only(Usage, one)[0].model for one in events] == ["claude-opus-5", "gpt-5.4", "auto"]


def test_half_a_character_in_a_text_costs_nothing() -> None:
    told = {"title": "cut \ud83d", "tokenUsage": usage(1, 2, 3, 4, 0)}
    told |= {"tags": [{"metadata": {"callingSessionId": "parent"}}]}
    events = read(DROID, SETTINGS, lines(told))
    assert len(only(Usage, events)) == 1
    assert [start.parent for start in only(SessionStart, events)] == ["parent"]


def test_broken_settings() -> None:
    assert DROID.reader(SETTINGS).read(b'{"model": "x", "tokenUs') is None
    bad = {"tokenUsage": usage(-1, 0, 0, 0, 0)}
    assert skips(read(DROID, SETTINGS, lines(bad))) == {"bad token counts": 1}


# --- messages


def message(second: int, role: str, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
    stamp = f"2026-11-22T01:00:{second:02}.000Z"
    inner = {"role": role, "content": list(content)} | more
    return {"type": "message", "id": f"m{second}", "timestamp": stamp, "message": inner}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(identity: str, name: str, given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": given}


def result(identity: str, *, bad: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, "content": "", "is_error": bad}


def session() -> list[dict[str, Any]]:
    patch = {"input": "*** Begin Patch\n*** Update File: b.py\n*** End Patch"}
    return [
        {"type": "session_start", "id": SESSION, "version": 2, "cwd": "/repo"},
        message(1, "user", text("<system-reminder>"), visibility="llm_only"),
        message(2, "user", text("fix it")),
        message(3, "assistant", call("1", "Read", {"file_path": "a.py"})),
        message(4, "user", result("1")),
        message(
            5,
            "assistant",
            call("2", "Edit", {"file_path": "/repo/a.py"}),
            call("3", "Create", {"file_path": "c.py"}),
            call("4", "ApplyPatch", patch),
            call("5", "Execute", {"command": "ls"}),
        ),
        message(6, "user", result("2"), result("3", bad=True), result("4"), result("5")),
        {"type": "todo_state", "id": "t", "todos": {"todos": ""}},
        message(7, "assistant", text("Shall I go on?")),
        {"type": "agent_turn_outcome", "turnId": "m2", "reason": "completed"},
        {"type": "compaction_state", "id": "c", "summaryText": "x"},
        {"type": "message", "id": "f", "timestamp": 1_795_309_210_000, "role": "user", "text": "y"},
        message(11, "user", text("No subscription"), visibility="user_only"),
        {"type": "agent_turn_outcome", "turnId": "f", "reason": "error"},
    ]


def test_golden_table_of_messages() -> None:
    expected = table(read(DROID, NAME, lines(*session())))
    assert table(read_in_pieces(DROID, NAME, lines(*session()))) == expected
    events = read(DROID, NAME, lines(*session()))
    assert skips(events) == {}
    events = list(booked(events).values())
    (start,) = only(SessionStart, events)
    assert (start.session, start.cwd, start.time_ms % 60_000) == (SESSION, "/repo", 1000)
    assert [(one.human, one.time_ms % 60_000) for one in only(Prompt, events)] == [
        (True, 2000),
        (True, 10_000),
    ]
    assert [(one.tool, one.ok) for one in only(ToolResult, events)] == [
        ("Read", True),
        ("Edit", True),
        ("Create", False),
        ("ApplyPatch", True),
        ("Execute", True),
    ]
    assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
        (False, "/repo/a.py"),
        (True, "/repo/a.py"),
        (True, "/repo/b.py"),
    ]
    assert [(one.reason, one.asked, one.time_ms % 60_000) for one in only(TurnEnd, events)] == [
        ("done", True, 7000),
        ("error", False, 11_000),
    ]
    assert len(only(Compaction, events)) == 1


def test_a_fork_s_copies_are_the_same_events() -> None:
    begin = {"type": "session_start", "id": "fork", "cwd": "/repo", "parent": SESSION}
    other = read(DROID, "sessions/-repo/fork.jsonl", lines(begin, *session()[1:]))
    events = booked([*read(DROID, NAME, lines(*session())), *other])
    assert [(one.parent, one.spawned) for one in only(SessionStart, events.values())] == [
        ("", False),
        (SESSION, False),
    ]
    assert len(only(Prompt, events.values())) == 2
    assert len(only(ToolResult, events.values())) == 5


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("completed", "done"),
        ("spec_handoff", "done"),
        ("cancelled", "interrupted"),
        ("permission_rejected", "interrupted"),
        ("model_usage_exhausted", "error"),
    ],
)
def test_how_turns_end(told: str, reason: str) -> None:
    end = {"type": "agent_turn_outcome", "turnId": "m2", "reason": told}
    events = read(DROID, NAME, lines(*session()[:3], end))
    assert [one.reason for one in only(TurnEnd, events)] == [reason]
    assert skips(events) == {}


def test_unknown_and_broken_records_are_told() -> None:
    content = lines(
        {"type": "agent_turn_outcome", "turnId": "m", "reason": "completed"},
        {"type": "telepathy"},
        {"type": "agent_turn_outcome", "turnId": "m", "reason": "tired"},
        b"{",
        {"type": "message", "id": "verdict", "decision": "allowed"},
    )
    assert skips(read(DROID, NAME, content)) == {
        "bad time": 1,
        "unknown type telepathy": 1,
        "unknown type agent_turn_outcome tired": 1,
        "broken record": 1,
    }


# --- processes and places


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("droid", "agent"),
        ("/home/u/.local/bin/droid exec hello", "agent"),
        (f"droid resume {SESSION}", "agent"),
        ("droid exec --input-format stream-jsonrpc", "daemon"),
        ("droid daemon", "daemon"),
        ("droid mcp list", "helper"),
        ("droid --version", "helper"),
        ("android", ""),
    ],
)
def test_processes(command: str, role: str) -> None:
    argv = tuple(command.split())
    assert DROID.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role
    assert DROID.session_in_argv(argv) == (SESSION if "resume" in command else "")


def test_folders(tmp_path: Path) -> None:
    assert [one.path for one in DROID.roots(tmp_path, {})] == [tmp_path / ".factory"]
    (other,) = DROID.roots(tmp_path, {"FACTORY_HOME_OVERRIDE": "/elsewhere"})
    assert str(other.path) == "/elsewhere/.factory"
    for name in (NAME, SETTINGS, SETTINGS + ".bak", "settings.json", "sessions/-repo/x/y.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert logs_of(DROID, tmp_path) == [NAME, SETTINGS]
    assert DROID.session_of_log(NAME) == DROID.session_of_log(SETTINGS) == SESSION
    assert DROID.cwd_in_argv(("droid", "exec", "--cwd", "/repo")) == "/repo"
