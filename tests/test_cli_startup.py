"""What a report loads: a command that answers in a blink must not load what it doesn't use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from build_claude import Transcript, session_id, text
from tmux_fixtures import wait_until
from watching import data, environment, start_watcher

from tmuxmeter.watcher.process import running_pid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# msgspec comes with the agents' formats, the others with prices, watching, processes and drawing
HEAVY = {"msgspec", "watchdog", "genai_prices", "psutil", "rich", "libtmux", "zstandard"}
OF_READING = {"tmuxmeter.events", "tmuxmeter.agents.base", "tmuxmeter.agents.readers"}


def loaded(*arguments: str | Path) -> set[str]:
    """Return the modules that a command loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tmuxmeter", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.fixture
def used(home: Path) -> Path:
    """Give a home with one session, written a while ago."""
    transcript = Transcript(session_id("one"))
    transcript.prompt("hello")
    transcript.reply("a", text("Done."))
    transcript.write(home / ".claude")
    hour_ago = time.time() - 3600
    for path in (home / ".claude").rglob("*"):
        os.utime(path, (hour_ago, hour_ago))
    return home


@pytest.fixture
def watched(used: Path) -> Iterator[Path]:
    """Give a home whose logs are read, while the watcher runs."""
    home = used
    watcher = start_watcher(home)
    try:
        wait_until(lambda: running_pid(home / ".local/state/tmuxmeter/run") == watcher.pid)
        wait_until(lambda: data("sessions", "--home", home)["sessions"], every=0.2)
        yield home
    finally:
        watcher.terminate()
        watcher.wait(30)


def load_nothing_heavy(home: Path) -> None:
    for command in (["today"], ["days", "--by", "pane", "--since", "2026-11-20"], ["sessions"]):
        modules = loaded(*command, "--home", home)
        assert "tmuxmeter.cli.fresh" in modules
        assert {name.partition(".")[0] for name in modules} & HEAVY == set()
        assert OF_READING & modules == set()
    slow = {"click", "dataclasses", "inspect"}
    assert loaded("today", "--json", "--home", home) & slow == set()


def test_reports_load_nothing_heavy_while_a_watcher_runs(watched: Path) -> None:
    load_nothing_heavy(watched)


def test_reports_load_nothing_heavy_where_nothing_is_new(used: Path) -> None:
    assert data("sessions", "--home", used)["sessions"]
    load_nothing_heavy(used)


def test_listing_and_help_load_no_ledger(home: Path) -> None:
    modules = loaded("--version")
    ours = [name for name in modules if name.startswith("tmuxmeter.cli.")]
    assert ours == ["tmuxmeter.cli.group"]
    assert {name.partition(".")[0] for name in loaded("--help")} & HEAVY == set()
