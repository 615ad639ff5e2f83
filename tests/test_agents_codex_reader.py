from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from build_codex import START_MS, Rollout, Tokens, pick, read, spent
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.agents.codex import Codex
from tmuxmeter.events import Event, SessionStart, Skipped, Usage

ONE = Tokens(input=9000, cached=6000, output=150, reasoning=40)
TWO = Tokens(input=12_000, cached=9000, output=90, reasoning=10)
ONE_SPENT = (3000, 6000, 0, 150, 40)
TWO_SPENT = (3000, 9000, 0, 90, 10)


def started() -> Rollout:
    return Rollout().meta().begin()


def skipped(events: list[Event]) -> list[tuple[str, int]]:
    return pick(events, Skipped, lambda e: (e.reason, e.count))


def busy() -> Rollout:
    """A rollout with something for every part of a reader's state."""
    parent = Rollout(number=1).meta().begin().old_request(TWO)
    rollout = Rollout(parent.now + 5000, number=2)
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": parent.id}}}
    rollout.step_ms = 20
    rollout.meta(source=spawn).raw(parent.lines[0]).context(turn_id=None)
    rollout.token_count(TWO, TWO)
    rollout.now += 3000
    rollout.old_request(ONE).begin("").old_request(TWO).begin("gpt-5.5")
    limits = {"primary": {"used_percent": 3.0, "window_minutes": 300}}
    for number in range(3):
        rollout.settings(model="gpt-5.5", service_tier="fast").prompt("continue")
        patch = f"*** Begin Patch\n*** Add File: {number}.py\n*** End Patch"
        rollout.item("custom_tool_call", name="apply_patch", call_id=f"c{number}", input=patch)
        rollout.usage_record(ONE)
        rollout.item("custom_tool_call_output", call_id=f"c{number}", output="done")
        rollout.completed("CommandExecution", id=f"c{number}", status="failed", exit_code=number)
        rollout.token_count(ONE, limits=limits).token_count(ONE, limits=limits)
        rollout.record("compacted", {"message": "…"}).completed("ContextCompaction", id="x")
        rollout.raw(b'{"broken').token_count(Tokens(), Tokens())
        rollout.item("message", role="user", content=[{"type": "input_text", "text": "more"}])
        rollout.complete("Shall I?").begin("gpt-5.6").old_request(TWO)
    return rollout


BUSY = busy()
WHOLE = read(BUSY.name, BUSY.content())


def read_in_pieces(content: bytes, cuts: list[int], *, restart: bool) -> list[Event]:
    lines = content.splitlines(keepends=True)
    edges = [0, *sorted(cuts), len(lines)]
    reader = Codex().reader(BUSY.name)
    events: list[Event] = []
    offset = 0
    for start, end in pairwise(edges):
        piece = b"".join(lines[start:end])
        events += reader.read(piece, 0, len(piece), offset)
        offset += len(piece)
        if restart:
            reader = Codex().reader(BUSY.name, reader.state())
    return events


def without_skips(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Skipped)]


@pytest.mark.parametrize("cut", range(len(BUSY.lines) + 1))
def test_a_reader_restored_at_any_line_tells_the_same(cut: int) -> None:
    events = read_in_pieces(BUSY.content(), [cut], restart=True)
    assert without_skips(events) == without_skips(WHOLE)
    assert sum(n for _, n in skipped(events)) == sum(n for _, n in skipped(WHOLE)) == 3


@given(st.lists(st.integers(0, len(BUSY.lines)), max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_pieces_and_restarts_change_nothing(cuts: list[int], restart: bool) -> None:
    events = read_in_pieces(BUSY.content(), cuts, restart=restart)
    assert without_skips(events) == without_skips(WHOLE)


def test_the_busy_rollout_tells_something_of_every_kind() -> None:
    kinds = {type(event).__name__ for event in WHOLE}
    assert kinds == {
        "Compaction",
        "FileTouch",
        "Prompt",
        "RateLimit",
        "SessionStart",
        "Skipped",
        "ToolResult",
        "TurnEnd",
        "Usage",
    }
    assert spent(WHOLE).count(ONE_SPENT) == 4
    assert spent(WHOLE).count(TWO_SPENT) == 4


def test_the_state_stays_small() -> None:
    rollout = started()
    for number in range(600):
        rollout.prompt(f"prompt number {number} of many in this thread")
        rollout.item("function_call", name="x" * 20, call_id=f"call_{number}", arguments="{}")
        rollout.item("message", role="user", content=[{"type": "input_text", "text": f"{number}"}])
        rollout.old_request(ONE).complete()
    reader = Codex().reader(rollout.name)
    content = rollout.content()
    reader.read(content, 0, len(content), 0)
    assert len(reader.state()) < 8000


def test_a_part_of_a_larger_buffer_is_read() -> None:
    content = started().request(ONE).raw(b"{broken").content()
    block = bytearray(b"not a line\n" + content + b"{half a line")
    reader = Codex().reader(BUSY.name)
    events = reader.read(block, 11, 11 + len(content), 4096)
    assert spent(events) == [ONE_SPENT]
    broken = 4096 + len(content) - len(b"{broken\n")
    assert pick(events, Skipped, lambda e: (e.reason, e.offset)) == [("broken record", broken)]
    block.extend(b"the buffer is free to grow again")


def test_skipped_lines_are_counted_with_the_last_ones_offset() -> None:
    lines = [b'{"broken', *Rollout().meta().lines, b"[1,2]", b"also broken", b""]
    content = b"\n".join(lines) + b"\n"
    events = Codex().reader(BUSY.name).read(content, 0, len(content), 1000)
    rows = pick(events, Skipped, lambda e: (e.reason, e.count, e.offset, e.key, e.time_ms))
    assert ("broken record", 2, 1000 + content.index(b"also"), 0, 0) in rows


# --- lines that look otherwise


def spaced(line: bytes) -> bytes:
    record = json.loads(line)
    return json.dumps(dict(reversed(record.items())), indent=None).encode()


def test_keys_in_another_order_and_spaces_change_nothing() -> None:
    rollout = busy()
    whole = without_skips(rollout.events())
    rollout.lines = [line if b"broken" in line else spaced(line) for line in rollout.lines]
    assert without_skips(rollout.events()) == whole


def test_a_payload_that_names_its_type_late_is_understood() -> None:
    rollout = started()
    record = json.loads(started().request(ONE).lines[-1])
    record["payload"]["type"] = record["payload"].pop("type")
    rollout.raw(json.dumps(record, separators=(",", ":")).encode())
    assert rollout.spent() == [ONE_SPENT]


def test_words_that_look_like_records_are_no_records() -> None:
    inner = started().request(ONE).content().decode()
    rollout = started().item("function_call_output", call_id="c", output=inner)
    rollout.prompt(inner).event("agent_message", message=inner)
    rollout.record("world_state", {"type": "token_count", "info": json.loads(rollout.lines[0])})
    assert rollout.spent() == []


def test_unknown_records_are_no_damage() -> None:
    rollout = started().record("brand_new", {"a": 1}).event("brand_new").item("brand_new")
    rollout.raw(b'{"timestamp": "2026-08-03T10:48:56Z", "type": "brand_new"}')
    rollout.raw(b'{"timestamp": "x", "type": "event_msg", "payload": {"type": 7}}').raw(b"").raw(
        b" "
    )
    assert skipped(rollout.events()) == [("unknown type brand_new in 0.169.0", 2)]


# --- rollouts up to August 2025

LEGACY = (
    b'{"id":"5973b6c0-94b8-487b-a530-2aeb6098ae0e","timestamp":"2025-05-07T17:24:21.123Z",'
    b'"instructions":null,"git":{"commit_hash":"abc","branch":"main"}}\n'
    b'{"record_type":"state"}\n'
    b'{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}\n'
    b'{"type":"function_call","name":"shell","arguments":"{}","call_id":"call_1"}\n'
    b'{"type":"function_call_output","call_id":"call_1","output":"{}"}\n'
)


def test_a_rollout_without_token_counts_shows_as_unmetered_once() -> None:
    name = "rollout-2025-05-07T17-24-21-5973b6c0-94b8-487b-a530-2aeb6098ae0e.jsonl"
    events = read(name, LEGACY)
    assert skipped(events) == [("rollout without token counts", 1)]
    (start,) = without_skips(events)
    assert isinstance(start, SessionStart)
    assert (start.session, start.branch, start.cwd) == (
        "5973b6c0-94b8-487b-a530-2aeb6098ae0e",
        "main",
        "",
    )
    assert start.time_ms == 1_746_638_661_123


# --- broken content


def with_counts(**counts: Any) -> Rollout:
    usage = {"input_tokens": 100, "output_tokens": 7} | counts
    rollout = started()
    payload = {"thread_id": rollout.id, "response_id": "r", "usage": usage}
    rollout.record("token_usage_record", payload | {"thread_token_usage": usage})
    info = {"last_token_usage": usage, "total_token_usage": usage}
    return rollout.event("token_count", info=info, rate_limits=None)


@pytest.mark.parametrize("value", [-1, 2**40 + 1, 10**30, 1.5, "100", True, [], {}])
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "cached_input_tokens"])
def test_counts_that_cant_be_are_left_out_and_said(field: str, value: object) -> None:
    rollout = with_counts(**{field: value})
    assert rollout.spent() == []
    assert skipped(rollout.events()) == [("bad token counts", 2)]


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"1e999", b"nul", b"-"])
def test_numbers_that_are_none_are_left_out_and_said(word: bytes) -> None:
    rollout = with_counts(input_tokens=4242)
    rollout.lines = [line.replace(b"4242", word) for line in rollout.lines]
    assert rollout.spent() == []
    assert sum(count for _, count in skipped(rollout.events())) == 2


@pytest.mark.parametrize(
    "time", ['"1999-01-01T00:00:00Z"', '"2101-01-01T00:00:00Z"', '"yesterday"', '""', "7", "null"]
)
def test_a_request_without_a_time_is_left_out_and_said(time: str) -> None:
    rollout = started()
    record = json.loads(rollout.usage_record(ONE).lines.pop())
    del record["timestamp"]
    rest = json.dumps(record, separators=(",", ":"))[1:]
    rollout.raw(f'{{"timestamp":{time},{rest}'.encode())
    assert rollout.spent() == []
    assert sum(count for _, count in skipped(rollout.events())) == 1


def test_a_broken_line_costs_only_itself() -> None:
    rollout = started().request(ONE).usage_record(TWO)
    rollout.lines[-1] = rollout.lines[-1][:-20]
    assert rollout.spent() == [ONE_SPENT]
    rollout.token_count(TWO)
    assert skipped(rollout.events()) == [("broken record", 1)]


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"\\ud800", b"\\udc00\\ud800", b"\xed\xa0\x80"])
def test_broken_text_doesnt_cost_the_numbers_beside_it(damage: bytes) -> None:
    rollout = started().usage_record(ONE, response="DAMAGE").token_count(ONE)
    rollout.settings(model="DAMAGE", cwd="DAMAGE").usage_record(TWO)
    rollout.lines = [line.replace(b"DAMAGE", damage) for line in rollout.lines]
    events = rollout.events()
    assert spent(events) == [ONE_SPENT, TWO_SPENT]
    assert skipped(events) == []
    for event in events:
        msgspec.msgpack.encode(event)


@pytest.mark.parametrize("depth", [100, 5000, 200_000])
def test_deep_nesting_is_survived(depth: int) -> None:
    rollout = started().raw(b"[" * depth).raw(b'{"a":' * depth)
    nest = b"[" * depth + b"]" * depth
    rollout.usage_record(ONE)
    rollout.lines[-1] = rollout.lines[-1].replace(b'"usage":', b'"x":' + nest + b',"usage":', 1)
    rollout.request(TWO)
    assert TWO_SPENT in rollout.spent()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["event_msg", "token_count", "2026-08-03T10:48:56Z", "user", BUSY.id]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [prefix] if prefix else []
    if isinstance(value, dict):
        for key in value:
            found += paths(value[key], (*prefix, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*prefix, index))
    return found


RECORDS = [json.loads(line) for line in BUSY.lines if b"broken" not in line]
PLACES = [(n, path) for n, record in enumerate(RECORDS) for path in paths(record)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=4), st.randoms())
@settings(max_examples=150, deadline=None)
def test_retyped_and_shuffled_records_are_survived(
    changes: list[tuple[tuple[int, tuple[Any, ...]], Any]], random: Any
) -> None:
    records = json.loads(json.dumps(RECORDS))
    for (number, path), value in changes:
        target = records[number]
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue
    if random.random() < 0.3:
        random.shuffle(records)
    content = b"".join(
        json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records
    )
    for event in read(BUSY.name, content):
        believable(event)


@given(st.lists(st.tuples(st.integers(0, len(BUSY.content())), st.binary(max_size=6)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_are_survived(damages: list[tuple[int, bytes]]) -> None:
    content = bytearray(BUSY.content())
    for at, damage in damages:
        content[at : at + len(damage)] = damage
    for event in read(BUSY.name, bytes(content)):
        believable(event)


def believable(event: Event) -> None:
    msgspec.msgpack.encode(event)
    if isinstance(event, Usage):
        kinds = (event.fresh, event.cache_read, event.cache_write_5m, event.output, event.reasoning)
        assert all(0 <= tokens <= 2**40 for tokens in kinds)
        assert event.reasoning <= event.output
        assert 0 <= event.context_window <= 2**40
    if not isinstance(event, Skipped):
        assert START_MS - 12 * 365 * 86_400_000 < event.time_ms < 4_102_444_800_000
        assert -(2**63) <= event.key < 2**63
