"""How far logs were read is known, whether it is kept in memory or the ledger is asked."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tmuxmeter.agents import AGENTS
from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.events import LogFile, Position
from tmuxmeter.ledger.database import LEDGER_NAME
from tmuxmeter.logs.discover import discover
from tmuxmeter.watcher import intake as module
from tmuxmeter.watcher.intake import Intake

if TYPE_CHECKING:
    import pytest

START_MS = 1_790_000_000_000


def write_logs(home: Path, count: int) -> list[LogFile]:
    """Write some transcripts and return them as they are found."""
    for number in range(count):
        session = ClaudeSession(Random(number), f"/w/{number}", "main")
        file = home / session.path
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"{line}\n" for _, line in session.turn(START_MS)))
    roots = [(agent, root) for agent in AGENTS for root in agent.roots(home, {})]
    catalog = discover([pair for pair in roots if not pair[1].needs], now_ns=START_MS * 10**6)
    return [entry.log for entry in catalog.entries() if entry.log]


def test_reading_goes_on_where_it_stood_after_memory_was_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED_POSITIONS", 2)
    logs = write_logs(tmp_path, 4)
    with closing(Intake(tmp_path / "state", lambda *_: 0, START_MS)) as intake:
        assert intake.positions() == {}
        assert intake.read(logs, START_MS * 10**6)
        before = dict(intake.positions())
        assert len(before) == 4
        assert all(position.offset for position in before.values())
        intake.release()
        assert [intake.position(log) for log in logs] == list(before.values())
        assert intake.position(LogFile("claude", "/", "none", "/none")) == Position()
        # what is kept is no more than a few, and what was read since is among them
        Path(logs[0].path).write_text("")
        intake.read(logs, START_MS * 10**6)
        assert intake.position(logs[0]).offset == 0
        assert intake.positions()[logs[0].agent, logs[0].root, logs[0].name].offset == 0
    assert (tmp_path / "state" / LEDGER_NAME).exists()


def test_another_ledger_is_asked_anew(tmp_path: Path) -> None:
    (log,) = write_logs(tmp_path, 1)
    with closing(Intake(tmp_path / "state", lambda *_: 0, START_MS)) as intake:
        intake.release()
        assert intake.position(log) == Position()
        intake.writer.close()
        with closing(Intake(tmp_path / "state", lambda *_: 0, START_MS)) as other:
            other.read([log], START_MS * 10**6)
        assert intake.recover()
        assert intake.position(log).offset == Path(log.path).stat().st_size
