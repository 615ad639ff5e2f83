"""The process table, cheap enough to be read every few seconds.

On Linux one raw scan of ``/proc/<pid>/stat`` (measured: 9 ms for 350 processes, where psutil's
``children(recursive=True)`` takes 11 ms per pane). What a scan doesn't give (command line,
environment) is read once per process and program. Elsewhere one ``psutil.process_iter`` per scan.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tmuxmeter.agents.base import Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Entry(NamedTuple):
    """One process. ``started_ms`` is epoch milliseconds, ``tty`` a device number or 0.

    ``start`` tells this process from another that had the same pid; ``program`` changes when the
    process becomes another program, which keeps pid and start. ``state`` is the kernel's letter
    (``T``: stopped by a signal), "" where it isn't told.
    """

    pid: int
    ppid: int
    name: str
    start: str
    started_ms: int
    program: str
    group: int = 0
    session: int = 0
    tty: int = 0
    foreground: int = 0
    state: str = ""


class Source(Protocol):
    """Where processes are read from."""

    has_start_token: bool
    """Whether ``Entry.start`` is the mark agents write down themselves."""

    def scan(self, known: Mapping[int, Entry]) -> dict[int, Entry]:
        """Return all running processes by pid. ``known`` is the scan before."""

    def argv(self, pid: int) -> tuple[str, ...]:
        """Return the command line, empty where it can't be read."""

    def environ(self, pid: int) -> dict[str, str]:
        """Return the environment the program was started with, empty where it can't be read."""

    def cwd(self, pid: int) -> str:
        """Return the working directory, "" where it can't be read."""

    def open_files(self, pid: int) -> list[str]:
        """Return the paths of the regular files a process has open for writing.

        What it only reads tells nothing: agents look into each other's logs (seen with Codex).
        """

    def is_ours(self, pid: int) -> bool:
        """Tell whether a process runs as the user we are, True where that can't be told."""

    def now(self, pid: int) -> Entry | None:
        """Return one process as it is at this moment, None if it doesn't run."""


class ProcessTable:
    """The running processes at the last :meth:`scan`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.entries: dict[int, Entry] = {}
        self._before: dict[int, Entry] = {}
        self._children: dict[int, list[int]] | None = None
        self._argv: dict[tuple[int, str, str], tuple[str, ...]] = {}
        self._environ: dict[tuple[int, str, str], dict[str, str]] = {}

    def scan(self) -> None:
        """Read the table anew; what is known of processes that still run is kept."""
        self._before = self.entries
        self.entries = self.source.scan(self.entries)
        self._children = None
        if len(self._argv) > 2 * len(self.entries) + 64:
            live = {(entry.pid, entry.start, entry.program) for entry in self.entries.values()}
            self._argv = {key: value for key, value in self._argv.items() if key in live}
            self._environ = {key: value for key, value in self._environ.items() if key in live}

    def get(self, pid: int) -> Entry | None:
        """Return a process, None if it doesn't run."""
        return self.entries.get(pid)

    def is_settled(self, entry: Entry) -> bool:
        """Tell whether a process ran the same program at the scan before.

        If not, it may be just about to become a program, and have no command line for a moment;
        later one without it is the kernel's or not ours to read.
        """
        before = self._before.get(entry.pid)
        return before is not None and (before.start, before.program) == (entry.start, entry.program)

    def argv(self, entry: Entry) -> tuple[str, ...]:
        """Return a process's command line, empty where it has none."""
        key = entry.pid, entry.start, entry.program
        value = self._argv.get(key)
        if value is None:
            value = self.source.argv(entry.pid)
            if value or self.is_settled(entry):
                self._argv[key] = value
        return value

    def environ(self, entry: Entry) -> dict[str, str]:
        """Return the environment a process's program was started with."""
        key = entry.pid, entry.start, entry.program
        value = self._environ.get(key)
        if value is None:
            value = self._environ[key] = self.source.environ(entry.pid)
        return value

    def process(self, entry: Entry, *, with_cwd: bool = False) -> Process:
        """Return a process as agent modules take it. ``cwd`` costs a call, hence asked for."""
        return Process(
            pid=entry.pid,
            ppid=entry.ppid,
            name=entry.name,
            argv=self.argv(entry),
            started_ms=entry.started_ms,
            start_token=entry.start if self.source.has_start_token else "",
            cwd=self.source.cwd(entry.pid) if with_cwd else "",
        )

    def ancestors(self, pid: int) -> Iterator[Entry]:
        """Yield a process, its parent, and so on up to the first."""
        seen = set()
        entry = self.entries.get(pid)
        while entry is not None and entry.pid not in seen:
            yield entry
            seen.add(entry.pid)
            entry = self.entries.get(entry.ppid)

    def descendants(self, pid: int) -> Iterator[Entry]:
        """Yield the processes below a process, parents first, without itself."""
        if self._children is None:
            self._children = defaultdict(list)
            for entry in self.entries.values():
                self._children[entry.ppid].append(entry.pid)
        queue, seen = [pid], {pid}
        while queue:
            for child in self._children.get(queue.pop(0), ()):
                if child not in seen:
                    seen.add(child)
                    queue.append(child)
                    yield self.entries[child]
