"""``doctor`` on real homes in every state it explains."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from build_claude import Transcript, session_id, text
from tmux_fixtures import wait_until
from watching import data, start_watcher, tmuxmeter

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tmux_fixtures import TmuxServer

STATE = ".local/state/tmuxmeter"


def examine(home: Path, *arguments: str, code: int = 0) -> dict[str, list[dict[str, str]]]:
    """Return the checks by name; every one that isn't ok must say what to do."""
    done = tmuxmeter("doctor", "--home", home, "--json", *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    found: dict[str, list[dict[str, str]]] = {}
    for check in report["checks"]:
        found.setdefault(check["name"], []).append(check)
        assert check["status"] == "ok" or check["hint"], check
    worst = {check["status"] for check in report["checks"]}
    assert (report["status"] == "bad") == ("bad" in worst) == bool(code)
    return found


def status(home: Path, name: str) -> str:
    """Return how a check comes out at this moment, whatever the others say."""
    checks = json.loads(tmuxmeter("doctor", "--home", home, "--json", check=False).stdout)["checks"]
    return next(check["status"] for check in checks if check["name"] == name)


def write(home: Path, name: str = "one", model: str = "claude-sonnet-4-6", **fields: Any) -> Path:
    transcript = Transcript(session_id(name), **fields)
    transcript.prompt("hello")
    transcript.reply(name, text("Done."), model=model)
    return transcript.write(home / ".claude")


def test_a_fresh_machine_is_healthy(home: Path) -> None:
    checks = examine(home)
    assert {name for name, found in checks.items() if found[0]["status"] == "note"} == {
        *("state folder", "runtime folder", "watcher", "server", "ledger"),
    }
    assert "Claude Code" in checks["other agents"][0]["text"]
    # looking changes nothing
    assert list(home.iterdir()) == []


def test_figures_and_files_are_told(home: Path) -> None:
    path = write(home)
    write(home, "other", model="mystery")
    mute = Transcript(session_id("mute"))
    mute.prompt("hello")
    mute.write(home / ".claude")
    with path.open("ab") as log:
        log.write(b'{"type":"assistant","message":{"usage":"none"}}\n')
    os.mkfifo(path.with_name(f"{session_id('pipe')}.jsonl"))
    unread = examine(home)["Claude Code"][0]
    assert unread["status"] == "note"
    assert "3 not read to the end yet" in unread["text"]
    tmuxmeter("scan", "--home", home)
    checks = examine(home, "--deep")
    agent = checks["Claude Code"][0]
    assert agent["status"] == "ok"
    assert (
        f"3 logs, {'%.1f' % (sum(map(size, path.parent.glob('*.jsonl'))) / 1024)} KB"
        in (agent["text"])
    )
    assert agent["text"].endswith("the newest just now; all read")
    assert "2 requests, 3 sessions, 3 files" in checks["ledger"][0]["text"]
    assert "sound" in checks["ledger"][0]["text"]
    assert "is a named pipe, not read" in checks["unreadable files"][0]["text"]
    assert checks["unreadable files"][0]["status"] == "warn"
    assert "1 (" in checks["skipped records"][0]["text"]
    assert str(path) in checks["skipped records"][0]["text"]
    assert "mystery: 1 request," in checks["prices"][0]["text"]
    assert checks["unmetered sessions"][0]["text"] == "1 (claude 1)"


def size(path: Path) -> int:
    facts = path.lstat()
    return facts.st_size


def test_a_bad_configuration_is_bad(home: Path) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[day]\nstrat = "04:00"\n[watch]\npoll = "never"\n')
    found = examine(home, code=1)["configuration"]
    assert [check["status"] for check in found] == ["bad", "bad"]
    assert f"{config}:2:" in found[0]["text"]
    config.write_text(
        '[day]\nstart = "04:00"\n[agents]\ndisabled = ["codex"]\n[watch]\npoll = "always"\n'
    )
    checks = examine(home)
    assert "beginning at 04:00" in checks["days"][0]["text"]
    assert checks["Codex"][0]["text"] == "switched off in the configuration"
    assert 'watch.poll is "always"' in checks["file events"][0]["text"]


def test_a_damaged_ledger_is_bad(home: Path) -> None:
    write(home)
    tmuxmeter("scan", "--home", home)
    ledger = home / STATE / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'session'"
        ).fetchone()[0]
    connection.close()
    with ledger.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    (found,) = examine(home, "--deep", code=1)["ledger"]
    assert found["status"] == "bad"
    assert "damaged" in found["text"]
    ledger.write_bytes(b"not a database at all" * 500)
    (found,) = examine(home, code=1)["ledger"]
    assert "damaged" in found["text"]


def test_folders_of_the_meters_own(home: Path, tmp_path: Path) -> None:
    state = home / STATE
    state.mkdir(parents=True)
    state.chmod(0o755)
    found = examine(home)["state folder"][0]
    assert found["status"] == "warn"
    assert found["hint"] == f"chmod 700 {state}"
    state.rmdir()
    state.symlink_to(tmp_path)
    assert examine(home, code=1)["state folder"][0]["status"] == "bad"


def test_links_in_the_place_of_folders_that_hooks_and_pauses_use(
    home: Path, tmp_path: Path
) -> None:
    folders = {"pauses": "pauses", "hold flags": "run/hold", "hooks' reports": "run/inbox"}
    (home / STATE / "run").mkdir(parents=True, mode=0o700)
    for name, path in folders.items():
        (home / STATE / path).symlink_to(tmp_path / "nowhere")
        [check] = examine(home, code=1)[f"folder of {name}"]
        assert (check["status"], "is a link" in check["text"]) == ("bad", True)
        (home / STATE / path).unlink()
        (home / STATE / path).mkdir(mode=0o700)
    assert not [name for name in examine(home) if name.startswith("folder of")]


def test_a_watcher_that_runs_and_one_that_was_killed(home: Path, tmux_server: TmuxServer) -> None:
    write(home)
    runtime = home / STATE / "run"
    watcher = start_watcher(home)
    try:
        wait_until(lambda: data("sessions", "--home", home)["sessions"], every=0.2)
        Servers(runtime).register(tmux_server.socket)
        tmux_server.run("set-option", "-g", "status-right", "#{tmuxmeter}")
        # registered behind the watcher's back: it meets the server at its next tick
        wait_until(lambda: status(home, "server") == "ok", every=0.3)
        checks = examine(home)
        assert f"process {watcher.pid} since" in checks["watcher"][0]["text"]
        assert "notices changes by" in checks["watcher"][0]["text"]
        assert "shown in status-right; figures hold" in checks["server"][0]["text"]
    finally:
        watcher.send_signal(signal.SIGKILL)
        watcher.wait()
    checks = examine(home)
    assert checks["watcher"][0]["status"] == "warn"
    assert "killed or crashed" in checks["watcher"][0]["text"]
    assert checks["server"][0]["status"] == "warn"
    assert "no figures come" in checks["server"][0]["text"]
    tmux_server.run("set-option", "-g", "status-left", "#{tmuxmeter_total}")
    assert "not replaced in status-left" in examine(home)["server"][0]["text"]
    tmux_server.kill()
    wait_until(lambda: not tmux_server.alive())
    assert examine(home)["server"][0]["status"] == "note"


def test_without_tmux_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("tmux")
    monkeypatch.setenv("PATH", str(home))
    found = examine(home, code=1)["tmux"][0]
    assert (found["text"], found["hint"]) == ("not installed", "install tmux 3.2 or newer")


def test_a_log_from_the_future_means_a_wrong_clock(home: Path) -> None:
    path = write(home)
    os.utime(path, (time.time() + 7200, time.time() + 7200))
    found = examine(home)["Claude Code"][0]
    assert found["status"] == "warn"
    assert "minutes in the future" in found["text"]


def test_foreign_words_are_shown_and_do_nothing(home: Path) -> None:
    write(home, model="[red]x[/red]\x1b[31m")
    tmuxmeter("scan", "--home", home)
    words = tmuxmeter("doctor", "--home", home).stdout
    assert "unpriced: [red]x[/red]\\x1b[31m: 1 request," in words
    assert "\x1b" not in words
    assert words.splitlines()[-1].endswith("note")
