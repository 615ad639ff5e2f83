from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agent_reading import FIXTURES, lines, only, read, read_tree, skips, spent, table

from tmuxmeter.agents.base import Agent, Process
from tmuxmeter.agents.gemini import Gemini
from tmuxmeter.agents.gemini_usage import counts
from tmuxmeter.agents.readers import DOCUMENT, LINES
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    LogFile,
    Position,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.logs.tail import read_file

ROOT = FIXTURES / "gemini" / "0.61.0"
GEMINI = Gemini()
SESSION = "47552048-0000-4000-8000-000000000000"
NAME = "tmp/app/chats/session-2026-11-22T01-32-47552048.jsonl"
BESIDE = {"tmp/app/.project_root": b"/work/app"}
HEADER = {
    "sessionId": SESSION,
    "projectHash": "0",
    "startTime": "2026-11-22T01:32:10.000Z",
    "kind": "main",
}


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def at(number: int) -> str:
    return f"2026-11-22T01:33:{number:02}.000Z"


def counted(**changes: Any) -> dict[str, Any]:
    known = {"input": 8000, "output": 150, "cached": 6000, "thoughts": 40, "tool": 0, "total": 8190}
    return known | changes


def answer(number: int, **fields: Any) -> dict[str, Any]:
    known = {"id": uuid(number), "timestamp": at(number), "type": "gemini", "content": ""}
    return known | {"tokens": counted(), "model": "gemini-2.5-pro"} | fields


def prompt(number: int, text: str) -> dict[str, Any]:
    said = {"type": "user", "content": [{"text": text}]}
    return {"id": uuid(number), "timestamp": at(number)} | said


def call(name: str, status: str = "success", **fields: Any) -> dict[str, Any]:
    return {"id": f"{name}_1", "name": name, "status": status, "timestamp": at(30)} | fields


def shell(output: str) -> dict[str, Any]:
    result = [{"functionResponse": {"response": {"output": output}}}]
    return call("run_shell_command", result=result)


ONE = (2000, 6000, 190, 40)


# --- what the real program wrote


def test_the_real_program_s_chats_hold_what_the_stub_served() -> None:
    served = [(2000 + 16 * n, 6000 + 80 * n, 190 + 7 * n, 40 + n) for n in range(1, 12)]
    assert spent(read_tree(GEMINI, ROOT)) == served


def test_golden_table() -> None:
    assert table(read_tree(GEMINI, ROOT)) == (ROOT / "events.txt").read_text()


def test_line_by_line_with_restarts_is_the_same() -> None:
    assert table(read_tree(GEMINI, ROOT, pieces=True)) == (ROOT / "events.txt").read_text()
    assert skips(read_tree(GEMINI, ROOT)) == {}


# --- counting


def test_a_message_that_is_written_again_counts_once() -> None:
    bare, done = answer(1), answer(1, toolCalls=[call("read_file")])
    assert spent(read(GEMINI, NAME, lines(HEADER, bare, done, done))) == [ONE]


def test_the_conversation_told_anew_counts_nothing_again() -> None:
    anew = {"$set": {"messages": [prompt(7, "hello"), answer(1), answer(2)]}}
    events = read(GEMINI, NAME, lines(HEADER, prompt(0, "hello"), answer(1), answer(2), anew))
    assert spent(events) == [ONE, ONE]
    assert len(only(Prompt, events)) == 1


def test_an_answer_that_only_the_conversation_told_anew_holds_counts() -> None:
    anew = {"$set": {"messages": [prompt(7, "hello"), answer(1), answer(2)]}}
    assert (
        spent(read(GEMINI, NAME, lines(HEADER, prompt(0, "hello"), answer(1), anew))) == [ONE] * 2
    )


def test_an_answer_copied_into_another_chat_counts_once() -> None:
    other = NAME.replace(SESSION[:8], "99999999")
    named, numbered = answer(1), answer(2, id="7")
    content = lines(HEADER, named, numbered)
    # ids of the program's own making begin anew in each chat
    assert spent([*read(GEMINI, NAME, content), *read(GEMINI, other, content)]) == [ONE] * 3


def test_what_is_rewound_was_billed() -> None:
    content = lines(HEADER, prompt(0, "go"), answer(1), {"$rewindTo": uuid(0)}, answer(2))
    assert spent(read(GEMINI, NAME, content)) == [ONE, ONE]
    assert skips(read(GEMINI, NAME, content)) == {}


@pytest.mark.parametrize(
    ("logged", "kinds"),
    [
        ((8000, 150, 6000, 40, 0, 8190), (2000, 6000, 190, 40)),  # Google's own
        ((2000, 150, 6000, 40, 0, 8190), (2000, 6000, 190, 40)),  # net of the cache
        ((8000, 190, 6000, 40, 0, 8190), (2000, 6000, 190, 40)),  # thoughts in the answer
        ((2000, 190, 6000, 40, 0, 8190), (2000, 6000, 190, 40)),  # both
        ((8000, 150, 6000, 40, 0, 0), (2000, 6000, 190, 40)),  # no total
        ((8000, 150, 6000, 40, 300, 8490), (2300, 6000, 190, 40)),  # the vendor's tools
        ((100, 10, 400, 0, 0, 0), (0, 100, 10, 0)),  # more cached than sent
        ((0, 0, 0, 0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_ways_of_counting(logged: tuple[int, ...], kinds: tuple[int, ...]) -> None:
    assert counts(*logged) == kinds


def test_a_chat_of_one_object_counts_once_beside_its_lines() -> None:
    messages = [prompt(0, "hello"), answer(1), answer(2)]
    old = NAME.removesuffix("l")
    assert (GEMINI.log_kind(old), GEMINI.log_kind(NAME)) == (DOCUMENT, LINES)
    events = read(GEMINI, old, json.dumps(HEADER | {"messages": messages}, indent=2).encode())
    assert spent(events) == [ONE, ONE]
    assert len(only(Prompt, events)) == len(only(SessionStart, events)) == 1
    both = events + read(GEMINI, NAME, lines(HEADER, *messages, answer(3)))
    assert spent(both) == [ONE] * 3
    assert {event.session for event in only(Usage, both)} == {"47552048"}


@pytest.mark.parametrize("content", [b"", b'{"sessionId": "x", "mess', b"[]", b"{}", b"null"])
def test_a_half_written_object_is_none(content: bytes) -> None:
    assert GEMINI.reader(NAME.removesuffix("l")).read(content) is None


def test_a_sub_agent_s_spend_belongs_to_its_parent() -> None:
    name = f"tmp/app/chats/{SESSION}/{uuid(9)}.jsonl"
    header = HEADER | {"sessionId": uuid(9), "kind": "subagent", "directories": ["/work/app"]}
    events = read(GEMINI, name, lines(header, prompt(0, "look"), answer(1, content="Done.")))
    (start,) = only(SessionStart, events)
    assert (start.session, start.parent, start.spawned) == (uuid(9), "47552048", True)
    assert start.cwd == "/work/app"
    (usage,) = only(Usage, events)
    assert usage.sidechain
    assert [one.human for one in only(Prompt, events)] == [False]
    assert only(TurnEnd, events) == []


# --- where


def test_the_folder_is_told_by_what_is_beside() -> None:
    assert GEMINI.beside(NAME) == ("tmp/app/.project_root", "projects.json")
    (start,) = only(SessionStart, read(GEMINI, NAME, lines(HEADER), BESIDE))
    assert start.cwd == "/work/app"
    index = {"projects.json": b'{"projects":{"/work/other":"other","/work/app":"app"}}'}
    (start,) = only(SessionStart, read(GEMINI, NAME, lines(HEADER), index))
    assert start.cwd == "/work/app"


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b'{"projects": 3}', b"\xff"])
def test_a_broken_index_tells_nothing(content: bytes) -> None:
    (start,) = only(SessionStart, read(GEMINI, NAME, lines(HEADER), {"projects.json": content}))
    assert start.cwd == ""


def test_the_log_room_reads_what_is_beside(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(lines(HEADER, answer(1)))
    (tmp_path / "tmp/app/.project_root").write_text("/work/app")
    log = LogFile("gemini", str(tmp_path), NAME, str(path))
    (chunk,) = read_file(GEMINI, log, Position())
    assert {e.cwd for e in chunk.events if isinstance(e, (SessionStart, Usage))} == {"/work/app"}


def test_a_chat_that_was_cleared_away_goes_on_without_its_header(tmp_path: Path) -> None:
    """A second Gemini CLI in the folder deletes chats that have no prompt yet (seen)."""
    path = tmp_path / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(lines(HEADER))
    log = LogFile("gemini", str(tmp_path), NAME, str(path))
    (chunk,) = read_file(GEMINI, log, Position())
    path.unlink()
    path.write_bytes(lines(prompt(0, "go"), answer(1)))
    (again,) = read_file(GEMINI, log, chunk.position)
    sessions = {event.session for event in chunk.events + again.events}
    assert sessions == {"47552048"}
    assert len(only(SessionStart, again.events)) == 1


# --- activity


def test_files_are_touched_where_the_call_worked() -> None:
    calls = [
        call("write_file", args={"file_path": "./new.txt"}),
        call("replace", args={"file_path": "/work/app/a.py"}),
        call("read_file", args={"file_path": "b.py"}),
        call("replace", "error", args={"file_path": "c.py"}),
        call("glob", args={"pattern": "*"}),
    ]
    events = read(GEMINI, NAME, lines(HEADER, answer(1, toolCalls=calls)), BESIDE)
    assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
        (True, "/work/app/new.txt"),
        (True, "/work/app/a.py"),
        (False, "/work/app/b.py"),
    ]
    assert [one.ok for one in only(ToolResult, events)] == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("output", "ok"),
    [
        ("<untrusted_context>\nOutput: hi\nProcess Group PGID: 7\n</untrusted_context>", True),
        ("<untrusted_context>\nOutput: no\nExit Code: 2\n</untrusted_context>", False),
        ("Stdout: x\nStderr: \nError: (none)\nExit Code: 1\nSignal: (none)", False),
        ("Stdout: x\nError: (none)\nExit Code: 0\nSignal: (none)\nBackground PIDs: (none)", True),
        ("<untrusted_context>\nOutput: Exit Code: 3\nand more\n</untrusted_context>", True),
    ],
)
def test_a_failed_command_is_a_successful_call(output: str, ok: bool) -> None:
    events = read(GEMINI, NAME, lines(HEADER, answer(1, toolCalls=[shell(output)])))
    assert [one.ok for one in only(ToolResult, events)] == [ok]


def test_a_call_the_human_stopped_is_no_failure_and_ends_the_turn() -> None:
    stopped = answer(1, toolCalls=[call("run_shell_command", "cancelled")])
    events = read(GEMINI, NAME, lines(HEADER, prompt(0, "go"), stopped))
    assert only(ToolResult, events) == []
    assert [one.reason for one in only(TurnEnd, events)] == ["interrupted"]


def test_a_turn_ends_with_its_last_words() -> None:
    first = answer(1, content="I look.")
    content = lines(HEADER, prompt(0, "go"), first, first | {"toolCalls": [call("read_file")]})
    content += lines(answer(5, content="Shall I?"), prompt(7, "no, wait"), answer(8, content="OK."))
    ends = only(TurnEnd, read(GEMINI, NAME, content))
    assert len({end.key for end in ends}) == 2
    latest = {end.key: end for end in sorted(ends, key=lambda end: end.time_ms)}
    assert [(end.time_ms % 60_000, end.asked) for end in latest.values()] == [
        (5000, True),
        (8000, False),
    ]


def test_words_beside_a_call_are_no_end() -> None:
    content = lines(HEADER, prompt(0, "go"), answer(1, content="I look.", toolCalls=[call("glob")]))
    assert only(TurnEnd, read(GEMINI, NAME, content)) == []


def test_only_people_s_words_are_prompts() -> None:
    response = {"functionResponse": {"id": "1", "response": {"output": "x"}}}
    records = [
        prompt(0, "<session_context>\nThis is the Gemini CLI."),
        prompt(1, "/compress"),
        prompt(2, "make it so"),
        prompt(3, "make it so") | {"content": [response]},
        prompt(4, "no, not like that") | {"content": "no, not like that"},
    ]
    prompts = only(Prompt, read(GEMINI, NAME, lines(HEADER, *records)))
    assert [(one.human, one.corrects) for one in prompts] == [(True, False), (True, True)]


def test_a_summary_in_the_conversation_is_a_compaction() -> None:
    anew = {"$set": {"messages": [prompt(7, "<state_snapshot>…"), answer(1)]}}
    events = read(GEMINI, NAME, lines(HEADER, answer(1), anew, anew))
    assert len({one.key for one in only(Compaction, events)}) == 1


# --- bad input


def test_unknown_records_are_counted_and_silent_ones_are_not() -> None:
    notes = [{"id": uuid(3), "timestamp": at(3), "type": kind} for kind in ("info", "warning")]
    content = lines(HEADER, *notes, {"$set": {"summary": "x"}}, {"brand": 1, "new": 2}, b"")
    content += lines(answer(1) | {"type": "brand_new"})
    assert skips(read(GEMINI, NAME, content)) == {
        "unknown type line brand new": 1,
        "unknown type message brand_new": 1,
    }


@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, [], 2**41])
def test_counts_that_cant_be_cost_only_their_message(bad: object) -> None:
    content = lines(HEADER, answer(1, tokens=counted(input=bad)), answer(2))
    events = read(GEMINI, NAME, content)
    assert spent(events) == [ONE]
    assert skips(events) == {"bad token counts": 1}


def test_damage_costs_only_its_line() -> None:
    whole = lines(answer(1, content="DAMAGE"))
    content = lines(HEADER) + whole.replace(b"DAMAGE", b"\xff\\ud800") + b'{"id": "x\n'
    content += lines(answer(2) | {"timestamp": "yesterday"}, answer(3, toolCalls=7), [1], 3)
    events = read(GEMINI, NAME, content)
    assert spent(events) == [ONE, ONE]
    assert sum(skips(events).values()) == 5


# --- places and processes


def test_it_is_an_agent() -> None:
    agent: Agent = GEMINI
    assert (agent.name, agent.title, agent.provider) == ("gemini", "Gemini CLI", "google")


def test_roots() -> None:
    home = Path("/home/u")
    assert [str(one.path) for one in GEMINI.roots(home, {})] == ["/home/u/.gemini"]
    moved = GEMINI.roots(home, {"GEMINI_CLI_HOME": "/data"})
    assert [str(one.path) for one in moved] == ["/data/.gemini"]


@pytest.mark.parametrize(
    "path",
    [
        "tmp/app/logs.json",
        "tmp/app/chats/checkpoint-a.json",
        "tmp/app/chats/session-2026-11-22T01-32-47552048.jsonl.unreadable-1",
        f"tmp/app/chats/{SESSION}/plan.json",
        "history/app/chats/session-x.jsonl",
        "tmp/session-x.jsonl",
    ],
)
def test_other_files_are_no_logs(path: str) -> None:
    assert GEMINI.log_name(path) is None


SCRIPT = "/usr/lib/node_modules/@google/gemini-cli/bundle/gemini.js"


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("node", "--no-warnings=DEP0040", "/usr/local/bin/gemini"), "agent"),
        (("/usr/bin/node", "--max-old-space-size=12052", SCRIPT, "-m", "x"), "agent"),
        (("gemini", "-p", "fix the mcp server"), "agent"),
        (("node", SCRIPT, "mcp", "list"), "helper"),
        (("gemini", "--list-sessions"), "helper"),
        (("node", "/work/gemini/server.js"), ""),
        (("vim", "gemini"), ""),
        (("node",), ""),
    ],
)
def test_roles(argv: tuple[str, ...], role: str) -> None:
    assert GEMINI.role(Process(2, 1, argv[0], argv, 0)) == role


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        (("gemini", "--session-id", SESSION), "47552048"),
        (("node", SCRIPT, f"--resume={SESSION.upper()}"), "47552048"),
        (("gemini", "--resume", "latest"), ""),
        (("gemini", "-r", "5"), ""),
        (("gemini",), ""),
        (("vim", "--resume", SESSION), ""),
    ],
)
def test_session_in_argv(argv: tuple[str, ...], session: str) -> None:
    assert GEMINI.session_in_argv(argv) == session
