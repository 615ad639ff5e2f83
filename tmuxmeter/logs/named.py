"""Which file stands for each log, and which logs changed: several files may have one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.logs.found import file_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import LogFile
    from tmuxmeter.logs.found import Entry, FileKey


class NamedFiles:
    """The files found under each log's name. Of several the one of the least rank stands for it."""

    def __init__(self) -> None:
        # tuples, because nearly every log is one file and lists take twice the memory
        self._named: dict[FileKey, tuple[Entry, ...]] = {}
        self._changed: set[FileKey] = set()

    def entries(self) -> Iterator[Entry]:
        """Yield the file that stands for each log."""
        for entries in self._named.values():
            yield entries[0]

    def entry(self, key: FileKey) -> Entry | None:
        """Return the file that stands for the log of this key, None if there is none."""
        entries = self._named.get(key)
        return entries[0] if entries else None

    def add(self, log: LogFile, entry: Entry) -> None:
        """Take a file that was found for a log."""
        key = file_key(log)
        others = self._named.get(key, ())
        self._named[key] = tuple(sorted((*others, entry), key=lambda e: e.rank))

    def note(self, log: LogFile, entry: Entry) -> None:
        """Note that a file changed: so did its log, if it stands for it."""
        key = file_key(log)
        if entry in self._named.get(key, ())[:1]:
            self._changed.add(key)

    def remove(self, log: LogFile, entry: Entry) -> None:
        """Forget a file that is gone: where it stood for its log, another one does now."""
        key = file_key(log)
        entries = self._named[key]
        if entries[0] is entry:
            self._changed.add(key)
        if len(entries) > 1:
            self._named[key] = tuple(other for other in entries if other is not entry)
        else:
            del self._named[key]

    def take(self) -> list[LogFile]:
        """Return the logs that changed since the last call and still are there."""
        found = []
        for key in self._changed:
            entries = self._named.get(key)
            if entries and entries[0].log:
                found.append(entries[0].log)
        self._changed.clear()
        return found
