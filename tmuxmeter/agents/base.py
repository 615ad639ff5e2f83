"""What an agent module brings: its logs' places, its records' events, its processes' looks.

Adding an agent is one such module and one line in the registry.

Agent modules do no I/O: bytes and facts come in, events and answers go out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tmuxmeter.events import Event


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that holds one account's logs of one agent, whether or not it exists.

    Where ``needs`` is not empty, the last part of ``path`` is a glob pattern, and every folder
    that matches it and holds all of ``needs`` is a root: further accounts side by side.
    """

    agent: str
    path: Path
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """What is known of a running process. ``started_ms`` is epoch milliseconds.

    ``start_token`` is the operating system's own start mark (Linux: field 22 of
    ``/proc/<pid>/stat``, in clock ticks, as text), "" where there is none.
    """

    pid: int
    ppid: int
    name: str
    argv: tuple[str, ...]
    started_ms: int
    start_token: str = ""
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """What an agent itself says about a running process (Claude's ``sessions/<pid>.json``).

    ``state`` is ``working``, ``waiting``, ``idle`` or "" where it isn't said; ``waiting_for`` is
    the agent's own word for what it waits for.
    """

    pid: int
    session: str
    cwd: str = ""
    start_token: str = ""
    state: str = ""
    waiting_for: str = ""
    started_ms: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class Began:
    """An agent's own log tells that a process began a session, or went on with it, at a time."""

    pid: int
    session: str
    time_ms: int


class ProcessLog(Protocol):
    """An SQLite file in which an agent notes what its processes do, for whoever can read it."""

    pattern: str
    """Glob pattern below a root; of several files the one changed last counts."""
    query: str
    """Selects the rows :meth:`began` needs between ``:since_s`` and ``:until_s``, epoch seconds."""
    delay_ms: int
    """How long after a session's begin the rows about it may be incomplete."""

    def began(self, rows: Iterable[Sequence[object]], now_ms: int) -> list[Began]:
        """Return what these rows tell without a guess. Never raises on bad content."""


class Reader(Protocol):
    """Turns the lines of one log file into events; keeps what later lines need of earlier ones."""

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only.

        ``offset`` is the position of ``block[start]`` in the file, for ``Skipped``. Never raises
        on bad content: a broken record becomes a ``Skipped``.
        """

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""


class Agent(Protocol):
    """One kind of coding agent."""

    name: str
    """Registered name, lower case: ``claude``."""
    title: str
    """Name for people: ``Claude Code``."""
    provider: str
    """Whose prices apply where the model's name doesn't tell: ``anthropic``."""

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folders this agent may log to, honouring its own environment variables."""

    def log_name(self, relative: str) -> str | None:
        """Return the canonical name of the log at this path below a root, None if it is no log."""

    def log_folders(self) -> tuple[str, ...]:
        """Return the folders below a root that hold logs, so that others are never walked."""

    def reader(self, name: str, state: bytes = b"") -> Reader:
        """Return a reader for the log of this canonical name, going on from ``state``."""

    def role(self, process: Process) -> str:
        """Return ``agent``, ``daemon`` (serves several panes), ``helper``, or "" for others."""

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the session id that a command line names, or ""."""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder that a command line tells the agent to work in, or ""."""

    def session_of_log(self, name: str) -> str:
        """Return the session id that a log's canonical name tells, or ""."""

    def live_files(self) -> tuple[str, ...]:
        """Return glob patterns below a root of files that describe running processes."""

    def live_session(self, content: bytes) -> LiveSession | None:
        """Return what such a file says, None if it can't be trusted."""

    def process_log(self) -> ProcessLog | None:
        """Return how the agent's own log tells which process began which session, if it does."""


def candidates(
    block: bytes | bytearray, start: int, end: int, needles: Sequence[bytes]
) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the lines of ``block[start:end]`` that hold any of ``needles``, in order.

    Each line is yielded once. Bounds leave the newline out.
    """
    positions = [block.find(needle, start, end) for needle in needles]
    while True:
        hits = [p for p in positions if p >= 0]
        if not hits:
            return
        hit = min(hits)
        line_start = block.rfind(b"\n", start, hit) + 1 or start
        line_end = block.find(b"\n", hit, end)
        if line_end < 0:
            line_end = end
        yield line_start, line_end
        for index, position in enumerate(positions):
            if 0 <= position < line_end:
                positions[index] = block.find(needles[index], line_end, end)
        start = line_end
