"""Opening another program's SQLite file so that the program never notices.

Nothing is written, no lock outlives a reading, and no file appears beside the database: opening a
database in WAL mode without its WAL leaves ``-wal`` and ``-shm`` behind even with ``mode=ro``
(seen with SQLite 3.40), so such a file is opened as immutable and looked at again afterwards.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tmuxmeter.errors import LogBusyError, LogError
from tmuxmeter.logs.source import failure, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_S = 0.1
COPY_LIMIT = 512 << 20

WAL = "-wal"
_SHARED = "-shm"
_JOURNAL = "-journal"
_WAL_MODE = b"\2\2"

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SHUT = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class NeedsCopy(LogError):  # noqa: N818
    """Another program or a read-only disk won't let us in; a copy might."""


def with_wal(path: str, facts: os.stat_result) -> tuple[int, int]:
    """Return size in bytes and time of change in ns of a database together with its WAL."""
    try:
        wal = os.lstat(path + WAL)
    except OSError:
        return facts.st_size, facts.st_mtime_ns
    return facts.st_size + wal.st_size, max(facts.st_mtime_ns, wal.st_mtime_ns)


@contextmanager
def reading(path: str, *, copy: bool) -> Iterator[sqlite3.Connection]:
    """Open a database for a moment and read from one state of it.

    Parameters
    ----------
    path : str
        The database.
    copy : bool
        Whether to read from a copy where another program won't let us in.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    LogBusyError
        If another program holds it, or changed it under our eyes: what was read doesn't count.
    NeedsCopy
        If only a copy can be read.
    LogError
        If it is damaged, no database, or has another form than what was asked for.
    """
    descriptor, facts = open_log(path)
    try:
        header = os.pread(descriptor, 20, 0)
    finally:
        # Closed before SQLite opens it: closing it later would drop SQLite's own locks.
        os.close(descriptor)
    wal_mode, wal = header[18:20] == _WAL_MODE, _holds_bytes(path + WAL)
    if wal_mode and wal and not _holds_bytes(path + _SHARED):
        # SQLite would make the missing file, in a folder that isn't ours.
        msg = f"{path}: its WAL was left behind"
        raise NeedsCopy(msg)
    alone = wal_mode and not wal
    try:
        with _connected(path, "mode=ro&immutable=1" if alone else "mode=ro") as connection:
            yield connection
    except sqlite3.Error as error:
        if alone and _changed(path, facts):
            raise _busy(path, "was changed meanwhile") from error
        if _code(error) in _SHUT or (copy and _code(error) in _BUSY):
            msg = f"{path}: {error}"
            raise NeedsCopy(msg) from error
        if _code(error) in _BUSY:
            raise _busy(path, str(error)) from error
        raise _failed(path, error) from error
    if alone and _changed(path, facts):
        raise _busy(path, "was changed meanwhile")


@contextmanager
def reading_copy(path: str) -> Iterator[sqlite3.Connection]:
    """Copy a database with its journals into a private folder and open the copy.

    Raises
    ------
    FileNotFoundError, LogBusyError, LogError
        As :func:`reading` does.
    """
    import shutil
    import tempfile

    descriptor, facts = open_log(path)
    os.close(descriptor)
    before = with_wal(path, facts)
    if before[0] > COPY_LIMIT:
        raise failure(path, f"is held by another program and too large to copy: {before[0]} bytes")
    with tempfile.TemporaryDirectory(prefix="tmuxmeter-") as folder:
        copied = Path(folder, "copy.db")
        try:
            for suffix in (_JOURNAL, WAL, ""):
                if _holds_bytes(path + suffix):
                    shutil.copyfile(path + suffix, f"{copied}{suffix}", follow_symlinks=False)
            after = with_wal(path, os.lstat(path))
        except OSError as error:
            raise failure(path, error) from error
        if after != before:
            raise _busy(path, "was changed while it was copied")
        try:
            # Writable, so that SQLite can bring an interrupted copy in order.
            with _connected(str(copied), "mode=rw") as connection:
                yield connection
        except sqlite3.Error as error:
            raise _failed(path, error) from error


@contextmanager
def _connected(path: str, options: str) -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(path)}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
    with closing(connection):
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.execute("BEGIN")
        yield connection


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _failed(path: str, error: sqlite3.Error) -> LogError:
    if _code(error) in _DAMAGED:
        return failure(path, f"is damaged or no database ({error})")
    if _code(error) == sqlite3.SQLITE_ERROR:
        return failure(path, f"has a form this version doesn't know ({error})")
    return failure(path, f"can't be read: {error}")


def _busy(path: str, why: str) -> LogBusyError:
    msg = f"{path}: {why}; tried again soon"
    return LogBusyError(msg)


def _holds_bytes(path: str) -> bool:
    try:
        return os.lstat(path).st_size > 0
    except OSError:
        return False


def _changed(path: str, facts: os.stat_result) -> bool:
    try:
        now = os.lstat(path)
    except OSError:
        return True
    before = facts.st_ino, facts.st_size, facts.st_mtime_ns
    return before != (now.st_ino, now.st_size, now.st_mtime_ns) or _holds_bytes(path + WAL)
