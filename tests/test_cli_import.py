"""``import cursor`` by the real command line, on a home with sessions of Cursor's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from build_cursor import CHAT, COMPOSER, T0, Chat, Editor, Transcript, asked, bubble, ended, said
from ledger_data import price
from test_agents_cursor_export import Told, csv, row
from test_watcher_reported import drop

from tmuxmeter.agents.cursor_usage import Counts, turn_chunk
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.paths import places
from tmuxmeter.watcher.reported import Reported

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-11-22"
IN_CHAT = "2026-11-22T01:06:45.000Z"
IN_EDITOR = "2026-11-22T03:00:00.500Z"
NOWHERE = "2026-11-22T09:00:00.000Z"
EDITOR_AT = 6_800_000


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tmuxmeter", "--home", str(home), *arguments],
        env={**os.environ, "COLUMNS": "300", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def imported(home: Path, text: str, *options: str) -> dict[str, Any]:
    (home / "usage.csv").write_text(text)
    done = run(home, "import", "cursor", str(home / "usage.csv"), "--json", *options)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def day(home: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(home, "today", "--date", DAY, "--json").stdout)
    return answer


@pytest.fixture
def home(home: Path) -> Path:
    """A home with a chat in the terminal and a composer in the editor, neither with tokens."""
    Chat(home / ".cursor").connection.close()
    transcript = Transcript(home / ".cursor")
    transcript.write(asked("Fix it"), said("assistant", "Fixed."), ended(), at=10_000)
    editor = Editor(home / ".config/Cursor/User")
    editor.composer(workspaceIdentifier={"uri": {"fsPath": "/home/me/web"}})
    editor.put(f"bubbleId:{COMPOSER}:b0", bubble(1, "Colour it", at=EDITOR_AT))
    editor.connection.close()
    return home


def test_unmetered_until_an_export_tells(home: Path) -> None:
    before = day(home)
    assert {s["session"] for s in before["unmetered_sessions"]} == {CHAT, COMPOSER}
    assert before["requests"] == 0
    assert "no tokens known, + 2 unmetered" in run(home, "today", "--date", DAY).stdout
    assert "no tokens known, + 2 unmetered" in run(home, "week", "--date", DAY).stdout
    rows = json.loads(run(home, "sessions", "--json").stdout)["sessions"]
    told = {s["session"]: (s["unmetered"], s["prompts"], s["turns"], s["requests"]) for s in rows}
    assert told == {CHAT: (True, 1, 1, 0), COMPOSER: (True, 1, 0, 0)}
    words = run(home, "sessions").stdout
    assert words.count("unmetered") == 2
    assert "1 turn" in words
    assert "1 prompt" in words
    assert "$0.00" not in run(home, "days", "--since", DAY, "--until", DAY).stdout
    assert imported(home, csv(row(at=IN_CHAT), row(at=NOWHERE))) == {
        "requests": 2,
        "new": 2,
        "to_sessions": 1,
        "to_account": 1,
        "already_imported": 0,
        "known_from_elsewhere": 0,
        "without_spend": 0,
    }
    after = day(home)
    assert [s["session"] for s in after["unmetered_sessions"]] == [COMPOSER]
    assert after["requests"] == 2
    assert after["input_tokens"]["total"] == 2 * (9_541 + 117_382 + 1_383_578)
    projects = {p["project"]: p["requests"] for p in after["by_project"]}
    assert projects == {"/home/me/app": 1, "": 1}
    assert "+ 1 unmetered" in run(home, "today", "--date", DAY).stdout
    week = run(home, "week", "--date", DAY)
    assert "+ 1 unmetered" in week.stdout


def test_overlapping_exports_count_each_request_once(home: Path) -> None:
    first = csv(row(at=IN_CHAT), row(at=IN_CHAT), row(at=NOWHERE))
    assert imported(home, first)["new"] == 3
    again = imported(home, first)
    assert (again["new"], again["already_imported"]) == (0, 3)
    second = csv(row(at="2026-11-22T10:00:00.000Z"), row(at=NOWHERE))
    more = imported(home, second)
    assert (more["new"], more["already_imported"]) == (1, 1)
    assert day(home)["requests"] == 4
    words = run(home, "import", "cursor", str(home / "usage.csv")).stdout
    assert words == "Booked 0 of 2 requests. 2 were imported before.\n"


def test_the_account_and_the_editor_are_outside_tmux(home: Path) -> None:
    imported(home, csv(row(at=NOWHERE), row(at=IN_EDITOR)))
    later = csv(row(at="2026-11-22T10:00:00.000Z"))
    imported(home, later)
    report = day(home)
    assert [(p["where"], p["requests"]) for p in report["by_pane"]] == [("outside", 3)]
    assert report["unattributed"]["requests"] == 0


def test_nothing_of_a_bad_file_is_imported(home: Path) -> None:
    bad = home / "bad.csv"
    bad.write_text(csv(row(), row(tokens=("x", 1, 1, 1, 3))))
    done = run(home, "import", "cursor", str(bad))
    assert done.returncode == 1
    assert done.stderr.startswith(f"tmuxmeter: {bad}:3: Input (w/ Cache Write) 'x' is no number")
    assert day(home)["requests"] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"Date,Model\n\xff\xfe", ":2: is no UTF-8 text; nothing was imported"),
        (b"", ":1: no column Date"),
    ],
)
def test_a_file_that_can_not_be_read_is_one_line(
    home: Path, content: bytes | None, words: str
) -> None:
    bad = home / "bad.csv"
    if content is not None:
        bad.write_bytes(content)
    done = run(home, "import", "cursor", str(bad))
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_another_source_told_is_not_imported(home: Path) -> None:
    state = places(home, os.environ).state
    run(home, "scan")
    told = Told(CHAT, fresh=1, cache_read=2, cache_write=3, output=4)
    chunk = turn_chunk(told, T0 + 9_000, [])
    assert chunk is not None
    with Writer.open(state) as writer:
        writer.book([chunk], price)
    same = row(at=NOWHERE, tokens=(3, 1, 2, 4, 10))
    far = row(at="2026-11-22T05:00:00.000Z", tokens=(3, 1, 2, 4, 10))
    found = imported(home, csv(row(at=IN_CHAT), far, same))
    assert (found["known_from_elsewhere"], found["new"]) == (2, 1)
    with Reader.open(state) as reader:
        known = reader.imports("cursor")
        assert [Counts(*c)[1:] for c in known.told(0, T0 * 2, imported=True)] == [(1, 2, 3, 4)]
        assert len(known.told(0, T0 * 2, imported=False)) == 1


def test_turns_that_the_hook_told_while_nobody_watched_are_booked_once(home: Path) -> None:
    here = places(home, os.environ)
    inbox = here.runtime / "inbox"
    inbox.mkdir(parents=True)
    run(home, "scan")
    counts = {"input_tokens": 1000, "cache_read_tokens": 600, "cache_write_tokens": 300}
    turn = {"session_id": CHAT, "model": "gpt-5", "output_tokens": 7, **counts}
    at_ms = T0 + 9_000
    for number in range(2):
        drop(inbox, "stop", agent="cursor", at_ms=at_ms, generation_id=f"g{number}", **turn)
        drop(inbox, "sessionStart", agent="cursor", at_ms=at_ms, session_id=CHAT)
        for _ in range(2):
            assert day(home)["requests"] == number + 1
    assert len(list(inbox.iterdir())) == 4  # sessions are for the watcher
    with Writer.open(here.state) as writer:
        reported = Reported(inbox, ["cursor"])
        reported.take(writer, [], at_ms)
        writer.book(reported.spent(writer.reader()), price)
    assert day(home)["requests"] == 2
    assert list(inbox.iterdir()) == []
