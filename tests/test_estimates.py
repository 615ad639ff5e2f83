"""Estimates of tokens from texts: only where they are asked for, always marked, in no total."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from build_cursor import CHAT, COMPOSER, Chat, Editor, Transcript, bubble, ended, said
from test_agents_cursor_export import csv, row
from test_cli_import import DAY, IN_CHAT, imported, run

if TYPE_CHECKING:
    from pathlib import Path

GUESS = re.compile(r"~\d")
COMMANDS = (
    ("today", "--date", DAY),
    ("days", "--since", DAY, "--until", DAY),
    ("week", "--date", DAY),
    ("sessions",),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a chat of 4,000 characters in, 800 out, and a composer of 8,000 and 400."""
    home = tmp_path / "home"
    Chat(home / ".cursor").connection.close()
    transcript = Transcript(home / ".cursor")
    transcript.write(said("user", "x" * 4_000), said("assistant", "y" * 800), ended(), at=10_000)
    editor = Editor(home / ".config/Cursor/User")
    editor.composer(workspaceIdentifier={"uri": {"fsPath": "/home/me/web"}})
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "x" * 8_000, at=6_800_000))
    editor.put(f"bubbleId:{COMPOSER}:b1", bubble(2, "y" * 400, at=6_801_000))
    editor.connection.close()
    return home


def switch(home: Path, value: str) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"[agents]\nestimate = {value}\n")


def data(home: Path, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(home, *arguments, "--json").stdout)
    return answer


def test_nothing_is_estimated_unasked(home: Path) -> None:
    for setting in (None, "false"):
        if setting:
            switch(home, setting)
        for command in COMMANDS:
            assert not GUESS.search(run(home, *command).stdout), command
        assert {s["estimated"] for s in data(home, *COMMANDS[0])["unmetered_sessions"]} == {None}
        assert {s["estimated"] for s in data(home, "sessions")["sessions"]} == {None}
        assert data(home, *COMMANDS[2])["estimated"] is None


def test_who_asks_gets_marked_figures_in_no_total(home: Path) -> None:
    plain = data(home, *COMMANDS[0])
    switch(home, "true")
    guessed = "(~3.0k tokens in, ~300 out)"
    for command in COMMANDS[:3]:
        words = run(home, *command).stdout
        assert guessed in words, command
        assert "3.0k" not in words.replace("~3.0k", "")
    for command in (COMMANDS[0], COMMANDS[2]):
        assert f"no tokens known, + 2 unmetered {guessed}" in run(home, *command).stdout
    assert "~: estimated from" in run(home, *COMMANDS[0]).stdout
    rows = run(home, "sessions").stdout
    assert "unmetered ~1.0k" in rows
    assert "unmetered ~2.0k" in rows
    assert "~200" in rows
    assert "~100" in rows
    report = data(home, *COMMANDS[0])
    told = {s["session"]: s["estimated"] for s in report["unmetered_sessions"]}
    assert told == {
        CHAT: {"input_tokens": 1_000, "output_tokens": 200},
        COMPOSER: {"input_tokens": 2_000, "output_tokens": 100},
    }
    assert data(home, *COMMANDS[2])["estimated"] == {"input_tokens": 3_000, "output_tokens": 300}
    same = ("requests", "input_tokens", "output_tokens", "cost_microdollars", "light", "budget")
    assert [report[name] for name in same] == [plain[name] for name in same]


def test_a_session_of_two_days_is_one_in_their_total(home: Path) -> None:
    switch(home, "true")
    transcript = Transcript(home / ".cursor")
    records = [said("user", "x" * 4_000), said("assistant", "y" * 800), ended()]
    run(home, "scan")
    transcript.write(*records[:2], said("user", "x" * 400), ended(), at=10_000 + 86_400_000)
    report = data(home, "days", "--since", DAY, "--until", "2026-11-23")
    days = [
        [s["estimated"]["input_tokens"] for s in day["unmetered_sessions"] if s["session"] == CHAT]
        for day in report["days"]
    ]
    assert days == [[1_000], [100]]
    total = report["total"]["unmetered_sessions"]
    assert {s["session"]: s["estimated"]["input_tokens"] for s in total} == {
        CHAT: 1_100,
        COMPOSER: 2_000,
    }


def test_what_a_source_tells_needs_no_estimate(home: Path) -> None:
    switch(home, "true")
    imported(home, csv(row(at=IN_CHAT)))
    report = data(home, *COMMANDS[0])
    assert [s["session"] for s in report["unmetered_sessions"]] == [COMPOSER]
    assert "+ 1 unmetered (~2.0k tokens in, ~100 out)" in run(home, *COMMANDS[0]).stdout
    told = {s["session"]: s["estimated"] for s in data(home, "sessions")["sessions"]}
    assert told[CHAT] is None
