from __future__ import annotations

import json
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from agent_reading import (
    FIXTURES,
    booked,
    lines,
    only,
    read,
    read_in_pieces,
    read_tree,
    skips,
    spent,
    table,
)

from tmuxmeter.agents.base import Agent, Process
from tmuxmeter.agents.kimi import Kimi
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)

ROOT = FIXTURES / "kimi" / "2.1.0"
KIMI = Kimi()
SESSION = "session_f0edd532-ed5b-4a6b-a3d0-6560e624e9bf"
FOLDER = f"sessions/wd_app_a1e3340873ba/{SESSION}"
NAME = f"{FOLDER}/agents/main/wire.jsonl"
SUB = f"{FOLDER}/agents/agent-0/wire.jsonl"
OLD = f"sessions/{md5(b'/work/app', usedforsecurity=False).hexdigest()}/s1/wire.jsonl"
START_MS = 1_795_311_180_000
BESIDE = {f"{FOLDER}/state.json": json.dumps({"cwd": "/work/app"}).encode()}
HEADER = {"type": "metadata", "protocol_version": "1.5", "created_at": START_MS}
KINDS = (2000, 6000, 150, 0)
TALLY = {"inputOther": 2000, "output": 150, "inputCacheRead": 6000, "inputCacheCreation": 0}


def record(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "agentId": "main", "time": START_MS + number * 1000} | fields


def used(number: int, **fields: Any) -> dict[str, Any]:
    return record(number, "usage.record", **({"model": "stub/k2", "usage": TALLY} | fields))


def asked(number: int, text: str, origin: str = "user") -> dict[str, Any]:
    said = {"input": [{"type": "text", "text": text}], "origin": {"kind": origin}}
    return record(number, "turn.prompt", promptId=f"msg_{number}", **said)


def step(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return record(number, "context.append_loop_event", event={"type": kind} | fields)


def call(number: int, identity: str, name: str, path: str) -> dict[str, Any]:
    return step(number, "tool.call", uuid=identity, name=name, args={"path": path})


def back(number: int, identity: str, **fields: Any) -> dict[str, Any]:
    return step(number, "tool.result", parentUuid=identity, result={"output": "x"} | fields)


def old(number: float, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": START_MS / 1000 + number, "message": {"type": kind, "payload": payload}}


def status(number: float, identity: str | None = "m1") -> dict[str, Any]:
    tally = {"input_other": 2000, "output": 150, "input_cache_read": 6000}
    return old(number, "StatusUpdate", token_usage=tally, message_id=identity)


# --- what the real program wrote


def test_the_real_program_s_sessions_hold_what_the_stub_served() -> None:
    served = [(2000 + 20 * n, 7000 + 40 * n, 120 + 8 * n, 0) for n in range(1, 11)]
    assert spent(read_tree(KIMI, ROOT)) == served


def test_golden_table() -> None:
    assert table(read_tree(KIMI, ROOT)) == (ROOT / "events.txt").read_text()


def test_line_by_line_with_restarts_is_the_same() -> None:
    assert table(read_tree(KIMI, ROOT, pieces=True)) == (ROOT / "events.txt").read_text()
    assert skips(read_tree(KIMI, ROOT)) == {}


# --- counting


def test_only_usage_records_count() -> None:
    content = lines(
        HEADER,
        used(1),
        step(2, "step.end", usage=TALLY),
        record(3, "agent.message.appended", message={"meta": {"usage": TALLY}}),
        record(4, "subagent.completed", usage=TALLY),
        record(5, "context.undo", count=3),
    )
    assert spent(read(KIMI, NAME, content)) == [KINDS]
    assert skips(read(KIMI, NAME, content)) == {}


def test_a_request_outside_turns_counts_like_one_of_a_turn() -> None:
    content = lines(used(1, usageScope="turn"), used(2, usageScope="session"))
    assert spent(read(KIMI, NAME, content)) == [KINDS, KINDS]


def test_the_model_is_the_one_that_was_asked() -> None:
    content = lines(
        used(1),
        record(2, "llm.request", model="kimi-k2.6", modelAlias="stub/k2"),
        used(3),
        used(4, model="other"),
    )
    for events in (read(KIMI, NAME, content), read_in_pieces(KIMI, NAME, content)):
        assert [one.model for one in only(Usage, events)] == ["stub/k2", "kimi-k2.6", "other"]


def test_writes_to_the_cache_are_a_kind_of_their_own() -> None:
    written = TALLY | {"inputCacheCreation": 700}
    (one,) = only(Usage, read(KIMI, NAME, lines(used(1, usage=written))))
    assert (one.fresh, one.cache_write_5m) == (2000, 700)


def test_a_fork_s_copies_are_its_parent_s() -> None:
    fork = "session_8b6708df-d061-4d8d-8233-cd807f9e7f4c"
    name = NAME.replace(SESSION, fork)
    told = {"cwd": "/work/app", "forkedFrom": SESSION, "createdAt": START_MS + 30_000}
    beside = {f"sessions/wd_app_a1e3340873ba/{fork}/state.json": json.dumps(told).encode()}
    history = [HEADER, asked(1, "go"), used(2)]
    parent = read(KIMI, NAME, lines(*history), BESIDE)
    copy = read(KIMI, name, lines(*history, record(30, "forked"), used(32)), beside)
    assert spent(parent + copy) == [KINDS, KINDS]
    assert [one.session for one in only(Usage, booked(copy).values())] == [SESSION, fork]
    (start,) = only(SessionStart, copy)
    assert (start.session, start.parent, start.time_ms) == (fork, SESSION, START_MS + 30_000)


def test_a_folder_that_is_told_later_is_told() -> None:
    first = KIMI.reader(NAME)
    (early,) = only(SessionStart, first.read(lines(HEADER), 0, len(lines(HEADER)), 0))
    more = lines(used(1), used(2))
    reader = KIMI.reader_beside(NAME, first.state(), BESIDE)
    (late,) = only(SessionStart, reader.read(more, 0, len(more), 100))
    assert (early.cwd, late.cwd) == ("", "/work/app")
    assert (early.key, early.time_ms) == (late.key, late.time_ms)


def test_half_a_character_in_a_title_costs_no_folder() -> None:
    told = json.dumps({"cwd": "/work/app", "title": "cut \ud83d"}).encode()
    (start,) = only(SessionStart, read(KIMI, NAME, lines(HEADER), dict.fromkeys(BESIDE, told)))
    assert start.cwd == "/work/app"


def test_a_sub_agent_s_spend_is_its_session_s() -> None:
    content = lines(HEADER, asked(1, "look"), used(2), record(3, "turn.ended", reason="completed"))
    events = read(KIMI, SUB, content, BESIDE)
    (one,) = only(Usage, events)
    assert (one.session, one.sidechain) == (SESSION, True)
    assert only(SessionStart, events) == only(TurnEnd, events) == []
    assert [one.human for one in only(Prompt, events)] == [False]


# --- activity


def test_files_are_touched_where_the_call_worked() -> None:
    content = lines(
        HEADER,
        call(1, "a", "Write", "./new.txt"),
        back(2, "a"),
        call(3, "b", "Edit", "/b"),
        back(4, "b", isError=True),
        call(5, "c", "Read", "c"),
        back(6, "c"),
    )
    for events in (
        read(KIMI, NAME, content, BESIDE),
        read_in_pieces(KIMI, NAME, content, BESIDE),
    ):
        assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
            (True, "/work/app/new.txt"),
            (False, "/work/app/c"),
        ]
        assert [one.ok for one in only(ToolResult, events)] == [True, False, True]


@pytest.mark.parametrize(
    ("reason", "end"),
    [("completed", ("done", True)), ("cancelled", ("interrupted", False))],
)
def test_turns_end_as_the_log_says(reason: str, end: tuple[str, bool]) -> None:
    said = step(2, "content.part", part={"type": "text", "text": "Shall I?"})
    over = record(3, "turn.ended", turnId=0, reason=reason, durationMs=1487)
    (one,) = only(TurnEnd, read(KIMI, NAME, lines(HEADER, asked(1, "go"), said, over)))
    assert (one.reason, one.asked) == end
    assert one.duration_ms == 1487


def test_only_people_s_words_are_human() -> None:
    content = lines(asked(1, "make it so"), asked(2, "x", "cron"), asked(3, "no, not like that"))
    prompts = only(Prompt, read(KIMI, NAME, content))
    assert [(one.human, one.corrects) for one in prompts] == [
        (True, False),
        (False, False),
        (True, True),
    ]


def test_compactions() -> None:
    content = lines(record(1, "context.apply_compaction", tokensBefore=9000))
    assert [one.tokens_before for one in only(Compaction, read(KIMI, NAME, content))] == [9000]


# --- the older program


def test_the_older_wire() -> None:
    function = {"name": "WriteFile", "arguments": '{"path": "new.txt"}'}
    content = lines(
        {"type": "metadata", "protocol_version": "1.1"},
        old(1, "TurnBegin", user_input="make it so"),
        old(2, "ToolCall", type="function", id="c1", function=function),
        old(3, "ToolResult", tool_call_id="c1", return_value={"is_error": False}),
        status(4),
        old(5, "StatusUpdate", context_usage=0.1),
        old(6, "ContentPart", type="text", text="Shall I?"),
        old(7, "TurnEnd"),
        old(8, "StepBegin", n=1),
    )
    beside = {"kimi.json": b'{"work_dirs":[{"path":"/x"},{"path":"/work/app","kaos":"local"}]}'}
    for events in (read(KIMI, OLD, content, beside), read_in_pieces(KIMI, OLD, content, beside)):
        assert spent(events) == [KINDS]
        (usage,) = only(Usage, events)
        assert (usage.session, usage.model, usage.cwd) == ("s1", "unknown", "/work/app")
        (start,) = only(SessionStart, events)
        assert (start.cwd, start.time_ms) == ("/work/app", START_MS + 1000)
        assert [one.path for one in only(FileTouch, events)] == ["/work/app/new.txt"]
        assert [(one.reason, one.asked) for one in only(TurnEnd, events)] == [("done", True)]
        assert [one.human for one in only(Prompt, events)] == [True]
        assert skips(events) == {}


def test_a_message_s_status_counts_once() -> None:
    content = lines(status(1), status(2), status(3, "m2"), status(4, None), status(4, None))
    assert spent(read(KIMI, OLD, content)) == [KINDS] * 3


def test_the_older_program_s_sub_agents_are_inside() -> None:
    inner = {"type": "StatusUpdate", "payload": status(1, "m9")["message"]["payload"]}
    content = lines(old(1, "SubagentEvent", agent_id="a", event=inner), status(2))
    events = read(KIMI, OLD, content)
    assert [one.sidechain for one in only(Usage, events)] == [True, False]


def test_the_older_program_s_background_agents_have_files_of_their_own() -> None:
    own = OLD.replace("wire.jsonl", "subagents/a1b2c3d4e/wire.jsonl")
    assert KIMI.log_name(own) == own
    assert KIMI.walks(own.rpartition("/")[0])
    said = old(0, "TurnBegin", user_input="find it")
    back = old(2, "ToolResult", tool_call_id="Shell:0", return_value={"is_error": False})
    config = {"kimi.json": json.dumps({"work_dirs": [{"path": "/work/app"}]}).encode()}
    events = read(KIMI, own, lines(said, status(1, "m9"), back, status(3, None)), config)
    (usage,) = only(Usage, events)
    assert (usage.session, usage.sidechain, usage.cwd) == ("s1", True, "/work/app")
    assert not only(Prompt, events) + only(SessionStart, events) + only(ToolResult, events)
    assert skips(events) == {"sub-agent's request without an id": 1}
    # one that didn't run in the background is in its parent's file, too, a moment later
    inner = {"type": "StatusUpdate", "payload": status(1, "m9")["message"]["payload"]}
    parent = read(KIMI, OLD, lines(old(1.1, "SubagentEvent", agent_id="a", event=inner)))
    assert [one.key for one in only(Usage, parent)] == [usage.key]


# --- bad input


def test_unknown_types_are_counted() -> None:
    silent = record(2, "llm.tools_snapshot")
    content = lines(record(1, "brand.new"), silent, record(2, "usage.bill"), old(3, "BrandNew"))
    assert skips(read(KIMI, NAME, content)) == {
        "unknown type brand.new": 1,
        "unknown type usage.bill": 1,
        "unknown type BrandNew": 1,
    }


@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, [], 2**41])
def test_counts_that_cant_be_cost_only_their_record(bad: Any) -> None:
    content = lines(used(1, usage=TALLY | {"inputOther": bad}), used(2))
    events = read(KIMI, NAME, content)
    assert spent(events) == [KINDS]
    assert sum(skips(events).values()) == 1


def test_damage_costs_only_its_line() -> None:
    content = lines(asked(1, "DAMAGE")).replace(b"DAMAGE", b"\xff\\ud800") + b'{"type": "x\n'
    events = read(KIMI, NAME, content + lines(used(2, time="x"), [1], used(3), {"timestamp": 5}))
    assert spent(events) == [KINDS]
    assert len(only(Prompt, events)) == 1
    assert sum(skips(events).values()) == 4


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b'{"cwd": 3}', b"\xff"])
def test_broken_files_beside_tell_nothing(content: bytes) -> None:
    for name in (NAME, OLD):
        beside = dict.fromkeys(KIMI.beside(name), content)
        body = lines(HEADER, status(1) if name == OLD else used(1))
        assert {one.cwd for one in only(Usage, read(KIMI, name, body, beside))} == {""}


# --- places and processes


def test_it_is_an_agent() -> None:
    agent: Agent = KIMI
    assert (agent.name, agent.title, agent.provider) == ("kimi", "Kimi Code", "moonshotai")


@pytest.mark.parametrize(
    ("env", "paths"),
    [
        ({}, ["/home/u/.kimi-code", "/home/u/.kimi"]),
        ({"KIMI_CODE_HOME": "/k"}, ["/k", "/home/u/.kimi"]),
        ({"KIMI_SHARE_DIR": "/s"}, ["/home/u/.kimi-code", "/s"]),
    ],
)
def test_roots(env: dict[str, str], paths: list[str]) -> None:
    assert [str(one.path) for one in KIMI.roots(Path("/home/u"), env)] == paths


def test_logs_and_their_sessions() -> None:
    for name, session in ((NAME, SESSION), (SUB, SESSION), (OLD, "s1")):
        assert KIMI.log_name(name) == name
        assert KIMI.session_of_log(name) == session
    others = [f"{FOLDER}/logs/kimi-code.log", f"{FOLDER}/agents/main/blobs/wire.jsonl", "x.jsonl"]
    assert [KIMI.log_name(name) for name in others] == [None] * 3
    hidden = [f"{FOLDER}/agents/main/file-history", "sessions/.index-dirty", f"{FOLDER}/logs"]
    assert [KIMI.walks(folder) for folder in hidden] == [False] * 3


MAIN = "/usr/lib/node_modules/@moonshot-ai/kimi-code/dist/main.mjs"


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("kimi-code",), "agent"),
        (("node", MAIN, "--yolo"), "agent"),
        (("/home/u/.local/bin/kimi", "-p", "hello"), "agent"),
        (("/usr/bin/python3.13", "/home/u/.local/bin/kimi"), "agent"),
        (("node", MAIN, "web"), "daemon"),
        (("kimi", "export"), "helper"),
        (("python3", "/work/app.py", "kimi"), ""),
        (("vim", "kimi"), ""),
    ],
)
def test_roles(argv: tuple[str, ...], role: str) -> None:
    assert KIMI.role(Process(2, 1, argv[0], argv, 0)) == role


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        (("kimi", "-r", SESSION), SESSION),
        (("node", MAIN, f"--session={SESSION}"), SESSION),
        (("kimi", "--session", "--yolo"), ""),
        (("kimi-code",), ""),
    ],
)
def test_session_in_argv(argv: tuple[str, ...], session: str) -> None:
    assert KIMI.session_in_argv(argv) == session
