from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard
from logs_agent import TINY, Book, line, log_at, outputs, session

from tmuxmeter.logs.tail import SETTLED_NS, read_file

if TYPE_CHECKING:
    from tmuxmeter.events import LogFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "logs"
    folder.mkdir(parents=True)
    return folder


def pack(path: Path, content: bytes) -> LogFile:
    path.write_bytes(zstandard.ZstdCompressor().compress(content))
    return log_at(path)


def look(book: Book, log: LogFile, **options: int) -> int:
    return book.add(read_file(TINY, log, book.at(log), **options))


def test_lines_of_an_archive(folder: Path) -> None:
    content = session("s") + b"".join(line(f"k{i}", i, pad=i % 300) for i in range(3000))
    log = pack(folder / "a.jsonl.zst", content)
    book = Book()
    assert look(book, log, block_size=1 << 12, chunk_events=100) == 3000
    assert book.outputs() == outputs(**{f"k{i}": i for i in range(3000)})
    assert book.at(log).offset == len(content)
    assert book.chunks > 20
    assert list(read_file(TINY, log, book.at(log))) == []


def test_counting_goes_on_when_packed_and_unpacked(folder: Path) -> None:
    content = session("s") + b"".join(line(f"k{i}") for i in range(200))
    plain = folder / "a.jsonl"
    plain.write_bytes(content)
    book = Book()
    assert look(book, log_at(plain)) == 200
    packed = pack(folder / "a.jsonl.zst", content + line("late", 4))
    plain.unlink()
    assert packed.name == "a.jsonl"
    assert look(book, packed) == 1
    plain.write_bytes(content + line("late", 4) + line("later", 5))
    assert look(book, log_at(plain)) == 1
    assert len(book.usage) == 202
    assert {event.session for event in book.usage.values()} == {"s"}


def test_rewritten_archive_is_read_again(folder: Path) -> None:
    book = Book()
    look(book, pack(folder / "a.jsonl.zst", line("a") + line("b")))
    assert look(book, pack(folder / "a.jsonl.zst", line("c") + line("d") + line("e"))) == 3
    assert look(book, pack(folder / "a.jsonl.zst", line("f"))) == 1
    assert book.outputs() == outputs(a=1, b=1, c=1, d=1, e=1, f=1)


def test_several_frames(folder: Path) -> None:
    path = folder / "a.jsonl.zst"
    one = zstandard.ZstdCompressor().compress(line("a") + line("b")[:5])
    two = zstandard.ZstdCompressor().compress(line("b")[5:] + line("c"))
    path.write_bytes(one + two)
    book = Book()
    assert look(book, log_at(path)) == 3
    assert not book.skipped


def incompressible(count: int) -> bytes:
    return b"".join(line(f"k{i}-{os.urandom(40).hex()}") for i in range(count))


def test_cut_archive_keeps_what_can_be_read(folder: Path) -> None:
    log = pack(folder / "a.jsonl.zst", incompressible(20_000))
    path = Path(log.path)
    os.truncate(path, path.stat().st_size // 2)
    book = Book()
    look(book, log)
    assert 5000 < len(book.usage) < 15_000
    assert book.reasons() == ["compressed log ends too early"]
    assert list(read_file(TINY, log, book.at(log))) == []


def test_damaged_archive_keeps_what_can_be_read(folder: Path) -> None:
    log = pack(folder / "a.jsonl.zst", incompressible(20_000))
    path = Path(log.path)
    packed = bytearray(path.read_bytes())
    middle = len(packed) // 2
    # Longer than any block, so that a block's header is among what is damaged.
    packed[middle : middle + (150 << 10)] = b"\xff" * (150 << 10)
    path.write_bytes(packed)
    book = Book()
    look(book, log)
    assert 5000 < len(book.usage) < 15_000
    assert "compressed log is damaged" in book.reasons()


def test_no_archive_at_all(folder: Path) -> None:
    path = folder / "a.jsonl.zst"
    path.write_bytes(line("a") * 10)
    book = Book()
    look(book, log_at(path))
    assert book.reasons() == ["compressed log is damaged"]
    path.write_bytes(b"")
    assert look(book, log_at(path)) == 0


def test_last_line_of_an_archive_without_newline(folder: Path) -> None:
    log = pack(folder / "a.jsonl.zst", line("a") + line("b", 3)[:-1])
    now = Path(log.path).stat().st_mtime_ns + SETTLED_NS
    book = Book()
    assert look(book, log, now_ns=now) == 2
    assert list(read_file(TINY, log, book.at(log), now_ns=now)) == []


def test_long_line_in_an_archive(folder: Path) -> None:
    log = pack(folder / "a.jsonl.zst", line("a") + line("b", pad=500_000) + line("c") + line("d"))
    book = Book()
    assert look(book, log, block_size=1 << 12) == 4
    book = Book()
    look(book, log, block_size=1 << 12, line_limit=1 << 16)
    assert book.outputs() == outputs(a=1, c=1, d=1)
