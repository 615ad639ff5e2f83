"""Reading a file that somebody else named: never a device, never without an end or in wait."""

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


def read_regular(path: Path, most: int, *, piped: bool = False) -> bytes:
    """Return what a file holds; the null device holds nothing.

    Parameters
    ----------
    path : Path
        The file; links are followed.
    most : int
        Bytes it may hold.
    piped : bool
        A pipe will do as well, such as a shell's ``<(...)``; one that nobody writes to is empty.

    Raises
    ------
    OSError
        It can't be read, is no regular file, or holds more; ``strerror`` says which.
    """
    # looked at first: opening a pipe would wake its writer, opening a device may do anything
    facts = path.stat()
    if os.path.samestat(facts, os.stat(os.devnull)):  # noqa: PTH116 - as samestat wants it
        return b""
    _check(facts, path, piped=piped)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check(os.fstat(descriptor), path, piped=piped)
        os.set_blocking(descriptor, True)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB", str(path))
    return content


def _check(facts: os.stat_result, path: Path, *, piped: bool) -> None:
    if not (stat.S_ISREG(facts.st_mode) or (piped and stat.S_ISFIFO(facts.st_mode))):
        kind = KINDS.get(stat.S_IFMT(facts.st_mode), "special file")
        raise OSError(errno.EINVAL, f"it is a {kind}, not a file", str(path))
