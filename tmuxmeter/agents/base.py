"""What an agent module brings: its logs' places, its records' events, its processes' looks.

Adding an agent is one such module and one line in the registry (``docs/agents.md`` tells how).
A log is of one of three kinds, each with a reader of its own: a file of lines that grows, a
document that is rewritten whole, a database whose rows come and change.

Agent modules do no I/O: bytes and facts come in, events and answers go out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tmuxmeter.events import Event

LINES: Final = "lines"
DOCUMENT: Final = "document"
DATABASE: Final = "database"

PAGE = 2000
"""Rows that one question to a database may return; with so many it is asked again."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that holds one account's logs of one agent, whether or not it exists.

    Where ``needs`` is not empty, the last part of ``path`` is a glob pattern, and every folder
    that matches it and holds all of ``needs`` is a root: further accounts side by side.
    ``index`` names a file below ``path`` that tells further roots, see :meth:`Agent.indexed`.
    """

    agent: str
    path: Path
    needs: tuple[str, ...] = ()
    index: str = ""


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


class DocumentReader(Protocol):
    """Turns a file that is rewritten whole into events.

    It is read again whenever it changed, with what :meth:`state` returned the last time: events
    have keys of their own, totals are told as what they grew by
    (:class:`tmuxmeter.agents.totals.Totals`).
    """

    def read(self, content: bytes) -> list[Event] | None:
        """Return the events of the whole file, None where it is half-written or broken.

        Then it is read again soon, and told as broken once its file is left alone. Never raises
        on bad content: a broken part becomes a ``Skipped``.
        """

    def state(self) -> bytes:
        """Return what the reader of the next version needs; stored with the events, or neither."""


@runtime_checkable
class Dated(Protocol):
    """What a document's reader also has where its records carry no times of their own."""

    def written(self, time_ms: int) -> None:
        """Take the time of the file's last change, epoch milliseconds; called before ``read``."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a database: the same ``name`` comes back with its rows.

    ``sql`` reads only, is ordered by what it goes on from (its cursor, bound by name in
    ``values``) and gives up to ``:page`` rows, which is added to ``values``: exactly so many, or
    more, mean that there may be others. It is asked after every change, so it must find its rows
    by an index or their number wherever a table grows with use.
    """

    name: str
    sql: str
    values: Mapping[str, object] = field(default_factory=dict)


class DatabaseReader(Protocol):
    """Turns the rows of an SQLite file into events.

    After every change a new reader is asked for its queries, gets the rows of each, and is asked
    again as long as any of them filled a page. What was read before may be read again (rows are
    changed in place): the ledger books each key once, the largest output wins.
    """

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next, given the columns of each table.

        Raises
        ------
        LogError
            If the tables are not those this reader knows; the message says what is missing.
        """

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of a query's rows, which may be none. Never raises on bad content."""

    def rewind(self) -> None:
        """Go back to the first row, but keep what totals were counted: the file is another one."""

    def state(self) -> bytes:
        """Return what a new reader needs to go on; stored with the events, or neither."""


class Agent(Protocol):
    """One kind of coding agent; :class:`Defaults` has what most agents don't have."""

    name: str
    """Registered name, lower case: ``claude``."""
    title: str
    """Name for people: ``Claude Code``."""
    provider: str
    """Whose prices apply where the model's name doesn't tell: ``anthropic``."""
    programs: tuple[str, ...]
    """Names of its programs on the ``PATH``, to tell whether it is installed."""
    meters: str
    """What is metered, in a few words for people."""
    lacks: str
    """What is not metered and why, in a few words for people, "" where nothing is missing."""
    unmetered: str
    """Why its logs never tell tokens, "" for agents whose logs do: their sessions are unmetered."""

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folders this agent may log to, honouring its own environment variables."""

    def settings_folder(self, home: Path, env: Mapping[str, str]) -> Path:
        """Return the folder of the settings that an agent with this environment reads."""

    def log_name(self, relative: str) -> str | None:
        """Return the canonical name of the log at this path below a root, None if it is no log."""

    def log_folders(self) -> tuple[str, ...]:
        """Return the folders below a root that hold logs, so that others are never walked."""

    def walks(self, relative: str) -> bool:
        """Tell whether logs may lie in this folder below a root, or below it."""

    def log_kind(self, name: str) -> str:
        """Return the kind of the log of this canonical name: LINES, DOCUMENT or DATABASE.

        It decides which of the reader's protocols :meth:`reader` answers with.
        """

    def reader(self, name: str, state: bytes = b"") -> Any:
        """Return a reader for the log of this canonical name, going on from ``state``.

        See :class:`Reader`, :class:`DocumentReader` and :class:`DatabaseReader`.
        """

    def beside(self, name: str) -> tuple[str, ...]:
        """Return paths below the root of small files that say more of this log: its folder.

        A path with ``*`` is a pattern: the first file it finds counts, and that there is one at
        all is told even where it is too large to be read, by an empty content.
        Where there are any, :meth:`reader_beside` is called in place of :meth:`reader`.
        """

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Return a reader that also knows the contents of those files, as far as they exist."""

    def role(self, process: Process) -> str:
        """Return ``agent``, ``daemon`` (serves several panes), ``helper``, or "" for others."""

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the session id that a command line names, or ""."""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder that a command line tells the agent to work in, or ""."""

    def session_of_log(self, name: str) -> str:
        """Return the session id that a log's canonical name tells, or ""."""

    def folder_of_root(self, root: str) -> str:
        """Return the folder in which all sessions below a root work, "" where they tell it."""

    def live_files(self) -> tuple[str, ...]:
        """Return glob patterns below a root of files that describe running processes.

        A folder in a pattern may itself be a pattern where it lies in a log folder.
        """

    def live_session(self, content: bytes) -> LiveSession | None:
        """Return what such a file says, None if it can't be trusted."""

    def process_log(self) -> ProcessLog | None:
        """Return how the agent's own log tells which process began which session, if it does."""

    def indexed(self, content: bytes) -> tuple[Root, ...]:
        """Return the further roots that a root's index file tells. Never raises on bad content."""


class Defaults:
    """What an agent says that has nothing of the kind. To be inherited by agents' classes."""

    name: str
    programs: tuple[str, ...] = ()
    meters = ""
    lacks = ""
    unmetered = ""

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folders this agent may log to."""
        raise NotImplementedError

    def settings_folder(self, home: Path, env: Mapping[str, str]) -> Path:
        """Return the first of its roots: most agents keep settings and logs together."""
        return self.roots(home, env)[0].path

    def walks(self, relative: str) -> bool:  # noqa: ARG002
        """Tell that every folder below a log folder may hold logs."""
        return True

    def log_kind(self, name: str) -> str:  # noqa: ARG002
        """Tell that logs are files of lines."""
        return LINES

    def beside(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: logs say all there is."""
        return ()

    def reader_beside(self, name: str, state: bytes, files: Mapping[str, bytes]) -> Any:
        """Refuse: nothing is beside a log."""
        raise NotImplementedError

    def session_in_argv(self, argv: Sequence[str]) -> str:  # noqa: ARG002
        """Return "": command lines name no session."""
        return ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:  # noqa: ARG002
        """Return "": the agent works where it is started."""
        return ""

    def session_of_log(self, name: str) -> str:  # noqa: ARG002
        """Return "": logs' names tell no session."""
        return ""

    def folder_of_root(self, root: str) -> str:  # noqa: ARG002
        """Return "": sessions of several folders lie below a root."""
        return ""

    def live_files(self) -> tuple[str, ...]:
        """Return nothing: no file describes running processes."""
        return ()

    def live_session(self, content: bytes) -> LiveSession | None:  # noqa: ARG002
        """Return None: there are no such files."""
        return None

    def process_log(self) -> ProcessLog | None:
        """Return None: no log tells which process began which session."""
        return None

    def indexed(self, content: bytes) -> tuple[Root, ...]:  # noqa: ARG002
        """Return nothing: no file tells further roots."""
        return ()


UNKNOWN_TYPE: Final = "unknown type "


def unknown_type(kind: str, version: str = "") -> str:
    """Return the reason under which records of a type that nobody knows are skipped and counted.

    ``doctor`` shows them as "412 records of unknown type X in codex 0.170".
    """
    word = "".join(c if c.isprintable() else "?" for c in kind[:60])
    return f"{UNKNOWN_TYPE}{word}" + (f" in {version[:30]}" if version else "")


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
