from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_claude import START_MS, Json, Transcript, session_id, text, tool_use, usage
from claude_reading import booked, only, read, read_bytes, spend

from tmuxmeter.agents.claude import Claude
from tmuxmeter.events import (
    Compaction,
    Event,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    event_key,
)

A, B = session_id("a"), session_id("b")
REAL = Path(__file__).parent / "fixtures" / "claude"


def told(event: Event) -> str:
    """Return an event as one line: seconds since the start, kind, what it says."""
    fields: Json = json.loads(json.dumps({n: getattr(event, n) for n in event.__struct_fields__}))
    second = (fields.pop("time_ms") - START_MS) // 1000
    hidden = ("key", "session", "cwd", "branch", "model", "version", "cache_read", "tier")
    shown = [
        f"{k}={v}" for k, v in fields.items() if k not in hidden and v not in (0, "", False, None)
    ]
    return " ".join([f"{second:>2}", type(event).__name__, *shown])


def test_a_whole_session_as_events() -> None:
    t = Transcript(A)
    t.state("mode", mode="normal")
    t.state("permission-mode", permissionMode="default")
    t.append({"type": "file-history-snapshot", "messageId": "m", "snapshot": {}})
    t.prompt("Add a retry to the client, with a test")
    t.add("attachment", attachment={"type": "date", "date": "2026-11-21"})
    t.reply(
        "msg_1",
        {"type": "thinking", "thinking": "", "signature": "x"},
        text("Let me look."),
        tool_use("toolu_1", "Read", file_path="/work/app/client.py"),
        tokens=usage(3, 80),
        stop="tool_use",
    )
    t.result("toolu_1", "1\timport x")
    t.reply(
        "msg_2",
        tool_use("toolu_2", "Edit", file_path="/work/app/client.py", old_string="a"),
        tool_use("toolu_3", "Bash", command="pytest"),
        tokens=usage(1, 300),
        stop="tool_use",
    )
    t.result("toolu_2")
    t.result("toolu_3", "Exit code 2\nfailed", error=True)
    t.reply("msg_3", text("One test fails. Shall I change it?"), tokens=usage(1, 40))
    t.system("stop_hook_summary", hookCount=1)
    t.turn_duration(14_250)
    t.prompt("No, you broke it: the client must not retry writes")
    t.compacted()
    t.add("user", message={"role": "user", "content": "Summary of all"}, isCompactSummary=True)
    t.reply("msg_4", text("Done."), tokens=usage(9, 60))
    t.turn_duration(5_000)
    assert sorted(told(event) for event in read(t)) == sorted(
        [
            " 3 SessionStart",
            " 3 Prompt human=True",
            " 8 FileTouch path=/work/app/client.py",
            " 7 Usage fresh=3 cache_write_1h=900 output=80",
            " 8 ToolResult tool=Read ok=True",
            "11 FileTouch edit=True path=/work/app/client.py",
            "10 Usage fresh=1 cache_write_1h=900 output=300",
            "11 ToolResult tool=Edit ok=True",
            "12 ToolResult tool=Bash",
            "13 Usage fresh=1 cache_write_1h=900 output=40",
            "15 TurnEnd reason=done duration_ms=14250 asked=True",
            "16 Prompt human=True corrects=True",
            "17 Compaction trigger=auto tokens_before=167979",
            "19 Usage fresh=9 cache_write_1h=900 output=60",
            "20 TurnEnd reason=done duration_ms=5000",
        ]
    )


def test_a_real_session_as_events() -> None:
    name = "projects/-tmp-work-repo/1dd9fbff-ade8-4019-930f-96debd358d39"
    main = (REAL / "2.1.330" / f"{name}.jsonl").read_bytes()
    sub = f"{name}/subagents/agent-aad94389525ea7c62.jsonl"
    events = read_bytes(main, f"{name}.jsonl")
    events += read_bytes((REAL / "2.1.330" / sub).read_bytes(), sub)
    assert {event.session for event in events} == {"1dd9fbff-ade8-4019-930f-96debd358d39"}
    # what the program itself counted by the session's end
    (state,) = [json.loads(line) for line in main.splitlines() if b'"cost-state"' in line]
    (counted,) = state["modelUsage"].values()
    assert spend(events) == {
        "requests": 10,
        "fresh": counted["inputTokens"],
        "cache_read": counted["cacheReadInputTokens"],
        "cache_write_5m": counted["cacheCreationEphemeral5mInputTokens"],
        "cache_write_1h": counted["cacheCreationEphemeral1hInputTokens"],
        "output": counted["outputTokens"],
    }
    # three typed prompts, one notification, one task given to the sub-agent
    assert [one.human for one in only(Prompt, events)] == [True, True, True, False, False]
    results = [(one.tool, one.ok) for one in only(ToolResult, events)]
    assert results == [
        ("Bash", True),
        ("Bash", False),
        ("Write", True),
        ("Agent", True),
        ("Read", True),
    ]
    touched = [(one.edit, one.path.rpartition("/")[2]) for one in only(FileTouch, events)]
    assert touched == [(True, "new.txt"), (False, "notes.txt")]
    ends = [(one.reason, one.duration_ms) for one in only(TurnEnd, events)]
    assert ends == [("done", 693), ("done", 263), ("done", 372), ("done", 763)]
    (start,) = only(SessionStart, events)
    assert (start.branch, start.version, start.parent) == ("main", "2.1.330", "")


def test_a_real_headless_run_has_no_human() -> None:
    (file,) = (REAL / "2.1.330-print").rglob("*.jsonl")
    events = read_bytes(file.read_bytes(), f"projects/p/{file.name}")
    assert [one.human for one in only(Prompt, events)] == [False]
    assert [one.reason for one in only(TurnEnd, events)] == ["done"]


def prompts_of(content: object, **fields: object) -> list[bool]:
    t = Transcript(A)
    t.add("user", message={"role": "user", "content": content}, **fields)
    return [one.human for one in only(Prompt, read(t))]


@pytest.mark.parametrize(
    ("content", "fields", "humans"),
    [
        ("fix it", {}, [True]),
        ([text("fix it")], {}, [True]),
        ([{"type": "image", "source": {}}], {}, [True]),
        ("<system-reminder>x</system-reminder>\n\nfix it", {"origin": {"kind": "human"}}, [True]),
        ("fix it", {"origin": {"kind": "human"}, "promptSource": "sdk"}, [True]),
        ("fix it", {"promptSource": "typed"}, [True]),
        ("fix it", {"promptSource": "sdk"}, [False]),
        ("fix it", {"promptSource": "system"}, [False]),
        ("fix it", {"origin": {"kind": "peer"}}, [False]),
        ("fix it", {"isSidechain": True}, [False]),
        ("<task-notification><task-id>1</task-id></task-notification>", {}, [False]),
        ("fix it", {"isMeta": True}, []),
        ("summary", {"isCompactSummary": True}, []),
        ("fix it", {"isVisibleInTranscriptOnly": True}, []),
        ("fix it", {"toolUseResult": {"stdout": ""}}, []),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "fix it"}], {}, []),
        ("<command-name>/clear</command-name>", {}, []),
        ("<command-message>x</command-message>", {}, []),
        ("<local-command-stdout></local-command-stdout>", {}, []),
        ("<local-command-caveat>x</local-command-caveat>", {}, []),
        ("<bash-input>ls</bash-input>", {"origin": {"kind": "human"}}, []),
        ("<bash-stdout>a</bash-stdout>", {}, []),
        ("<system-reminder>only this</system-reminder>", {}, []),
        ("Caveat: The messages below were generated by the user", {}, []),
        ("[Request interrupted by user]", {}, []),
        ("", {}, []),
        ([], {}, []),
        (None, {}, []),
    ],
)
def test_who_prompts(content: object, fields: Json, humans: list[bool]) -> None:
    assert prompts_of(content, **fields) == humans


def test_a_prompt_queued_for_the_next_turn_counts_once() -> None:
    t = Transcript(A)
    t.queue("enqueue", "and then the docs")
    t.reply("msg_1")
    t.queue("dequeue", "and then the docs")
    t.prompt("and then the docs")
    assert [one.human for one in only(Prompt, read(t))] == [True]


def test_a_prompt_taken_up_in_the_middle_of_a_turn_counts_once() -> None:
    t = Transcript(A)
    t.queued("not the tests, please")
    t.queued("<task-notification>x</task-notification>", mode="task-notification", origin="x")
    t.queued("from a colleague", origin="peer")
    t.queued("ls", mode="bash")
    assert [one.human for one in only(Prompt, read(t))] == [True, False, False]


def test_a_prompt_that_repeats_the_one_before_corrects() -> None:
    t = Transcript(A)
    for words in (
        "please make the parser accept tabs",
        "please make the parser accept tabs!",
        "now the printer, and keep the tests green",
        "please make the parser accept tabs",
    ):
        t.prompt(words)
    assert [one.corrects for one in only(Prompt, read(t))] == [False, True, False, False]


def ends_of(t: Transcript) -> list[tuple[str, int, bool]]:
    ends = only(TurnEnd, booked(read(t)).values())
    return [(one.reason, one.duration_ms, one.asked) for one in ends]


def test_a_turn_without_a_duration_ends_with_its_last_words() -> None:
    t = Transcript(A)
    t.prompt("hello")
    t.reply("msg_1", {"type": "thinking", "thinking": ""}, text("Which file?"))
    t.prompt("that one")
    t.reply("msg_2", text("Working."), stop="tool_use")
    assert ends_of(t) == [("done", -1, True)]


def test_a_turn_with_a_duration_but_no_stop_reason_ends_once() -> None:
    t = Transcript(A)
    t.prompt("hello")
    t.reply("msg_1", text("Which file?"), stop=None)
    t.turn_duration(7)
    assert ends_of(t) == [("done", 7, True)]


def test_a_turn_ends_once_however_often_it_is_told() -> None:
    t = Transcript(A)
    t.prompt("hello")
    t.reply("msg_1", text("Done?"), text("Done."))
    t.turn_duration(7)
    t.turn_duration(3)
    assert ends_of(t) == [("done", 7, False), ("done", 3, False)]


def test_last_words_shown_again_take_nothing_from_a_turns_end() -> None:
    t = Transcript(A)
    t.reply("msg_1", text("Done."))
    t.turn_duration(7)
    t.append(t.records[0])
    assert [one.duration_ms for one in only(TurnEnd, read(t))] == [7]


def test_a_question_counts_wherever_in_the_last_message_it_stands() -> None:
    t = Transcript(A)
    t.reply("msg_1", text("Which file?"), {"type": "redacted_thinking"}, stop=None)
    t.turn_duration(7)
    t.reply("msg_2", tool_use("toolu_1", "Bash"), stop=None)
    t.turn_duration(8)
    assert ends_of(t) == [("done", 7, True), ("done", 8, False)]


def test_an_interrupted_turn() -> None:
    t = Transcript(A)
    t.prompt("hello")
    t.reply("msg_1", text("Shall I?"), tool_use("toolu_1", "Bash"), stop="tool_use")
    t.interrupted()
    t.turn_duration(7)
    t.prompt("hello again")
    t.interrupted()
    t.prompt("and again")
    t.interrupted()
    ended = ("interrupted", -1, False)
    assert ends_of(t) == [("interrupted", 7, False), ended, ended]


def test_a_turn_that_failed() -> None:
    t = Transcript(A)
    t.prompt("hello")
    t.reply("msg_1", text("Shall I?"), stop="tool_use")
    t.api_error()
    assert ends_of(t) == [("error", -1, False)]


def test_a_sub_agents_turns_are_nobodys_turns() -> None:
    t = Transcript(A, agent="a1")
    t.prompt("look around")
    t.reply("msg_1", text("Found?"))
    t.interrupted()
    t.turn_duration()
    t.api_error()
    assert ends_of(t) == []


def test_a_placeholder_reply_ends_no_turn() -> None:
    t = Transcript(A)
    t.reply("msg_1", text("No response requested."), model="<synthetic>", stop="stop_sequence")
    assert ends_of(t) == []


def test_tool_results_know_their_tool_by_the_call() -> None:
    t = Transcript(A)
    calls = [tool_use(f"toolu_{n}", f"Tool{n}") for n in range(3)]
    t.reply("msg_1", *calls, stop="tool_use")
    t.result("toolu_2", error=False)
    t.result("toolu_0", error=True)
    t.result("toolu_9")
    t.result("toolu_2", error=False)
    found = [(one.tool, one.ok) for one in only(ToolResult, booked(read(t)).values())]
    assert found == [("Tool2", True), ("Tool0", False), ("", True)]


def test_several_results_in_one_record() -> None:
    t = Transcript(A)
    block = {"type": "tool_result", "content": [text("x")], "is_error": True}
    t.add("user", message={"role": "user", "content": [block, {**block, "tool_use_id": "t"}]})
    assert len({one.key for one in only(ToolResult, read(t))}) == 2


def test_only_so_many_open_calls_are_remembered() -> None:
    t = Transcript(A)
    for n in range(500):
        t.reply(f"msg_{n}", tool_use(f"toolu_{n}", "Bash"), stop="tool_use")
    reader = Claude().reader(t.name)
    data = t.data()
    reader.read(data, 0, len(data), 0)
    assert len(reader.state()) < 4_000


@pytest.mark.parametrize(
    ("tool", "arguments", "touch"),
    [
        ("Edit", {"file_path": "/work/app/a.py"}, (True, "/work/app/a.py")),
        ("Write", {"file_path": "/work/app/a.py"}, (True, "/work/app/a.py")),
        ("MultiEdit", {"file_path": "/work/app/a.py"}, (True, "/work/app/a.py")),
        ("NotebookEdit", {"notebook_path": "/work/app/a.ipynb"}, (True, "/work/app/a.ipynb")),
        ("Read", {"file_path": "/work/app/a.py"}, (False, "/work/app/a.py")),
        ("Read", {"file_path": "src/a.py"}, (False, "/work/app/src/a.py")),
        ("Read", {"file_path": "./a.py"}, (False, "/work/app/a.py")),
        ("Read", {"file_path": "~/a.py"}, (False, "~/a.py")),
        ("Read", {"file_path": "C:\\a.py"}, (False, "C:\\a.py")),
        ("Read", {}, None),
        ("Bash", {"file_path": "/work/app/a.py"}, None),
        ("mcp__x__Edit", {"file_path": "/work/app/a.py"}, None),
    ],
)
def test_files_touched(tool: str, arguments: Json, touch: tuple[bool, str] | None) -> None:
    t = Transcript(A)
    t.reply("msg_1", tool_use("toolu_1", tool, **arguments))
    t.result("toolu_1")
    found = [(one.edit, one.path) for one in only(FileTouch, read(t, t))]
    assert found == ([touch] * 2 if touch else [])
    assert len(only(FileTouch, booked(read(t, t)).values())) == (1 if touch else 0)


def test_a_file_is_touched_when_its_call_came_back_and_not_when_it_failed() -> None:
    t = Transcript(A)
    t.reply("msg_1", *(tool_use(f"toolu_{n}", "Edit", file_path=f"/work/{n}") for n in range(3)))
    first, data = Claude().reader(t.name), t.data()
    assert only(FileTouch, first.read(data, 0, len(data), 0)) == []
    t.result("toolu_0", error=True)
    t.result("toolu_1")
    # toolu_2 waits for a permission; a new watcher goes on where the first one was
    later, whole = Claude().reader(t.name, first.state()), t.data()
    found = only(FileTouch, later.read(whole, len(data), len(whole), 0))
    assert [(one.edit, one.path) for one in found] == [(True, "/work/1")]


def test_files_touched_by_an_embedded_sub_agent() -> None:
    t = Transcript(A)
    inner = Transcript(A).reply("msg_1", tool_use("toolu_1", "Read", file_path="/work/x"))[0]
    t.agent_progress(inner)
    assert [one.path for one in only(FileTouch, read(t))] == ["/work/x"]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"trigger": "manual", "preTokens": 5}, ("manual", 5)),
        ({}, ("", -1)),
        (None, ("", -1)),
    ],
)
def test_compactions(metadata: Json | None, expected: tuple[str, int]) -> None:
    t = Transcript(A)
    t.system("compact_boundary", compactMetadata=metadata)
    t.system("microcompact_boundary", compactMetadata=metadata)
    found = [(one.trigger, one.tokens_before) for one in only(Compaction, read(t))]
    assert found == [expected]


def test_a_session_starts_once_with_its_facts() -> None:
    t = Transcript(A)
    t.state("mode", mode="normal")
    t.prompt("hello")
    t.cwd = "/work/other"
    t.prompt("hello")
    (start,) = only(SessionStart, read(t))
    assert start == SessionStart(
        key=event_key("claude", "session", A),
        session=A,
        time_ms=START_MS + 1000,
        cwd="/work/app",
        branch="main",
        version="2.1.330",
    )


def test_a_branch_starts_with_its_first_own_record_and_names_its_parent() -> None:
    parent = Transcript(A)
    parent.prompt("hello")
    branch = parent.forked(B)
    branch.prompt("the other way")
    (start,) = only(SessionStart, read(branch))
    assert (start.session, start.parent, start.spawned) == (B, A, False)
    assert start.time_ms == START_MS + 1000
    assert [(one.session, one.human) for one in only(Prompt, read(branch))] == [
        (A, True),
        (B, True),
    ]


def test_a_file_may_hold_several_sessions() -> None:
    t = Transcript(A)
    t.prompt("one")
    t.session = B
    t.prompt("two")
    t.session = A
    t.prompt("three")
    assert [one.session for one in only(SessionStart, read(t))] == [A, B]


def test_a_sub_agent_starts_no_session() -> None:
    t = Transcript(A, agent="a1")
    t.prompt("look around")
    t.reply("msg_1")
    assert only(SessionStart, read(t)) == []


def test_no_words_of_anybody_are_kept() -> None:
    t = Transcript(A)
    secret = "hunter2 is the password, tell nobody"
    t.prompt(secret)
    t.queued(secret)
    t.reply("msg_1", text(secret), tool_use("toolu_1", "Write", file_path="/x", content=secret))
    t.result("toolu_1", secret, error=True)
    reader = Claude().reader(t.name)
    data = t.data()
    events = reader.read(data, 0, len(data), 0)
    assert "hunter2" not in repr(events)
    assert b"hunter2" not in reader.state()
