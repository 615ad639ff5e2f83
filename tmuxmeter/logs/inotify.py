"""File events on Linux, on watchdog's inotify calls but with watches of our own.

watchdog's recursive observer can't be used safely here (seen with 7.1.0): with its default mask
it hears its own folder scans, and beyond about 4,100 folders rescans forever at 85–90 % of a core;
with any mask it swallows the error when watches run out below a root, doesn't tell when the
kernel's queue overflowed, ends silently when a root is deleted, and passes each write through
three threads. Here one descriptor is read by the thread that needs it: nothing runs when
nothing happens, running out and overflow are seen, and a process without threads may fork.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

from watchdog.observers.inotify_c import (
    InotifyConstants,
    WatchDescriptor,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
)

from tmuxmeter.logs.watches import Heard

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = struct.Struct("iIII")
_READ = 1 << 16

# Nothing here is caused by reading: neither opening, listing nor closing a file wakes us.
_MASK = (
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)

# Added to whatever is heard of the folder already, should it be one with logs by another name.
_NEW = (
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_MASK_ADD
)


class InotifyWatches:
    """See :class:`tmuxmeter.logs.watches.Watches`.

    Parameters
    ----------
    limit : int
        How many folders may be watched at most.

    Raises
    ------
    OSError
        If the user has no inotify instance left.
    """

    def __init__(self, limit: int) -> None:
        self.full = False
        self._limit = limit
        self._folders: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._awaited: dict[int, str] = {}
        self._moved: set[str] = set()
        self._descriptor = inotify_init()
        if self._descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        os.set_inheritable(self._descriptor, False)
        os.set_blocking(self._descriptor, False)

    def fileno(self) -> int:
        """See :meth:`tmuxmeter.logs.watches.Watches.fileno`."""
        return self._descriptor

    def add(self, folder: str) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.add`."""
        if len(self._folders) >= self._limit:
            self.full = True
            return
        watch = inotify_add_watch(self._descriptor, os.fsencode(folder), _MASK)
        if watch < 0:
            # Anything else (gone, forbidden) is seen when the folder is listed.
            self.full = self.full or ctypes.get_errno() in (errno.ENOSPC, errno.ENOMEM)
            return
        # A moved folder keeps its watch: the newest path counts, the old one is to be looked at.
        before = self._folders.get(watch, folder)
        if before != folder:
            self._moved.add(before)
        self._folders[watch] = folder
        self._watches[folder] = watch
        self._awaited.pop(watch, None)

    def remove(self, folder: str) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.remove`."""
        watch = self._watches.pop(folder, None)
        if watch is not None and self._folders.get(watch) == folder:
            del self._folders[watch]
            inotify_rm_watch(self._descriptor, WatchDescriptor(watch))

    def await_in(self, folders: Iterable[str]) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.await_in`."""
        wanted = set(folders)
        for watch in [known for known, folder in self._awaited.items() if folder not in wanted]:
            del self._awaited[watch]
            inotify_rm_watch(self._descriptor, WatchDescriptor(watch))
        for folder in wanted.difference(self._awaited.values()):
            watch = inotify_add_watch(self._descriptor, os.fsencode(folder), _NEW)
            if watch >= 0 and watch not in self._folders:
                self._awaited[watch] = folder

    def take(self) -> Heard:
        """See :meth:`tmuxmeter.logs.watches.Watches.take`."""
        heard = Heard(self._moved)
        self._moved = set()
        while True:
            try:
                content = os.read(self._descriptor, _READ)
            except BlockingIOError:
                return heard
            at = 0
            while at < len(content):
                watch, mask, _, length = _HEAD.unpack_from(content, at)
                at += _HEAD.size + length
                if mask & InotifyConstants.IN_Q_OVERFLOW:
                    heard.lost = True
                    continue
                if watch in self._awaited:
                    gone = bool(mask & InotifyConstants.IN_IGNORED)
                    if gone:
                        del self._awaited[watch]
                    is_folder = bool(mask & InotifyConstants.IN_ISDIR)
                    heard.appeared = heard.appeared or gone or is_folder
                    continue
                folder = self._folders.get(watch)
                if folder is None:
                    continue
                name = os.fsdecode(content[at - length : at].rstrip(b"\0"))
                heard.paths.add(f"{folder}/{name}" if name else folder)
                if mask & InotifyConstants.IN_IGNORED:
                    # Deleted, and the watch with it; there may be a new one by now.
                    del self._folders[watch]
                    self._watches.pop(folder, None)
                    self.add(folder)

    def silence(self) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.silence`."""
        self.await_in(())
        for folder in list(self._watches):
            self.remove(folder)
        self.take()

    def close(self) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.close`."""
        os.close(self._descriptor)
