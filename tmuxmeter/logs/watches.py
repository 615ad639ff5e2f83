"""What a source of file events brings, and which one this system has."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Heard:
    """Paths that something happened to. ``lost``: more happened than the system could tell.

    ``appeared``: there is a new folder in one of those that others are awaited in, or one of those
    is gone.
    """

    paths: set[str] = field(default_factory=set)
    lost: bool = False
    appeared: bool = False


class Watches(Protocol):
    """Events of the folders it was told of. Never blocks, and is used from one thread."""

    full: bool
    """The system gave no more watches: some folders are not heard of."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when there is something to take."""

    def add(self, folder: str) -> None:
        """Hear of a folder's files from now on; sets ``full`` where that can't be had."""

    def remove(self, folder: str) -> None:
        """Hear of a folder no longer. Unknown folders are fine."""

    def await_in(self, folders: Iterable[str]) -> None:
        """Hear of folders that appear in these, and no longer in others that were told before.

        Of nothing else in them. Does nothing where the system can't tell that alone.
        """

    def take(self) -> Heard:
        """Return what was heard since the last call; many events of one file are one path."""

    def silence(self) -> None:
        """Give all watches back to the system; the descriptor stays valid and silent."""

    def close(self) -> None:
        """Give everything back."""


def open_watches(limit: int) -> Watches | None:
    """Return this system's events, None where there are none to be had (then poll).

    ``limit`` bounds the watches taken on Linux, where they are scarce and shared by all programs
    of a user; other systems watch whole trees.
    """
    try:
        if sys.platform == "linux":
            from tmuxmeter.logs.inotify import InotifyWatches

            return InotifyWatches(limit)
        from tmuxmeter.logs.observer import ObserverWatches

        return ObserverWatches()
    except (OSError, ImportError):
        return None
