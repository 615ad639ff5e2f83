"""Folders by one name each, and which of them are only played."""

from __future__ import annotations

import os
from functools import lru_cache

from tmuxmeter.paths import DEMO_MARK


@lru_cache(maxsize=4096)
def real_path(path: str) -> str:
    """Return a folder's path without symbolic links: two names of one account are one account."""
    return os.path.realpath(path)


def is_played(path: str) -> bool:
    """Tell whether a folder lies in the home of a demo, whose agents spend nothing."""
    while path not in {"", "/"}:
        path = os.path.dirname(path)  # noqa: PTH120 - this runs every few seconds
        if os.path.lexists(os.path.join(path, DEMO_MARK)):  # noqa: PTH118
            return True
    return False
