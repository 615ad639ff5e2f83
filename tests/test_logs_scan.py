from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from logs_agent import TINY, Book, TinyAgent, TinyReader, line, session

from tmuxmeter.agents.base import Root
from tmuxmeter.events import Chunk, Event
from tmuxmeter.logs.discover import discover
from tmuxmeter.logs.pool import Pool
from tmuxmeter.logs.scan import Job, pending, scan, usable_cores

if TYPE_CHECKING:
    from tmuxmeter.logs.found import Problem

NOW = 4_000_000_000 * 10**9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty logs, one of them long, one compressed name hidden by a plain one."""
    root = tmp_path / "root"
    for i in range(40):
        path = root / f"logs/p{i % 7}/{i}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        count = 21_000 if i == 13 else 50
        path.write_bytes(
            session(f"s{i}") + b"".join(line(f"{i}-{k}", k, pad=30) for k in range(count))
        )
        os.utime(path, (i, i))
    (root / "logs/p0/0.jsonl.zst").write_bytes(b"hidden")
    return root


TOTAL = 21_000 + 39 * 50


def jobs_of(root: Path, book: Book, agent: TinyAgent = TINY) -> list[Job]:
    catalog = discover([(agent, Root("tiny", root))], now_ns=NOW)
    return pending(catalog.entries(), {"tiny": agent}, book.positions, now_ns=NOW)


def scan_all(root: Path, book: Book, workers: int, agent: TinyAgent = TINY) -> list[Problem]:
    problems: list[Problem] = []
    jobs = jobs_of(root, book, agent)
    book.add(scan(jobs, workers=workers, problem=problems.append, now_ns=NOW, small=0))
    return problems


def children() -> list[int]:
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_log_is_read_once(root: Path, workers: int) -> None:
    book = Book()
    before = sorted(os.listdir("/dev/fd"))  # noqa: PTH208
    assert scan_all(root, book, workers) == []
    assert len(book.usage) == TOTAL
    assert {event.session for event in book.usage.values()} == {f"s{i}" for i in range(40)}
    assert len(book.positions) == 40
    assert jobs_of(root, book) == []
    assert sorted(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_processes_give_what_one_gives(root: Path) -> None:
    alone, together = Book(), Book()
    scan_all(root, alone, 1)
    scan_all(root, together, 3)
    assert alone.usage == together.usage
    assert alone.positions == together.positions


def test_chunks_of_one_log_stay_in_order(root: Path) -> None:
    offsets: dict[str, list[int]] = {}
    for chunk in scan(jobs_of(root, Book()), workers=2, small=0):
        offsets.setdefault(chunk.file.name, []).append(chunk.position.offset)
    assert len(offsets["p6/13.jsonl"]) > 1
    assert all(found == sorted(found) for found in offsets.values())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_started_afresh_where_threads_run(root: Path) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        book = Book()
        jobs = jobs_of(root, book)
        pool = Pool({"tiny": TINY}, [(job.log, job.position) for job in jobs], 2, NOW)
        commands = [command(pid) for pid in pool.pids]
        book.add(result.chunk for result in pool.results() if result.chunk)
        pool.close()
    finally:
        done.set()
        thread.join()
    assert len(book.usage) == TOTAL
    assert all(b"tmuxmeter.logs.worker" in found for found in commands)


def command(pid: int) -> bytes:
    """Return a process's command line, which is empty for a moment while it starts."""
    while not (found := Path(f"/proc/{pid}/cmdline").read_bytes()):
        time.sleep(0.001)
    return found


def test_workers_that_never_start_leave_the_work_to_this_process(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghost = types.ModuleType("ghost")
    agent = type("GhostAgent", (TinyAgent,), {"__module__": "ghost"})
    ghost.GhostAgent = agent  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        book = Book()
        assert scan_all(root, book, 2, agent()) == []
    finally:
        done.set()
        thread.join()
    assert len(book.usage) == TOTAL


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("fork", [True, False])
def test_workers_leave_their_parents_things_alone(root: Path, tmp_path: Path, fork: bool) -> None:
    jobs = jobs_of(root, Book())
    with (tmp_path / "ledger").open("w") as ledger:
        os.set_inheritable(ledger.fileno(), True)
        pool = Pool({"tiny": TINY}, [(job.log, job.position) for job in jobs], 2, NOW, fork=fork)
        results = pool.results()
        book = Book()
        first = next(results)
        book.add([first.chunk] if first.chunk else [])
        for pid in pool.pids:
            deadline = time.monotonic() + 30
            while holds(pid, ledger.name):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            if fork:
                # A terminal's Ctrl-C goes to all; the parent decides what it means.
                os.kill(pid, signal.SIGINT)
        rest = list(results)
        pool.close()
    book.add(result.chunk for result in rest if result.chunk)
    assert not any(result.lost for result in rest)
    assert len(book.usage) == TOTAL


@pytest.mark.parametrize("fork", [True, False])
def test_workers_end_when_the_scan_is_left(root: Path, fork: bool) -> None:
    jobs = jobs_of(root, Book())
    pool = Pool({"tiny": TINY}, [(job.log, job.position) for job in jobs], 2, NOW, fork=fork)
    pids = pool.pids
    next(pool.results())
    pool.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_left_at_any_chunk_and_resumed(root: Path) -> None:
    book = Book()
    for stop in (1, 3, 10, 25):
        chunks = scan(jobs_of(root, book), workers=2, small=0)
        for chunk, _ in zip(chunks, range(stop), strict=False):
            book.add([chunk])
        chunks.close()  # type: ignore[attr-defined]
    scan_all(root, book, 2)
    whole = Book()
    scan_all(root, whole, 1)
    assert book.usage == whole.usage


def test_resumed_scan_repeats_nothing_booked(root: Path) -> None:
    book = Book()
    booked = 0
    chunks = scan(jobs_of(root, book), workers=2, small=0)
    for chunk, _ in zip(chunks, range(12), strict=False):
        booked += book.add([chunk])
    chunks.close()  # type: ignore[attr-defined]
    booked += sum(book.add([chunk]) for chunk in scan(jobs_of(root, book), workers=2, small=0))
    assert booked == TOTAL


class DeadlyReader(TinyReader):
    """Ends its process at the line that says so, unless a file says that it may live."""

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        if block.find(b"DIE", start, end) >= 0:
            mercy = Path(os.environ["TMUXMETER_TEST_MERCY"])
            if not mercy.exists():
                mercy.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if mercy.stat().st_size:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().read(block, start, end, offset)


class DeadlyAgent(TinyAgent):
    def reader(self, name: str, state: bytes = b"") -> TinyReader:
        return DeadlyReader(state)


def poison(root: Path) -> None:
    with (root / "logs/p6/13.jsonl").open("ab") as file:
        file.write(line("DIE", 7))


def test_worker_that_dies_loses_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUXMETER_TEST_MERCY", str(tmp_path / "mercy"))
    poison(root)
    book = Book()
    assert scan_all(root, book, 2, DeadlyAgent()) == []
    assert (tmp_path / "mercy").exists()
    assert len(book.usage) == TOTAL + 1


def test_log_that_kills_every_worker_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mercy = tmp_path / "mercy"
    mercy.write_text("none")
    monkeypatch.setenv("TMUXMETER_TEST_MERCY", str(mercy))
    poison(root)
    book = Book()
    [problem] = scan_all(root, book, 2, DeadlyAgent())
    assert problem.path.endswith("13.jsonl")
    assert "two processes" in problem.reason
    # All the others, and of that one what was read before the deadly block.
    assert len(book.usage) >= TOTAL - 21_000
    assert len(book.positions) >= 39


def test_workers_killed_from_outside(root: Path) -> None:
    book = Book()
    chunks = scan(jobs_of(root, book), workers=2, small=0)
    for i, chunk in enumerate(chunks):
        book.add([chunk])
        if i == 2 and sys.platform == "linux":
            for pid in children():
                os.kill(pid, signal.SIGKILL)
    assert len(book.usage) == TOTAL


def test_refused_logs_are_told_and_the_rest_goes_on(root: Path) -> None:
    jobs = jobs_of(root, Book())
    for name in ("p1/1.jsonl", "p2/2.jsonl"):
        (root / "logs" / name).unlink()
    os.mkfifo(root / "logs/p1/1.jsonl")
    for workers in (1, 2):
        problems: list[Problem] = []
        book = Book()
        for job in jobs:
            job.position = type(job.position)()
        book.add(scan(jobs, workers=workers, problem=problems.append, small=0))
        assert [problem.path for problem in problems] == [f"{root}/logs/p1/1.jsonl"]
        assert "named pipe" in problems[0].reason
        assert len(book.usage) == TOTAL - 100


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_reaches_the_total(root: Path, workers: int) -> None:
    told: list[tuple[int, int]] = []
    jobs = jobs_of(root, Book())
    size = sum(path.stat().st_size for path in (root / "logs").rglob("*.jsonl"))
    for _ in scan(jobs, workers=workers, progress=lambda *now: told.append(now), small=0):
        pass
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_collector_runs_again_afterwards(root: Path) -> None:
    chunks = scan(jobs_of(root, Book()), workers=1)
    next(chunks)
    assert not gc.isenabled()
    chunks.close()  # type: ignore[attr-defined]
    assert gc.isenabled()


def test_jobs_are_what_changed_oldest_first(root: Path) -> None:
    book = Book()
    jobs = jobs_of(root, book)
    assert [job.mtime_ns for job in jobs] == [i * 10**9 for i in range(40)]
    scan_all(root, book, 1)
    path = root / "logs/p3/3.jsonl"
    with path.open("ab") as file:
        file.write(line("new"))
    [job] = jobs_of(root, book)
    assert job.log.path == str(path)
    assert job.bytes_left == len(line("new"))


def test_last_line_of_a_cold_log_without_newline(root: Path) -> None:
    book = Book()
    (root / "logs/p3/3.jsonl").write_bytes(line("a") + line("b")[:-1])
    for _ in range(2):
        scan_all(root, book, 1)
    assert len(book.usage) == TOTAL - 50 + 2
    assert jobs_of(root, book) == []


def test_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


SCANNER = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from logs_agent import TINY
from tmuxmeter.agents.base import Root
from tmuxmeter.logs.discover import discover
from tmuxmeter.logs.scan import pending, scan
import time
catalog = discover([(TINY, Root("tiny", Path(sys.argv[2])))], now_ns=time.time_ns())
jobs = pending(catalog.entries(), {"tiny": TINY}, {}, now_ns=time.time_ns())
for i, chunk in enumerate(scan(jobs, workers=2, small=0)):
    if i == 1:
        pids = [p for t in Path("/proc/self/task").iterdir()
                for p in (t / "children").read_text().split()]
        print(*pids, flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphans_however_the_scan_is_ended(root: Path, number: signal.Signals) -> None:
    scanner = subprocess.Popen(
        [sys.executable, "-c", SCANNER, str(Path(__file__).parent), str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    assert scanner.stdout
    with scanner.stdout:
        pids = [int(pid) for pid in scanner.stdout.readline().split()]
    assert pids
    scanner.send_signal(number)
    scanner.wait()
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def holds(pid: int, path: str) -> bool:
    """Tell whether a process, once it is under way, has a file open."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return path in found


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def alive(pid: int) -> bool:
    try:
        return state(pid) != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_memory_waits_for_the_one_who_books(root: Path) -> None:
    """A worker stops at a full pipe instead of piling up what nobody takes."""
    path = root / "logs/p0/big.jsonl"
    path.write_bytes(b"".join(line(f"big{i}", i) for i in range(60_000)))
    jobs = [job for job in jobs_of(root, Book()) if job.log.path == str(path)]
    pool = Pool({"tiny": TINY}, [(job.log, job.position) for job in jobs], 1, NOW)
    try:
        results = pool.results()
        first = next(result.chunk for result in results if result.chunk)
        assert isinstance(first, Chunk)
        [pid] = pool.pids
        deadline = time.monotonic() + 30
        # It comes to rest in a write, neither running on nor done.
        while sys.platform == "linux" and state(pid) != "S":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        count = len(first.events) + sum(len(r.chunk.events) for r in results if r.chunk)
        assert count == 60_000
    finally:
        pool.close()
