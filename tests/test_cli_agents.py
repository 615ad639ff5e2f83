"""``agents`` and what ``doctor`` says of agents' logs, by the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from build_opencode import T0, Store, close, real

from tmuxmeter.agents import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


CAPABILITIES = "-dac_override,-dac_read_search"
LIKE_ANYBODY = (
    ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}"]
    if os.geteuid() == 0
    else []
)
"""Runs a program for which the modes of files hold, as they don't for root."""


def run(home: Path, *arguments: str, by: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*by, sys.executable, "-m", "tmuxmeter", "--home", str(home), *arguments],
        env={**os.environ, "COLUMNS": "300"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def data(home: Path, *arguments: str, by: Sequence[str] = ()) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(home, *arguments, "--json", by=by).stdout)
    return answer


def agent(home: Path, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = data(home, "agents")["agents"]
    return next(row for row in rows if row["agent"] == name)


def checks(home: Path, name: str) -> list[str]:
    return [c["text"] for c in data(home, "doctor")["checks"] if c["name"] == name]


@pytest.fixture
def home(home: Path) -> Path:
    """A home with the real OpenCode's database."""
    folder = home / ".local/share/opencode"
    folder.mkdir(parents=True)
    close(real(folder / "opencode.db"))
    return home


def test_every_agent_is_listed(home: Path) -> None:
    rows = data(home, "agents")["agents"]
    assert sorted(row["agent"] for row in rows) == sorted(NAMES)
    assert [row["here"] for row in rows] == sorted((r["here"] for r in rows), reverse=True)
    for row in rows:
        assert row["meters"]
        assert (row["metering"] == "unmetered") <= bool(row["not_metered"])


def test_what_an_unmetered_agent_lacks_beside_its_tokens_is_told(home: Path) -> None:
    told = agent(home, "aider")["not_metered"]
    assert "its own estimate" in told
    assert "also missing: prompts, tools, files, and the folder" in told


def test_how_far_logs_are_read(home: Path) -> None:
    row = agent(home, "opencode")
    assert (row["here"], row["logs"], row["unread_logs"]) == (True, 1, 1)
    assert (row["sessions"], row["newest_event_ms"]) == (0, None)
    assert run(home, "scan").returncode == 0
    row = agent(home, "opencode")
    assert (row["logs"], row["unread_logs"], row["sessions"]) == (1, 0, 3)
    assert row["newest_event_ms"] == 1_795_309_797_081
    words = run(home, "agents").stdout
    assert "logs: ~/.local/share/opencode: 1 log" in words
    assert "all read" in words
    assert "Goose (goose)" in words.partition("Not here")[2]


def test_several_accounts_are_kept_apart_and_named(home: Path) -> None:
    other = home / "work/opencode"
    other.mkdir(parents=True)
    store = Store(other / "opencode.db")
    store.session()
    close(store)
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[agents.opencode]\nroots = ["~/work/opencode"]\n[accounts]\n"~/work/opencode" = "work"\n'
    )
    roots = {row["path"]: row for row in agent(home, "opencode")["roots"]}
    assert roots[str(other)]["name"] == "work"
    assert [row["logs"] for row in roots.values() if row["exists"]] == [1, 1]
    assert "logs: work: ~/work/opencode: 1 log" in run(home, "agents").stdout


def test_check_shows_what_the_newest_log_says(home: Path) -> None:
    answer = run(home, "agents", "check", "opencode")
    assert answer.returncode == 0, answer.stderr
    assert "9 requests" in answer.stdout
    assert "gpt-5.5: 2,020 fresh, 7,040 cache read, 0 cache write, 128 output" in answer.stdout
    report = data(home, "agents", "check", "opencode", "--limit", "400")
    assert (report["agent"], report["counts"]["request"]) == ("opencode", 9)
    assert report["left_out"] == []
    request = next(row for row in report["events"] if row["kind"] == "request")
    assert request["model"] == "gpt-5.5"
    assert {"session", "time_ms", "fresh", "cache_read", "output"} <= request.keys()
    assert len(report["events"]) == sum(report["counts"].values())
    assert len(data(home, "agents", "check", "opencode", "--limit", "3")["events"]) == 3
    assert agent(home, "opencode")["sessions"] == 0  # nothing was booked
    assert "no log yet" in run(home, "agents", "check", "goose").stderr
    unknown = run(home, "agents", "check", "nobody")
    assert (unknown.returncode, "known are claude" in unknown.stderr) == (2, True)


def test_doctor_tells_of_databases_that_cant_be_read(home: Path) -> None:
    assert checks(home, "agents' database") == []
    folder = home / ".local/share/opencode"
    (folder / "opencode.db").write_bytes(b"SQLite format 3\0" + b"x" * 1000)
    (text,) = checks(home, "agents' database")
    assert "is damaged or no database" in text
    assert run(home, "scan").returncode == 0  # the rest is read on
    (trouble,) = agent(home, "opencode")["troubles"]
    assert trouble["path"] == str(folder / "opencode.db")


@pytest.mark.skipif(
    bool(LIKE_ANYBODY) and not shutil.which("setpriv"), reason="root can read everything"
)
def test_files_and_folders_that_can_not_be_opened_are_named(home: Path) -> None:
    log = home / ".mine/sessions/a.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    log.chmod(0)
    closed = home / ".codex/sessions"
    closed.mkdir(parents=True)
    closed.chmod(0)
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[[agents.custom]]\nname = "mine"\nlogs = "~/.mine/**/*.jsonl"\ntime = "t"\noutput = "n"\n'
    )
    checks = data(home, "doctor", by=LIKE_ANYBODY)["checks"]
    (told,) = [check["text"] for check in checks if check["name"] == "unreadable files"]
    assert f"{log}: Permission denied" in told
    assert f"{closed}: Permission denied" in told
    rows = {row["agent"]: row for row in data(home, "agents", by=LIKE_ANYBODY)["agents"]}
    assert rows["mine"]["troubles"] == [{"path": str(log), "reason": "Permission denied"}]
    assert rows["codex"]["troubles"] == [{"path": str(closed), "reason": "Permission denied"}]
    assert (rows["codex"]["here"], rows["goose"]["here"]) == (True, False)
    closed.chmod(0o700)


COMMANDS = (
    "today|week|days|sessions|panes|breakeven|agents|prices|scan|status|doctor|handoff|done|"
    "calibrate --show|reprice|pause --all|resume --all|hold status|down --all|hooks status"
)


@pytest.mark.skipif(
    bool(LIKE_ANYBODY) and not shutil.which("setpriv"), reason="root can read everything"
)
@pytest.mark.parametrize("foreign", [True, False])
def test_a_state_folder_that_can_not_be_entered_is_told_in_plain_words(
    home: Path, foreign: bool
) -> None:
    if foreign and os.geteuid():
        pytest.skip("only root can give a folder away")
    run(home, "scan")
    state = home / ".local/state/tmuxmeter"
    for words in COMMANDS.split("|"):
        command = words.split()
        if foreign:
            os.chown(state, 65534, -1)  # as `sudo tmuxmeter` leaves it, seen by its user
        else:
            state.chmod(0)
        done = run(home, *command, by=LIKE_ANYBODY)
        assert "Traceback" not in done.stderr, (command, done.stderr)
        assert done.returncode in {0, 1, 3, 5}, (command, done)
        assert all(str(state) in line for line in done.stderr.splitlines()), (command, done.stderr)
    state.chmod(0)
    report = json.loads(run(home, "doctor", "--json", by=LIKE_ANYBODY).stdout)
    bad = {check["name"]: check["text"] for check in report["checks"] if check["status"] == "bad"}
    assert str(state) in bad["state folder"]
    assert f"{state}/ledger.db can't be read: Permission denied" in bad["ledger"]
    state.chmod(0o700)


def test_doctor_names_records_nobody_knows(home: Path) -> None:
    store = Store(home / ".local/share/opencode/opencode-next.db")
    store.session("ses_9")
    store.message("msg_9", "ses_9")
    for number in range(3):
        store.part(f"prt_{number}", "msg_9", "ses_9", type="hologram")
    close(store)
    run(home, "scan")
    (text,) = checks(home, "skipped records")
    assert "3 records of unknown type part hologram in opencode 1.18.33" in text


def test_doctor_notices_a_format_without_tokens(home: Path, midday: None) -> None:
    now_ms = time.time_ns() // 1_000_000
    store = Store(home / ".local/share/opencode/opencode-next.db")
    store.connection.execute(
        "INSERT INTO session (id, project_id, slug, directory, title, version, time_created,"
        " time_updated) VALUES ('ses_9', 'p', 's', '/r', 't', '2.0.0', ?, ?)",
        (now_ms - 7_200_000, now_ms),
    )
    for number in range(4):
        at = now_ms - 3_600_000 + number
        message = {"role": "user", "time": {"created": at}}
        store.connection.execute(
            "INSERT INTO message VALUES (?, 'ses_9', ?, ?, ?)",
            (f"msg_{number}", at, at, json.dumps(message)),
        )
        store.part(f"prt_{number}", f"msg_{number}", "ses_9", type="text", text="do it")
    close(store)
    run(home, "scan")
    (text,) = checks(home, "format")
    assert text == "4 prompts of opencode 2.0.0 without any tokens in seven days"
    assert "+ 1 unmetered" in run(home, "today").stdout


def test_today_says_so_where_an_agent_tells_no_tokens_any_more(home: Path) -> None:
    noon_ms = 1_795_176_000_000  # 2026-11-20 12:00 UTC, two days before the fixture's requests
    store = Store(home / ".local/share/opencode/opencode-next.db")
    for number in range(2):
        at = noon_ms - T0 + number
        store.session(f"ses_{number}", at=at)
        store.message(f"m{number}", f"ses_{number}", at=at)
        store.part(f"p{number}", f"m{number}", f"ses_{number}", type="text", text="do it")
    close(store)
    silent = "2 sessions of opencode without any tokens, which it told before"
    assert silent in run(home, "today", "--date", "2026-11-20").stdout
    assert silent not in run(home, "today", "--date", "2026-11-22").stdout
