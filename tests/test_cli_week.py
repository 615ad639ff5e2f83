"""``today`` in full and ``week`` on real log files, through the real command line."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import build_claude
import pytest
from build_claude import Transcript, session_id, text
from watching import data, tmuxmeter

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-11-21"
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lines be as long as they are in a pipe, also where the test runner sets a width."""
    monkeypatch.delenv("COLUMNS", raising=False)


def claude(home: Path, name: str = "one", **fields: Any) -> None:
    """Write a Claude session that asks twice below a home."""
    transcript = Transcript(session_id(name), **fields)
    for number in range(2):
        transcript.prompt("hello")
        transcript.reply(f"{name}{number}", text("Done."))
    transcript.write(home / ".claude")


def shown(*arguments: str | Path) -> str:
    return tmuxmeter(*arguments).stdout


def configured(home: Path, words: str) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(words)


def test_today_keeps_its_shape_and_adds_to_it(home: Path) -> None:
    claude(home)
    day = data("today", "--home", home, "--date", DAY)
    known = (
        *("date", "requests", "input_tokens", "output_tokens", "cost_microdollars"),
        *("unpriced_tokens", "unpriced_requests", "reasoning_tokens", "web_searches"),
        *("cache_hit_rate", "by_agent", "by_model", "by_project", "by_pane", "sessions"),
        *("unattributed", "unmetered_sessions"),
    )
    assert tuple(day)[: len(known)] == known
    added = {
        "by_branch",
        "budget",
        "light",
        "hours",
        "levers",
        "plan_windows",
        "overnight",
        "unlogged",
    }
    assert set(day) - set(known) == added | {"advice", "recap"}
    assert day["by_branch"][0]["branch"] == "main"
    assert day["budget"]["input_tokens"] == 300_000


def test_today_and_breakeven_agree_on_the_light(home: Path) -> None:
    claude(home)
    light = data("today", "--home", home, "--date", DAY)["light"]
    explained = data("breakeven", "--home", home, "--date", DAY)
    del explained["curve"]
    assert light == explained


def test_today_has_the_budget_of_the_settings(home: Path) -> None:
    configured(home, "[budget]\ntokens = 100_000\ndollars = 0.5\n")
    claude(home)
    budget = data("today", "--home", home, "--date", DAY)["budget"]
    assert budget["input_tokens"] == 100_000
    assert budget["cost_microdollars"] == 500_000
    words = shown("today", "--home", home, "--date", DAY)
    assert "82%, 82k of 100k in" in words
    assert "of $0.50" in words


def test_an_empty_today_recaps_the_last_working_day(home: Path, midday: None) -> None:
    now = round(time.time() * 1000)
    claude(home, now_ms=now - 72 * HOUR)
    claude(home, "older", now_ms=now - 120 * HOUR)
    today = data("today", "--home", home)
    assert today["requests"] == 0
    assert today["recap"]["requests"] == 2
    assert today["recap"]["date"] == str(date.today() - timedelta(days=3))
    words = shown("today", "--home", home)
    assert "nothing yet today." in words
    assert f" {today['recap']['date']}: $0.04, 82k tokens in" in words
    # it is today's morning that needs it, not a day of long ago
    assert data("today", "--home", home, "--date", "2026-01-02")["recap"] is None


def test_ascii_where_the_settings_or_the_terminal_want_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude(home)
    commands = (["today", "--date", DAY], ["week", "--date", DAY], ["breakeven", "--date", DAY])
    for command in commands:
        assert not shown(*command, "--home", home).isascii()
        with monkeypatch.context() as patch:
            patch.setenv("PYTHONIOENCODING", "ascii")
            assert "\\u2" not in shown(*command, "--home", home)
    configured(home, "[status]\nicons = false\n")
    for command in commands:
        assert shown(*command, "--home", home).isascii()


def test_week_is_the_last_seven_days(home: Path) -> None:
    claude(home)
    claude(home, "then", now_ms=build_claude.START_MS - 6 * 24 * HOUR)
    claude(home, "before", now_ms=build_claude.START_MS - 7 * 24 * HOUR)
    week = data("week", "--home", home, "--date", DAY)
    assert [day["date"] for day in week["days"]] == [f"2026-11-{day}" for day in range(15, 22)]
    assert [day["requests"] for day in week["days"]] == [2, 0, 0, 0, 0, 0, 2]
    assert week["total"]["requests"] == 4
    assert data("week", "--home", home, "--date", DAY, "--weeks", "2")["total"]["requests"] == 6
    day = data("today", "--home", home, "--date", DAY)
    for key in ("requests", "input_tokens", "cost_microdollars", "hours", "cache_hit_rate"):
        assert week["days"][-1][key] == day[key]
    words = shown("week", "--home", home, "--date", DAY)
    assert words.startswith("2026-11-15 to 2026-11-21: $0.08, 164k tokens in, 2 days")


def test_tasks_are_the_users_own_commits_or_marks(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    claude(home, cwd=str(project))
    assert data("week", "--home", home, "--date", DAY)["total"]["tasks_are"] == "handoffs"
    when = f"{build_claude.START_MS // 1000} +0000"
    settings = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    for words in (
        ["init", "-q"],
        ["config", "user.email", "me@example.org"],
        ["config", "user.name", "me"],
        ["commit", "-q", "--allow-empty", "-m", "one"],
        ["commit", "-q", "--allow-empty", "-m", "two"],
    ):
        subprocess.run(["git", "-C", str(project), *words], check=True, env=settings)
    week = data("week", "--home", home, "--date", DAY)
    assert [day["tasks"] for day in week["days"]] == [0] * 6 + [2]
    assert week["total"]["tasks_are"] == "tasks"
    assert "commits" in shown("week", "--home", home, "--date", DAY)
    shown("done", "--home", home, "--note", "shipped")
    today = data("week", "--home", home, "--tasks", "done")["days"]
    assert sum(day["tasks"] for day in today) == 1
    by_hand = data("week", "--home", home, "--date", DAY, "--tasks", "handoffs")
    assert {day["tasks"] for day in by_hand["days"]} == {None}


def test_the_curve_is_saved_as_a_picture(home: Path, tmp_path: Path) -> None:
    claude(home)
    svg, png = tmp_path / "week.svg", tmp_path / "week.png"
    assert f"Saved {svg}" in shown("week", "--home", home, "--date", DAY, "--plot", svg)
    assert "Sat 21 Nov" in "".join(ET.parse(svg).getroot().itertext())
    data("week", "--home", home, "--date", DAY, "--plot", png)
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["week", "--weeks", "0"], "0 is not in the range"),
        (["week", "--weeks", "54"], "54 is not in the range"),
        (["week", "--plot", "week.gif"], "--plot takes a file named *.png or *.svg"),
        (["week", "--date", "today"], "--date takes a date"),
        (["week", "--tasks", "tickets"], "'tickets' is not one of"),
        (["today", "--by", "colour"], "'colour' is not one of"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    home: Path, arguments: list[str], complaint: str
) -> None:
    done = tmuxmeter(*arguments, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("tmuxmeter: ")
    assert complaint in line


def test_called_alone_it_shows_its_help() -> None:
    done = tmuxmeter(check=False)
    assert done.returncode in {0, 2}  # before Click 8.2 it was no mistake
    assert "Commands:" in done.stdout + done.stderr


def test_an_empty_week_is_told_what_to_do(home: Path) -> None:
    words = shown("week")
    assert "nothing spent." in words
    assert "tmuxmeter demo" in words
    nowhere = home / "nowhere.svg"
    done = tmuxmeter("week", "--plot", nowhere)
    assert "there is no curve" in done.stderr
    assert "Saved" not in done.stdout
    assert not nowhere.exists()
