"""File events by watchdog's observer, for macOS, where one stream hears a whole tree."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from tmuxmeter.logs.watches import Heard

if TYPE_CHECKING:
    from collections.abc import Iterable

# Never the default set: on Linux it includes what listing a folder causes.
_EVENTS: list[type[FileSystemEvent]] = [
    FileModifiedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]


class ObserverWatches(FileSystemEventHandler):
    """See :class:`tmuxmeter.logs.watches.Watches`. The observer's threads only fill a set."""

    full = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._told: dict[str, str] = {}
        self._ready, self._wake = os.pipe()
        os.set_blocking(self._ready, False)
        self._observer = Observer()
        self._observer.start()

    def fileno(self) -> int:
        """See :meth:`tmuxmeter.logs.watches.Watches.fileno`."""
        return self._ready

    def add(self, folder: str) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.add`; a tree is heard from its top."""
        if any(folder == top or folder.startswith(f"{top}/") for top in self._told.values()):
            return
        try:
            self._observer.schedule(self, folder, recursive=True, event_filter=_EVENTS)
        except OSError:
            return
        # The system names files by their real path, the catalog by the one it was given.
        self._told[os.path.realpath(folder)] = folder

    def remove(self, folder: str) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.remove`; only tops have watches."""
        for real, top in list(self._told.items()):
            if top == folder:
                del self._told[real]
                self._unschedule(folder)

    def await_in(self, folders: Iterable[str]) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.await_in`: only whole trees are heard here."""

    def take(self) -> Heard:
        """See :meth:`tmuxmeter.logs.watches.Watches.take`."""
        with self._lock:
            paths, self._paths = self._paths, set()
            if paths:
                os.read(self._ready, 1)
        return Heard({self._as_told(path) for path in paths})

    def silence(self) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.silence`."""
        self._told.clear()
        self._observer.unschedule_all()
        self.take()

    def close(self) -> None:
        """See :meth:`tmuxmeter.logs.watches.Watches.close`."""
        self._observer.stop()
        self._observer.join()
        os.close(self._ready)
        os.close(self._wake)

    def dispatch(self, event: FileSystemEvent) -> None:
        """Keep the paths of an event; called by the observer's thread."""
        with self._lock:
            if not self._paths:
                os.write(self._wake, b"!")
            self._paths.add(os.fsdecode(event.src_path))
            if event.dest_path:
                self._paths.add(os.fsdecode(event.dest_path))

    def _as_told(self, path: str) -> str:
        for real, told in self._told.items():
            if path.startswith(f"{real}/"):
                return told + path[len(real) :]
        return path

    def _unschedule(self, folder: str) -> None:
        for emitter in list(self._observer.emitters):
            if emitter.watch.path == folder:
                self._observer.unschedule(emitter.watch)
