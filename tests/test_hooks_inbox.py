"""What hooks leave for the watcher: read without trust, taken once, never through a link."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.agents import agent_named
from tmuxmeter.hooks.drops import parse
from tmuxmeter.hooks.facts import (
    END,
    HELD,
    CostReport,
    HoldReport,
    Mark,
    PlanWindow,
    SessionReport,
    TokensReport,
)
from tmuxmeter.hooks.inbox import DRAFT_MS, LIMIT_BYTES, LIMIT_FILES, Inbox

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_300_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def drop(agent: str, event: str, value: object, *lines: str) -> bytes:
    head = ["tmuxmeter-hook 1", f"agent {agent}", f"event {event}", *lines]
    return ("\n".join(head) + "\n\n" + json.dumps(value)).encode()


def put(folder: Path, name: str, content: bytes, time_ms: int = NOW) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, ns=(time_ms * 1_000_000, time_ms * 1_000_000))
    return path


def test_a_session_s_end() -> None:
    value = {"session_id": "s", "reason": "logout", "cwd": "/r", "transcript_path": None}
    lines = ("pids 12:345 6:7 1:", "tmux /tmp/s,1,0", "pane %3", "pane %4")
    report = parse(drop("claude", "SessionEnd", value, *lines), NOW)
    assert isinstance(report, SessionReport)
    assert (report.event, report.source, report.cwd, report.transcript) == (END, "logout", "/r", "")
    assert report.origin.pids == (Mark(12, "345"), Mark(6, "7"), Mark(1, ""))
    assert (report.origin.tmux, report.origin.pane) == ("/tmp/s,1,0", "%3")
    assert report.origin.time_ms == NOW


def test_cursor_s_session_has_its_own_words() -> None:
    value = {"conversation_id": "c", "workspace_roots": ["/r", "/q"], "cursor_version": "3"}
    report = parse(drop("cursor", "sessionStart", value), NOW)
    assert isinstance(report, SessionReport)
    assert (report.agent, report.session, report.cwd) == ("cursor", "c", "/r")


def test_gemini_s_sessions_have_the_ledger_s_names() -> None:
    value = {"session_id": "5B34629A-f878-4d4d-9059-e46f27acfa00", "source": "startup"}
    report = parse(drop("gemini", "SessionStart", value), NOW)
    assert isinstance(report, SessionReport)
    log = "tmp/shop/chats/session-2026-11-30T07-45-5b34629a.jsonl"
    assert report.session == agent_named("gemini").session_of_log(log) == "5b34629a"


def test_what_cursor_says_through_claude_s_hooks_is_left_out() -> None:
    assert (
        parse(drop("claude", "SessionStart", {"session_id": "s", "cursor_version": "3"}), 0) is None
    )


def test_a_byte_order_mark_before_the_agent_s_json_is_no_harm() -> None:
    content = drop("cursor", "sessionStart", {"session_id": "s"})
    assert parse(content.replace(b"\n\n{", b"\n\n\xef\xbb\xbf{"), NOW)


def test_cost_and_plan_windows_of_a_status_line() -> None:
    value = {
        "session_id": "s",
        "version": "2.1.330",
        "model": {"id": "claude-sonnet-4-6", "display_name": "Sonnet"},
        "cost": {"total_cost_usd": 0.0395285},
        "rate_limits": {
            "five_hour": {"used_percentage": 23.5, "resets_at": 1_795_301_000},
            "seven_day": {"used_percentage": 41, "resets_at": None},
        },
    }
    report = parse(drop("claude", "statusLine", value), NOW)
    assert isinstance(report, CostReport)
    assert report.total_cost_microdollars == 39_528  # half to even
    assert (report.model, report.version) == ("claude-sonnet-4-6", "2.1.330")
    assert report.windows == (
        PlanWindow(300, 0.235, 1_795_301_000_000),
        PlanWindow(10_080, 0.41, 0),
    )


@pytest.mark.parametrize(
    "cost", [None, {}, {"total_cost_usd": None}, {"total_cost_usd": -1}, [], "x"]
)
def test_a_cost_that_isn_t_told_is_unknown(cost: object) -> None:
    report = parse(drop("claude", "statusLine", {"session_id": "s", "cost": cost}), NOW)
    assert isinstance(report, CostReport)
    assert report.total_cost_microdollars is None
    assert report.windows == ()


@pytest.mark.parametrize(
    ("given", "read", "write", "fresh", "inclusive"),
    [
        (1_947_096, 1_506_478, 440_604, 14, True),
        (100, 0, 0, 100, True),
        (100, 400, 50, 100, False),
        (100, None, None, 100, True),
    ],
)
def test_a_turn_s_tokens_are_disjoint(
    given: int, read: int | None, write: int | None, fresh: int, inclusive: bool
) -> None:
    value = {
        "conversation_id": "c",
        "generation_id": "g",
        "model": "auto",
        "status": "aborted",
        "input_tokens": given,
        "output_tokens": 7,
        "cache_read_tokens": read,
        "cache_write_tokens": write,
    }
    report = parse(drop("cursor", "stop", value), NOW)
    assert isinstance(report, TokensReport)
    assert (report.fresh, report.inclusive) == (fresh, inclusive)
    assert (report.cache_read, report.cache_write, report.output) == (read or 0, write or 0, 7)
    assert (report.turn, report.model, report.status) == ("g", "auto", "aborted")


def test_a_turn_without_tokens_is_unknown_not_nothing() -> None:
    # Cursor before 3.10.17 tells none
    assert parse(drop("cursor", "stop", {"conversation_id": "c", "status": "completed"}), 0) is None


def test_a_hold() -> None:
    value = {"session_id": "s", "hold": "held", "text": "held at a tool call by you"}
    report = parse(drop("codex", "Hold", value), NOW)
    assert isinstance(report, HoldReport)
    assert (report.agent, report.session, report.event) == ("codex", "s", HELD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"tmuxmeter-hook 2\nagent claude\nevent SessionStart\n\n{}",
        b"tmuxmeter-hook 1\nagent claude\nevent SessionStart\n\n",
        b"tmuxmeter-hook 1\nagent claude\nevent SessionStart\n\n[]",
        b"tmuxmeter-hook 1\nagent claude\nevent SessionStart\n\n{",
        b"tmuxmeter-hook 1\nevent SessionStart\n\n{}",
        b"tmuxmeter-hook 1\nagent claude\n\n{}",
        b"\xff\xfe",
        drop("claude", "PreToolUse", {"session_id": "s"}),
        drop("claude", "Hold", {"session_id": "s", "hold": "exploded"}),
        b"tmuxmeter-hook 1\nagent claude\nevent SessionStart\n\n" + b'{"a":' * 50_000,
    ],
)
def test_what_is_no_drop_is_counted_and_removed(folder: Path, content: bytes) -> None:
    path = put(folder, "1.1", content)
    good = put(folder, "2.2", drop("claude", "SessionStart", {"session_id": "s"}))
    inbox = Inbox(folder)
    assert len(inbox.take(NOW)) == 1
    assert inbox.broken == 1
    assert not path.exists()
    assert not good.exists()
    assert inbox.take(NOW) == []
    assert inbox.broken == 1


def test_reports_come_in_the_order_they_were_left(folder: Path) -> None:
    for name, time_ms in (("1", NOW + 2), ("2", NOW), ("3", NOW + 1), ("4", NOW)):
        put(folder, name, drop("claude", "SessionStart", {"session_id": name}), time_ms)
    found = [report.session for report in Inbox(folder).take(NOW)]
    assert found == ["2", "4", "3", "1"]


def test_nothing_is_followed_or_waited_for(folder: Path) -> None:
    folder.mkdir()
    secret = put(folder.parent, "secret", drop("claude", "SessionStart", {"session_id": "s"}))
    (folder / "1").symlink_to(secret)
    os.mkfifo(folder / "2")
    (folder / "3").mkdir()
    put(folder, "4", drop("claude", "SessionStart", {"session_id": "s" * LIMIT_BYTES}))
    inbox = Inbox(folder)
    assert inbox.take(NOW) == []
    assert inbox.broken == 4
    assert secret.exists()
    assert {path.name for path in folder.iterdir() if not path.is_dir()} == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_somebody_else_s_drop_is_not_believed(folder: Path) -> None:
    path = put(folder, "1", drop("claude", "SessionStart", {"session_id": "s"}))
    os.chown(path, 12345, 12345)
    inbox = Inbox(folder)
    assert inbox.take(NOW) == []
    assert inbox.broken == 1


def test_drafts_are_left_alone_until_they_are_old(folder: Path) -> None:
    young = put(folder, ".1.draft", b"half", NOW - DRAFT_MS + 1)
    old = put(folder, ".2.draft", b"half", NOW - DRAFT_MS - 1)
    assert Inbox(folder).take(NOW) == []
    assert young.exists()
    assert not old.exists()


def test_a_flood_is_taken_piece_by_piece(folder: Path) -> None:
    for number in range(LIMIT_FILES + 5):
        put(folder, str(number), drop("claude", "SessionStart", {"session_id": "s"}))
    inbox = Inbox(folder)
    assert len(inbox.take(NOW)) == LIMIT_FILES
    assert len(inbox.take(NOW)) == 5


def test_no_folder_no_reports(folder: Path) -> None:
    assert Inbox(folder).take(NOW) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        *("session_id", "cost", "total_cost_usd", "rate_limits", "five_hour", "used_percentage"),
        *("model", "resets_at", "input_tokens", "output_tokens", "cache_read_tokens"),
        *("source", "cwd", "hold"),
    ]
)


@given(
    event=st.sampled_from(["SessionStart", "statusLine", "stop", "Hold", "sessionEnd"]),
    value=st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=6),
    pids=st.text(max_size=20),
)
def test_no_content_breaks_the_reading(event: str, value: dict[str, Any], pids: str) -> None:
    content = drop("claude", event, value, f"pids {pids}")
    try:
        parse(content, NOW)
    except ValueError:
        assert event == "Hold" or "\n" in pids
