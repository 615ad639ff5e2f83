from __future__ import annotations

import json
from typing import Any

import pytest
from build_codex import Rollout, Tokens, pick

from tmuxmeter.agents.codex_tools import output_ok, patched_paths
from tmuxmeter.events import Compaction, FileTouch, Prompt, ToolResult, TurnEnd

PATCH = """*** Begin Patch
*** Update File: src/a.py
@@
-x
+y
*** Add File: /w/b.py
+1
*** End Patch
"""


def started() -> Rollout:
    return Rollout().meta().begin()


def prompts(rollout: Rollout) -> list[tuple[bool, bool]]:
    return pick(rollout.events(), Prompt, lambda e: (e.human, e.corrects))


def tools(rollout: Rollout) -> list[tuple[str, bool]]:
    """What a ledger keeps: one outcome for a call, the last told."""
    told = {e.key: (e.tool, e.ok) for e in rollout.events() if isinstance(e, ToolResult)}
    return list(told.values())


def touched(rollout: Rollout) -> list[str]:
    touches = {e.key: e for e in rollout.events() if isinstance(e, FileTouch)}
    assert all(touch.edit for touch in touches.values())
    return [touch.path for touch in touches.values()]


# --- prompts


def user(rollout: Rollout, text: str, **more: Any) -> Rollout:
    return rollout.item(
        "message", role="user", content=[{"type": "input_text", "text": text}], **more
    )


def test_a_prompt_in_all_its_forms_is_one() -> None:
    rollout = started().prompt("fix the tests please")
    rollout.event("user_message", message="fix the tests please")
    assert prompts(rollout.complete()) == [(True, False)]


def test_older_versions_tell_a_prompt_before_its_turn() -> None:
    rollout = Rollout().meta()
    user(rollout, "fix the tests please").event("user_message", message="fix the tests please")
    user(rollout.begin(), "fix the tests please")
    assert prompts(rollout.complete()) == [(True, False)]


def test_a_prompt_seen_only_by_the_model_is_told_when_its_turn_ends() -> None:
    rollout = user(started(), "fix the tests please")
    assert prompts(rollout) == []
    assert prompts(rollout.complete()) == [(True, False)]
    assert prompts(user(rollout.begin(), "and the docs").complete()) == [(True, False)] * 2


def test_the_same_words_typed_twice_are_two_prompts() -> None:
    rollout = started().prompt("continue").complete().begin().prompt("continue").complete()
    assert prompts(rollout) == [(True, False)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "<environment_context>\n  <cwd>/w</cwd>\n</environment_context>",
        "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>…</INSTRUCTIONS>",
        "<user_instructions>…</user_instructions>",
        "<permissions instructions>…",
        "<skill>…</skill>",
        "<turn_aborted>…</turn_aborted>",
        "<subagent_notification>{}</subagent_notification>",
    ],
)
def test_injected_context_is_no_prompt(text: str) -> None:
    rollout = user(started(), text)
    rollout.event("user_message", message=text)
    rollout.completed("UserMessage", id="x", content=[{"type": "text", "text": text}])
    assert prompts(rollout.complete()) == []


def test_the_kind_of_a_message_outweighs_its_opening() -> None:
    told = {"content_item_kinds": ["environments.environment_context"]}
    rollout = user(started(), "cwd is /w", internal_chat_message_metadata_passthrough=told)
    typed = {"content_item_kinds": ["user.text"]}
    assert prompts(rollout.complete()) == []
    user(rollout.begin(), "<skill> is broken", internal_chat_message_metadata_passthrough=typed)
    assert prompts(rollout.complete()) == [(True, False)]


def test_an_old_user_message_says_what_kind_it_is() -> None:
    rollout = started().event("user_message", message="…", kind="user_instructions")
    rollout.event("user_message", message="hello there", kind="plain")
    assert prompts(rollout) == [(True, False)]


def test_an_answer_is_no_prompt() -> None:
    rollout = started()
    for role in ("assistant", "developer"):
        rollout.item("message", role=role, content=[{"type": "output_text", "text": "no"}])
        rollout.record("response_item", {"type": "message", "content": [], "role": role})
    assert prompts(rollout.complete()) == []


def test_images_beside_the_words_make_no_second_prompt() -> None:
    words = "what is wrong here, tell me"
    parts = [
        {"type": "input_text", "text": "<image name=a>"},
        {"type": "input_image", "image_url": "…"},
    ]
    parts += [{"type": "input_text", "text": "</image>"}, {"type": "input_text", "text": words}]
    rollout = started().item("message", role="user", content=parts)
    rollout.event("user_message", message=words, images=["…"])
    rollout.completed(
        "UserMessage", id="x", content=[{"type": "image"}, {"type": "text", "text": words}]
    )
    assert prompts(rollout.complete()) == [(True, False)]


def test_a_prompt_that_corrects_or_repeats_says_so() -> None:
    rollout = started().prompt("make the tests in the core folder pass").complete()
    rollout.begin().prompt("no, not like that").complete()
    rollout.begin().prompt("add a changelog entry for the release").complete()
    rollout.begin().prompt("add a changelog entry for the release").complete()
    assert [corrects for _, corrects in prompts(rollout)] == [False, True, False, True]


def test_no_words_are_kept_in_the_state() -> None:
    from tmuxmeter.agents.codex import Codex

    rollout = user(started(), "a very secret wish").prompt("another very secret wish")
    rollout.item("function_call_output", call_id="c", output="secret output")
    reader = Codex().reader(rollout.name)
    content = rollout.content()
    reader.read(content, 0, len(content), 0)
    assert b"secret" not in reader.state()


# --- turns


def ends(rollout: Rollout) -> list[tuple[str, int, bool]]:
    return pick(rollout.events(), TurnEnd, lambda e: (e.reason, e.duration_ms, e.asked))


def test_a_turn_ends_with_its_duration_and_perhaps_a_question() -> None:
    rollout = started().complete("Done. Shall I go on?").begin().complete("Done.", duration_ms=None)
    assert ends(rollout) == [("done", 607, True), ("done", -1, False)]


def test_an_aborted_turn_is_interrupted() -> None:
    rollout = started()
    rollout.event("turn_aborted", turn_id=rollout.turn, reason="interrupted", duration_ms=99)
    assert ends(rollout) == [("interrupted", 99, False)]


def test_a_turn_that_ended_with_an_error_says_so() -> None:
    rollout = started().complete(last_agent_message=None, error={"message": "…"})
    assert ends(rollout) == [("error", 607, False)]


def test_a_turn_told_twice_has_one_key() -> None:
    rollout = started().complete().complete()
    assert len({e.key for e in rollout.events() if isinstance(e, TurnEnd)}) == 1


# --- tools


def call(
    rollout: Rollout, call_id: str = "call_1", name: str = "exec_command", **more: Any
) -> Rollout:
    return rollout.item("function_call", name=name, call_id=call_id, **({"arguments": "{}"} | more))


def output(rollout: Rollout, value: Any, call_id: str = "call_1", **more: Any) -> Rollout:
    return rollout.item("function_call_output", call_id=call_id, output=value, **more)


def header(code: int, text: str = "") -> str:
    head = "Chunk ID: 77c4f4\nWall time: 0.0 seconds\n"
    return f"{head}Process exited with code {code}\nOutput:\n{text}"


def test_a_call_in_all_its_forms_is_one_result() -> None:
    rollout = call(started())
    rollout.completed("CommandExecution", id="call_1", status="failed", exit_code=2)
    rollout.event("exec_command_end", call_id="call_1", exit_code=2)
    output(rollout, header(2))
    assert pick(rollout.events(), ToolResult, lambda e: (e.tool, e.ok)) == [("exec_command", False)]


def test_a_call_that_seemed_to_work_can_still_fail() -> None:
    rollout = output(call(started()), "Process running with session ID 7")
    rollout.completed("CommandExecution", id="call_1", status="failed", exit_code=1)
    assert tools(rollout) == [("exec_command", False)]


def test_a_failure_stays_one() -> None:
    rollout = call(started())
    rollout.completed("CommandExecution", id="call_1", status="failed", exit_code=1)
    assert tools(output(rollout, "fine")) == [("exec_command", False)]


def test_an_item_with_an_id_of_its_own_is_no_second_result() -> None:
    rollout = call(started())
    rollout.completed("CommandExecution", id="exec-77", status="completed", exit_code=0)
    assert tools(output(rollout, header(0))) == [("exec_command", True)]


def test_a_result_whose_call_isnt_known_names_no_tool() -> None:
    assert tools(output(started(), header(0))) == [("", True)]


def test_short_call_ids_are_told_apart_by_their_thread() -> None:
    keys = set()
    for number in (1, 2):
        rollout = output(call(Rollout(number=number).meta().begin()), header(0))
        keys |= {e.key for e in rollout.events() if isinstance(e, ToolResult)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("value", "ok"),
    [
        (header(0), True),
        (header(1), False),
        (header(-9), False),
        (header(0, "Process exited with code 1"), True),
        ("Exit code: 1\nWall time: 0.1 seconds\nOutput:\nno", False),
        ("Wall time: 0.1 seconds\nOutput:\nExit code: 1 in a log", True),
        (json.dumps({"output": "…", "metadata": {"exit_code": 1, "duration_seconds": 0.1}}), False),
        (json.dumps({"output": '"exit_code":1', "metadata": {"exit_code": 0}}), True),
        (json.dumps({"metadata": {"exit_code": 3}, "output": "x" * 5000}), False),
        ("Script failed\nWall time 0.1 seconds", False),
        ("Script completed\nOutput:\nScript failed", True),
        ("unsupported custom tool call: apply_patch", False),
        ("aborted by user after 3.2s", False),
        ("apply_patch verification failed: no such line", False),
        ("the error: it is fixed", True),
        ("", True),
        ([{"type": "input_text", "text": "Script failed\nOutput:"}], False),
        ([{"type": "input_text", "text": "all is well"}], True),
        ([{"type": "input_image", "image_url": "…"}], True),
        ({"content": "no", "success": False}, False),
        ({"content": "yes", "success": True}, True),
        (None, True),
        (7, True),
    ],
)
def test_only_codexs_own_frame_tells_a_failure(value: Any, ok: bool) -> None:
    assert output_ok(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) is ok
    assert tools(output(call(started()), value)) == [("exec_command", ok)]


@pytest.mark.parametrize(
    ("kind", "payload", "ok"),
    [
        ("exec_command_end", {"exit_code": 0}, True),
        ("exec_command_end", {"exit_code": 127}, False),
        ("mcp_tool_call_end", {"result": {"Ok": {"content": [], "isError": False}}}, True),
        ("mcp_tool_call_end", {"result": {"Ok": {"content": [], "isError": True}}}, False),
        ("mcp_tool_call_end", {"result": {"Err": "no such tool"}}, False),
        ("patch_apply_end", {"success": True, "changes": {}}, True),
        ("patch_apply_end", {"success": False, "changes": {}}, False),
    ],
)
def test_end_events_tell_the_outcome(kind: str, payload: dict[str, Any], ok: bool) -> None:
    assert tools(call(started()).event(kind, call_id="call_1", **payload)) == [("exec_command", ok)]


def test_a_declined_command_did_not_work() -> None:
    rollout = call(started()).completed("CommandExecution", id="call_1", status="declined")
    assert tools(rollout) == [("exec_command", False)]


# --- files


def test_a_change_names_its_files() -> None:
    changes = {"/w/a.py": {"type": "update", "move_path": "/w/c.py"}, "/w/b.py": {"type": "delete"}}
    rollout = started().completed("FileChange", id="call_1", status="completed", changes=changes)
    assert touched(rollout) == ["/w/a.py", "/w/b.py", "/w/c.py"]


def test_a_change_and_its_patch_text_are_one_touch() -> None:
    rollout = started().item("custom_tool_call", name="apply_patch", call_id="call_1", input=PATCH)
    changes = {"/w/src/a.py": {"type": "update"}, "/w/b.py": {"type": "add"}}
    rollout.event("patch_apply_end", call_id="call_1", success=True, changes=changes)
    rollout.item("custom_tool_call_output", call_id="call_1", output=header(0))
    assert touched(rollout) == ["/w/src/a.py", "/w/b.py"]
    assert tools(rollout) == [("apply_patch", True)]


def test_a_change_with_an_id_of_its_own_is_no_second_touch() -> None:
    rollout = started().item("custom_tool_call", name="exec", call_id="call_1", input=PATCH)
    changes = {"/w/src/a.py": {"type": "update"}, "/w/b.py": {"type": "add"}}
    rollout.completed("FileChange", id="exec-9", status="completed", changes=changes)
    rollout.item("custom_tool_call_output", call_id="call_1", output="Script completed")
    assert touched(rollout) == ["/w/src/a.py", "/w/b.py"]


def test_a_patch_text_is_believed_when_it_worked() -> None:
    rollout = started().item("custom_tool_call", name="apply_patch", call_id="call_1", input=PATCH)
    assert touched(rollout) == []
    rollout.item("custom_tool_call_output", call_id="call_1", output=header(0))
    assert touched(rollout) == ["/w/src/a.py", "/w/b.py"]


def test_a_patch_that_failed_touches_nothing() -> None:
    rollout = started().item("custom_tool_call", name="apply_patch", call_id="call_1", input=PATCH)
    failed = "apply_patch verification failed: …"
    rollout.item("custom_tool_call_output", call_id="call_1", output=failed)
    changes = {"/w/d.py": {"type": "add"}}
    rollout.completed("FileChange", id="call_2", status="failed", changes=changes)
    assert touched(rollout) == []


@pytest.mark.parametrize(
    "more",
    [
        {"arguments": json.dumps({"cmd": f"apply_patch <<'EOF'\n{PATCH}EOF"})},
        {"arguments": json.dumps({"command": ["apply_patch", PATCH]})},
        {"arguments": json.dumps({"cmd": f"apply_patch '{PATCH}'", "workdir": "/w"})},
    ],
)
def test_a_patch_inside_a_shell_command_is_found(more: dict[str, Any]) -> None:
    rollout = output(call(started(), **more), header(0))
    assert touched(rollout) == ["/w/src/a.py", "/w/b.py"]


def test_a_patch_inside_a_script_is_found() -> None:
    script = f"const r = await tools.apply_patch({json.dumps(PATCH)});"
    rollout = started().item("custom_tool_call", name="exec", call_id="call_1", input=script)
    rollout.item("custom_tool_call_output", call_id="call_1", output="Script completed")
    assert touched(rollout) == ["/w/src/a.py", "/w/b.py"]


def test_patched_paths_follow_the_folder_and_moves() -> None:
    patch = (
        "*** Begin Patch\n*** Update File: a.py\n*** Move to: ../b.py\n*** Delete File: c d.py\n"
    )
    assert patched_paths(patch, "/w/x") == ("/w/x/a.py", "/w/b.py", "/w/x/c d.py")
    assert patched_paths(patch, "") == ("a.py", "../b.py", "c d.py")
    assert patched_paths('{"workdir": "y", "cmd": "*** Add File: a\\n"}', "/w") == ("/w/y/a",)
    assert patched_paths(None, "/w") == patched_paths("no patch", "/w") == ()


def test_reading_through_a_shell_is_not_guessed() -> None:
    rollout = call(started(), arguments=json.dumps({"cmd": "cat a.py"}))
    rollout.completed(
        "CommandExecution",
        id="call_1",
        status="completed",
        exit_code=0,
        parsed_cmd=[{"type": "read", "name": "a.py", "path": "a.py"}],
    )
    assert touched(output(rollout, header(0))) == []


# --- compactions


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1,), (2,), (0,)])
def test_a_compaction_in_all_its_forms_is_one(order: tuple[int, ...]) -> None:
    rollout = started()
    forms = (
        lambda: rollout.record("compacted", {"message": "…", "replacement_history": []}),
        lambda: rollout.event("context_compacted"),
        lambda: rollout.completed("ContextCompaction", id="x"),
    )
    for _ in range(2):
        for form in order:
            forms[form]()
    assert len(pick(rollout.events(), Compaction, lambda e: e.key)) == 2


# --- the whole of a realistic rollout


def test_golden() -> None:
    rollout = Rollout().meta()
    limits = {
        "limit_id": "codex",
        "plan_type": "pro",
        "primary": {"used_percent": 3.0, "window_minutes": 300},
    }
    rollout.begin()
    user(rollout, "<environment_context>…</environment_context>")
    rollout.settings(model="gpt-5.6", service_tier="priority").prompt(
        "please tidy up the core module"
    )
    rollout.item("reasoning", summary=[], encrypted_content="…")
    rollout.usage_record(Tokens(9000, 6000, 150, 40, 200))
    call(rollout, arguments=json.dumps({"cmd": "ls /nowhere"}))
    rollout.completed("CommandExecution", id="call_1", status="failed", exit_code=2)
    output(rollout, header(2)).token_count(Tokens(9000, 6000, 150, 40, 200), limits=limits)
    rollout.usage_record(Tokens(12_000, 9000, 90, 10))
    rollout.item("custom_tool_call", name="apply_patch", call_id="call_2", input=PATCH)
    rollout.item("custom_tool_call_output", call_id="call_2", output=header(0))
    rollout.token_count(Tokens(12_000, 9000, 90, 10), limits=limits)
    rollout.token_count(Tokens(12_000, 9000, 90, 10), limits=limits)
    rollout.record("compacted", {"message": "…"}).completed("ContextCompaction", id="x")
    rollout.item("message", role="assistant", content=[{"type": "output_text", "text": "Done?"}])
    rollout.complete("Done. Anything else?")
    rows = []
    for event in rollout.events():
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        assert fields.pop("key") != 0
        assert fields.pop("session") == rollout.id
        rows.append(
            (type(event).__name__, (fields.pop("time_ms") - 1_785_754_136_000) // 1000, fields)
        )
    spend = {
        "model": "gpt-5.6",
        "cache_write_1h": 0,
        "web_searches": 0,
        "context_window": 258_400,
        "tier": "priority",
        "geo": "",
        "cwd": "/w",
        "branch": "main",
        "sidechain": False,
        "so_far": None,
    }
    start = {"cwd": "/w", "branch": "main", "parent": "", "spawned": False, "version": "0.169.0"}
    first = {
        "fresh": 2800,
        "cache_read": 6000,
        "cache_write_5m": 200,
        "output": 150,
        "reasoning": 40,
    }
    second = {"fresh": 3000, "cache_read": 9000, "cache_write_5m": 0, "output": 90, "reasoning": 10}
    window = {
        "window_minutes": 300,
        "used_percent": 3.0,
        "resets_ms": 0,
        "limit": "codex",
        "plan": "pro",
    }
    assert rows == [
        ("SessionStart", 0, start),
        ("Prompt", 6, {"human": True, "corrects": False}),
        ("Usage", 8, spend | first),
        ("ToolResult", 10, {"tool": "exec_command", "ok": False}),
        ("RateLimit", 12, window),
        ("Usage", 13, spend | second),
        ("ToolResult", 15, {"tool": "apply_patch", "ok": True}),
        ("FileTouch", 15, {"edit": True, "path": "/w/src/a.py"}),
        ("FileTouch", 15, {"edit": True, "path": "/w/b.py"}),
        ("Compaction", 18, {"trigger": "", "tokens_before": -1}),
        ("TurnEnd", 21, {"reason": "done", "duration_ms": 607, "asked": True}),
    ]
