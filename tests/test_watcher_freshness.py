"""A ledger is called fresh only while nothing can be new; every kind of news is noticed."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from build_opencode import Store, close

from tmuxmeter.config import load
from tmuxmeter.demo.play import write_week
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.paths import Places, places
from tmuxmeter.watcher.catching_up import bring_up_to_date
from tmuxmeter.watcher.freshness import is_fresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR_NS = 3_600 * 10**9


def read(home: Path) -> Places:
    """Read everything and return where it is; folders get a past, so that they are settled."""
    found = places(home, {"HOME": str(home)})
    for folder, _, _ in os.walk(home):
        os.utime(folder, ns=(time.time_ns() - HOUR_NS,) * 2)
    assert bring_up_to_date(found, load(found.config_file)) == []
    return found


@pytest.fixture
def read_home(home: Path) -> Places:
    write_week(home, time.time_ns() // 1_000_000)
    found = read(home)
    assert is_fresh(found, time.time_ns())
    return found


def a_log(home: Path) -> Path:
    return next((home / ".claude/projects").rglob("*.jsonl"))


def append(home: Path) -> None:
    with a_log(home).open("a") as log:
        log.write("{}\n")


def new_log(home: Path) -> None:
    shutil.copy(a_log(home), a_log(home).with_stem("11111111-1111-4111-8111-111111111111"))


def new_folder(home: Path) -> None:
    (home / ".claude/projects/-work-new").mkdir()


def new_agent(home: Path) -> None:
    shutil.rmtree(home / ".codex")
    read(home)
    (home / ".codex/sessions/2026").mkdir(parents=True)


def new_account(home: Path) -> None:
    (home / ".claude-work/projects").mkdir(parents=True)


def rewritten(home: Path) -> None:
    log = a_log(home)
    facts = log.stat()
    log.write_text(log.read_text().replace("demo", "omed"))
    os.utime(log, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))


def configured(home: Path) -> None:
    file = home / ".config/tmuxmeter/config.toml"
    with file.open("a") as settings:
        settings.write('[agents]\ndisabled = ["codex"]\n')


@pytest.mark.parametrize(
    "news",
    [append, new_log, new_folder, new_agent, new_account, rewritten, configured],
    ids=lambda news: news.__name__,
)
def test_news_are_noticed(home: Path, read_home: Places, news: Callable[[Path], None]) -> None:
    news(home)
    assert not is_fresh(read_home, time.time_ns())


def test_another_environment_is_other_logs(home: Path, read_home: Places) -> None:
    other = places(None, {"HOME": str(home), "CODEX_HOME": str(home / "elsewhere")})
    assert other.state == read_home.state
    assert not is_fresh(other, time.time_ns())


def test_deleted_logs_are_no_news(home: Path, read_home: Places) -> None:
    a_log(home).unlink()
    assert not is_fresh(read_home, time.time_ns())  # its folder changed
    assert is_fresh(read(home), time.time_ns())


def test_a_deleted_log_that_comes_back_is_news(home: Path, read_home: Places) -> None:
    log = a_log(home)
    away = home / "away"
    log.rename(away)
    found = read(home)
    assert is_fresh(found, time.time_ns())
    with away.open("a") as text:
        text.write("{}\n")
    away.rename(log)
    assert not is_fresh(found, time.time_ns())


def test_a_ledger_of_years_is_fresh_by_the_logs_that_still_exist(read_home: Places) -> None:
    with Reader.open(read_home.state) as reader:
        known = reader.files()
        ids = reader.file_ids([known[1].path, known[3].path, "/nowhere.jsonl"])
        marks = reader.file_marks(ids)
        assert reader.file_marks([]) == []
    rows = (known[1], known[3])
    assert marks == [(row.path, row.size, row.mtime_ns) for row in rows]


def test_an_unfinished_last_line_is_due_once_its_file_rests(home: Path, read_home: Places) -> None:
    with a_log(home).open("a") as log:
        log.write('{"type":"summary"}')
    found = read(home)
    assert is_fresh(found, time.time_ns())
    assert not is_fresh(found, time.time_ns() + 61 * 10**9)


def test_without_a_ledger_nothing_is_fresh(home: Path) -> None:
    assert not is_fresh(places(home, {}), time.time_ns())


def test_what_stands_in_a_databases_wal_is_news(home: Path) -> None:
    folder = home / ".local/share/opencode"
    folder.mkdir(parents=True)
    store = Store(folder / "opencode.db")
    store.session()
    found = read(home)
    assert is_fresh(found, time.time_ns())
    before = store.path.stat().st_mtime_ns, folder.stat().st_mtime_ns
    store.reply("msg_1")
    assert (store.path.stat().st_mtime_ns, folder.stat().st_mtime_ns) == before
    assert not is_fresh(found, time.time_ns())
    close(store)


def test_a_file_that_names_further_folders_is_news_when_it_changes(home: Path) -> None:
    folder = home / ".local/share/crush"
    folder.mkdir(parents=True)
    found = read(home)
    assert is_fresh(found, time.time_ns())
    (folder / "projects.json").write_text('{"projects": [{"path": "/nowhere"}]}')
    os.utime(folder, ns=(time.time_ns() - HOUR_NS,) * 2)
    assert not is_fresh(found, time.time_ns())
