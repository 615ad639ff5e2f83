"""The folder in which hooks leave their drops, emptied by the watcher."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final

from tmuxmeter.hooks.drops import parse

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.hooks.facts import Report

FOLDER: Final = "inbox"
"""Its name below the runtime folder."""
LIMIT_BYTES: Final = 1 << 16
"""Far more than any agent says; a hook leaves no more."""
LIMIT_FILES: Final = 1_000
"""As many as hooks leave where no watcher takes them."""
DRAFT_MS: Final = 3_600_000
"""A draft that old belongs to a hook that was killed."""


class Inbox:
    """The drops that wait.

    Parameters
    ----------
    folder : Path
        ``places.runtime / "inbox"``. Hooks leave nothing where it doesn't exist, so whoever takes
        drops makes it first (``paths.private_folder``).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = 0
        """How many files were no drops, since the beginning; they are removed."""

    def take(self, now_ms: int) -> list[Report]:
        """Return what was reported since the last time, the oldest first, and remove it.

        At most :data:`LIMIT_FILES` at a time. A folder that can't be read holds nothing.
        """
        found: list[tuple[int, str, Report]] = []
        for name in self._names():
            path = self.folder / name
            if name.startswith("."):
                self._drop_old_draft(path, now_ms)
                continue
            taken = self.folder / f".{name}.taken"
            try:
                # a hook may put a newer drop in its place at any moment: that one stays
                path.rename(taken)
                time_ms, content = _read(taken)
                report = parse(content, time_ms)
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                self.broken += 1
            else:
                if report is not None:
                    found.append((time_ms, name, report))
            with contextlib.suppress(OSError):
                taken.unlink()
        return [report for *_, report in sorted(found, key=lambda item: item[:2])]

    def look(self) -> list[Report]:
        """Return what waits, the oldest first, and leave it to whoever takes it."""
        found: list[tuple[int, str, Report]] = []
        for name in self._names():
            if name.startswith("."):
                continue
            with contextlib.suppress(OSError, ValueError):
                time_ms, content = _read(self.folder / name)
                report = parse(content, time_ms)
                if report is not None:
                    found.append((time_ms, name, report))
        return [report for *_, report in sorted(found, key=lambda item: item[:2])]

    def _names(self) -> list[str]:
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except OSError:
            return []
        return names[:LIMIT_FILES]

    @staticmethod
    def _drop_old_draft(path: Path, now_ms: int) -> None:
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime_ns // 1_000_000 < now_ms - DRAFT_MS:
                path.unlink()


def _read(path: Path) -> tuple[int, bytes]:
    """Return when a drop was written and what it holds.

    Raises
    ------
    OSError
        It can't be read, or is a link.
    ValueError
        It is no file, belongs to somebody else, or is too large.
    """
    # O_NONBLOCK: a pipe put in its place must not hold us
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            msg = "it is no file of ours"
            raise ValueError(msg)
        content = file.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        msg = "it is too large"
        raise ValueError(msg)
    return facts.st_mtime_ns // 1_000_000, content
