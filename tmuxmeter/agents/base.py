"""What an agent module brings: its logs' places, their readers, its processes' looks.

Adding an agent is one such module and one line in the registry (``docs/agents.md`` tells how).

Agent modules do no I/O: bytes and facts come in, events and answers go out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tmuxmeter.agents.readers import LINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


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
    start_blur_ms: int
    """A session may have begun so much later than its log tells: 999 for whole seconds."""
    tells_folders: bool
    """Whether its logs tell where a session works; else only time ties one to a program."""

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

    def session_of_open_file(self, relative: str) -> str:
        """Return the session that a process has which holds this path below a root open, or ""."""

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
    start_blur_ms = 0
    tells_folders = True

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folders this agent may log to."""
        raise NotImplementedError

    def settings_folder(self, home: Path, env: Mapping[str, str]) -> Path:
        """Return the first of its roots: most agents keep settings and logs together."""
        return self.roots(home, env)[0].path

    def log_name(self, relative: str) -> str | None:
        """Return the canonical name of the log at this path below a root, None if it is no log."""
        raise NotImplementedError

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

    def session_of_open_file(self, relative: str) -> str:
        """Return the session of the log at this path: nothing else is held open for one."""
        name = self.log_name(relative)
        return self.session_of_log(name) if name else ""

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
