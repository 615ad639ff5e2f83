"""Worker processes of the cold scan: starting them safely, hearing them, losing none of their work.

They are forked where this process has a single thread, which is safe and takes milliseconds;
otherwise (another thread may hold a lock that would stay locked in the child) started afresh.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.events import Chunk
from tmuxmeter.logs import worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import LogFile, Position

_PIPE_BYTES = 1 << 20
_HELD_BACK = {signal.SIGINT, signal.SIGTERM}
_FRESH = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from tmuxmeter.logs.worker import main; main()"
)


@dataclass(slots=True)
class _Worker:
    pid: int
    results: int
    begun: int = -1
    unread: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job: a chunk, a reason why it failed, or (neither) its end.

    ``lost`` tells that the process that read it died.
    """

    job: int
    chunk: Chunk | None = None
    failure: str = ""
    lost: bool = False


class Pool:
    """Some processes that read the given files, each file in one of them.

    Memory stays bounded: a worker waits with its next chunk until the last one was taken.

    Parameters
    ----------
    agents
        Agents by name.
    jobs
        Files and where to read on, in the order in which they are to be begun.
    workers : int
        How many processes.
    now_ns : int
        The time in epoch nanoseconds, as for :func:`tmuxmeter.logs.tail.read_file`.
    fork : bool, optional
        Whether to fork; decided by the number of threads where it isn't said.
    """

    def __init__(
        self,
        agents: Mapping[str, Agent],
        jobs: Sequence[tuple[LogFile, Position]],
        workers: int,
        now_ns: int,
        *,
        fork: bool | None = None,
    ) -> None:
        self._jobs = jobs
        self._order = (agents, jobs)
        self._now_ns = now_ns
        self._decode = msgspec.msgpack.Decoder(worker.Body).decode
        self._next = 0
        self._workers: dict[int, _Worker] = {}
        self._started: list[subprocess.Popen[bytes]] = []
        self._tickets, self._hand_out = os.pipe()
        os.set_blocking(self._hand_out, False)
        start = self._fork if (_single_thread() if fork is None else fork) else self._spawn
        try:
            self._refill()
            for _ in range(workers):
                start()
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that are left."""
        return [found.pid for found in self._workers.values()]

    def results(self) -> Iterator[Result]:
        """Yield what the workers say until the last of them has ended."""
        with selectors.DefaultSelector() as selector:
            for found in self._workers.values():
                selector.register(found.results, selectors.EVENT_READ, found)
            while self._workers:
                self._refill()
                for key, _ in selector.select():
                    found = key.data
                    content = os.read(found.results, _PIPE_BYTES)
                    if content:
                        found.unread += content
                        yield from self._messages(found)
                    else:
                        selector.unregister(found.results)
                        self._end(found)
                        if found.begun >= 0:
                            yield Result(found.begun, lost=True)

    def close(self) -> None:
        """End all workers at once. They only read, so nothing is left half-done."""
        for found in list(self._workers.values()):
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
            self._end(found)
        for descriptor in (self._tickets, self._hand_out):
            if descriptor >= 0:
                os.close(descriptor)
        self._tickets = self._hand_out = -1

    def _messages(self, found: _Worker) -> Iterator[Result]:
        unread, head, at = found.unread, worker.HEADER, 0
        while len(unread) - at >= head.size:
            length, job, kind = head.unpack_from(unread, at)
            end = at + head.size + length
            if len(unread) < end:
                break
            if kind == worker.CHUNK:
                with memoryview(unread) as view:
                    body = self._decode(view[at + head.size : end])
                log = self._jobs[job][0]
                yield Result(job, Chunk(log, body.events, body.position, body.restart))
            elif kind == worker.FAILED:
                yield Result(job, failure=bytes(unread[at + head.size : end]).decode())
            elif kind == worker.DONE:
                found.begun = -1
                yield Result(job)
            else:
                found.begun = job
            at = end
        del unread[:at]

    def _refill(self) -> None:
        """Hand out as many tickets as the pipe takes; it is closed behind the last one."""
        while self._hand_out >= 0 and self._next < len(self._jobs):
            last = min(len(self._jobs), self._next + 1024)
            tickets = b"".join(worker.TICKET.pack(i) for i in range(self._next, last))
            try:
                # Less than a page is taken whole or not at all.
                os.write(self._hand_out, tickets)
            except BlockingIOError:
                return
            self._next = last
        if self._hand_out >= 0:
            os.close(self._hand_out)
            self._hand_out = -1

    def _fork(self) -> None:
        ours, theirs = os.pipe()
        # Nothing may interrupt the child before it has left its parent's ways.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                worker.leave_parent(self._tickets, theirs)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                worker.serve(*self._order, self._tickets, theirs, self._now_ns)
                status = 0
            finally:
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(theirs)
        self._add(_Worker(pid, ours))

    def _spawn(self) -> None:
        ours, theirs = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-c", _FRESH],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._tickets, theirs),
            process_group=0,
        )
        os.close(theirs)
        self._started.append(process)
        self._add(_Worker(process.pid, ours))
        order = (*self._order, self._tickets, theirs, self._now_ns)
        # A worker that is dead already is noticed by its results.
        with suppress(BrokenPipeError), process.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(pickle.dumps(sys.path) + pickle.dumps(order))

    def _add(self, found: _Worker) -> None:
        self._workers[found.pid] = found
        with suppress(OSError, AttributeError):
            fcntl.fcntl(found.results, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def _end(self, found: _Worker) -> None:
        del self._workers[found.pid]
        os.close(found.results)
        for process in self._started:
            if process.pid == found.pid:
                process.wait()
                return
        os.waitpid(found.pid, 0)


def _single_thread() -> bool:
    """Tell whether this process has no thread but this one; only Linux says so reliably."""
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return False
