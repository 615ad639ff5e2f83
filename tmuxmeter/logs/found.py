"""What the search for logs finds: files, folders, changes and problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from tmuxmeter.agents.readers import DATABASE
from tmuxmeter.events import LogFile
from tmuxmeter.logs.compressed import SUFFIX
from tmuxmeter.logs.sqlite_files import with_wal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import Position

FileKey: TypeAlias = tuple[str, str, str]
"""Agent, root and canonical name: what a log is known by, wherever it lies."""

NOT_TEXT = "name is not valid UTF-8, not read"


def file_key(log: LogFile) -> FileKey:
    """Return what the ledger knows this log by."""
    return log.agent, log.root, log.name


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a log of an agent from being read, for ``doctor``."""

    path: str
    reason: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A small file that describes a running process, written, changed or gone."""

    agent: str
    root: str
    path: str


@dataclass(slots=True, eq=False)
class Entry:
    """A file that was found, with its facts when it was last looked at.

    ``database``: its WAL belongs to it, so size and time are those of both together.
    """

    path: str
    log: LogFile | None
    folder_rank: int = 0
    database: bool = False
    device: int = 0
    inode: int = 0
    size: int = -1
    mtime_ns: int = 0

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Of two files with one name the lesser stands for the log."""
        return self.path.endswith(SUFFIX), self.folder_rank, self.path

    def same(self, position: Position) -> bool:
        """Tell whether the file looked as it did when it was read up to ``position``."""
        mine = self.device, self.inode, self.size, self.mtime_ns
        return mine == (position.device, position.inode, position.size, position.mtime_ns)

    def update(self, facts: os.stat_result) -> bool:
        """Take new facts and tell whether they differ."""
        new = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
        if self.database:
            new = (*new[:2], *with_wal(self.path, facts))
        if new == (self.device, self.inode, self.size, self.mtime_ns):
            return False
        self.device, self.inode, self.size, self.mtime_ns = new
        return True


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked for in a folder: logs (also in folders below), files of patterns, or both.

    ``patterns`` are of names in this folder, ``deep`` of paths below the root.
    """

    agent: Agent
    root: str
    rank: int = 0
    logs: bool = False
    patterns: tuple[str, ...] = ()
    deep: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Folder:
    """A folder that is looked at.

    ``mtime_ns`` is its time when it was listed, -1: list again; ``number`` its device and inode.
    ``folders`` are the names of those in it; an empty dict takes a third of an empty set's memory.
    """

    path: str
    relative: str
    scope: Scope
    mtime_ns: int = -1
    number: tuple[int, int] | None = None
    problem: str = ""
    files: dict[str, Entry] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def entry(self, name: str) -> Entry | None:
        """Return what a file of this name stands for, None if nothing is made of it."""
        scope = self.scope
        path = f"{self.path}/{name}"
        if scope.logs:
            log_name = scope.agent.log_name(self.below(name))
            if log_name is not None:
                log = LogFile(scope.agent.name, scope.root, log_name, path)
                database = scope.agent.log_kind(log_name) == DATABASE
                return Entry(path, log, scope.rank, database)
        if any(fnmatchcase(name, pattern) for pattern in scope.patterns) or self._deep(name):
            return Entry(path, None)
        return None

    def _deep(self, name: str) -> bool:
        if not self.scope.deep:
            return False
        path = PurePosixPath(self.below(name))
        return any(
            len(path.parts) == pattern.count("/") + 1 and path.match(pattern)
            for pattern in self.scope.deep
        )

    def below(self, name: str) -> str:
        """Return the path of a name in this folder, below the root."""
        return f"{self.relative}/{name}" if self.relative else name

    def speakable(self, name: str) -> bool:
        """Tell whether a name can be stored as text; note it as a problem where it can't."""
        if name.isascii():
            return True
        try:
            name.encode()
        except UnicodeEncodeError:
            self.problems[name] = NOT_TEXT
            return False
        return True


@dataclass(slots=True)
class Changes:
    """What changed since it was asked for last. A log is named once however often it changed.

    ``began``: a folder for logs has appeared, so an agent is at work that never was.
    """

    logs: list[LogFile] = field(default_factory=list)
    live: list[LiveFile] = field(default_factory=list)
    began: bool = False


def scopes(agent: Agent, root: str) -> Iterator[tuple[str, Scope]]:
    """Yield the folders below a root that hold anything to be found, and what that is."""
    patterns: dict[str, tuple[str, ...]] = {}
    deep = []
    for pattern in agent.live_files():
        folder, _, name = pattern.rpartition("/")
        if "*" in folder:
            deep.append(pattern)
        else:
            patterns[folder] = (*patterns.get(folder, ()), name)
    for rank, relative in enumerate(agent.log_folders()):
        yield (
            relative,
            Scope(
                agent, root, rank, logs=True, patterns=patterns.pop(relative, ()), deep=tuple(deep)
            ),
        )
    for relative, names in patterns.items():
        yield relative, Scope(agent, root, patterns=names)
