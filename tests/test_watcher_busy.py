"""A database that its agent holds: left for later, read from a copy, never lost."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from build_opencode import TABLES, Store, close
from logs_stores import INDEX_HEADER, write_over

from tmuxmeter.config import Config
from tmuxmeter.events import LogFile
from tmuxmeter.logs.databases import QUIET_NS
from tmuxmeter.paths import places, private_folder
from tmuxmeter.watcher.intake import BUSY_AT_MOST, Intake
from tmuxmeter.watcher.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(home: Path) -> Path:
    (home / ".local/share/opencode").mkdir(parents=True)
    return home


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    folder = private_folder(tmp_path / "state")
    with closing(Intake(folder, lambda _agent, _usage: None, 0)) as made:
        yield made


def log_of(home: Path) -> LogFile:
    root = home / ".local/share/opencode"
    return LogFile("opencode", str(root), "opencode.db", str(root / "opencode.db"))


def requests(intake: Intake) -> int:
    return intake.writer.reader().counts()["usage"]


def held(home: Path) -> sqlite3.Connection:
    """Write a session without a WAL, and keep the database shut as a busy agent does."""
    path = home / ".local/share/opencode/opencode.db"
    store = Store(path, "PRAGMA journal_mode=delete;" + "\n".join(TABLES))
    store.session()
    store.reply("msg_1")
    close(store)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_a_busy_database_is_left_for_later_then_copied(home: Path, intake: Intake) -> None:
    log = log_of(home)
    with closing(held(home)):
        for tries in range(1, BUSY_AT_MOST):
            assert not intake.read([log], time.time_ns())
            assert intake.busy == {log.path: tries}
            assert intake.log_problems == {}
        assert intake.read([log], time.time_ns())
        assert intake.busy == {}
        assert requests(intake) == 1


def test_one_that_lets_go_is_read_without_any_further_change(home: Path, intake: Intake) -> None:
    reading = Reading(intake, places(home, {}), Config())
    try:
        agent = held(home)
        deadline = time.monotonic() + 20
        while not intake.busy:
            assert time.monotonic() < deadline
            reading.changes()
            time.sleep(0.02)
        agent.execute("ROLLBACK")
        agent.close()
        while not requests(intake):
            assert time.monotonic() < deadline
            # what wakes the watcher is the time it was told to come back
            time.sleep(min(0.2, reading.wait(time.monotonic())))
            reading.changes()
    finally:
        reading.close()
    assert intake.log_problems == {}


def test_a_late_commit_is_found_without_any_further_change(home: Path, intake: Intake) -> None:
    reading = Reading(intake, places(home, {}), Config())
    path = home / ".local/share/opencode/opencode.db"
    index = path.with_name(f"{path.name}-shm")
    store = Store(path)
    try:
        store.session()
        before = index.read_bytes()[:INDEX_HEADER]
        store.reply("msg_1")
        after = index.read_bytes()[:INDEX_HEADER]
        # The commit stands in the WAL, and not yet in the index by which readers go.
        write_over(index, before)
        # Later than it is, so that a slow machine, too, reads it within the second after it.
        late = time.time_ns() + QUIET_NS
        os.utime(path.with_name(f"{path.name}-wal"), ns=(late, late))
        deadline = time.monotonic() + 20
        while not intake.position(log_of(home)).size:
            assert time.monotonic() < deadline
            reading.changes()
            time.sleep(0.02)
        assert requests(intake) == 0
        write_over(index, after)
        while not requests(intake):
            assert time.monotonic() < deadline
            time.sleep(min(0.2, reading.wait(time.monotonic())))
            reading.changes()
    finally:
        reading.close()
        close(store)


def test_the_rest_goes_on_beside_a_damaged_one(home: Path, intake: Intake) -> None:
    root = home / ".local/share/opencode"
    (root / "opencode.db").write_bytes(b"SQLite format 3\0" + b"x" * 2000)
    store = Store(root / "opencode-dev.db")
    store.session()
    store.reply("msg_1")
    good = LogFile("opencode", str(root), "opencode-dev.db", str(store.path))
    close(store)
    assert intake.read([log_of(home), good], time.time_ns())
    assert requests(intake) == 1
    (problem,) = intake.log_problems.values()
    assert "is damaged or no database" in problem
