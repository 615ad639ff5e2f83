"""Whatever a log holds, its reader goes on and tells nothing unbelievable."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from agent_reading import FIXTURES, lines, logs_of, read, read_in_pieces
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.agents import agent_named
from tmuxmeter.events import Event, Skipped, Usage

VERSIONS = {"gemini": "0.61.0", "qwen": "0.24.4", "kimi": "2.1.0", "pi": "0.87.1"}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "gemini", "usage.record", "2026-11-22T01:33:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def logs(name: str) -> list[tuple[str, bytes]]:
    root = FIXTURES / name / VERSIONS[name]
    return [(log, (root / log).read_bytes()) for log in logs_of(agent_named(name), root)]


LOGS = [(agent, log, content) for agent in VERSIONS for log, content in logs(agent)]
LINES = [
    (agent, log, line) for agent, log, content in LOGS for line in content.splitlines(keepends=True)
]
_OLD = "sessions/0123/s1/wire.jsonl"
_COPILOT = "session-state/s/events.jsonl"
_AT = "2026-11-22T01:33:00Z"
_MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("TurnBegin", {"user_input": [{"type": "text", "text": "make it so"}]}),
    ("ToolCall", {"id": "c", "function": {"name": "ReadFile", "arguments": '{"path": "a"}'}}),
    ("ToolResult", {"tool_call_id": "c", "return_value": {"is_error": False}}),
    ("StatusUpdate", {"token_usage": {"input_other": 5, "output": 7}, "message_id": "m"}),
    ("SubagentEvent", {"event": {"type": "TurnBegin", "payload": {"user_input": "look"}}}),
    ("ContentPart", {"type": "text", "text": "Done?"}),
    ("CompactionBegin", {}),
    ("TurnEnd", {}),
]
LINES += [
    ("kimi", _OLD, lines({"timestamp": 1.8e9, "message": {"type": kind, "payload": payload}}))
    for kind, payload in _MESSAGES
]
_MORE: list[tuple[str, str, dict[str, Any]]] = [
    ("copilot", _COPILOT, {"type": kind, "id": "e", "timestamp": _AT, "data": data})
    for kind, data in (
        ("session.start", {"sessionId": "s", "copilotVersion": "1.0", "context": {"cwd": "/r"}}),
        ("user.message", {"content": "make it so", "source": "user"}),
        ("assistant.message", {"content": "Done?", "toolRequests": []}),
        ("assistant.turn_end", {"turnId": "0"}),
        (
            "tool.execution_start",
            {"toolCallId": "c", "toolName": "edit", "arguments": {"path": "a"}},
        ),
        ("tool.execution_complete", {"toolCallId": "c", "success": True}),
        ("session.compaction_complete", {"success": True, "preCompactionTokens": 9}),
        (
            "session.shutdown",
            {
                "modelMetrics": {
                    "m": {
                        "usage": {
                            "inputTokens": 9,
                            "outputTokens": 5,
                            "cacheReadTokens": 2,
                            "cacheWriteTokens": 1,
                            "reasoningTokens": 3,
                        }
                    }
                }
            },
        ),
    )
]
_MORE += [
    ("droid", "sessions/r/s.jsonl", {"id": "m", "timestamp": _AT, "turnId": "t"} | record)
    for record in (
        {"type": "session_start", "cwd": "/r", "parent": "p"},
        {
            "type": "message",
            "message": {"role": "user", "content": [{"type": "text", "text": "x"}]},
        },
        {
            "type": "message",
            "message": {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c", "name": "Read", "input": {"file_path": "a"}}
                ],
            },
        },
        {
            "type": "message",
            "message": {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": False}],
            },
        },
        {"type": "message", "role": "user", "text": "x"},
        {"type": "agent_turn_outcome", "reason": "completed"},
        {"type": "compaction_state"},
    )
]
_MORE += [
    (
        "droid",
        "sessions/r/s.settings.json",
        {
            "model": "gemini-3-pro",
            "tags": [{"metadata": {"callingSessionId": "p"}}],
            "tokenUsage": {"inputTokens": 9, "outputTokens": 5, "thinkingTokens": 3},
        },
    ),
    (
        "amp",
        "threads/T-1.json",
        {
            "created": 1_795_309_600_000,
            "env": {"initial": {"trees": [{"uri": "file:///r"}]}},
            "messages": [
                {"role": "user", "messageId": 0, "content": [{"type": "text", "text": "x"}]},
                {
                    "role": "assistant",
                    "messageId": 1,
                    "content": [
                        {"type": "tool_use", "id": "c", "name": "Read", "input": {"path": "a"}}
                    ],
                    "state": {"type": "complete", "stopReason": "end_turn"},
                    "usage": {"model": "m", "inputTokens": 9, "cacheReadInputTokens": 2},
                },
                {
                    "role": "user",
                    "messageId": 2,
                    "content": [
                        {"type": "tool_result", "toolUseID": "c", "run": {"status": "done"}}
                    ],
                },
            ],
            "usageLedger": {
                "events": [
                    {
                        "id": "e",
                        "timestamp": _AT,
                        "model": "m",
                        "tokens": {"input": 9, "output": 5},
                        "toMessageId": 1,
                    }
                ]
            },
        },
    ),
    ("aider", "analytics.jsonl", {"event": "launched", "time": 1.8e9, "properties": {}}),
    ("aider", "analytics.jsonl", {"event": "message_send", "time": 1_800_000_000}),
]
LINES += [(agent, log, lines(record)) for agent, log, record in _MORE]
RECORDS = [(agent, log, json.loads(line)) for agent, log, line in LINES]


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [prefix] if prefix else []
    items = value.items() if isinstance(value, dict) else []
    if isinstance(value, list):
        items = enumerate(value)  # type: ignore[assignment]
    for key, inner in items:
        found += paths(inner, (*prefix, key))
    return found


PLACES = [(number, path) for number, (_, _, one) in enumerate(RECORDS) for path in paths(one)]


def believable(event: Event) -> None:
    msgspec.msgpack.encode(event)
    if isinstance(event, Usage):
        kinds = (event.fresh, event.cache_read, event.cache_write_5m, event.cache_write_1h)
        assert all(0 <= count <= 2**41 for count in (*kinds, event.output, event.context_window))
        assert 0 <= event.reasoning <= event.output
    if not isinstance(event, Skipped):
        assert 1_420_070_400_000 <= event.time_ms < 4_102_444_800_000
        assert event.session


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=400, deadline=None)
def test_retyped_fields_are_survived(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    number, path = place
    agent, log, record = RECORDS[number]
    changed = json.loads(json.dumps(record))
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    content = json.dumps(changed).encode() + b"\n"
    for event in read(agent_named(agent), log, content):
        believable(event)


@given(st.sampled_from(LINES), st.integers(0, 2000), st.binary(max_size=6))
@settings(max_examples=200, deadline=None)
def test_damaged_bytes_are_survived(line: tuple[str, str, bytes], at: int, damage: bytes) -> None:
    agent, log, content = line
    at %= len(content)
    broken = content[:at] + damage.replace(b"\n", b" ") + content[at + len(damage) :]
    for event in read(agent_named(agent), log, broken + content):
        believable(event)


@pytest.mark.parametrize("agent", VERSIONS)
@pytest.mark.parametrize("nest", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 99 + b"]" * 99])
def test_deep_nesting_is_survived(agent: str, nest: bytes) -> None:
    name, content = logs(agent)[0]
    known = read(agent_named(agent), name, content)
    events = read_in_pieces(agent_named(agent), name, nest + b"\n" + content)
    assert [e for e in events if not isinstance(e, Skipped)] == known


@pytest.mark.parametrize("agent", VERSIONS)
@pytest.mark.parametrize("state", [b"x", b"\xff" * 40, b"\x91\x01", b"\x80"])
def test_a_state_that_cant_be_understood_is_a_fresh_one(agent: str, state: bytes) -> None:
    name, content = logs(agent)[0]
    reader = agent_named(agent).reader(name, state)
    assert reader.read(content, 0, len(content), 0) == read(agent_named(agent), name, content)
