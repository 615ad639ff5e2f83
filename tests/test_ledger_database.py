"""The ledger's file: private, locked, versioned, and clear about what is wrong with it."""

from __future__ import annotations

import gc
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON, chunk, dump, dump_connection, log, price, usage

from tmuxmeter.errors import (
    FolderError,
    LedgerBusyError,
    LedgerError,
    LedgerNewerError,
    LedgerUnwritableError,
)
from tmuxmeter.events import FileTouch, SessionStart
from tmuxmeter.ledger import database
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.ledger.schema import SCHEMA_VERSION
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tmuxmeter"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real file system of one megabyte, where this user may."""
    mount = tmp_path / "disk"
    mount.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(mount)],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a file system")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def fill(writer: Writer, number: int, start: int = 0) -> None:
    events = [usage(f"m{n}", output=1, cwd=f"/w/{n}") for n in range(start, start + number)]
    writer.book([chunk(log(), events)], price)


def test_everything_is_private_whatever_the_umask(folder: Path) -> None:
    old = os.umask(0)
    try:
        with Writer.open(folder) as writer:
            fill(writer, 1)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(
        ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock"], 0o600
    )


def test_what_was_booked_is_there_the_next_time(folder: Path) -> None:
    with Writer.open(folder) as writer:
        fill(writer, 3)
        before = dump(writer)
    with Writer.open(folder) as writer:
        assert dump(writer) == before
        fill(writer, 3)
        assert dump(writer) == before


def test_a_second_writer_is_told_who_holds_the_ledger(folder: Path) -> None:
    with (
        Writer.open(folder),
        pytest.raises(LedgerBusyError, match=rf"process {os.getpid()} is already"),
    ):
        Writer.open(folder)
    Writer.open(folder).close()


def test_a_writer_that_was_dropped_locks_nobody_out(folder: Path) -> None:
    writer = Writer.open(folder)
    del writer
    gc.collect()
    with Writer.open(folder) as writer:
        writer.close()
        # closing twice is no harm to who opened it since
        with Writer.open(folder), pytest.raises(LedgerBusyError):
            writer.close()
            Writer.open(folder)


def test_the_lock_dies_with_its_process_even_if_a_child_lives_on(folder: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from tmuxmeter.ledger.writer import Writer
writer = Writer.open(Path(sys.argv[1]))
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        with pytest.raises(LedgerBusyError, match=f"process {parent.pid} "):
            Writer.open(folder)
        parent.kill()
        parent.wait()
        Writer.open(folder).close()
    finally:
        os.kill(child, 9)
        parent.kill()
        parent.stdout.close()


def test_a_newer_ledger_is_refused(folder: Path) -> None:
    Writer.open(folder).close()
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = (folder / "ledger.db").read_bytes()
    for open_it in (Writer.open, Reader.open):
        with pytest.raises(LedgerNewerError, match=r"newer tmuxmeter .* upgrade tmuxmeter"):
            open_it(folder)
    assert (folder / "ledger.db").read_bytes() == before
    # and the lock is free again
    database.free_lock(database.take_lock(folder))


def test_a_migration_happens_wholly_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "CREATE TABLE extra (x); CREATE TABLE session (again)"
    connection = sqlite3.connect(":memory:", isolation_level=None)
    database.migrate(connection)
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, broken))
    with pytest.raises(sqlite3.Error):
        database.migrate(connection)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall() == []
    monkeypatch.setattr(
        database, "MIGRATIONS", (*database.MIGRATIONS[:-1], "CREATE TABLE extra (x)")
    )
    database.migrate(connection)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    assert connection.execute("SELECT * FROM extra").fetchall() == []


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 100, b"x" * 5000])
def test_a_file_that_is_no_ledger_is_named_and_left_alone(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "ledger.db").write_bytes(content)
    for open_it in (Writer.open, Reader.open):
        with pytest.raises(LedgerError, match=r"ledger\.db is damaged .* move it away"):
            open_it(folder)
    assert (folder / "ledger.db").read_bytes() == content


def test_damage_inside_is_told_when_met(folder: Path) -> None:
    with Writer.open(folder) as writer:
        fill(writer, 3000)
    path = folder / "ledger.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"), Reader.open(folder) as reader:
        reader.slices(0, 1 << 50)


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(FolderError, match="symbolic link"):
        Writer.open(tmp_path / "link")


def test_readers_never_wait_for_the_writer(folder: Path) -> None:
    with Writer.open(folder) as writer:
        fill(writer, 10)
        with Reader.open(folder) as reader:
            halfway = threading.Event()
            go_on = threading.Event()
            answers = []

            def slow(_agent: str, _usage: object, /) -> int | None:
                halfway.set()
                assert go_on.wait(30)
                return 1

            def ask() -> None:
                assert halfway.wait(30)
                with Reader.open(folder) as late:
                    answers.extend(late.slices(0, 1 << 50))
                go_on.set()

            thread = threading.Thread(target=ask)
            thread.start()
            writer.book([chunk(log(), [usage("new", output=1)])], slow)
            thread.join()
            assert sum(piece.measures.requests for piece in answers) == 10
            # one connection sees each state whole, and the newest when asked anew
            assert len(reader.slices(0, 1 << 50)) == 11
            with reader.snapshot():
                assert len(reader.slices(0, 1 << 50)) == 11
                fill(writer, 1, start=50)
                assert len(reader.slices(0, 1 << 50)) == 11
            assert len(reader.slices(0, 1 << 50)) == 12


def test_a_reader_can_open_what_a_killed_writer_left(folder: Path) -> None:
    code = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_data import *
from tmuxmeter.ledger.writer import Writer
writer = Writer.open(Path(sys.argv[1]))
writer.book([chunk(log(), [usage(output=1)])], price)
os.kill(os.getpid(), 9)
"""
    arguments = [sys.executable, "-c", code, str(folder), *sys.path]
    assert subprocess.run(arguments, check=False).returncode == -9
    assert (folder / "ledger.db-wal").stat().st_size
    with Reader.open(folder) as reader:
        assert len(reader.slices(0, 1 << 50)) == 1


def test_a_reader_cannot_write(folder: Path) -> None:
    Writer.open(folder).close()
    with Reader.open(folder) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM usage")


def test_no_ledger_yet_is_an_empty_one(folder: Path) -> None:
    with Reader.open(folder) as reader:
        assert reader.missing
        assert reader.slices(0, 1 << 50) == []
        assert reader.recent_sessions(0) == []
    assert not folder.exists()
    folder.mkdir(parents=True)
    (folder / "ledger.db").touch()
    with Reader.open(folder) as reader:
        assert reader.missing
    Writer.open(folder).close()
    with Reader.open(folder) as reader:
        assert not reader.missing


def test_an_older_ledger_is_not_guessed_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Writer.open(folder).close()
    monkeypatch.setattr("tmuxmeter.ledger.reader.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(LedgerError, match="older tmuxmeter; `tmuxmeter up`"):
        Reader.open(folder)


def test_a_stranger_who_locks_the_file_is_waited_for_and_then_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Writer.open(folder) as writer:
        stranger = sqlite3.connect(folder / "ledger.db", isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnwritableError, match="another program keeps it locked"):
            fill(writer, 1)
        stranger.close()
        fill(writer, 1)


def test_a_full_database_books_nothing_of_what_does_not_fit(folder: Path) -> None:
    with Writer.open(folder) as writer:
        fill(writer, 10)
        before = dump(writer)
        pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
        writer._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(LedgerUnwritableError, match=r"ledger\.db: the disk is full"):
            fill(writer, 5000, start=10)
        assert dump(writer) == before
        writer._connection.execute("PRAGMA max_page_count = 100000")
        fill(writer, 5000, start=10)
        with Writer.memory(None, 0) as plain:
            fill(plain, 10)
            fill(plain, 5000, start=10)
            assert dump(plain) == dump(writer)


def test_a_full_disk(small_disk: Path) -> None:
    folder = small_disk / "state"
    with Writer.open(folder) as writer:
        fill(writer, 10)
        before = dump(writer)
        with pytest.raises(LedgerUnwritableError):
            fill(writer, 20_000, start=10)
        assert dump(writer) == before
        with Writer.memory(folder, 0) as stand_in:
            assert dump(stand_in) == before
            fill(stand_in, 20_000, start=10)
            whole = dump(stand_in)
        assert dump(writer) == before
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    with Writer.open(folder) as writer:
        assert dump(writer) == before
        fill(writer, 20_000, start=10)
        assert dump(writer) == whole


def test_no_room_to_begin_with(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (1024 * 1024 - 8192))
    with pytest.raises(LedgerUnwritableError):
        Writer.open(small_disk / "state")
    with Reader.open(small_disk / "state") as reader:
        assert reader.missing
    (small_disk / "ballast").unlink()
    with Writer.open(small_disk / "state") as writer:
        fill(writer, 1)


def test_a_read_only_folder(small_disk: Path) -> None:
    folder = small_disk / "state"
    with Writer.open(folder) as writer:
        fill(writer, 10)
        before = dump(writer)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerUnwritableError):
        Writer.open(folder)
    with pytest.raises(LedgerUnwritableError):
        Writer.open(small_disk / "new")
    with Reader.open(folder) as reader:
        assert len(reader.slices(0, 1 << 50)) == 10
    with Writer.memory(folder, 0) as stand_in:
        assert stand_in.in_memory
        assert dump(stand_in) == before
        fill(stand_in, 1, start=10)
        assert len(stand_in.reader().slices(0, 1 << 50)) == 11


def test_the_stand_in_knows_what_is_recent_and_where_reading_stands(folder: Path) -> None:
    with Writer.open(folder) as writer:
        old = [
            SessionStart(key=1, session="s1", time_ms=NOON - 9 * DAY, cwd="/w"),
            usage("old", time_ms=NOON - 9 * DAY, output=1),
            FileTouch(key=2, session="s1", time_ms=NOON - 9 * DAY, edit=True, path="/old"),
        ]
        new = [
            usage("new", output=1),
            FileTouch(key=3, session="s1", time_ms=NOON, edit=True, path="/new"),
        ]
        writer.book([chunk(log(), old), chunk(log("b"), new)], price)
        pane = writer.pane(PaneRun("/s", 1, 2, "%1", 3, "4"), NOON)
        for pid in (1, 2):
            ended = writer.bind(
                "claude", f"s{pid}", "pane", pane, pid, "", NOON - 9 * DAY, "test", 1.0, NOON
            )
        writer.end_binding(ended, NOON - 5 * DAY)
        writer.set_meta("x", "y")
        positions = writer.positions()
        with Writer.memory(folder, NOON - 2 * DAY) as stand_in:
            content = dump(stand_in)
            assert stand_in.positions() == positions
            assert len(content["usage"]) == 1
            assert [row[4] for row in content["file_touch"]] == ["/new"]
            assert content["session"] == dump(writer)["session"]
            assert stand_in.open_bindings() == writer.open_bindings()
            assert stand_in.bindings_of("claude", "s2") == []
            assert stand_in.pane(PaneRun("/s", 1, 2, "%1", 3, "4"), NOON) == pane
            assert stand_in.meta("x") == "y"
            before = dump(writer)
            fill(stand_in, 5)
            assert dump(writer) == before


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000])
def test_the_stand_in_starts_empty_where_nothing_is_readable(
    folder: Path, content: bytes | None
) -> None:
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "ledger.db").write_bytes(content)
    with Writer.memory(folder, 0) as stand_in:
        assert stand_in.positions() == {}
        fill(stand_in, 1)


KILLED = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_data import *
from tmuxmeter.events import *
from tmuxmeter.ledger.writer import Writer

FILES = [log(name) for name in "abc"]

def events(file, offset):
    number = offset * 3 + file
    yield SessionStart(key=number, session=f"s{number % 7}", time_ms=NOON + number, cwd=f"/{file}")
    # every request is shown again later, in this file or another, and grows
    for back in (0, 5, 11):
        yield usage(f"m{number - back}", f"s{number % 7}", NOON + number, output=back, fresh=number)
    yield FileTouch(key=number, session="s", time_ms=NOON, edit=True, path=f"/f{number}")
    yield Skipped(key=0, session="", time_ms=0, reason="bad", count=1, offset=offset)

def work(writer, end, size):
    writer.register(FILES)
    ready = False
    while True:
        positions = {key[2]: position.offset for key, position in writer.positions().items()}
        pieces = []
        for number, file in enumerate(FILES):
            start = positions[file.name]
            until = min(end, start + size)
            found = [event for offset in range(start, until) for event in events(number, offset)]
            if found:
                pieces.append(chunk(file, found, until, restart=start == 0))
        if not pieces:
            return
        writer.book(pieces, price)
        if not ready:
            print("ready", flush=True)
            ready = True

if __name__ == "__main__":
    with Writer.open(Path(sys.argv[1])) as writer:
        work(writer, 400, 2)
    print("done", flush=True)
"""


def test_killed_at_any_moment_and_started_again_it_is_the_same_ledger(
    folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    kills = 0
    for round_number in range(60):
        process = subprocess.Popen(
            [sys.executable, str(script), str(folder), *sys.path],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as output:
            # the wait is part of what is tried: from the first transaction to some dozens later
            if output.readline() == "ready\n":
                time.sleep(round_number % 10 / 2500)
                process.kill()
            last = output.read()
        if process.wait() == -9 and last != "done\n":
            kills += 1
        if last == "done\n" or kills >= 20:
            break
    assert kills >= 5
    subprocess.run([sys.executable, str(script), str(folder), *sys.path], check=True)

    single: dict[str, object] = {"__name__": "single"}
    exec(compile(KILLED, "killed", "exec"), single)  # the very same reading
    with Writer.memory(None, 0) as writer, Reader.open(folder) as reader:
        single["work"](writer, 400, 400)  # type: ignore[operator]
        assert dump_connection(reader._connection) == dump(writer)
        assert reader._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
