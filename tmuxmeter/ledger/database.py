"""The ledger's file: making it, locking it, bringing it up to date, and naming its errors."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
from typing import TYPE_CHECKING

from tmuxmeter.errors import (
    LedgerBusyError,
    LedgerError,
    LedgerNewerError,
    LedgerUnwritableError,
)
from tmuxmeter.ledger.schema import MIGRATIONS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEDGER_NAME = "ledger.db"
LOCK_NAME = "ledger.lock"
BUSY_SECONDS = 10.0

_UNWRITABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
    sqlite3.SQLITE_IOERR: "the disk answers with an error",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
}
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNWRITABLE_ERRNO = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)

# a forked child must not keep the lock alive after its parent was killed
_held_locks: set[int] = set()


def _drop_locks() -> None:
    for descriptor in _held_locks:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held_locks.clear()


os.register_at_fork(after_in_child=_drop_locks)


@contextlib.contextmanager
def ledger_errors(name: str) -> Iterator[None]:
    """Turn SQLite's errors into ledger errors that name the file and say what to do.

    Raises
    ------
    LedgerUnwritableError
        The disk is full, the folder is read-only, the disk answers with an error, or another
        program keeps the file locked.
    LedgerError
        Anything else, a damaged file among it.
    """
    try:
        yield
    except sqlite3.Error as error:
        # the primary code is the low byte of SQLite's extended code
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _UNWRITABLE:
            msg = f"{name}: {_UNWRITABLE[code]}"
            raise LedgerUnwritableError(msg) from error
        if code in _BROKEN:
            msg = (
                f"{name} is damaged ({error}); move it away and start again: "
                "it is built anew from the agents' logs that still exist"
            )
            raise LedgerError(msg) from error
        msg = f"{name}: {error}"
        raise LedgerError(msg) from error


def take_lock(folder: Path) -> int:
    """Take the writer's lock and return its descriptor; it is held until :func:`free_lock`.

    Raises
    ------
    LedgerBusyError
        Another process holds it.
    LedgerUnwritableError
        The folder can't be written.
    """
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _os_error(str(path), error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise _os_error(str(path), error) from error
        msg = f"process {holder or '(unknown)'} is already writing the ledger in {folder}"
        raise LedgerBusyError(msg) from error
    _held_locks.add(descriptor)
    # the pid only serves messages: a full disk must not keep the lock from being taken
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def free_lock(descriptor: int) -> None:
    """Give the writer's lock back; a forked child, which does not hold it, does nothing."""
    if descriptor in _held_locks:
        _held_locks.discard(descriptor)
        os.close(descriptor)


def unwritable(error: BaseException | None) -> bool:
    """Tell whether an error means a full disk or a read-only folder."""
    return isinstance(error, OSError) and error.errno in _UNWRITABLE_ERRNO


def connect_writable(folder: Path) -> sqlite3.Connection:
    """Open the ledger for writing, made or brought up to date where needed.

    The caller holds the lock.

    Raises
    ------
    LedgerNewerError, LedgerUnwritableError, LedgerError
    """
    path = folder / LEDGER_NAME
    try:
        # SQLite gives its -wal and -shm files the mode of the main file
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
    except OSError as error:
        raise _os_error(str(path), error) from error
    with ledger_errors(str(path)):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            check_version(connection, str(path))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA journal_size_limit = 16777216")
            # as many pages as the journal keeps: each checkpoint waits for the disk twice
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            connection.execute("PRAGMA cache_size = -8192")
            migrate(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def is_there(path: Path) -> bool:
    """Tell whether a ledger's file is there.

    Raises
    ------
    LedgerError
        Its folder can't be entered, so nobody knows.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        hint = f"its folder has to be your own (ls -ld '{path.parent}')"
        message = f"{path} can't be read: {error.strerror}; {hint}"
        raise LedgerError(message) from error
    return True


def connect_readable(path: Path) -> sqlite3.Connection:
    """Open an existing ledger for reading only; works while a writer writes.

    Raises
    ------
    LedgerNewerError, LedgerError
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with ledger_errors(str(path)):
        try:
            connection = _connect_uri(uri)
        except sqlite3.OperationalError:
            # a read-only folder can't hold the -shm file; without a -wal nothing is missed
            if path.with_name(path.name + "-wal").exists() or not path.exists():
                raise
            connection = _connect_uri(uri + "&immutable=1")
        try:
            check_version(connection, str(path))
        except BaseException:
            connection.close()
            raise
    return connection


def check_version(connection: sqlite3.Connection, name: str) -> int:
    """Return the schema's version.

    Raises
    ------
    LedgerNewerError
        It is newer than this program.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        msg = (
            f"{name} was written by a newer tmuxmeter (schema {version}, "
            f"this one knows {SCHEMA_VERSION}); upgrade tmuxmeter"
        )
        raise LedgerNewerError(msg)
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, one transaction per migration."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise


def _connect_uri(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # rows are scattered by their keys; a week at 2 MB, the default, reads most pages twice
        connection.execute("PRAGMA cache_size = -65536")
        # the file is only opened by the first statement
        connection.execute("PRAGMA user_version")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _os_error(name: str, error: OSError) -> LedgerError:
    msg = f"can't write {name}: {error.strerror or error}"
    return LedgerUnwritableError(msg) if unwritable(error) else LedgerError(msg)
