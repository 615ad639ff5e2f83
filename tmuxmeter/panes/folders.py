"""Folders by one name each, and which of them are only played."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from tmuxmeter.paths import DEMO_MARK

if TYPE_CHECKING:
    from tmuxmeter.agents.base import Agent


ANYWHERE = "*"
"""The folder of all programs and sessions of an agent whose logs tell none."""


@lru_cache(maxsize=4096)
def real_path(path: str) -> str:
    """Return a folder's path without symbolic links: two names of one account are one account."""
    return os.path.realpath(path)


def path_below(agent: Agent, account: str, path: str) -> str | None:
    """Return a file's path below an agent's root, None if it is in none of its log folders.

    Parameters
    ----------
    agent : Agent
        Whose file it may be.
    account : str
        The folder of the agent's logs.
    path : str
        A file without symbolic links on its way, as ``/proc`` tells; the account's log folders may
        be links.
    """
    for relative in agent.log_folders():
        folder = real_path(f"{account}/{relative}" if relative else account) + "/"
        if path.startswith(folder):
            below = path[len(folder) :]
            return f"{relative}/{below}" if relative else below
    return None


def log_name(agent: Agent, account: str, path: str) -> str | None:
    """Return the canonical name of an agent's log, None if it is none of this account's."""
    below = path_below(agent, account, path)
    return None if below is None else agent.log_name(below)


def is_played(path: str) -> bool:
    """Tell whether a folder lies in the home of a demo, whose agents spend nothing."""
    while path not in {"", "/"}:
        path = os.path.dirname(path)  # noqa: PTH120 - this runs every few seconds
        if os.path.lexists(os.path.join(path, DEMO_MARK)):  # noqa: PTH118
            return True
    return False
