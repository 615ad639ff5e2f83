from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agent_reading import FIXTURES, booked, lines, only, read, read_tree, skips, spent, table

from tmuxmeter.agents.base import Agent, Process
from tmuxmeter.agents.pi import Pi
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)

ROOT = FIXTURES / "pi" / "0.87.1"
PI = Pi()
SESSION = "01a200d7-81fe-715c-aa6c-2a3225723d39"
FORK = "01a200d8-5dc3-7586-9cbc-47c1b73e43f5"
FOLDER = "sessions/--work-app--"
NAME = f"{FOLDER}/2026-11-22T01-33-00-000Z_{SESSION}.jsonl"
FORK_NAME = f"{FOLDER}/2026-11-22T01-33-30-000Z_{FORK}.jsonl"
SECOND_MS = 1_795_311_180_000
KINDS = (2000, 6000, 150, 40)


def entry(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    stamp = f"2026-11-22T01:33:{number:02}.000Z"
    return {"type": kind, "id": f"{number:08x}", "parentId": None, "timestamp": stamp} | fields


def header(number: int = 0, session: str = SESSION, **fields: Any) -> dict[str, Any]:
    known = {"version": 3, "id": session, "cwd": "/work/app"}
    return entry(number, "session", **known) | fields


def message(number: int, role: str, **fields: Any) -> dict[str, Any]:
    inner = {"role": role, "timestamp": SECOND_MS + number * 1000} | fields
    return entry(number, "message", message=inner)


def usage(**changes: int) -> dict[str, Any]:
    known = {"input": 2000, "output": 150, "cacheRead": 6000, "cacheWrite": 0, "reasoning": 40}
    return known | {"totalTokens": 8150, "cost": {"total": 0.1}} | changes


def answer(number: int, *blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known = {"content": list(blocks), "model": "kimi-k2.6", "usage": usage()}
    return message(number, "assistant", **(known | {"responseId": f"r{number}"} | fields))


def call(identity: str, name: str, path: str) -> dict[str, Any]:
    return {"type": "toolCall", "id": identity, "name": name, "arguments": {"path": path}}


def result(number: int, identity: str, name: str, *, error: bool = False) -> dict[str, Any]:
    told = {"toolCallId": identity, "toolName": name, "isError": error}
    return message(number, "toolResult", **told)


def prompt(number: int, text: str) -> dict[str, Any]:
    return message(number, "user", content=[{"type": "text", "text": text}])


# --- what the real program wrote


def test_the_real_program_s_sessions_hold_what_the_stub_served() -> None:
    served = [(2000 + 20 * n, 7000 + 40 * n, 120 + 8 * n, 30 + n) for n in range(1, 9)]
    assert spent(read_tree(PI, ROOT)) == served


def test_golden_table() -> None:
    assert table(read_tree(PI, ROOT)) == (ROOT / "events.txt").read_text()


def test_line_by_line_with_restarts_is_the_same() -> None:
    assert table(read_tree(PI, ROOT, pieces=True)) == (ROOT / "events.txt").read_text()
    assert skips(read_tree(PI, ROOT)) == {}


# --- counting


def test_abandoned_branches_were_billed() -> None:
    branch = answer(5) | {"parentId": "00000001"}
    content = lines(header(), prompt(1, "go"), answer(2), branch, entry(6, "branch_summary"))
    assert spent(read(PI, NAME, content)) == [KINDS, KINDS]


@pytest.mark.parametrize("marked", [True, False])
def test_a_fork_s_copies_count_once(marked: bool) -> None:
    response = {} if marked else {"responseId": None}
    history = [prompt(1, "go"), answer(2, **response), answer(3, **response)]
    told = {"parentSession": f"/home/u/.pi/agent/{NAME}"}
    parent = read(PI, NAME, lines(header(), *history))
    forked = header(30, FORK, **told)
    fork = read(PI, FORK_NAME, lines(forked, *history, prompt(31, "on"), answer(32)))
    assert spent(parent + fork) == [KINDS] * 3
    assert [one.session for one in only(Usage, booked(fork).values())] == [SESSION, SESSION, FORK]
    (start,) = only(SessionStart, fork)
    assert (start.parent, start.spawned) == (SESSION, False)
    assert len(only(Prompt, booked(parent + fork).values())) == 2


def test_a_gateway_that_repeats_its_ids_hides_nothing() -> None:
    content = lines(header(), answer(1, responseId="x"), answer(2, responseId="x"))
    assert spent(read(PI, NAME, content)) == [KINDS, KINDS]


def test_writes_are_split_by_how_long_they_last() -> None:
    written = usage(cacheWrite=900, cacheWrite1h=300)
    (one,) = only(Usage, read(PI, NAME, lines(header(), answer(1, usage=written))))
    assert (one.cache_write_5m, one.cache_write_1h) == (600, 300)


def test_what_is_spent_beside_the_conversation_counts() -> None:
    content = lines(
        header(),
        entry(1, "model_change", provider="anthropic", modelId="claude-sonnet-4-5"),
        entry(2, "usage", model="claude-opus-4-5", usage=usage(output=0)) | {"kind": "cache_warm"},
        entry(3, "compaction", tokensBefore=50_000, usage=usage(output=200)),
        entry(4, "branch_summary", usage=usage(output=300)),
        entry(5, "branch_summary"),
    )
    events = read(PI, NAME, content)
    assert [(one.model, one.output) for one in only(Usage, events)] == [
        ("claude-opus-4-5", 0),
        ("claude-sonnet-4-5", 200),
        ("claude-sonnet-4-5", 300),
    ]
    assert [one.tokens_before for one in only(Compaction, events)] == [50_000]


# --- activity


def test_what_a_tool_asked_a_model_for_counts_without_a_price() -> None:
    nested = usage(input=40, output=5, cacheRead=0, reasoning=0)
    back = message(3, "toolResult", toolCallId="c1", toolName="task", isError=False, usage=nested)
    events = read(PI, NAME, lines(header(), prompt(1, "go"), answer(2), back))
    asked = [(one.model, one.fresh, one.output) for one in only(Usage, events)]
    assert asked == [("kimi-k2.6", 2000, 150), ("unknown", 40, 5)]
    assert [(one.tool, one.ok) for one in only(ToolResult, events)] == [("task", True)]


def test_files_are_touched_where_the_call_worked() -> None:
    calls = [call("1", "write", "./new.txt"), call("2", "edit", "/a"), call("3", "read", "b")]
    content = lines(
        header(),
        answer(1, *calls),
        result(2, "1", "write"),
        result(3, "2", "edit", error=True),
        result(4, "3", "read"),
    )
    events = read(PI, NAME, content)
    assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
        (True, "/work/app/new.txt"),
        (False, "/work/app/b"),
    ]
    assert [(one.tool, one.ok) for one in only(ToolResult, events)] == [
        ("write", True),
        ("edit", False),
        ("read", True),
    ]


@pytest.mark.parametrize(
    ("stop", "ends"),
    [
        ("stop", [("done", True)]),
        ("length", [("done", True)]),
        ("aborted", [("interrupted", False)]),
        ("error", [("error", False)]),
        ("toolUse", []),
        ("pending", []),
    ],
)
def test_turns_end_as_the_answer_says(stop: str, ends: list[tuple[str, bool]]) -> None:
    said = {"type": "text", "text": "Shall I?"}
    events = read(PI, NAME, lines(header(), prompt(1, "go"), answer(2, said, stopReason=stop)))
    assert [(one.reason, one.asked) for one in only(TurnEnd, events)] == ends


def test_prompts_that_correct() -> None:
    content = lines(header(), prompt(1, "make it so"), prompt(2, "no, not like that"))
    prompts = only(Prompt, read(PI, NAME, content))
    assert [(one.human, one.corrects) for one in prompts] == [(True, False), (True, True)]


# --- bad input


def test_unknown_records_are_counted_and_silent_ones_are_not() -> None:
    silent = ["custom", "custom_message", "label", "session_info", "context_edit"]
    content = lines(header(), *(entry(1, kind) for kind in silent), message(2, "system"))
    content += lines(entry(3, "brand_new"), message(4, "oracle"))
    assert skips(read(PI, NAME, content)) == {
        "unknown type brand_new": 1,
        "unknown type message of oracle": 1,
    }


@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, [], 2**41])
def test_counts_that_cant_be_cost_only_their_entry(bad: Any) -> None:
    content = lines(header(), answer(1, usage=usage(cacheRead=bad)), answer(2))
    events = read(PI, NAME, content)
    assert spent(events) == [KINDS]
    assert skips(events) == {"bad token counts": 1}


def test_damage_costs_only_its_line() -> None:
    content = lines(header(), answer(1, {"type": "text", "text": "DAMAGE"}))
    content = content.replace(b"DAMAGE", b"\xff\\ud800") + b'{"type": "x\n'
    timeless = message(2, "assistant", usage=usage(), timestamp="x") | {"timestamp": None}
    events = read(PI, NAME, content + lines(timeless, [1], answer(3)))
    assert spent(events) == [KINDS, KINDS]
    assert sum(skips(events).values()) == 3


# --- places and processes


def test_it_is_an_agent() -> None:
    agent: Agent = PI
    assert (agent.name, agent.title) == ("pi", "Pi")


@pytest.mark.parametrize(
    ("env", "paths"),
    [
        ({}, ["/home/u/.pi/agent", "/home/u/.omp/agent"]),
        ({"PI_CODING_AGENT_DIR": "~/p"}, ["/home/u/p"]),
        (
            {"PI_CODING_AGENT_SESSION_DIR": "/s"},
            ["/home/u/.pi/agent", "/home/u/.omp/agent", "/s"],
        ),
    ],
)
def test_roots(env: dict[str, str], paths: list[str]) -> None:
    assert [str(one.path) for one in PI.roots(Path("/home/u"), env)] == paths


@pytest.mark.parametrize(
    ("path", "is_log"),
    [
        (NAME, True),
        (NAME.removeprefix("sessions/"), True),
        (NAME.removeprefix(f"{FOLDER}/"), True),
        ("models.json", False),
        ("sessions/--work-app--/notes.jsonl", False),
        (NAME.replace("sessions", "extensions"), False),
    ],
)
def test_logs(path: str, is_log: bool) -> None:
    assert PI.log_name(path) == (path if is_log else None)
    assert not is_log or PI.session_of_log(path) == SESSION


def test_only_folders_of_sessions_are_walked() -> None:
    walked = ["sessions", FOLDER, "--work-app--"]
    assert [path for path in [*walked, "extensions", f"{FOLDER}/x"] if PI.walks(path)] == walked


CLI = "/usr/lib/node_modules/@earendil-works/pi-coding-agent/dist/cli.js"


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("pi",), "agent"),
        (("omp",), "agent"),
        (("node", CLI, "-p", "hello"), "agent"),
        (("node", "/usr/local/bin/pi"), "agent"),
        (("pi", "install", "x"), "helper"),
        (("pi", "--list-models"), "helper"),
        (("python", "pi"), ""),
    ],
)
def test_roles(argv: tuple[str, ...], role: str) -> None:
    assert PI.role(Process(2, 1, argv[0], argv, 0)) == role


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        (("pi", "--session-id", SESSION), SESSION),
        (("pi", "--session", f"/home/u/.pi/agent/{NAME}"), SESSION),
        (("pi", "--session", "01a2"), ""),
        (("pi", "--fork", SESSION), ""),
        (("pi",), ""),
    ],
)
def test_session_in_argv(argv: tuple[str, ...], session: str) -> None:
    assert PI.session_in_argv(argv) == session
