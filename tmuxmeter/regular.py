"""Reading a file that somebody else named: never a pipe, a device or without an end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFDIR: "folder",
}


def read_regular(path: Path, most: int) -> bytes:
    """Return what a file holds, without ever waiting for the other end of a pipe.

    Parameters
    ----------
    path : Path
        The file; links are followed.
    most : int
        Bytes it may hold.

    Raises
    ------
    OSError
        It can't be read, is no regular file, or holds more; ``strerror`` says which.
    """
    # looked at first: opening a pipe would wake its writer, opening a device may do anything
    _check(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check(os.fstat(descriptor), path)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB", str(path))
    return content


def _check(facts: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = KINDS.get(stat.S_IFMT(facts.st_mode), "special file")
        raise OSError(errno.EINVAL, f"it is a {kind}, not a file", str(path))
