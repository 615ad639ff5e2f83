from __future__ import annotations

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

from tmuxmeter.agents.base import Agent, LiveSession, Process
from tmuxmeter.agents.qwen import Qwen
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)

ROOT = FIXTURES / "qwen" / "0.24.4"
QWEN = Qwen()
SESSION = "26a9a772-0152-4506-834e-4e2ab868cec1"
FORK = "18242ecb-bf62-4035-983e-edf931475035"
CHATS = "projects/-work-app/chats"
NAME = f"{CHATS}/{SESSION}.jsonl"
SUB = f"projects/-work-app/subagents/{SESSION}/agent-general-call_1.jsonl"
KINDS = (2000, 6000, 150, 40)


def record(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "sessionId": SESSION,
        "timestamp": f"2026-11-22T01:33:{number:02}.000Z",
        "type": kind,
        "cwd": "/work/app",
        "version": "0.24.4",
        "gitBranch": "main",
    } | fields


def usage(**changes: int) -> dict[str, int]:
    known = {"promptTokenCount": 8000, "candidatesTokenCount": 150, "thoughtsTokenCount": 40}
    return known | {"totalTokenCount": 8150, "cachedContentTokenCount": 6000} | changes


def answer(number: int, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    message = {"role": "model", "parts": list(parts)}
    known = {"model": "qwen3-coder-plus", "message": message, "usageMetadata": usage()}
    return record(number, "assistant", **known | fields)


def telemetry(number: int, prompt_id: str = f"{SESSION}########0", **changes: Any) -> Any:
    event = {
        "event.name": "qwen-code.api_response",
        "model": "qwen3-coder-plus",
        "prompt_id": prompt_id,
        "input_token_count": 8000,
        "output_token_count": 150,
        "cached_content_token_count": 6000,
        "thoughts_token_count": 40,
        "total_token_count": 8150,
    } | changes
    return record(number, "system", subtype="ui_telemetry", systemPayload={"uiEvent": event})


def call(identity: str, name: str, path: str) -> dict[str, Any]:
    return {"functionCall": {"id": identity, "name": name, "args": {"file_path": path}}}


def result(number: int, identity: str, name: str, status: str | None = "success") -> Any:
    response = {"functionResponse": {"id": identity, "name": name, "response": {"output": "x"}}}
    told = {"toolCallResult": {"callId": identity, "status": status}} if status else {}
    message = {"role": "user", "parts": [response]}
    return record(number, "tool_result", message=message, **told)


def prompt(number: int, text: str, **fields: Any) -> dict[str, Any]:
    return record(number, "user", message={"role": "user", "parts": [{"text": text}]}, **fields)


# --- what the real program wrote


def test_the_real_program_s_chats_hold_what_the_stub_served() -> None:
    """All but three suggestions for the next prompt, which are in no record of any kind."""
    never = {11, 15, 18}
    served = [
        (2000 + 20 * n, 7000 + 40 * n, 120 + 8 * n, 30 + n) for n in range(1, 25) if n not in never
    ]
    assert spent(read_tree(QWEN, ROOT)) == served


def test_golden_table() -> None:
    assert table(read_tree(QWEN, ROOT)) == (ROOT / "events.txt").read_text()


def test_line_by_line_with_restarts_is_the_same() -> None:
    assert table(read_tree(QWEN, ROOT, pieces=True)) == (ROOT / "events.txt").read_text()
    assert skips(read_tree(QWEN, ROOT)) == {}


# --- counting


def test_telemetry_and_the_answer_are_one_request() -> None:
    content = lines(telemetry(1), answer(2, contextWindowSize=1_000_000), answer(3))
    for events in (read(QWEN, NAME, content), read_in_pieces(QWEN, NAME, content)):
        assert spent(events) == [KINDS, KINDS]
        assert [u.context_window for u in only(Usage, booked(events).values())] == [1_000_000, 0]


def test_equal_requests_told_and_answered_are_as_many() -> None:
    content = lines(telemetry(1), telemetry(2), answer(3), answer(4))
    assert spent(read(QWEN, NAME, content)) == [KINDS, KINDS]


def test_side_requests_are_only_in_telemetry() -> None:
    more = {"input_token_count": 9000, "total_token_count": 9150}
    content = lines(telemetry(1), answer(2), telemetry(3, "compress-1", **more))
    assert spent(read(QWEN, NAME, content)) == [KINDS, (3000, 6000, 150, 40)]


def test_versions_without_telemetry_count_answers() -> None:
    assert spent(read(QWEN, NAME, lines(answer(1), answer(1), answer(2)))) == [KINDS, KINDS]


def test_google_s_own_api_counts_thoughts_apart() -> None:
    google = usage(totalTokenCount=8190)
    events = read(QWEN, NAME, lines(answer(1, usageMetadata=google)))
    assert spent(events) == [(2000, 6000, 190, 40)]


def test_a_sub_agent_s_request_counts_once_in_both_chats() -> None:
    told = telemetry(1, f"{SESSION}#general-call_1#0")
    own = answer(2, isSidechain=True, agentId="general-call_1", model=None)
    meta = {SUB.replace(".jsonl", ".meta.json"): rb'{"model":"qwen3-coder-plus","x":"\ud83d"}'}
    assert QWEN.beside(SUB) == tuple(meta)
    parent, child = read(QWEN, NAME, lines(told)), read(QWEN, SUB, lines(own), meta)
    for events in (parent + child, child + parent):
        (one,) = only(Usage, booked(events).values())
        assert (one.session, one.sidechain, one.model) == (SESSION, True, "qwen3-coder-plus")
    assert only(SessionStart, child) == only(TurnEnd, child) == []


def test_a_fork_s_copies_are_its_parent_s() -> None:
    history = [prompt(0, "go"), telemetry(1), answer(2)]
    copies = [
        one | {"sessionId": FORK, "forkedFrom": {"sessionId": SESSION, "messageUuid": one["uuid"]}}
        for one in history
    ]
    copies[1] = telemetry(1, f"{FORK}########0") | {k: copies[1][k] for k in ("forkedFrom",)}
    own = [prompt(5, "on") | {"sessionId": FORK}, answer(6) | {"sessionId": FORK}]
    parent = read(QWEN, NAME, lines(*history))
    fork = read(QWEN, f"{CHATS}/{FORK}.jsonl", lines(*copies, *own))
    assert spent(parent + fork) == [KINDS, KINDS]
    assert [one.session for one in only(Usage, booked(fork).values())] == [SESSION, FORK]
    start = only(SessionStart, fork)[-1]
    assert (start.session, start.parent, start.spawned) == (FORK, SESSION, False)


def test_a_session_that_an_agent_began_is_its_parent_s() -> None:
    told = {"parentSessionId": SESSION}
    begun = record(1, "system", subtype="parent_session", systemPayload=told)
    content = lines(*(one | {"sessionId": FORK} for one in (begun, prompt(2, "go"), answer(3))))
    name = f"{CHATS}/{FORK}.jsonl"
    for events in (read(QWEN, name, content), read_in_pieces(QWEN, name, content)):
        start = only(SessionStart, events)[-1]
        assert (start.session, start.parent, start.spawned) == (FORK, SESSION, True)
        assert [one.human for one in only(Prompt, events)] == [False]
        assert [one.session for one in only(Usage, events)] == [FORK]


# --- activity


def test_files_are_touched_where_the_call_worked() -> None:
    calls = [
        call("1", "write_file", "/work/app/new.txt"),
        call("2", "edit", "a.py"),
        call("3", "read_file", "/b.py"),
        call("4", "edit", "/c.py"),
        call("5", "read_file", "/d.py"),
    ]
    content = lines(
        answer(1, *calls),
        result(2, "1", "write_file"),
        result(3, "2", "edit"),
        result(4, "3", "read_file"),
        result(5, "4", "edit", "error"),
        result(6, "5", "read_file", "cancelled"),
    )
    for events in (read(QWEN, NAME, content), read_in_pieces(QWEN, NAME, content)):
        assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
            (True, "/work/app/new.txt"),
            (True, "/work/app/a.py"),
            (False, "/b.py"),
        ]
        assert [one.ok for one in only(ToolResult, events)] == [True, True, True, False]


def test_a_sub_agent_s_results_have_no_status() -> None:
    bad = result(3, "2", "edit", None)
    bad["message"]["parts"][0]["functionResponse"]["response"] = {"error": "no such file"}
    events = read(QWEN, SUB, lines(result(2, "1", "read_file", None), bad))
    assert [one.ok for one in only(ToolResult, events)] == [True, False]


def test_only_people_s_words_are_human() -> None:
    content = lines(
        prompt(0, "make it so", provenance="real_user"),
        prompt(1, "<task-notification>", provenance="system", subtype="notification"),
        prompt(2, "no, not that"),
        prompt(3, ""),
    )
    prompts = only(Prompt, read(QWEN, NAME, content))
    assert [(one.human, one.corrects) for one in prompts] == [
        (True, False),
        (False, False),
        (True, True),
    ]


def test_a_turn_ends_with_words_and_no_call() -> None:
    said, thought = {"text": "Shall I?"}, {"text": "Hm?", "thought": True}
    content = lines(prompt(0, "go"), answer(1, said, call("1", "edit", "/a")), answer(2, thought))
    content += lines(answer(3, thought, said))
    (end,) = only(TurnEnd, read(QWEN, NAME, content))
    assert (end.time_ms % 60_000, end.asked) == (3000, True)


def test_a_compression_is_a_compaction() -> None:
    info = {"info": {"originalTokenCount": 10_020, "triggerReason": "manual"}}
    content = lines(record(1, "system", subtype="chat_compression", systemPayload=info))
    (one,) = only(Compaction, read(QWEN, NAME, content))
    assert (one.tokens_before, one.trigger) == (10_020, "manual")


# --- bad input


def test_unknown_types_are_counted_with_their_version() -> None:
    content = lines(record(1, "brand_new"), record(2, "system", subtype="brand_new"))
    assert skips(read(QWEN, NAME, content)) == {"unknown type brand_new in 0.24.4": 1}


@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, [], 2**41])
def test_counts_that_cant_be_cost_only_their_record(bad: Any) -> None:
    content = lines(answer(1, usageMetadata=usage(promptTokenCount=bad)), answer(2))
    content += lines(telemetry(3, input_token_count=bad))
    events = read(QWEN, NAME, content)
    assert spent(events) == [KINDS]
    assert skips(events) == {"bad token counts": 2}


def test_damage_costs_only_its_line() -> None:
    content = lines(answer(1, {"text": "DAMAGE"})).replace(b"DAMAGE", b"\xff\\ud800")
    content += b'{"uuid": "x\n' + lines(answer(2) | {"timestamp": 5}, answer(3, message=7), [1])
    events = read(QWEN, NAME, content)
    assert spent(events) == [KINDS, KINDS]
    assert sum(skips(events).values()) == 3


# --- places and processes


def test_it_is_an_agent() -> None:
    agent: Agent = QWEN
    assert (agent.name, agent.title) == ("qwen", "Qwen Code")


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({}, "/home/u/.qwen"),
        ({"QWEN_HOME": "/q"}, "/q"),
        ({"QWEN_HOME": "/q", "QWEN_RUNTIME_DIR": "~/run"}, "/home/u/run"),
    ],
)
def test_roots(env: dict[str, str], path: str) -> None:
    assert [str(one.path) for one in QWEN.roots(Path("/home/u"), env)] == [path]


@pytest.mark.parametrize(
    "path",
    [
        f"{CHATS}/{SESSION}.runtime.json",
        f"projects/-work-app/subagents/{SESSION}/agent-x.jsonl.stream",
        "projects/-work-app/memory/notes.jsonl",
        "usage_record.jsonl",
    ],
)
def test_other_files_are_no_logs(path: str) -> None:
    assert QWEN.log_name(path) is None


def test_an_archived_session_is_the_same_log() -> None:
    assert QWEN.log_name(f"{CHATS}/archive/{SESSION}.jsonl") == NAME
    assert QWEN.walks(f"{CHATS}/archive")
    assert not QWEN.walks(f"{CHATS}/archive/more")


def test_sub_agents_chats_are_their_parents() -> None:
    assert QWEN.log_name(SUB) == SUB
    assert QWEN.session_of_log(SUB) == QWEN.session_of_log(NAME) == SESSION


def test_the_sidecar_names_the_session_of_a_process() -> None:
    content = next(ROOT.glob("projects/*/chats/*.runtime.json")).read_bytes()
    assert QWEN.live_session(content) == LiveSession(
        pid=30300,
        session="f84254fd-2f05-457a-9fe8-9fc79f2edc79",
        cwd="/tmp/work/repo",
        started_ms=1_795_310_016_028,
    )
    assert QWEN.live_files() == ("projects/*/chats/*.runtime.json",)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"pid":0,"session_id":"x"}', b"\xff"])
def test_a_sidecar_that_cant_be_trusted(content: bytes) -> None:
    assert QWEN.live_session(content) is None


CLI = "/usr/lib/node_modules/@qwen-code/qwen-code/cli.js"


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("node", "/usr/local/bin/qwen", "-y"), "agent"),
        (("/usr/bin/node", "--expose-gc", CLI, "-y"), "agent"),
        (("node", CLI, "serve"), "daemon"),
        (("qwen", "sessions", "list"), "helper"),
        (("qwen", "--version"), "helper"),
        (("node", "/work/qwen/app.js"), ""),
    ],
)
def test_roles(argv: tuple[str, ...], role: str) -> None:
    assert QWEN.role(Process(2, 1, argv[0], argv, 0)) == role


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        (("qwen", "--resume", SESSION), SESSION),
        (("qwen", "-r", SESSION, "--fork-session"), ""),
        (("node", CLI, f"--session-id={SESSION}"), SESSION),
        (("qwen", "--continue"), ""),
    ],
)
def test_session_in_argv(argv: tuple[str, ...], session: str) -> None:
    assert QWEN.session_in_argv(argv) == session
