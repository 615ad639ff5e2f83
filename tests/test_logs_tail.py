from __future__ import annotations

import os
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from logs_agent import TINY, Book, line, log_at, outputs, session

from tmuxmeter.errors import LogError
from tmuxmeter.events import LogFile, Position
from tmuxmeter.logs.source import read_small
from tmuxmeter.logs.tail import SETTLED_NS, read_file


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    folder = tmp_path / "root" / "logs"
    folder.mkdir(parents=True)
    return log_at(folder / "a.jsonl")


def write(log: LogFile, content: bytes, mode: str = "wb") -> None:
    """Write and let the file look changed however coarse the file system's clock is."""
    path = Path(log.path)
    before = path.stat().st_mtime_ns if path.exists() else 0
    with path.open(mode) as file:
        file.write(content)
    os.utime(path, ns=(0, max(path.stat().st_mtime_ns, before + 1)))


def append(log: LogFile, content: bytes) -> None:
    write(log, content, "ab")


def look(book: Book, log: LogFile, **options: int) -> int:
    return book.add(read_file(TINY, log, book.at(log), **options))


def test_appended_lines_are_read_once(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    assert look(book, log) == 2
    append(log, line("c", 7))
    assert look(book, log) == 1
    assert book.outputs() == outputs(a=1, b=1, c=7)
    assert book.at(log).offset == Path(log.path).stat().st_size


def test_unchanged_file_is_not_opened(log: LogFile) -> None:
    book = Book()
    write(log, line("a"))
    look(book, log)
    before = Path(log.path).stat()
    assert list(read_file(TINY, log, book.at(log))) == []
    # What is not opened can't be missed: the same facts with other bytes stay unseen.
    Path(log.path).write_bytes(line("z"))
    os.utime(log.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(read_file(TINY, log, book.at(log))) == []


def test_touched_file_gives_a_position_without_events(log: LogFile) -> None:
    book = Book()
    write(log, line("a"))
    look(book, log)
    append(log, b"")
    [chunk] = read_file(TINY, log, book.at(log))
    assert not chunk.events
    assert chunk.position.offset == book.at(log).offset
    assert not chunk.restart


def test_partial_last_line_waits_for_its_end(log: LogFile) -> None:
    book = Book()
    whole = line("b", 3)
    write(log, line("a") + whole[:7])
    assert look(book, log) == 1
    assert book.at(log).offset == len(line("a"))
    append(log, whole[7:-1])
    assert look(book, log) == 0
    append(log, whole[-1:])
    assert look(book, log) == 1
    assert book.outputs() == outputs(a=1, b=3)
    assert not book.skipped


@pytest.mark.parametrize("block_size", [1, 2, 7, 64, 4096])
def test_lines_longer_than_the_block(log: LogFile, block_size: int) -> None:
    book = Book()
    content = b"".join(line(f"k{i}", i, pad=i * 13) for i in range(40))
    write(log, content)
    assert look(book, log, block_size=block_size) == 40
    assert book.outputs() == outputs(**{f"k{i}": i for i in range(40)})
    assert [event.time_ms for event in book.usage.values()] == [
        content.index(b'{"id": "k%d"' % i) for i in range(40)
    ]


def test_reader_state_goes_on(log: LogFile) -> None:
    book = Book()
    write(log, session("s1") + line("a"))
    look(book, log)
    append(log, line("b"))
    look(book, log)
    assert {event.session for event in book.usage.values()} == {"s1"}


def test_line_of_50_mb(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("big", 9, pad=50 << 20) + line("c"))
    assert look(book, log) == 3
    assert book.outputs() == outputs(a=1, big=9, c=1)


def test_growing_long_line_is_not_read_again_for_each_piece(log: LogFile) -> None:
    book = Book()
    whole = line("big", 5, pad=40_000)
    write(log, line("a"))
    look(book, log)
    read: list[int] = []
    for start in range(0, len(whole), 4000):
        append(log, whole[start : start + 4000])
        size = Path(log.path).stat().st_size
        with count_reads(read):
            look(book, log, block_size=4096)
        assert size == Path(log.path).stat().st_size
    assert book.outputs() == outputs(a=1, big=5)
    # Twice each byte and the samples, not a fresh start for every piece (about 220 000 bytes).
    assert sum(read) < 2.5 * len(whole)


def test_long_unfinished_line_that_is_cut_again(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("big", pad=9000)[:-1])
    look(book, log, block_size=4096)
    os.truncate(log.path, len(line("a")))
    append(log, line("b") + line("c"))
    look(book, log, block_size=4096)
    append(log, line("d"))
    look(book, log, block_size=4096)
    assert book.outputs() == outputs(a=1, b=1, c=1, d=1)


def test_long_last_line_without_newline(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("big", 5, pad=9000)[:-1])
    now = Path(log.path).stat().st_mtime_ns + SETTLED_NS
    look(book, log, block_size=4096)
    look(book, log, block_size=4096, now_ns=now)
    assert book.outputs() == outputs(a=1, big=5)


class count_reads:  # noqa: N801
    """Count the bytes this process reads, by the kernel's own account."""

    def __init__(self, into: list[int]) -> None:
        self.into = into

    def total(self) -> int:
        text = Path("/proc/self/io").read_text()
        return int(text.split()[1])

    def __enter__(self) -> None:
        if not Path("/proc/self/io").exists():
            pytest.skip("needs /proc/self/io")
        self.before = self.total()

    def __exit__(self, *_: object) -> None:
        overhead = -self.total() + self.total()
        self.into.append(self.total() - self.before - 3 * overhead)


def test_line_beyond_the_limit_is_passed_by(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("big", 9, pad=300_000) + line("c"))
    assert look(book, log, block_size=1 << 12, line_limit=1 << 16) == 3
    assert book.outputs() == outputs(a=1, c=1)
    assert [skip.offset for skip in book.skipped] == [len(line("a"))]
    assert "longer" in book.skipped[0].reason
    append(log, line("d"))
    assert look(book, log) == 1


def test_line_beyond_the_limit_without_an_end(log: LogFile) -> None:
    book = Book()
    big = line("big", 9, pad=300_000)
    write(log, big[:200_000])
    limits = {"block_size": 1 << 12, "line_limit": 1 << 16}
    assert look(book, log, **limits) == 0
    assert book.at(log).offset == 0
    append(log, big[200_000:] + line("c"))
    assert look(book, log, **limits) == 2
    assert book.outputs() == outputs(c=1)
    append(log, line("d"))
    assert look(book, log, **limits) == 1
    assert len(book.skipped) == 1


def test_memory_is_flat_in_the_size_of_the_file(log: LogFile) -> None:
    with Path(log.path).open("wb") as file:
        for i in range(40):
            file.write(line(f"k{i}", 1, pad=1 << 18))
    tracemalloc.start()
    try:
        assert look(Book(), log, block_size=1 << 16) == 40
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Ten MB were read; held were one line, the block that grew for it, and the reader's copies.
    assert peak < 4 << 20


def test_memory_of_a_long_line_is_given_back(log: LogFile) -> None:
    write(log, line("big", pad=6 << 20) + b"".join(line(f"k{i}") for i in range(9000)))
    tracemalloc.start()
    try:
        for chunk in read_file(TINY, log, Position(), block_size=1 << 14, chunk_events=1000):
            if chunk.position.offset > 6 << 20:
                held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 2 << 20


def test_truncated_file_is_read_from_the_beginning(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    look(book, log)
    write(log, line("c"))
    chunks = list(read_file(TINY, log, book.at(log)))
    assert [chunk.restart for chunk in chunks] == [True]
    book.add(chunks)
    assert book.outputs() == outputs(a=1, b=1, c=1)


def test_cut_back_to_an_earlier_line(log: LogFile) -> None:
    book = Book()
    write(log, session("s") + line("a") + line("b"))
    look(book, log)
    os.truncate(log.path, len(session("s") + line("a")))
    look(book, log)
    append(log, line("c"))
    assert look(book, log) == 1
    assert book.outputs() == outputs(a=1, b=1, c=1)
    assert {event.session for event in book.usage.values()} == {"s"}


def test_rewritten_with_the_same_size(log: LogFile) -> None:
    book = Book()
    write(log, session("s") + line("a") + line("b"))
    look(book, log)
    write(log, session("t") + line("c") + line("d"))
    assert look(book, log) == 2
    assert book.outputs() == outputs(a=1, b=1, c=1, d=1)


def test_rewritten_larger(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    look(book, log)
    write(log, b"".join(line(f"n{i}") for i in range(9)))
    assert look(book, log) == 9
    # The same tail, another beginning.
    write(log, b"".join(line(f"n{i}", pad=90) for i in range(9)))
    look(book, log)
    write(log, line("q0", pad=90) + Path(log.path).read_bytes()[len(line("q0", pad=90)) :])
    append(log, line("r"))
    assert look(book, log) == 10
    assert set(outputs(q0=1, r=1, a=1)) <= set(book.outputs())


def test_rewritten_behind_the_same_beginning(log: LogFile) -> None:
    book = Book()
    kept = b"".join(line(f"n{i}", pad=90) for i in range(5))
    write(log, kept + line("a", pad=400) + line("b"))
    look(book, log)
    write(log, kept + line("c", pad=400) + line("d") + line("e"))
    assert look(book, log) == 8
    assert set(outputs(c=1, d=1, e=1)) <= set(book.outputs())


def test_rewrite_starts_with_a_reader_that_knows_nothing(log: LogFile) -> None:
    book = Book()
    write(log, session("old") + line("a"))
    look(book, log)
    write(log, line("b") + line("c") + line("d"))
    look(book, log)
    assert sorted(event.session for event in book.usage.values()) == ["", "", "", "old"]


def test_replaced_by_rename(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    look(book, log)
    fresh = Path(log.path + ".tmp")
    fresh.write_bytes(line("c") + line("d") + line("e"))
    fresh.rename(log.path)
    assert look(book, log) == 3


def test_replaced_by_a_longer_copy_goes_on(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    look(book, log)
    fresh = Path(log.path + ".tmp")
    fresh.write_bytes(Path(log.path).read_bytes() + line("c"))
    fresh.rename(log.path)
    assert look(book, log) == 1
    assert book.outputs() == outputs(a=1, b=1, c=1)


def test_rotated_deleted_and_recreated(log: LogFile) -> None:
    book = Book()
    write(log, line("a"))
    look(book, log)
    Path(log.path).rename(log.path + ".1")
    assert look(book, log) == 0
    write(log, line("b"))
    assert look(book, log) == 1
    Path(log.path).unlink()
    assert look(book, log) == 0
    write(log, line("c"))
    assert look(book, log) == 1
    assert book.outputs() == outputs(a=1, b=1, c=1)


def test_deleted_while_it_is_read(log: LogFile) -> None:
    book = Book()
    write(log, b"".join(line(f"k{i}") for i in range(100)))
    chunks = read_file(TINY, log, Position(), block_size=256, chunk_events=5)
    book.add([next(chunks)])
    Path(log.path).unlink()
    book.add(chunks)
    assert len(book.usage) == 100


def test_cut_while_it_is_read(log: LogFile) -> None:
    book = Book()
    write(log, b"".join(line(f"k{i:02}") for i in range(100)))
    chunks = read_file(TINY, log, Position(), block_size=256, chunk_events=5)
    book.add([next(chunks)])
    write(log, line("z"))
    book.add(chunks)
    look(book, log)
    assert set(outputs(z=1)) <= set(book.outputs())


def test_chunks_go_on_where_the_last_one_ended(log: LogFile) -> None:
    write(log, session("s") + b"".join(line(f"k{i}") for i in range(100)))
    every = list(read_file(TINY, log, Position(), block_size=200, chunk_events=10))
    assert len(every) > 5
    assert [chunk.restart for chunk in every] == [True] + [False] * (len(every) - 1)
    for cut in range(len(every)):
        book = Book()
        book.add(every[:cut])
        # Killed here and started again, without anything having happened to the file.
        position = every[cut - 1].position if cut else Position()
        book.add(read_file(TINY, log, position))
        assert len(book.usage) == 100
        assert {event.session for event in book.usage.values()} == {"s"}


def test_archived_file_goes_on(tmp_path: Path, log: LogFile) -> None:
    book = Book()
    write(log, line("a") + line("b"))
    look(book, log)
    archive = tmp_path / "root" / "archive"
    archive.mkdir()
    moved = log_at(Path(log.path).rename(archive / "a.jsonl"))
    assert (moved.root, moved.name) == (log.root, log.name)
    assert look(book, moved) == 0
    append(moved, line("c"))
    assert look(book, moved) == 1
    copy = archive / "copy"
    copy.write_bytes(Path(moved.path).read_bytes() + line("d"))
    copy.rename(moved.path)
    assert look(book, moved) == 1


def test_last_line_without_newline_is_read_when_the_file_rests(log: LogFile) -> None:
    book = Book()
    write(log, session("s") + line("a") + line("b", 4)[:-1])
    mtime = Path(log.path).stat().st_mtime_ns
    assert look(book, log, now_ns=mtime + SETTLED_NS - 1) == 1
    before = book.at(log)
    assert look(book, log, now_ns=mtime + SETTLED_NS) == 1
    assert book.outputs() == outputs(a=1, b=4)
    assert {event.session for event in book.usage.values()} == {"s"}
    assert book.at(log).offset == before.offset
    # Once only, until it changes.
    assert list(read_file(TINY, log, book.at(log), now_ns=mtime + 9 * SETTLED_NS)) == []
    append(log, b"\n" + line("c"))
    assert look(book, log) == 2
    assert book.outputs() == outputs(a=1, b=4, c=1)


def test_last_line_that_is_no_whole_record_is_left(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + b'{"id": "b", "n": 4, "more": {}')
    mtime = Path(log.path).stat().st_mtime_ns
    assert look(book, log, now_ns=mtime + SETTLED_NS) == 1
    assert not book.skipped
    assert list(read_file(TINY, log, book.at(log), now_ns=mtime + 9 * SETTLED_NS)) == []
    append(log, b', "x": 1}\n')
    assert look(book, log) == 1


def test_last_line_that_is_no_record_is_skipped_once(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + b'{"n": 1}')
    mtime = Path(log.path).stat().st_mtime_ns
    assert look(book, log, now_ns=mtime + SETTLED_NS) == 1
    assert not book.skipped
    append(log, b"\n")
    look(book, log)
    assert book.reasons() == ["broken"]


def test_empty_file(log: LogFile) -> None:
    book = Book()
    write(log, b"")
    assert look(book, log) == 0
    assert list(read_file(TINY, log, book.at(log))) == []
    append(log, line("a"))
    assert look(book, log) == 1


def test_broken_lines_are_skipped_where_they_stand(log: LogFile) -> None:
    book = Book()
    write(log, line("a") + b"\xff\xfe{{{\n" + b"\n" + line("b"))
    look(book, log)
    assert book.outputs() == outputs(a=1, b=1)
    assert [skip.offset for skip in book.skipped] == [len(line("a")), len(line("a")) + 6]


def test_position_of_an_unknown_form_reads_all(log: LogFile) -> None:
    write(log, line("a") + line("b"))
    strange = Position(offset=len(line("a")), mark=b"??", reader=b"old")
    [chunk] = read_file(TINY, log, strange)
    assert len(chunk.events) == 2
    assert chunk.restart


def test_symbolic_link_is_refused(tmp_path: Path, log: LogFile) -> None:
    target = tmp_path / "target.jsonl"
    target.write_bytes(line("a"))
    Path(log.path).symlink_to(target)
    with pytest.raises(LogError, match="symbolic link"):
        look(Book(), log)


def test_named_pipe_is_refused_at_once(log: LogFile) -> None:
    os.mkfifo(log.path)
    with pytest.raises(LogError, match="named pipe"):
        look(Book(), log)


def test_folder_is_refused(log: LogFile) -> None:
    Path(log.path).mkdir()
    with pytest.raises(LogError, match="folder"):
        look(Book(), log)


def test_named_pipe_wakes_no_writer(log: LogFile) -> None:
    os.mkfifo(log.path)
    opened: list[int] = []
    writer = threading.Thread(target=lambda: opened.append(os.open(log.path, os.O_WRONLY)))
    writer.start()
    # Long enough for the writer to be waiting for somebody to read.
    writer.join(0.2)
    with pytest.raises(LogError):
        look(Book(), log)
    writer.join(0.2)
    assert not opened
    reader = os.open(log.path, os.O_RDONLY)
    writer.join()
    os.close(reader)
    os.close(opened[0])


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_file_that_stops_being_readable_is_tried_again() -> None:
    log = LogFile("tiny", "/proc", "mem.jsonl", "/proc/self/mem")
    book = Book()
    for _ in range(2):
        with pytest.raises(LogError, match="Input/output error"):
            look(book, log)
    assert book.at(log).offset == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_an_error(log: LogFile) -> None:
    write(log, line("a"))
    Path(log.path).chmod(0)
    with pytest.raises(LogError, match="denied"):
        look(Book(), log)


def test_reader_that_fails_is_an_error_of_this_file(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(type(TINY.reader(""))):  # type: ignore[misc]
        def read(self, *_: object) -> list[object]:
            raise ZeroDivisionError

    class Agent(type(TINY)):  # type: ignore[misc]
        def reader(self, name: str, state: bytes = b"") -> Failing:
            return Failing(state)

    write(log, line("a"))
    with pytest.raises(LogError, match="ZeroDivisionError"):
        list(read_file(Agent(), log, Position()))


def test_reading_leaves_times_alone(log: LogFile) -> None:
    write(log, line("a"))
    os.utime(log.path, ns=(1, 2))
    look(Book(), log)
    assert (Path(log.path).stat().st_atime_ns, Path(log.path).stat().st_mtime_ns) == (1, 2)


def test_no_descriptor_is_left_open(log: LogFile) -> None:
    write(log, b"".join(line(f"k{i}") for i in range(100)))
    before = sorted(os.listdir("/dev/fd"))  # noqa: PTH208
    chunks = read_file(TINY, log, Position(), block_size=256, chunk_events=5)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert sorted(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_small_files_are_read_safely(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    assert read_small(str(path)) is None
    path.write_bytes(b"{}")
    assert read_small(str(path)) == b"{}"
    assert read_small(str(path), limit=1) is None
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(LogError):
        read_small(str(link))
