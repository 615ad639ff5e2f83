"""Hearing of changes in the meter's own small folders, where the system tells of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tmuxmeter.logs.watches import Watches

MOST = 16
"""A few folders at most, each a watch."""


class Folders:
    """Some folders that are heard of at once; elsewhere than on Linux they are looked at in turn.

    Parameters
    ----------
    paths : iterable of Path
        The folders; one that can't be watched is never heard of.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._watches = _open()
        if self._watches is not None:
            for path in paths:
                self._watches.add(str(path))

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when something happened; -1: there is none."""
        return -1 if self._watches is None else self._watches.fileno()

    def heard(self) -> bool:
        """Return whether anything happened since the last call."""
        if self._watches is None:
            return False
        found = self._watches.take()
        return bool(found.paths) or found.lost

    def close(self) -> None:
        """Give the watches back."""
        if self._watches is not None:
            self._watches.close()


def _open() -> Watches | None:
    if sys.platform != "linux":
        return None  # a thread and a stream of events for files that are looked at anyway
    from tmuxmeter.logs.inotify import InotifyWatches

    try:
        return InotifyWatches(MOST)
    except OSError:
        return None
