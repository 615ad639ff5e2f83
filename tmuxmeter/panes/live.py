"""Reads the small files in which agents say what their running processes do."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tmuxmeter.panes.evidence import Live

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Agent, Root

MOST_BYTES = 64 * 1024
"""Such a file is a few hundred bytes; more is something else."""


class LiveFiles:
    """The live files of all agents; one that didn't change is not read again."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = {agent.name: agent for agent in agents if agent.live_files()}
        self._known: dict[str, tuple[tuple[int, int, int], Live]] = {}

    @property
    def agents(self) -> frozenset[str]:
        """Names of the agents that write live files."""
        return frozenset(self._agents)

    def read(self, roots: Iterable[Root]) -> list[Live]:
        """Return what the live files below these folders say now, unchecked."""
        found: dict[str, tuple[tuple[int, int, int], Live]] = {}
        for root in roots:
            agent = self._agents.get(root.agent)
            if agent is None:
                continue
            for pattern in agent.live_files():
                folder, _, name = pattern.rpartition("/")
                folders = root.path.glob(folder) if "*" in folder else (root.path / folder,)
                for where in folders:
                    for entry in _regular_files(where, name):
                        known = self._read(agent, root, entry)
                        if known is not None:
                            found[entry.path] = known
        self._known = found
        return [live for _, live in found.values()]

    def _read(
        self, agent: Agent, root: Root, entry: os.DirEntry[str]
    ) -> tuple[tuple[int, int, int], Live] | None:
        old = self._known.get(entry.path)
        try:
            status = entry.stat(follow_symlinks=False)
            mark = status.st_mtime_ns, status.st_size, status.st_ino
            if old is not None and old[0] == mark:
                return old
            content = _content(entry.path)
        except OSError:
            return old
        session = agent.live_session(content)
        if session is None:
            # Caught in the middle of being written: what it said before still holds.
            return old
        return mark, Live(agent.name, str(root.path), session)


def _regular_files(folder: Path, pattern: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if fnmatchcase(entry.name, pattern) and entry.is_file(follow_symlinks=False):
                    yield entry
    except OSError:
        return


def _content(path: str) -> bytes:
    # The file may have become something else since it was listed, such as a FIFO, which blocks.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)
