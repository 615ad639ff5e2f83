"""The cold scan: reading many logs at once, on all cores where it pays."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.errors import LogError
from tmuxmeter.events import Chunk, LogFile, Position
from tmuxmeter.logs.compressed import SUFFIX
from tmuxmeter.logs.found import Entry, FileKey, Problem, file_key
from tmuxmeter.logs.pool import Pool
from tmuxmeter.logs.reading import read_log, rest_due
from tmuxmeter.logs.tail import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from tmuxmeter.agents.base import Agent

# Below this one process is done before others have started.
SMALL_BYTES = 16 << 20
# Long ones start first, or the last core would end alone with one of them.
LONG_BYTES = 32 << 20


@dataclass(slots=True)
class Job:
    """A log to be read: whose it is, from where on, and how many bytes that will be."""

    agent: Agent
    log: LogFile
    position: Position
    size: int
    mtime_ns: int

    @property
    def bytes_left(self) -> int:
        """How much there is to read. An archive's size says nothing about its offsets."""
        if self.log.path.endswith(SUFFIX):
            return self.size
        return max(0, self.size - self.position.offset) or self.size


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pending(
    entries: Iterable[Entry],
    agents: Mapping[str, Agent],
    positions: Mapping[FileKey, Position],
    *,
    now_ns: int,
) -> list[Job]:
    """Return a job for each log that changed since its position, the newest last.

    Parameters
    ----------
    entries
        What discovery found.
    agents
        Agents by name.
    positions
        What the ledger gives back.
    now_ns : int
        The time in epoch nanoseconds, as for :func:`tmuxmeter.logs.tail.read_file`.
    """
    jobs = []
    nothing = Position()
    for entry in entries:
        log = entry.log
        if log is None:
            continue
        position = positions.get(file_key(log), nothing)
        if not entry.same(position) or rest_due(position, now_ns):
            jobs.append(Job(agents[log.agent], log, position, entry.size, entry.mtime_ns))
    jobs.sort(key=lambda job: job.mtime_ns)
    return jobs


def scan(
    jobs: Sequence[Job],
    *,
    workers: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    problem: Callable[[Problem], None] = lambda _: None,
    now_ns: int = 0,
    small: int = SMALL_BYTES,
) -> Generator[Chunk]:
    """Read logs and yield their chunks; those of one log stay in order, logs come in any.

    May be left at any moment: what was yielded is complete, the rest is read by the next scan
    from the positions booked until then. Closing the generator ends all worker processes.

    Parameters
    ----------
    jobs
        What to read, see :func:`pending`.
    workers : int
        Processes besides this one, see :func:`usable_cores`; with one, none is started.
    progress
        Told how many bytes of how many are done.
    problem
        Told which logs can't be read; the others go on.
    now_ns : int
        The time in epoch nanoseconds, as for :func:`tmuxmeter.logs.tail.read_file`.
    small : int
        Fewer bytes than this are read by this process alone.
    """
    count = _Count(jobs, progress)
    long = sorted((job for job in jobs if job.size >= LONG_BYTES), key=lambda job: -job.size)
    order = [*long, *(job for job in jobs if job.size < LONG_BYTES)]
    workers = min(workers, len(order))
    enabled = gc.isenabled()
    # Events are plain values that no cycle can hold; looking for cycles took a tenth of the time.
    gc.disable()
    try:
        if workers > 1 and count.total >= small:
            order = yield from _at_once(order, workers, count, problem, now_ns)
        yield from _in_turn(order, count, problem, now_ns)
    finally:
        if enabled:
            gc.enable()


class _Count:
    """How many bytes are done, of all and of each log."""

    def __init__(self, jobs: Sequence[Job], progress: Callable[[int, int], None]) -> None:
        self._left = {file_key(job.log): job.bytes_left for job in jobs}
        self.total = sum(self._left.values())
        self._progress = progress
        self._done = 0

    def chunk(self, job: Job) -> None:
        """Count what was read of a log up to its job's position."""
        if not job.log.path.endswith(SUFFIX):
            self._down_to(job, max(0, job.size - job.position.offset))

    def whole(self, job: Job) -> None:
        """Count a log as done, whatever came of it."""
        self._down_to(job, 0)

    def _down_to(self, job: Job, left: int) -> None:
        key = file_key(job.log)
        # A log that is read from its beginning again doesn't make the bar go back.
        if left < self._left[key]:
            self._done += self._left[key] - left
            self._left[key] = left
            self._progress(self._done, self.total)


def _in_turn(
    jobs: Sequence[Job], count: _Count, problem: Callable[[Problem], None], now_ns: int
) -> Generator[Chunk]:
    buffer = bytearray(BLOCK) if jobs else None
    for job in jobs:
        try:
            chunks = read_log(job.agent, job.log, job.position, now_ns=now_ns, buffer=buffer)
            for chunk in chunks:
                yield chunk
                job.position = chunk.position
                count.chunk(job)
        except LogError as error:
            problem(Problem(job.log.path, str(error)))
        count.whole(job)


def _at_once(
    jobs: list[Job],
    workers: int,
    count: _Count,
    problem: Callable[[Problem], None],
    now_ns: int,
) -> Generator[Chunk, None, list[Job]]:
    """Read logs in several processes; return those that are left because processes keep dying.

    A job whose process died is begun again, from its last chunk; when that kills a second
    process, it is given up and told.
    """
    agents = {job.agent.name: job.agent for job in jobs}
    deaths: dict[FileKey, int] = {}
    while jobs:
        left = dict(enumerate(jobs))
        died = False
        pool = Pool(agents, [(job.log, job.position) for job in jobs], workers, now_ns)
        try:
            for result in pool.results():
                job = jobs[result.job]
                if result.chunk:
                    yield result.chunk
                    job.position = result.chunk.position
                    count.chunk(job)
                    continue
                if result.failure:
                    problem(Problem(job.log.path, result.failure))
                    continue
                if result.lost:
                    died = True
                    key = file_key(job.log)
                    deaths[key] = deaths.get(key, 0) + 1
                    if deaths[key] < 2:
                        continue
                    problem(Problem(job.log.path, "reading it ended two processes, left out"))
                del left[result.job]
                count.whole(job)
        finally:
            pool.close()
        if len(left) == len(jobs) and not died:
            return jobs
        jobs = list(left.values())
    return []
