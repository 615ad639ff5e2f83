from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from build_claude import Json, Transcript, encode, session_id, text, tool_use, usage
from claude_reading import NAME, booked, only, read_bytes, read_records, reasons, spend
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.agents.claude import Claude
from tmuxmeter.agents.claude_records import MAX_TOKENS
from tmuxmeter.events import Event, FileTouch, Prompt, Skipped, ToolResult, TurnEnd, Usage

A, B = session_id("a"), session_id("b")


def reply(**tokens: object) -> Json:
    return Transcript(A).reply("msg_1", tokens={**usage(), **tokens})[0]


@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
@pytest.mark.parametrize(
    "value",
    [-1, 1.5, 3.0, "3", True, [], {}, MAX_TOKENS + 1, 10**30, -(10**30)],
)
def test_a_count_that_is_none_spoils_its_record(field: str, value: object) -> None:
    events = read_records(reply(**{field: value}), reply())
    assert reasons(events) == {"broken usage": 1}
    assert spend(events)["output"] == 120


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "01", "+1", "0x1"])
def test_a_number_that_json_does_not_know_spoils_its_record(value: str) -> None:
    line = encode(reply()).replace(b'"output_tokens":120', b'"output_tokens":' + value.encode())
    events = read_bytes(line)
    assert only(Usage, events) == []
    assert sum(reasons(events).values()) == 1


@pytest.mark.parametrize(
    "tokens",
    [
        {"cache_creation": {"ephemeral_1h_input_tokens": -1}},
        {"cache_creation": {"ephemeral_5m_input_tokens": "9"}},
        {"cache_creation": 7},
        {"cache_creation_input_tokens": []},
    ],
)
def test_broken_cache_writes_spoil_their_record(tokens: Json) -> None:
    events = read_records(reply(**tokens))
    assert only(Usage, events) == []
    assert reasons(events) == {"broken usage": 1}


@pytest.mark.parametrize("whole", ["7", [], 7, True])
def test_a_usage_that_is_no_object_spoils_its_record(whole: object) -> None:
    record = reply()
    record["message"]["usage"] = whole
    assert reasons(read_records(record)) == {"broken usage": 1}


def test_the_largest_believable_count_is_counted() -> None:
    assert spend(read_records(reply(input_tokens=MAX_TOKENS)))["fresh"] == MAX_TOKENS


def test_missing_counts_are_zero() -> None:
    events = read_records(reply(input_tokens=None, cache_creation=None, iterations=None))
    assert spend(events) == {
        "requests": 1,
        "fresh": 0,
        "cache_read": 40_000,
        "cache_write_5m": 900,
        "cache_write_1h": 0,
        "output": 120,
    }
    assert reasons(events) == {}


ODD: list[object] = [None, 7, -1.5, "odd", True, [], ["odd"], {}, {"odd": [1]}]


@pytest.mark.parametrize(
    "path",
    [
        "uuid",
        "requestId",
        "cwd",
        "gitBranch",
        "version",
        "origin",
        "forkedFrom",
        "toolUseResult",
        "attachment",
        "data",
        "isMeta",
        "durationMs",
        "compactMetadata",
        "message.stop_reason",
        "message.content",
        "message.usage.service_tier",
        "message.usage.speed",
        "message.usage.inference_geo",
        "message.usage.server_tool_use",
        "message.usage.output_tokens_details",
        "message.usage.iterations",
    ],
)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_sound_usage_counts_whatever_else_is_odd(path: str, value: object) -> None:
    record = reply()
    *way, last = path.split(".")
    place = record
    for part in way:
        place = place[part]
    place[last] = value
    events = read_records(record)
    assert spend(events)["output"] == 120
    assert all(type(one) in (Usage, TurnEnd) or one.session for one in events)


def test_one_odd_block_does_not_hide_the_others() -> None:
    t = Transcript(A)
    (record,) = t.reply("msg_1", stop="tool_use")
    record["message"]["content"] = [
        7,
        {"type": "tool_use", "id": "toolu_0", "name": "mcp__x", "input": {"file_path": ["x"]}},
        tool_use("toolu_1", "Read", file_path="/x"),
        {"type": "text", "text": {"odd": 1}},
    ]
    events = read_records(record, t.result("toolu_0"), t.result("toolu_1"))
    assert [one.path for one in only(FileTouch, events)] == ["/x"]
    assert [one.tool for one in only(ToolResult, events)] == ["mcp__x", "Read"]
    assert spend(events)["requests"] == 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"assistant","message":{"id":"msg_1","usage":{"input_tok',
        b"not json at all",
        b"[1,2,3]",
        b'"text"',
        b"7",
        b"null",
        b"{}{}",
        b'{"type":"assistant"',
    ],
)
def test_a_line_that_is_no_record_is_told_with_its_place(line: bytes) -> None:
    first = encode(reply())
    events = read_bytes(first + line + b"\n" + first)
    (skipped,) = only(Skipped, events)
    assert (skipped.reason, skipped.count, skipped.offset) == ("broken record", 1, len(first))
    assert spend(events)["requests"] == 1


def test_offsets_are_those_of_the_file() -> None:
    block = b"....\n" + encode(reply()) + b"broken\n"
    events = Claude().reader(NAME).read(block, 5, len(block), 1_000_000)
    (skipped,) = only(Skipped, events)
    assert skipped.offset == 1_000_000 + len(encode(reply()))


@pytest.mark.parametrize("filler", [b"\n", b"\r\n", b"   \n", b"\0" * 900 + b"\n"])
def test_blank_lines_and_padding_are_nothing(filler: bytes) -> None:
    line = encode(reply())
    events = read_bytes(filler + line.rstrip() + b"\r\n" + filler)
    assert spend(events)["requests"] == 1
    assert reasons(events) == {}


def test_a_record_behind_padding_counts() -> None:
    events = read_bytes(b"\0" * 4096 + encode(reply()))
    assert spend(events)["requests"] == 1
    assert reasons(events) == {}


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"\xc3", b"\\ud83d", b"\\udc00 \\ud800", b"\\ud83d\\ude00 \\ud83d"]
)
@pytest.mark.parametrize("where", [b"WORDS", b"/work/app", b"main"])
def test_damaged_text_costs_no_spend(damage: bytes, where: bytes) -> None:
    t = Transcript(A)
    t.reply("msg_1", text("WORDS"), tool_use("toolu_1", "Write", content="WORDS"))
    events = read_bytes(t.data().replace(where, damage))
    assert spend(events)["requests"] == 1
    assert reasons(events) == {}
    for one in only(Usage, events):
        (one.cwd + one.branch).encode()


def test_a_whole_emoji_survives_beside_a_broken_one() -> None:
    t = Transcript(A, cwd="PATH")
    t.reply("msg_1")
    (found,) = only(Usage, read_bytes(t.data().replace(b"PATH", b"\\ud83d\\ude00\\ud83d")))
    assert found.cwd == "\N{GRINNING FACE}\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "time",
    [
        None,
        "",
        "yesterday",
        7,
        "2014-12-31T23:59:59.999Z",
        "2100-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-13-01T00:00:00Z",
    ],
)
def test_a_record_of_no_or_an_absurd_time_is_not_counted(time: object) -> None:
    events = read_records({**reply(), "timestamp": time})
    assert only(Usage, events) == []
    assert reasons(events) == {"bad time": 1}


def test_deep_nesting_breaks_its_line_only() -> None:
    record = encode(reply()).replace(b'"stop_sequence":null', b'"x":' + b"[" * 10**5 + b"]" * 10**5)
    events = read_bytes(record + encode(reply()))
    assert spend(events)["requests"] == 1
    assert sum(reasons(events).values()) == 1


def test_a_very_long_line_counts() -> None:
    t = Transcript(A)
    t.result("toolu_1", "x" * 20_000_000)
    t.reply("msg_1", text("y" * 5_000_000))
    events = read_bytes(t.data())
    assert spend(events)["requests"] == 1
    assert len(only(ToolResult, events)) == 1


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x00", b"garbage", b"\x97" + b"\xc0" * 7])
def test_a_state_that_can_not_be_understood_is_a_fresh_one(state: bytes) -> None:
    line = encode(reply())
    assert spend(Claude().reader(NAME, state).read(line, 0, len(line), 0))["requests"] == 1


def busy_transcript() -> Transcript:
    """Return a transcript in which most lines need an earlier one."""
    t = Transcript(A)
    for n in range(3):
        t.prompt("please make the parser accept tabs")
        t.reply(f"msg_{n}a", text("Shall I?"), tool_use(f"toolu_{n}", "Bash"), stop="tool_use")
        t.agent_progress(Transcript(B).reply(f"msg_{n}s", tokens=usage(1, 5 + n))[0])
        t.append({"type": "file-history-snapshot", "snapshot": {}})
        t.result(f"toolu_{n}", error=n == 1)
        t.queued("and the docs")
        if n == 1:
            t.interrupted()
        else:
            t.reply(
                f"msg_{n}b", text("Which one?"), text("This one?"), stop=None if n else "end_turn"
            )
            t.turn_duration(n)
    t.compacted()
    branch = t.forked(B)
    branch.prompt("the other way")
    branch.reply("msg_z", text("Done."))
    branch.records.insert(5, {"type": "user", "timestamp": "never"})
    return branch


BUSY = busy_transcript().data()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, BUSY.count(b"\n"))))
def test_a_reader_that_is_stopped_and_restored_anywhere_tells_the_same(cuts: list[int]) -> None:
    whole = read_bytes(BUSY, NAME)
    ends = [i + 1 for i, byte in enumerate(BUSY) if byte == 0x0A]
    bounds = sorted({0, len(BUSY), *(ends[cut - 1] for cut in cuts if cut)})
    events: list[Event] = []
    state = b""
    for start, end in pairwise(bounds):
        reader = Claude().reader(NAME, state)
        block = bytearray(b"x" * 7 + BUSY[start:end] + b"rest")
        events += reader.read(block, 7, len(block) - 4, start)
        block.clear()  # nothing may still look into the block
        state = reader.state()
    assert booked(events) == booked(whole)
    assert sum(reasons(events).values()) == sum(reasons(whole).values()) == 1
    assert len(only(Prompt, events)) == len(only(Prompt, whole))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["assistant", "user", "progress", "tool_use", "tool_result", "<synthetic>"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = [json.loads(line) for line in BUSY.splitlines()]


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [way, *(p for key, one in inner for p in places(one, (*way, key)))]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_retyped_fields_never_crash_nor_count_what_is_broken(data: st.DataObject) -> None:
    record = json.loads(json.dumps(data.draw(st.sampled_from(RECORDS))))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(places(record)[1:]))
        place = record
        for key in way[:-1]:
            place = place[key]
        place[way[-1]] = data.draw(values)
    events = read_bytes(json.dumps(record).encode() + b"\n")
    check(events)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(BUSY)), st.integers(0, 400), st.binary(max_size=40))
def test_cut_and_overwritten_bytes_never_crash(at: int, length: int, junk: bytes) -> None:
    check(read_bytes(BUSY[:at] + junk + BUSY[at + length :]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_never_crash(junk: bytes) -> None:
    check(read_bytes(junk))


def check(events: list[Event]) -> None:
    for one in events:
        one_skipped = isinstance(one, Skipped)
        assert one_skipped or one.session
        assert one_skipped or 1_420_070_400_000 <= one.time_ms < 4_102_444_800_000
        if isinstance(one, Usage):
            counts = (
                one.fresh,
                one.cache_read,
                one.cache_write_5m,
                one.cache_write_1h,
                one.output,
                one.reasoning,
                one.web_searches,
            )
            assert all(type(count) is int and 0 <= count <= MAX_TOKENS for count in counts)
            assert one.model != "<synthetic>"


def test_records_of_unknown_types_are_counted_by_version() -> None:
    strange = {"type": "hologram", "version": "2.9.0", "message": {"usage": {"input_tokens": 5}}}
    events = read_records(strange, {"type": "summary", "summary": "x"}, strange, reply())
    assert reasons(events) == {"unknown type hologram in 2.9.0": 2}
    assert spend(events)["output"] == 120
