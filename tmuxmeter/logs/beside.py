"""Readers that know the small files beside their log, where an agent names any."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import LogError
from tmuxmeter.logs.source import read_small

if TYPE_CHECKING:
    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import LogFile


def reader_of(agent: Agent, log: LogFile, state: bytes) -> Any:
    """Return a reader for a log, going on from ``state``.

    What is beside the log is read each time: a file that can't be read, or is larger than 64 KiB,
    is as good as none. Of a pattern's files the first by name is read; one that can't be read is
    there nevertheless, without any content.
    """
    wanted = agent.beside(log.name)
    if not wanted:
        return agent.reader(log.name, state)
    found = {}
    for path in wanted:
        content = _first(log.root, path) if "*" in path else _read(f"{log.root}/{path}")
        if content or (content is not None and "*" in path):
            found[path] = content
    return agent.reader_beside(log.name, state, found)


def _read(path: str) -> bytes | None:
    try:
        return read_small(path)
    except LogError:
        return None


def _first(root: str, pattern: str) -> bytes | None:
    """Return the content of the first file that a pattern finds, None if it finds none."""
    # the root's own name is no pattern
    names = sorted(glob.glob(f"{glob.escape(root)}/{pattern}"))  # noqa: PTH207 - takes ".."
    return (_read(names[0]) or b"") if names else None
