"""Agents' files are only ever read: the kernel itself is asked."""

from __future__ import annotations

import os
import struct
import sys
import time
from typing import TYPE_CHECKING

import pytest
import zstandard
from logs_agent import TINY, Book, line

from tmuxmeter.agents.base import Root
from tmuxmeter.logs.follow import follow
from tmuxmeter.logs.scan import pending, scan
from tmuxmeter.logs.source import read_small
from tmuxmeter.logs.tail import read_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

MODIFY, ATTRIB, CLOSE_WRITE, MOVED, CREATE, DELETE = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200


def facts(root: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path): (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        for path in root.rglob("*")
        if path.is_file()
        for found in [path.stat()]
    }


def watch(root: Path) -> int:
    from watchdog.observers import inotify_c

    descriptor = inotify_c.inotify_init()
    os.set_blocking(descriptor, False)
    for folder, _, _ in os.walk(root):
        mask = MODIFY | ATTRIB | CLOSE_WRITE | MOVED | CREATE | DELETE
        assert inotify_c.inotify_add_watch(descriptor, os.fsencode(folder), mask) >= 0
    return descriptor


def seen(descriptor: int) -> list[int]:
    masks = []
    while True:
        try:
            content = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return masks
        while content:
            _, mask, _, length = struct.unpack_from("iIII", content)
            masks.append(mask)
            content = content[16 + length :]


def test_agents_files_are_only_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for i in range(12):
        path = root / f"logs/p{i % 3}/{i}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line(f"{i}-{k}") for k in range(20)) + b'{"unfinished')
    (root / "logs/z.jsonl.zst").write_bytes(zstandard.compress(line("z")))
    (root / "live").mkdir()
    (root / "live/1.json").write_bytes(b"{}")
    for path in root.rglob("*"):
        # Older than the content: a plain read would bring the access time up.
        os.utime(path, ns=(10**9, 10**18))
    before = facts(root)
    descriptor = watch(root)
    try:
        for workers in (1, 3):
            now, now_ns = time.monotonic(), time.time_ns()
            follower = follow([(TINY, Root("tiny", root))], now=now, now_ns=now_ns)
            book = Book()
            entries = list(follower.catalog.entries())
            jobs = pending(entries, {"tiny": TINY}, {}, now_ns=now_ns)
            book.add(scan(jobs, workers=workers, now_ns=now_ns, small=0))
            assert len(book.usage) == 12 * 20 + 1
            for entry in entries:
                assert entry.log
                book.add(read_file(TINY, entry.log, book.at(entry.log), now_ns=now_ns))
            assert read_small(str(root / "live/1.json")) == b"{}"
            follower.take(now + 1000, now_ns)
            follower.close()
        assert seen(descriptor) == []
        assert facts(root) == before
        # The watch would have told.
        with (root / "logs/p0/0.jsonl").open("ab"):
            pass
        assert seen(descriptor) == [CLOSE_WRITE]
    finally:
        os.close(descriptor)
