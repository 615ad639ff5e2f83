"""``today``, ``days`` and ``sessions`` on real log files, through the real command line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import build_claude
import build_codex
import pytest
from build_claude import Transcript, session_id, text, tool_use, usage
from build_codex import Rollout, Tokens
from tmux_fixtures import wait_until
from watching import data, environment, start_watcher, tmuxmeter

from tmuxmeter.demo.play import write_week
from tmuxmeter.watcher.process import running_pid

DAY = "2026-11-21"
HOUR = 3_600_000
# 3 fresh at $3, 40,000 read at $0.30, 900 written for an hour at $6, 120 out at $15 a million
REPLY_COST = 9 + 12_000 + 5_400 + 1_800
HOSTILE = "[red]x[/red] \x1b[31m$(touch pwned)'; DROP TABLE usage; --"
SHOWN = "[red]x[/red] \\x1b[31m$(touch pwned)'; DROP TABLE usage; --"


def claude(
    home: Path, name: str = "one", replies: int = 2, model: str = build_claude.MODEL, **fields: Any
) -> Transcript:
    """Write a Claude session of so many replies below a home."""
    transcript = Transcript(session_id(name), **fields)
    transcript.prompt("hello")
    for number in range(replies):
        transcript.reply(f"{name}{number}", text("Done."), model=model)
    transcript.write(home / ".claude")
    return transcript


def codex(home: Path, tokens: Tokens, model: str = "gpt-5.5", cwd: str = "/w") -> Rollout:
    """Write a Codex rollout of one request below a home."""
    rollout = Rollout(build_claude.START_MS, number=1)
    rollout.meta(cwd=cwd).begin(model, cwd=cwd).prompt("hello").request(tokens).complete()
    path = home / ".codex/sessions/2026/11/21" / rollout.name
    path.parent.mkdir(parents=True)
    path.write_bytes(rollout.content())
    return rollout


def shown(*arguments: str | Path) -> str:
    return tmuxmeter(*arguments).stdout


def test_today_is_exact_to_the_token_and_the_microdollar(home: Path) -> None:
    claude(home)
    codex(home, Tokens(input=10_000, cached=8_000, output=500, reasoning=100))
    day = data("today", "--home", home, "--date", DAY)
    # 2,000 fresh at $5, 8,000 read at $0.50, 500 out at $30 a million
    codex_cost = 10_000 + 4_000 + 15_000
    assert list(day)[:6] == [
        *("date", "requests", "input_tokens", "output_tokens", "cost_microdollars"),
        "unpriced_tokens",
    ]
    assert day["date"] == DAY
    assert day["requests"] == 3
    assert day["input_tokens"] == {
        "fresh": 2_006,
        "cache_read": 88_000,
        "cache_write_5m": 0,
        "cache_write_1h": 1_800,
        "total": 91_806,
    }
    assert day["output_tokens"] == 740
    assert day["cost_microdollars"] == 2 * REPLY_COST + codex_cost
    assert {row["agent"]: row["cost_microdollars"] for row in day["by_agent"]} == {
        "claude": 2 * REPLY_COST,
        "codex": codex_cost,
    }
    assert {row["project"] for row in day["by_project"]} == {"/work/app", "/w"}
    assert [row["where"] for row in day["by_pane"]] == ["unattributed"]


def test_today_for_people(home: Path) -> None:
    claude(home, cwd=str(home / "shop"))
    lines = shown("today", "--home", home, "--date", DAY).splitlines()
    assert lines[0] == f"{DAY}: $0.04, 82k tokens in, 240 out, 98% cached, 2 requests"
    assert [line for line in lines if "API-equivalent" in line] == lines[1:2]
    heads = [line.split()[0] for line in lines if line.split()[1:2] in (["cost"], ["agents"])]
    assert heads == ["agent", "pane"]
    assert lines[-1].startswith("Unattributed: $0.04 in 2 requests")
    assert "tmuxmeter up" in lines[-1]


def test_what_was_logged_since_is_read_first(home: Path) -> None:
    transcript = claude(home, replies=1)
    assert data("today", "--home", home, "--date", DAY)["requests"] == 1
    transcript.reply("later", text("More."))
    transcript.write(home / ".claude")
    assert data("days", "--home", home, "--since", DAY, "--until", DAY)["total"]["requests"] == 2
    assert data("sessions", "--home", home)["sessions"][0]["requests"] == 2


def test_a_running_watcher_is_left_to_read(home: Path) -> None:
    claude(home, replies=1)
    watcher = start_watcher(home)
    try:
        wait_until(lambda: running_pid(home / ".local/state/tmuxmeter/run") == watcher.pid)
        wait_until(lambda: data("today", "--home", home, "--date", DAY)["requests"] == 1)
        words = shown("today", "--home", home, "--date", DAY)
    finally:
        watcher.terminate()
        watcher.wait(30)
    assert "Unattributed" in words
    assert "tmuxmeter up" not in words


def test_a_fresh_machine_is_told_what_to_do(home: Path, midday: None) -> None:
    today = date.today().isoformat()
    for command in ("today", "sessions"):
        words = shown(command)
        assert "No agent logs found below ~/.claude, ~/.config/claude, ~/.codex, " in words
        assert "tmuxmeter demo" in words
    assert f"{today}: nothing yet today." in shown("today").splitlines()
    day = data("today")
    assert (day["date"], day["requests"], day["cost_microdollars"]) == (today, 0, 0)
    assert [day[f"by_{kind}"] for kind in ("agent", "model", "project", "pane")] == [[]] * 4


def test_an_empty_day_points_to_the_newest_one(home: Path) -> None:
    claude(home, now_ms=build_claude.START_MS - 400 * 24 * HOUR)
    words = shown("today", "--home", home, "--date", "2026-01-01")
    assert "2026-01-01: nothing spent." in words
    assert "`tmuxmeter today --date 2025-10-17`" in words


def test_days_are_all_since_the_first_recorded_empty_ones_included(
    home: Path, midday: None
) -> None:
    now = round(time.time() * 1000)
    claude(home, "now", replies=1, now_ms=now)
    claude(home, "then", replies=3, now_ms=now - 3 * 24 * HOUR)
    report = data("days", "--home", home)
    assert report["days"][-1]["date"] == date.today().isoformat()
    assert [day["requests"] for day in report["days"]] == [3, 0, 0, 1]
    assert report["total"]["requests"] == 4
    assert report["total"]["cost_microdollars"] == 4 * REPLY_COST


def test_days_between_two_by_model(home: Path) -> None:
    claude(home, "a", replies=1)
    claude(home, "b", replies=2, model="claude-haiku-4-5")
    options = ("--home", home, "--since", "2026-11-20", "--until", DAY, "--by", "model")
    lines = shown("days", *options).splitlines()
    table = [line.split() for line in lines[: lines.index("")]]
    assert [row[:2] for row in table] == [
        ["day", "model"],
        ["2026-11-20", "$0.00"],
        ["2026-11-21", "$0.03"],
        ["claude-sonnet-4-6", "$0.02"],
        ["claude-haiku-4-5", "$0.01"],
        ["total", "$0.03"],
        ["claude-sonnet-4-6", "$0.02"],
        ["claude-haiku-4-5", "$0.01"],
    ]
    assert (
        lines.count("Dollars are API list prices; on a subscription API-equivalent, not a bill.")
        == 1
    )


def test_long_spans_begin_with_what_was_recorded(home: Path) -> None:
    claude(home)
    report = data("days", "--home", home, "--since", "2000-01-01", "--until", "2026-11-22")
    assert [day["date"] for day in report["days"]] == [DAY, "2026-11-22"]
    assert report["total"]["requests"] == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["today", "--date", "yesterdy"], "--date takes a date such as 2026-07-01"),
        (["today", "--date", "0001-01-01"], "--date takes a date from 2000-01-01"),
        (["days", "--since", "2026-13-01"], "--since takes a date"),
        (["days", "--since", "2026-11-22", "--until", "2026-11-21"], "after the last day"),
        (["days", "--by", "colour"], "'colour' is not one of"),
        (["sessions", "--limit", "0"], "0 is not in the range"),
        (["today", "--home", "/nonexistent/home"], "there is no such folder"),
        (["todya"], "Did you mean 'today'?"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    home: Path, arguments: list[str], complaint: str
) -> None:
    done = tmuxmeter(*arguments, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_sessions_newest_first_with_all_they_ever_spent(home: Path) -> None:
    claude(home, "old", replies=1, now_ms=build_claude.START_MS - 48 * HOUR, branch="old")
    long = claude(home, "long", replies=1, now_ms=build_claude.START_MS - 30 * HOUR)
    long.now_ms = build_claude.START_MS
    long.branch = "later"
    long.reply("late", text("Done."), model="claude-haiku-4-5")
    long.write(home / ".claude")
    mute = Transcript(session_id("mute"), now_ms=build_claude.START_MS + HOUR)
    mute.prompt("hello")
    mute.write(home / ".claude")
    codex(home, Tokens(input=10, output=5))

    rows = data("sessions", "--home", home, "--since", DAY)["sessions"]
    assert [(row["agent"], row["requests"]) for row in rows] == [
        ("claude", 0),
        ("codex", 1),
        ("claude", 2),
    ]
    assert rows[0]["session"] == session_id("mute")
    assert rows[1]["version"] == "0.169.0"
    late = rows[2]
    assert late["models"] == ["claude-sonnet-4-6", "claude-haiku-4-5"]
    assert (late["model"], late["branch"], late["project"]) == (
        *("claude-haiku-4-5", "later"),
        "/work/app",
    )
    assert late["version"] == "2.1.330"
    # what it spent on the day before counts as well: this is the session's bill, not the day's
    assert late["input_tokens"]["total"] == 2 * 40_903
    assert late["started_ms"] < build_claude.START_MS - 24 * HOUR
    assert late["last_place"]["where"] == "unattributed"
    assert late["last_place"]["still_there"] is None

    everything = data("sessions", "--home", home)["sessions"]
    assert [row["branch"] for row in everything] == ["main", "main", "later", "old"]
    assert data("sessions", "--home", home, "--limit", "1")["sessions"] == rows[:1]
    words = shown("sessions", "--home", home)
    assert "claude-haiku-4-5 +1" in words
    assert "unmetered" in words
    assert session_id("long")[:8] in words
    assert "account" not in words


def test_sessions_name_accounts_where_there_are_several(home: Path) -> None:
    claude(home)
    Transcript(session_id("two")).write(home / ".claude-work")
    other = Transcript(session_id("two"))
    other.prompt("hello")
    other.reply("w", text("Done."))
    other.write(home / ".claude-work")
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[agents.claude]\nroots = ["~/.claude-work"]\n[accounts]\n"~/.claude-work" = "work"\n'
    )
    rows = data("sessions", "--home", home)["sessions"]
    assert sorted((row["account_name"] or "", Path(row["account"]).name) for row in rows) == [
        ("", ".claude"),
        ("work", ".claude-work"),
    ]
    lines = shown("sessions", "--home", home).splitlines()
    assert lines[0].endswith("account")
    assert {line.split()[-1] for line in lines[1:3]} == {"work", "~/.claude"}


def test_what_has_no_price_or_no_tokens_is_said(home: Path) -> None:
    claude(home, "a", replies=1)
    claude(home, "b", replies=1, model="mystery-model")
    mute = Transcript(session_id("mute"))
    mute.prompt("hello")
    mute.write(home / ".claude")
    words = shown("today", "--home", home, "--date", DAY, "--by", "model")
    assert words.startswith(f"{DAY}: $0.02+?, ")
    row = next(line for line in words.splitlines() if line.startswith("mystery-model"))
    assert row.split()[1] == "?"
    assert "Unpriced, so not in the dollars: mystery-model (41k tokens)." in words
    assert "Unmetered: 1 session whose log tells no tokens (claude 1)." in words


def test_foreign_words_are_shown_and_do_nothing(home: Path, tmp_path: Path) -> None:
    claude(home, model=HOSTILE, cwd=f"/work/{HOSTILE}", branch=HOSTILE)
    codex(home, Tokens(input=10, output=5), model=HOSTILE, cwd=f"/w/{HOSTILE}")
    for command in (
        ["today", "--date", DAY, "--by", "model"],
        ["today", "--date", DAY, "--by", "project"],
        ["today", "--date", DAY, "--by", "branch"],
        ["days", "--since", DAY, "--until", DAY, "--by", "project"],
        ["sessions"],
    ):
        words = shown(*command, "--home", home)
        assert SHOWN in words
        assert "\x1b" not in words
    day = data("today", "--home", home, "--date", DAY)
    assert {row["model"] for row in day["by_model"]} == {HOSTILE}
    assert {row["project"] for row in day["by_project"]} == {f"/work/{HOSTILE}", f"/w/{HOSTILE}"}
    assert day["requests"] == 3
    assert not list(tmp_path.rglob("pwned"))
    assert not Path("pwned").exists()


def test_a_terminal_that_lacks_characters_shows_their_codes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude(home, model="modèle-漢字")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert "mod\\xe8le-\\u6f22\\u5b57" in shown(
        *("today", "--home", home, "--date", DAY, "--by", "model")
    )


def test_a_played_home_is_marked(home: Path) -> None:
    write_week(home, round(time.time() * 1000))
    for command in ("today", "days", "sessions"):
        assert shown(command, "--home", home).startswith("DEMO: these logs are played, not yours.")
    assert data("days", "--home", home)["total"]["requests"] > 0


@pytest.mark.parametrize("command", ["up", "today", "days", "week", "status", "nonsense"])
def test_closed_streams_are_no_error(home: Path, command: str) -> None:
    claude(home)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        words = [sys.executable, "-m", "tmuxmeter", command, "--home", str(home)]
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *words],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=False,
        )
        assert done.returncode == {"status": 3, "nonsense": 2}.get(command, 0), done
        assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(home: Path) -> None:
    claude(home)
    meter = subprocess.Popen(
        [sys.executable, "-m", "tmuxmeter", "days", "--json", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert meter.stdout is not None
    assert meter.stderr is not None
    meter.stdout.close()
    complaint = meter.stderr.read()
    meter.stderr.close()
    assert meter.wait(30) == 0
    assert complaint == b""


def test_what_cannot_be_read_is_said_once_beside_the_figures(home: Path) -> None:
    transcript = claude(home)
    folder = (home / ".claude" / transcript.name).parent
    os.mkfifo(folder / f"{session_id('pipe')}.jsonl")
    (folder / f"{session_id('link')}.jsonl").symlink_to("/etc/passwd")
    done = tmuxmeter("today", "--home", home, "--date", DAY)
    assert "2 requests" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "not read" in done.stderr
    assert "and 1 more: `tmuxmeter doctor`" in done.stderr


def test_a_day_begins_when_the_settings_say(home: Path) -> None:
    claude(home, now_ms=build_claude.START_MS)  # 08:33 UTC, 03:33 in New York
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[day]\nstart = "04:00"\ntimezone = "America/New_York"\n')
    assert data("today", "--home", home, "--date", DAY)["requests"] == 0
    assert data("today", "--home", home, "--date", "2026-11-20")["requests"] == 2


def test_edits_overlap_within_the_time_that_the_settings_say(home: Path) -> None:
    for name, hour in (("one", 0), ("two", 3)):
        transcript = Transcript(session_id(name), now_ms=build_claude.START_MS + hour * HOUR)
        transcript.prompt("hello")
        edit = tool_use(f"call-{name}", "Edit", file_path="/work/app/a.py")
        transcript.reply(name, edit, stop="tool_use")
        transcript.result(f"call-{name}")
        transcript.write(home / ".claude")

    def overlaps() -> tuple[int, int]:
        (told,) = data("week", "--home", home, "--date", DAY)["days"][-1:]
        levers = data("today", "--home", home, "--date", DAY)["levers"]
        return len(levers["independence"]["overlaps"]), told["overlaps"]

    assert overlaps() == (0, 0)
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[breakeven]\noverlap_hours = 3.5\n")
    assert overlaps() == (1, 1)


def test_a_damaged_ledger_is_one_line_and_its_own_code(home: Path) -> None:
    state = home / ".local/state/tmuxmeter"
    state.mkdir(parents=True, mode=0o700)
    (state / "ledger.db").write_bytes(b"no database" * 1000)
    done = tmuxmeter("today", "--home", home, check=False)
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert "is damaged" in done.stderr


def test_a_disk_that_takes_nothing_is_said_and_figures_come_all_the_same(home: Path) -> None:
    claude(home)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "from tmuxmeter.cli import main; sys.argv[0] = 'tmuxmeter'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "days", "--home", str(home), "--since", "2026-01-01"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.startswith("tmuxmeter: not saved: ")
    assert len(done.stderr.splitlines()) == 1
    assert any(line.split()[:2] == [DAY, "$0.04"] for line in done.stdout.splitlines())
    # nothing was lost by that
    assert data("today", "--home", home, "--date", DAY)["requests"] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize(
    "command", [("today", "--json"), ("today",), ("today", "--by", "pane"), ("days", "--json")]
)
def test_output_that_cannot_be_written_is_one_line(home: Path, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tmuxmeter", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    said = "tmuxmeter: standard output: can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_usage_shape_of_the_builders() -> None:
    # the costs above stand on these tokens
    tokens = usage()
    assert (tokens["input_tokens"], tokens["output_tokens"]) == (3, 120)
    assert tokens["cache_read_input_tokens"] == 40_000
    assert tokens["cache_creation"]["ephemeral_1h_input_tokens"] == 900
    assert build_codex.Tokens(1, 2).output == 0
