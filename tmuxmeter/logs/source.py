"""Opening a log file safely and read-only, and the bytes of a plain one."""

from __future__ import annotations

import errno
import os
import stat
from typing import Protocol

from tmuxmeter.errors import LogError

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOATIME = getattr(os, "O_NOATIME", 0)

KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFDIR: "folder",
}


class Source(Protocol):
    """The bytes of an opened log, in order."""

    damage: str
    """Why the bytes ended early, "" while they didn't."""

    def samples(self, offset: int, size: int) -> tuple[bytes, bytes]:
        """Return up to ``size`` bytes from the beginning, and as many before ``offset``.

        Both lie below ``offset``; they are shorter where the log ends before it. The next read
        starts at ``offset``.
        """

    def seek(self, offset: int) -> None:
        """Let the next read start at ``offset``."""

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` from the front and return how many bytes it took, 0 at the end."""


def failure(path: str, reason: OSError | str) -> LogError:
    """Return the error that tells why the log at ``path`` isn't read."""
    return LogError(f"{path}: {why(reason) if isinstance(reason, OSError) else reason}")


def why(error: OSError) -> str:
    """Return the system's own word for an error."""
    return error.strerror or type(error).__name__


def refusal(mode: int) -> str:
    """Return why a file of this mode is never read, "" for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return f"is a {KINDS.get(stat.S_IFMT(mode), 'special file')}, not read"


def open_log(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return its descriptor and facts.

    Never follows a symbolic link, never waits for a pipe's other end, and leaves the access time
    alone where the system lets us (own files on Linux).

    Raises
    ------
    FileNotFoundError
        If it is gone.
    LogError
        If it can't be opened or is anything but a regular file.
    """
    try:
        # Looked at first: opening a named pipe would already wake its writer.
        reason = refusal(os.lstat(path).st_mode)
        if reason:
            raise failure(path, reason)
        try:
            descriptor = os.open(path, _FLAGS | _NOATIME)
        except PermissionError:
            if not _NOATIME:
                raise
            descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
    except OSError as error:
        swapped = error.errno == errno.ELOOP
        raise failure(path, refusal(stat.S_IFLNK) if swapped else error) from error
    facts = os.fstat(descriptor)
    reason = refusal(facts.st_mode)
    if reason:
        os.close(descriptor)
        raise failure(path, reason)
    return descriptor, facts


def read_small(path: str, limit: int = 1 << 16) -> bytes | None:
    """Return the content of a small file, None if it is gone, larger than ``limit`` or no file.

    Raises
    ------
    LogError
        If it can't be opened or is anything but a regular file.
    """
    try:
        descriptor, _ = open_log(path)
    except FileNotFoundError:
        return None
    try:
        content = os.pread(descriptor, limit + 1, 0)
    except OSError as error:
        raise failure(path, error) from error
    finally:
        os.close(descriptor)
    return content if len(content) <= limit else None


class PlainSource:
    """An uncompressed log behind an open descriptor, which stays the caller's."""

    def __init__(self, descriptor: int) -> None:
        self.damage = ""
        self._descriptor = descriptor
        self._at = 0

    def samples(self, offset: int, size: int) -> tuple[bytes, bytes]:
        """See :meth:`Source.samples`."""
        length = min(offset, size)
        self._at = offset
        return (
            os.pread(self._descriptor, length, 0),
            os.pread(self._descriptor, length, offset - length),
        )

    def seek(self, offset: int) -> None:
        """See :meth:`Source.seek`."""
        self._at = offset

    def readinto(self, view: memoryview) -> int:
        """See :meth:`Source.readinto`."""
        try:
            taken = os.preadv(self._descriptor, [view], self._at)
        except OSError as error:
            self.damage = why(error)
            return 0
        self._at += taken
        return taken
