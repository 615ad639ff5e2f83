from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from logs_agent import Book
from logs_stores import (
    INDEX_HEADER,
    OVERLAP,
    STORE,
    connect,
    made,
    put,
    store_at,
    usage,
    write_over,
)
from tmux_fixtures import wait_until

from tmuxmeter.agents.readers import PAGE
from tmuxmeter.errors import LogBusyError, LogError
from tmuxmeter.events import Position
from tmuxmeter.logs import sqlite_files
from tmuxmeter.logs.databases import QUIET_NS, read_database, trouble
from tmuxmeter.logs.discover import discover
from tmuxmeter.logs.follow import Follower, follow
from tmuxmeter.logs.reading import read_log
from tmuxmeter.logs.scan import pending, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
if len(sys.argv) > 2:
    connection.execute("UPDATE item SET n = 99")
print("held", flush=True)
sys.stdin.read()
"""


def read(path: Path, book: Book, *, copy: bool = True) -> int:
    log = store_at(path)
    return book.add(read_log(STORE, log, book.at(log), copy=copy))


def total(book: Book) -> int:
    return sum(book.outputs().values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "x.db"


@pytest.fixture(autouse=True)
def folder(path: Path) -> Path:
    path.parent.mkdir()
    return path.parent


@pytest.fixture
def held(path: Path) -> Iterator[None]:
    """Another program holds the database, without a WAL."""
    made(path, 3, wal=False)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield
        process.stdin.close()


def test_rows_are_read_once_and_again_where_they_change(path: Path) -> None:
    book = Book()
    with closing(connect(path)) as agent:
        put(agent, "a", 100, 5)
        assert read(path, book) == 1
        assert read(path, book) == 0
        put(agent, "b", 101, 7)
        read(path, book)
        put(agent, "a", 102, 9)  # updated in place
        read(path, book)
    assert book.usage == {event.key: event for event in (usage("a", 9), usage("b", 7))}


def test_a_row_with_a_time_that_had_passed_is_found(path: Path) -> None:
    book = Book()
    with closing(connect(path)) as agent:
        put(agent, "b", 100, 1)
        read(path, book)
        put(agent, "a", 100 - OVERLAP + 1, 1)
        read(path, book)
    assert total(book) == 2


def test_many_rows_come_in_pages_that_can_be_left_and_gone_on_with(path: Path) -> None:
    made(path, 2 * PAGE + 1)
    book, log = Book(), store_at(path)
    chunks = read_database(STORE, log, book.at(log))
    first = next(chunks)
    book.add([first])
    assert len(first.events) == PAGE
    del chunks
    read(path, book)
    assert total(book) == 2 * PAGE + 1
    assert read(path, book) == 0


def test_nothing_appears_beside_it_and_nothing_of_it_changes(path: Path, folder: Path) -> None:
    made(path, 3)
    before = path.read_bytes(), path.stat().st_mtime_ns
    book = Book()
    read(path, book)
    assert [item.name for item in folder.iterdir()] == ["x.db"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert total(book) == 3


def test_what_stands_in_the_wal_only_is_read_and_the_writer_is_not_kept(path: Path) -> None:
    made(path, 1)
    book = Book()
    with closing(connect(path)) as agent:
        put(agent, "new", 50, 10)
        read(path, book)
        assert total(book) == 11
        put(agent, "newer", 51, 20)
        agent.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        read(path, book)
    assert total(book) == 31


def test_a_wal_left_behind_by_a_killed_agent_is_read_from_a_copy(path: Path, folder: Path) -> None:
    with closing(connect(path)) as agent:
        put(agent, "a", 1, 5)
        agent.execute("PRAGMA wal_checkpoint")
        put(agent, "b", 2, 6)
        killed = folder / "killed.db"
        shutil.copy(path, killed)
        shutil.copy(f"{path}-wal", f"{killed}-wal")
    before = sorted(folder.iterdir())
    book = Book()
    read(killed, book)
    assert total(book) == 11
    assert sorted(folder.iterdir()) == before


@pytest.mark.usefixtures("held")
def test_a_busy_one_is_left_for_later_then_copied(path: Path) -> None:
    book = Book()
    with pytest.raises(LogBusyError, match="locked"):
        read(path, book, copy=False)
    assert book.chunks == 0
    read(path, book)
    assert total(book) == 3


@pytest.mark.usefixtures("held")
def test_one_too_large_to_copy_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "COPY_LIMIT", 10)
    with pytest.raises(LogError, match="too large to copy"):
        read(path, Book())


def test_a_transaction_cut_short_is_undone_in_the_copy_only(path: Path) -> None:
    made(path, 3, wal=False)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), "write"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    process.kill()
    process.communicate()
    journal = path.with_name("x.db-journal")
    assert journal.exists()
    book = Book()
    read(path, book)
    assert total(book) == 3
    assert journal.exists()


def test_damage_and_strange_tables_are_told(path: Path) -> None:
    log = store_at(path)
    path.write_bytes(b"SQLite format 3\0" + b"garbage" * 100)
    with pytest.raises(LogError, match=r"x\.db: is damaged or no database"):
        read(path, Book())
    assert "damaged" in trouble(STORE, log, Position())
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE item (id TEXT)")
    with pytest.raises(LogError, match=r"x\.db: no column item\.n"):
        read(path, Book())
    assert trouble(STORE, log, Position()) == "no column item.n"
    path.unlink()
    with closing(connect(path)) as other:
        other.execute("ALTER TABLE item RENAME COLUMN changed TO moved")
    with pytest.raises(LogError, match=r"a form this version doesn't know \(no such column"):
        read(path, Book())
    assert "no such column" in trouble(STORE, log, Position())


def test_damage_behind_what_was_read_is_told(path: Path) -> None:
    made(path, 3, wal=False)
    book = Book()
    read(path, book)
    log = store_at(path)
    assert trouble(STORE, log, book.at(log)) == ""
    made(path, 3000, wal=False)
    damaged = path.read_bytes()
    path.write_bytes(damaged[:8192] + b"\x55" * (len(damaged) - 8192))
    with pytest.raises(LogError, match="damaged"):
        read(path, book)
    assert "damaged" in trouble(STORE, log, book.at(log))


def test_one_that_is_just_being_made_is_no_trouble(path: Path) -> None:
    path.touch()
    book = Book()
    assert read(path, book) == 0
    assert trouble(STORE, store_at(path), Position()) == ""
    made(path, 1)
    read(path, book)
    assert total(book) == 1
    assert trouble(STORE, store_at(path), Position()) == ""


def test_another_file_of_the_name_is_read_from_its_beginning(path: Path, folder: Path) -> None:
    book = Book()
    made(path, 30)
    read(path, book)
    other = folder / "other"
    with closing(connect(other)) as agent:
        put(agent, "restored", 1, 7)
    other.rename(path)
    read(path, book)
    assert total(book) == 37


def test_links_and_folders_are_refused(path: Path, folder: Path) -> None:
    made(folder / "real.db", 1)
    path.symlink_to(folder / "real.db")
    with pytest.raises(LogError, match="symbolic link"):
        read(path, Book())


def test_the_cold_scan_reads_databases_and_knows_what_is_read(path: Path, folder: Path) -> None:
    made(path, 5)
    (root,) = STORE.roots(folder, {})
    book = Book()
    for workers in (1, 2):
        for number in range(2):
            made(folder / f"{workers}{number}.db", 5)
        catalog = discover([(STORE, root)], now_ns=time.time_ns())
        jobs = pending(catalog.entries(), {"store": STORE}, book.positions, now_ns=0)
        book.add(scan(jobs, workers=workers, small=0))
        assert not pending(catalog.entries(), {"store": STORE}, book.positions, now_ns=0)
    with closing(connect(path)) as agent:
        put(agent, "more", 10**6, 1)
        catalog = discover([(STORE, root)], now_ns=time.time_ns())
        jobs = pending(catalog.entries(), {"store": STORE}, book.positions, now_ns=0)
        assert [job.log.name for job in jobs] == ["x.db"]


@pytest.mark.parametrize("events", [True, False])
def test_what_comes_into_the_wal_is_noticed(path: Path, folder: Path, events: bool) -> None:
    made(path, 1)
    (folder / "huge").mkdir()
    made(folder / "huge" / "y.db", 1)
    roots = [(STORE, root) for root in STORE.roots(folder, {})]
    now, now_ns = time.monotonic(), time.time_ns()
    if events:
        follower = follow(roots, now=now, now_ns=now_ns)
    else:
        follower = Follower(roots, watches=None, mounts="", now=now, now_ns=now_ns)
    assert [entry.path for entry in follower.catalog.entries()] == [str(path)]

    def noticed() -> list[str]:
        changes = follower.take(time.monotonic(), time.time_ns())
        return [log.name for log in changes.logs]

    with closing(connect(path)) as agent:
        wait_until(lambda: not noticed())
        put(agent, "more", 5, 1)
        assert wait_until(noticed) == ["x.db"]
    assert wait_until(noticed) == ["x.db"]  # closing wrote it into the database
    follower.close()


def test_a_commit_that_its_index_does_not_tell_yet_is_found_a_moment_later(path: Path) -> None:
    # SQLite writes the commit into the WAL first and the index in the shared file, by which readers
    # go, after it. What a reader finds in between is made here: the index from before the commit.
    book, log = Book(), store_at(path)
    index = path.with_name(f"{path.name}-shm")
    changed = time.time_ns()

    def read_at(now_ns: int) -> None:
        book.add(read_log(STORE, log, book.at(log), now_ns=now_ns))

    with closing(connect(path)) as agent:
        put(agent, "a", 100, 5)
        before = index.read_bytes()[:INDEX_HEADER]
        put(agent, "b", 101, 7)
        after = index.read_bytes()[:INDEX_HEADER]
        write_over(index, before)
        read_at(changed)
        assert total(book) == 5
        write_over(index, after)
        # Nothing that can be seen of the files has changed: not read again at once,
        (root,) = STORE.roots(path.parent, {})
        entries = list(discover([(STORE, root)], now_ns=changed).entries())
        assert not pending(entries, {"store": STORE}, book.positions, now_ns=changed)
        read_at(changed)
        assert total(book) == 5
        # but once, after a moment's rest.
        later = time.time_ns() + QUIET_NS
        assert pending(entries, {"store": STORE}, book.positions, now_ns=later)
        read_at(later)
        assert total(book) == 12
        assert not pending(entries, {"store": STORE}, book.positions, now_ns=later + QUIET_NS)
