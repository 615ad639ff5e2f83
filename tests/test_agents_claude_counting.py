from __future__ import annotations

import pytest
from build_claude import (
    START_MS,
    Json,
    Transcript,
    encode,
    iso,
    session_id,
    text,
    tool_use,
    usage,
)
from claude_reading import booked, only, read, read_records, reasons, spend

from tmuxmeter.events import Usage, event_key

A, B = session_id("a"), session_id("b")


def one_usage(tokens: Json, **fields: object) -> Usage:
    t = Transcript(A)
    t.reply("msg_1", tokens=tokens, **fields)  # type: ignore[arg-type]
    (found,) = only(Usage, read(t))
    return found


def test_a_reply_is_one_usage_with_all_its_facts() -> None:
    tokens = usage(3, 120, 40_000, 0, 900, output_tokens_details={"thinking_tokens": 70})
    assert one_usage(tokens) == Usage(
        key=event_key("claude", "usage", "msg_1"),
        session=A,
        time_ms=START_MS,
        model="claude-sonnet-4-6",
        fresh=3,
        cache_read=40_000,
        cache_write_1h=900,
        output=120,
        reasoning=70,
        cwd="/work/app",
        branch="main",
    )


def test_several_lines_of_a_reply_count_once() -> None:
    t = Transcript(A)
    t.reply("msg_1", text("a"), tool_use("toolu_1", "Bash"), tool_use("toolu_2", "Bash"))
    assert spend(read(t)) == {
        "requests": 1,
        "fresh": 3,
        "cache_read": 40_000,
        "cache_write_5m": 0,
        "cache_write_1h": 900,
        "output": 120,
    }


def test_the_line_with_the_highest_output_wins_whole() -> None:
    t = Transcript(A)
    t.reply("msg_1", tokens=usage(9, 1, 500, 0, 7))
    t.reply("msg_1", tokens=usage(3, 120, 40_000, 0, 900))
    t.reply("msg_1", tokens=usage(8, 2, 600, 0, 8))
    (found,) = only(Usage, read(t))
    assert (found.fresh, found.output, found.cache_read, found.cache_write_1h) == (
        3,
        120,
        40_000,
        900,
    )
    assert found.time_ms == START_MS + 1000


def test_of_equal_lines_the_last_wins() -> None:
    t = Transcript(A)
    t.reply("msg_1", text("a"), text("b"))
    (found,) = only(Usage, read(t))
    assert found.time_ms == START_MS + 1000


@pytest.mark.parametrize("order", [1, -1])
def test_a_branch_repeats_nothing_and_its_copies_stay_with_the_parent(order: int) -> None:
    parent = Transcript(A)
    parent.prompt("build it, please, all of it")
    parent.reply("msg_1", tool_use("toolu_1", "Read", file_path="/work/app/x.py"), stop="tool_use")
    parent.result("toolu_1")
    parent.reply("msg_2")
    parent.turn_duration()
    parent.compacted()
    branch = parent.forked(B)
    branch.reply("msg_3")
    events = read(*[parent, branch][::order])
    kept = booked(events)
    assert spend(events)["requests"] == 3
    assert {e.session for e in kept.values() if isinstance(e, Usage)} == {A, B}
    own = [kind for (kind, _), event in kept.items() if event.session == B]
    assert sorted(own) == ["SessionStart", "TurnEnd", "Usage"]
    names = [kind for kind, _ in kept]
    assert (names.count("Prompt"), names.count("ToolResult"), names.count("FileTouch")) == (1, 1, 1)
    assert (names.count("TurnEnd"), names.count("Compaction")) == (2, 1)


def test_a_copy_under_a_uuid_of_its_own_is_still_a_copy() -> None:
    parent = Transcript(A)
    parent.prompt("build it")
    branch = parent.forked(B)
    branch.records[0]["uuid"] = session_id("new")
    assert len(booked(read(parent, branch))) == 2  # the session's start and one prompt


def test_a_branch_may_name_its_origin_in_one_word() -> None:
    t = Transcript(B)
    t.reply("msg_1", forkedFrom=A)
    assert only(Usage, read(t))[0].session == A


def test_copies_without_a_mark_of_their_origin_count_once_too() -> None:
    t = Transcript(A)
    t.prompt("build it")
    t.reply("msg_1", tool_use("toolu_1", "Read", file_path="/work/app/x.py"), stop="tool_use")
    t.result("toolu_1")
    t.reply("msg_2")
    t.turn_duration()
    t.compacted()
    first = {key for key in booked(read(t)) if key[0] != "SessionStart"}
    both = {key for key in booked(read(t, t.forked(B, marked=False))) if key[0] != "SessionStart"}
    assert both == first
    assert len(first) == 7


def test_an_aside_replays_messages_under_another_request_id() -> None:
    main = Transcript(A)
    main.reply("msg_1", tokens=usage(3, 120))
    aside = Transcript(A, agent="aside_question-1")
    aside.reply("msg_1", tokens=usage(3, 120), requestId="req_other")
    aside.reply("msg_2", tokens=usage(5, 30))
    assert spend(read(main, aside))["output"] == 150


def test_a_sub_agents_spend_is_its_parents() -> None:
    sub = Transcript(A, agent="a1b2c3")
    sub.prompt("look around")
    sub.reply("msg_sub")
    (found,) = only(Usage, read(sub))
    assert (found.session, found.sidechain) == (A, True)
    assert sub.name.endswith(f"{A}/subagents/agent-a1b2c3.jsonl")


def nested_reply(message: str, tokens: Json) -> Json:
    inner = Transcript(A, cwd="/elsewhere", now_ms=START_MS + 500_000)
    return inner.reply(message, tokens=tokens)[0]


def test_a_reply_embedded_in_progress_counts_where_it_is_the_only_record() -> None:
    t = Transcript(A)
    t.agent_progress(nested_reply("msg_sub", usage(4, 50)))
    (found,) = only(Usage, read(t))
    assert (found.session, found.fresh, found.output, found.sidechain) == (A, 4, 50, True)
    assert (found.cwd, found.time_ms) == ("/work/app", START_MS + 500_000)


def test_an_embedded_reply_and_the_sub_agents_own_file_count_once() -> None:
    t = Transcript(A)
    t.agent_progress(nested_reply("msg_sub", usage(4, 2)))
    sub = Transcript(A, agent="a1")
    sub.reply("msg_sub", tokens=usage(4, 50))
    assert spend(read(t, sub)) == spend(read(sub, t)) == spend(read(sub))


def test_messages_repeated_beside_an_embedded_reply_are_not_counted() -> None:
    t = Transcript(A)
    other = nested_reply("msg_other", usage(400, 500))
    t.agent_progress(nested_reply("msg_sub", usage(4, 50)), normalizedMessages=[other])
    assert spend(read(t))["output"] == 50


def test_a_sub_agents_tool_result_in_progress_is_not_a_reply() -> None:
    t = Transcript(A)
    record = Transcript(A).result("toolu_1")
    record["message"] |= {"id": "msg_1", "usage": usage(10, 20)}
    t.agent_progress(record)
    assert only(Usage, read(t)) == []


def test_a_tools_roll_up_is_not_counted() -> None:
    t = Transcript(A)
    rolled = {"agentId": "a1", "totalTokens": 99_999, "usage": usage(10, 20)}
    t.result("toolu_1", toolUseResult=rolled)
    inner = Transcript(A)
    t.agent_progress(inner.result("toolu_2", toolUseResult=rolled))
    assert only(Usage, read(t)) == []


def test_placeholders_are_not_counted() -> None:
    t = Transcript(A)
    t.reply("msg_1", model="<synthetic>", tokens=usage(5, 5))
    assert only(Usage, read(t)) == []


def test_api_errors_are_not_counted() -> None:
    t = Transcript(A)
    t.reply("msg_1", tokens=usage(5, 5), isApiErrorMessage=True)
    assert only(Usage, read(t)) == []


def test_a_usage_of_nothing_is_no_request() -> None:
    t = Transcript(A)
    t.reply("msg_1", tokens=usage(0, 0, 0, 0, 0))
    assert only(Usage, read(t)) == []


@pytest.mark.parametrize(
    ("flat", "split", "expected"),
    [
        (1500, {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 500}, (1000, 500)),
        (0, {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 500}, (1000, 500)),
        (2000, {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 500}, (1500, 500)),
        (700, {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 900}, (0, 900)),
        (700, {"ephemeral_1h_input_tokens": 700}, (0, 700)),
        (700, {}, (700, 0)),
        (700, None, (700, 0)),
        (None, {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": None}, (7, 0)),
    ],
)
def test_cache_writes_by_lifetime(
    flat: int | None, split: Json | None, expected: tuple[int, int]
) -> None:
    tokens = {"input_tokens": 1, "cache_creation_input_tokens": flat, "cache_creation": split}
    found = one_usage(tokens)
    assert (found.cache_write_5m, found.cache_write_1h) == expected


def test_spend_that_only_the_split_knows_is_a_request() -> None:
    found = one_usage({"cache_creation": {"ephemeral_1h_input_tokens": 7}})
    assert found.cache_write_1h == 7


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ({"speed": "fast"}, "fast"),
        ({"speed": "fast", "service_tier": "priority"}, "fast"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "standard"}, "standard"),
        ({"service_tier": "something-new"}, "standard"),
        ({"service_tier": None, "speed": None}, "standard"),
    ],
)
def test_tiers(told: Json, tier: str) -> None:
    assert one_usage({**usage(), **told}).tier == tier


@pytest.mark.parametrize(
    ("told", "geo"), [("us", "us"), ("not_available", ""), ("", ""), (None, ""), ("eu", "")]
)
def test_only_us_inference_has_a_premium(told: str | None, geo: str) -> None:
    assert one_usage({**usage(), "inference_geo": told}).geo == geo


def test_web_searches() -> None:
    assert one_usage({**usage(), "server_tool_use": {"web_search_requests": 4}}).web_searches == 4


def test_reasoning_is_part_of_the_output() -> None:
    found = one_usage({**usage(1, 10), "output_tokens_details": {"thinking_tokens": 99}})
    assert (found.output, found.reasoning) == (10, 10)


def test_iterations_repeat_the_totals_but_an_advisor_is_billed_beside_them() -> None:
    passes = [
        {"type": "message", "input_tokens": 2, "output_tokens": 50},
        {
            "type": "advisor_message",
            "model": "claude-opus-4-8",
            "input_tokens": 900,
            "output_tokens": 300,
            "cache_read_input_tokens": 50,
        },
        {"type": "message", "input_tokens": 1, "output_tokens": 70},
        {"type": "advisor_message", "model": "claude-opus-4-8", "output_tokens": 7},
    ]
    t = Transcript(A)
    t.reply("msg_1", text("a"), text("b"), tokens=usage(3, 120, iterations=passes))
    main, first, second = only(Usage, read(t))
    assert (main.model, main.fresh, main.output) == ("claude-sonnet-4-6", 3, 120)
    assert (first.model, first.fresh, first.output) == ("claude-opus-4-8", 900, 300)
    assert (first.cache_read, second.output) == (50, 7)
    assert spend(read(t, t))["requests"] == 3


def test_a_broken_advisor_does_not_hide_the_reply() -> None:
    passes = [{"type": "advisor_message", "model": "m", "output_tokens": -5}]
    t = Transcript(A)
    t.reply("msg_1", tokens=usage(3, 120, iterations=passes))
    events = read(t)
    assert [one.output for one in only(Usage, events)] == [120]
    assert reasons(events) == {"broken usage": 1}


@pytest.mark.parametrize("missing", ["", None])
def test_without_a_message_id_the_record_is_the_reply(missing: str | None) -> None:
    t = Transcript(A)
    for record in (*t.reply("x", tokens=usage(1, 2)), *t.reply("y", tokens=usage(1, 2))):
        record["message"]["id"] = missing
    assert spend(read(t, t))["requests"] == 2
    assert only(Usage, read(t))[0].key == event_key("claude", "usage", t.records[0]["uuid"])


def test_without_any_id_the_request_or_the_line_itself_is_the_reply() -> None:
    t = Transcript(A)
    for record in (*t.reply("x"), *t.reply("y"), *t.reply("z")):
        record["message"]["id"] = record["uuid"] = ""
    del t.records[1]["requestId"], t.records[2]["requestId"]
    keys = [one.key for one in only(Usage, read(t, t))]
    assert keys[:3] == keys[3:]
    assert len(set(keys)) == 3
    assert keys[0] == event_key("claude", "usage", "req_x")


def test_spend_belongs_to_the_moment_and_place_of_its_own_line() -> None:
    t = Transcript(A)
    t.reply("msg_1")
    t.cwd, t.branch, t.now_ms = "/work/other", "fix", START_MS + 86_400_000
    t.reply("msg_2", model="claude-opus-4-6")
    first, second = only(Usage, read(t))
    assert (first.cwd, first.branch, first.model) == ("/work/app", "main", "claude-sonnet-4-6")
    assert (second.cwd, second.branch, second.model) == ("/work/other", "fix", "claude-opus-4-6")
    assert second.time_ms - first.time_ms == 86_400_000


def test_a_record_without_a_session_belongs_to_its_files_session() -> None:
    t = Transcript(A)
    (record,) = t.reply("msg_1")
    del record["sessionId"]
    assert only(Usage, read(t))[0].session == A
    t.agent = "a1"
    assert only(Usage, read(t))[0].session == A


def test_words_that_look_like_usage_are_not_counted() -> None:
    t = Transcript(A)
    fake = encode(Transcript(B).reply("msg_fake", tokens=usage(7, 7))[0]).decode()
    t.prompt(fake)
    t.result("toolu_1", fake, toolUseResult={"stdout": fake})
    assert only(Usage, read(t)) == []


def test_a_tool_input_shaped_like_an_uninteresting_record_hides_nothing() -> None:
    t = Transcript(A)
    (record,) = t.reply("msg_1")
    message = record.pop("message")
    del message["content"]
    for odd in ({"type": "progress"}, {"attachment": {"type": "date"}}, {"type": "file-history-x"}):
        call = {"input": odd, "name": "mcp__x", "id": "t", "type": "tool_use"}
        events = read_records({"message": {"content": [call], **message}, **record})
        assert spend(events)["requests"] == 1


def test_times_with_an_offset_are_the_same_moment() -> None:
    t = Transcript(A)
    (record,) = t.reply("msg_1")
    record["timestamp"] = iso(START_MS + 7_200_000).replace("Z", "+02:00")
    assert only(Usage, read(t))[0].time_ms == START_MS
