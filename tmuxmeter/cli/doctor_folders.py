"""What ``doctor`` looks at of the meter's own folders."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tmuxmeter.reports import doctor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmuxmeter.paths import Places
    from tmuxmeter.reports.doctor import Check


def folder_checks(places: Places) -> Iterator[Check]:
    """Look at the meter's own folders; those within them that are fine go without saying."""
    from tmuxmeter.hooks.inbox import FOLDER as INBOX
    from tmuxmeter.pause.hold import FOLDER as HOLDS
    from tmuxmeter.pause.records import FOLDER as PAUSES

    yield doctor.folder_check("state folder", _folder(places.state))
    yield doctor.folder_check("runtime folder", _folder(places.runtime))
    folders = {
        "folder of pauses": places.state / PAUSES,
        "folder of hold flags": places.runtime / HOLDS,
        "folder of hooks' reports": places.runtime / INBOX,
    }
    for name, path in folders.items():
        # one in a folder that can't be entered is told of with that folder
        if os.path.lexists(path):
            check = doctor.folder_check(name, _folder(path))
            if check.status == doctor.BAD:
                yield check


def _folder(path: Path) -> doctor.FolderFacts:
    if os.path.islink(path):  # noqa: PTH114 - the method fails in a closed folder
        return doctor.FolderFacts(str(path), exists=True, own=False)
    try:
        facts = path.lstat()
        free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
    except OSError:
        above = next(folder for folder in path.parents if os.path.lexists(folder))
        writable = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
        return doctor.FolderFacts(str(path), exists=False, writable=writable)
    return doctor.FolderFacts(
        str(path),
        exists=True,
        mode=stat.S_IMODE(facts.st_mode),
        own=stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid(),
        writable=os.access(path, os.W_OK | os.X_OK) and not _read_only(path),
        free_bytes=free,
    )


def _read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
