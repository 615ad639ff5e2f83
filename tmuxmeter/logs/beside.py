"""Readers that know the small files beside their log, where an agent names any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import LogError
from tmuxmeter.logs.source import read_small

if TYPE_CHECKING:
    from tmuxmeter.agents.base import Agent
    from tmuxmeter.events import LogFile


def reader_of(agent: Agent, log: LogFile, state: bytes) -> Any:
    """Return a reader for a log, going on from ``state``.

    What is beside the log is read each time: a file that can't be read, or is larger than 64 KiB,
    is as good as none.
    """
    wanted = agent.beside(log.name)
    if not wanted:
        return agent.reader(log.name, state)
    found = {path: content for path in wanted if (content := _read(f"{log.root}/{path}"))}
    return agent.reader_beside(log.name, state, found)


def _read(path: str) -> bytes | None:
    try:
        return read_small(path)
    except LogError:
        return None
