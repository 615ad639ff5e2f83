"""Agents' own logs are read without touching them, sparingly, and whatever form they have."""

from __future__ import annotations

import os
import sqlite3
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from build_codex_log import DebugLog, uuid

from tmuxmeter.agents.base import Began, Root
from tmuxmeter.agents.claude import Claude
from tmuxmeter.agents.codex import Codex
from tmuxmeter.panes import process_logs
from tmuxmeter.panes.process_logs import AGAIN_MS, SETTLED_MS, ProcessLogs, Question

if TYPE_CHECKING:
    from pathlib import Path

T = 1_795_301_497_000
A, B = uuid(1), uuid(2)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "codex").mkdir()
    return Root("codex", tmp_path / "codex")


def question(root: Root, time_ms: int = T) -> Question:
    return Question("codex", str(root.path), time_ms)


def written(root: Root, name: str = "logs_2.sqlite") -> sqlite3.Connection:
    log = DebugLog()
    log.began(T, 10, 2, A)
    return log.write(root.path / name)


def ask(logs: ProcessLogs, root: Root, now_ms: int, *moments: int) -> bool:
    return logs.ask([question(root, moment) for moment in moments or (T,)], [root], now_ms)


def test_what_the_log_tells_is_told_once_it_is_complete(root: Root) -> None:
    codex = written(root)
    logs = ProcessLogs([Claude(), Codex()])
    assert logs.agents == {"codex"}
    assert not ask(logs, root, T + 5_000)
    assert ask(logs, root, T + 20_000)
    assert logs.told("codex") == [Began(10, A, T)]
    assert not ask(logs, root, T + 40_000)
    assert logs.told("claude") == []
    logs.forget_but([11])
    assert logs.told("codex") == []
    codex.close()


def test_only_the_moment_in_question_is_looked_at(root: Root) -> None:
    codex = written(root)
    assert not ask(ProcessLogs([Codex()]), root, T + 400_000, T + 60_000)
    codex.close()


def test_only_the_account_in_question_is_looked_at(root: Root, tmp_path: Path) -> None:
    codex = written(root)
    logs = ProcessLogs([Codex()])
    assert not logs.ask([Question("codex", str(tmp_path / "x"), T)], [root], T + 99_000)
    assert not logs.ask([Question("claude", "", T)], [root], T + 99_000)
    # A program whose environment can't be read may be of any account.
    assert logs.ask([Question("codex", "", T)], [root], T + 99_000)
    codex.close()


def test_a_moment_is_asked_about_again_until_nothing_more_can_come(root: Root) -> None:
    logs = ProcessLogs([Codex()])
    looked = []
    codex = DebugLog().write(root.path / "logs_2.sqlite")
    codex.close()
    for now in range(T, T + 3 * SETTLED_MS, 1_000):
        before = dict(logs._asked)
        ask(logs, root, now)
        looked += [now - T] if logs._asked != before else []
    assert looked[0] >= Codex().process_log().delay_ms
    assert all(after - before >= AGAIN_MS for before, after in pairwise(looked))
    assert SETTLED_MS <= looked[-1] < SETTLED_MS + 2 * AGAIN_MS


def test_the_latest_moments_have_their_turn_first(root: Root) -> None:
    codex = written(root)
    logs = ProcessLogs([Codex()])
    old = [T - 100_000 * n for n in range(1, 20)]
    assert ask(logs, root, T + 100_000, T, *old)
    assert len(logs._asked) == process_logs.MOST_MOMENTS
    for step in range(10):
        ask(logs, root, T + 100_001 + step, T, *old)
    assert len(logs._asked) == 20
    codex.close()


def test_rows_still_in_the_write_ahead_file_are_read_and_no_byte_is_changed(root: Root) -> None:
    codex = written(root)
    files = sorted(root.path.iterdir())
    assert [path.name for path in files][1:] == ["logs_2.sqlite-shm", "logs_2.sqlite-wal"]
    before = [path.read_bytes() for path in files if not path.name.endswith("-shm")]
    # In the middle of a write of Codex's own.
    codex.execute("BEGIN IMMEDIATE")
    assert ask(ProcessLogs([Codex()]), root, T + 20_000)
    codex.rollback()
    assert sorted(root.path.iterdir()) == files
    assert [path.read_bytes() for path in files if not path.name.endswith("-shm")] == before
    codex.close()


def test_the_log_in_use_is_read_where_an_older_one_is_left(root: Root) -> None:
    left = DebugLog().write(root.path / "logs_1.sqlite")
    left.close()
    os.utime(root.path / "logs_1.sqlite", (1, 1))
    codex = written(root, "logs_3.sqlite")
    assert ask(ProcessLogs([Codex()]), root, T + 20_000)
    codex.close()


def test_a_log_that_is_absent_broken_or_of_another_form_says_nothing(root: Root) -> None:
    logs = ProcessLogs([Codex()])
    path = root.path / "logs_2.sqlite"
    assert not ask(logs, root, T + 100_000, T)
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    assert not ask(logs, root, T + 200_000, T + 1)
    path.write_bytes(b"")
    assert not ask(logs, root, T + 300_000, T + 2)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE logs (ts TEXT, message TEXT)")
    other.commit()
    assert not ask(logs, root, T + 400_000, T + 3)
    other.close()
    path.unlink()
    os.mkfifo(path)
    assert not ask(logs, root, T + 500_000, T + 4)
    path.unlink()
    codex = written(root, "elsewhere")
    codex.close()
    path.symlink_to(root.path / "elsewhere")
    assert not ask(logs, root, T + 600_000, T + 5)


def test_a_log_that_takes_too_long_says_nothing(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    codex = written(root)
    many = DebugLog()
    for n in range(20_000):
        many.add(T + n % 900, 500, "codex_core::other", "noise")
    many.append(codex)
    monkeypatch.setattr(process_logs, "MOST_STEPS", 1)
    assert not ask(ProcessLogs([Codex()]), root, T + 20_000)
    monkeypatch.undo()
    assert ask(ProcessLogs([Codex()]), root, T + 20_000)
    monkeypatch.setattr(process_logs, "MOST_ROWS", 2)
    assert not ask(ProcessLogs([Codex()]), root, T + 20_000)
    codex.close()
