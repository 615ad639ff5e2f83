"""Finding the log files below agents' roots, and noticing what changed about them.

A folder's own modification time tells whether names appeared or went, so a check lists only the
folders whose time moved and looks at single files only where their number differs.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tmuxmeter.logs.found import (
    NOT_TEXT,
    Changes,
    Entry,
    FileKey,
    Folder,
    LiveFile,
    Problem,
    Scope,
    scopes,
)
from tmuxmeter.logs.named import NamedFiles
from tmuxmeter.logs.source import refusal, why
from tmuxmeter.logs.sqlite_files import WAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tmuxmeter.agents.base import Agent, Root

# A folder changed this shortly before it was listed may change again within the same clock tick.
_TICK_NS = 2 * 10**9


class Catalog:
    """The logs below some roots, as far as they have been looked at.

    Of two files with one canonical name the plain one hides the compressed one, then the one in
    the earlier of the agent's log folders hides the other. Only regular files are taken. A root and
    the folders in it that are looked for may be links; below these no link to a folder is followed,
    so loops can't happen.

    Parameters
    ----------
    roots
        Agents and the folders they may log to, existing or not. What is the same folder as an
        earlier one of the same agent is left out.
    entering, leaving
        Told the path of each folder before it is listed for the first time, and after it has gone.
    """

    def __init__(
        self,
        roots: Sequence[tuple[Agent, Root]],
        *,
        entering: Callable[[str], None] = lambda _: None,
        leaving: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._entering = entering
        self._leaving = leaving
        self._tops: dict[str, tuple[str, Scope]] = {}
        self._folders: dict[str, Folder] = {}
        self._others: list[tuple[str, str]] = []
        self._logs = NamedFiles()
        self._changed_live: dict[str, LiveFile] = {}
        for agent, root in roots:
            for relative, scope in scopes(agent, str(root.path)):
                path = f"{root.path}/{relative}" if relative else str(root.path)
                _, first = self._tops.setdefault(path, (relative, scope))
                if first.agent.name != agent.name:
                    self._others.append((path, agent.name))

    def entries(self) -> Iterator[Entry]:
        """Yield the file that stands for each log."""
        return self._logs.entries()

    def entry(self, key: FileKey) -> Entry | None:
        """Return the file that stands for the log of this key, None if there is none."""
        return self._logs.entry(key)

    def live_entries(self) -> Iterator[Entry]:
        """Yield the files that describe running processes."""
        for folder in self._folders.values():
            if folder.scope.patterns or folder.scope.deep:
                yield from (entry for entry in folder.files.values() if entry.log is None)

    def folders(self) -> list[str]:
        """Return the path of every folder that is looked at."""
        return list(self._folders)

    def folder_times(self) -> dict[str, int]:
        """Return when each folder that is looked at was changed last, in ns; -1: just now."""
        return {path: folder.mtime_ns for path, folder in self._folders.items()}

    def top_folders(self) -> list[str]:
        """Return the path of every folder that is looked for, existing or not."""
        return list(self._tops)

    def missing_tops(self) -> list[str]:
        """Return the folders that are looked for and not looked at: most don't exist."""
        return [path for path in self._tops if path not in self._folders]

    def looks_at(self, folder: str) -> bool:
        """Tell whether this is one of :meth:`folders`."""
        return folder in self._folders

    def problems(self) -> list[Problem]:
        """Return what can't be read, and why."""
        found = []
        for folder in self._folders.values():
            agent = folder.scope.agent.name
            if folder.problem:
                found.append(Problem(folder.path, folder.problem, agent))
            found += [Problem(f"{folder.path}/{n}", r, agent) for n, r in folder.problems.items()]
        return [*found, *self._left_out()]

    def _left_out(self) -> Iterator[Problem]:
        """Yield the folders that hold an agent's logs, too, but are another one's."""
        nested = []
        for path in self._tops:
            parent, _, name = path.rpartition("/")
            above = self._folders.get(parent)
            if above and above.scope.logs and above.scope.agent.walks(above.below(name)):
                nested.append((path, above.scope.agent.name))
        for path, agent in (*self._others, *nested):
            owner = self._tops[path][1].agent.name
            if path in self._folders and owner != agent:
                reason = f"is read for {owner}, not for {agent}: a folder is one agent's"
                yield Problem(path, reason, agent)

    def take(self) -> Changes:
        """Return what changed since the last call."""
        changes = Changes(self._logs.take(), list(self._changed_live.values()))
        self._changed_live.clear()
        return changes

    def check_roots(self, now_ns: int) -> None:
        """Look for log folders that appeared, or are folders by now.

        ``now_ns``: the time in epoch nanoseconds.
        """
        taken: dict[tuple[str, int, int], str] = {}
        # Those that are looked at already come first.
        for path in sorted(self._tops, key=lambda path: path not in self._folders):
            relative, scope = self._tops[path]
            try:
                facts = os.stat(path)  # noqa: PTH116
            except OSError:
                known = ""
            else:
                number = (scope.agent.name, facts.st_dev, facts.st_ino)
                known = taken.setdefault(number, path)
            folder = self._folders.get(path)
            if folder is None and known in {"", path} and os.path.lexists(path):
                folder = Folder(path, relative, scope)
            # What is no folder can't be watched.
            if folder is not None and folder.number is None:
                self._walk([folder], now_ns)

    def check_folders(self, now_ns: int) -> None:
        """List the folders whose modification time moved since they were listed."""
        look = os.stat
        for path, folder in list(self._folders.items()):
            try:
                if look(path).st_mtime_ns == folder.mtime_ns:
                    continue
            except OSError:
                pass
            if self._folders.get(path) is folder:
                self._walk([folder], now_ns)

    def check_files(self, entries: Iterable[Entry]) -> None:
        """Look at single files that were found before."""
        for entry in entries:
            try:
                facts = os.lstat(entry.path)
            except OSError:
                facts = None
            if facts is None or not stat.S_ISREG(facts.st_mode):
                self.check_path(entry.path, 0)
            elif entry.update(facts):
                self._note(entry)

    def check_path(self, path: str, now_ns: int) -> None:
        """Look at a file or folder that something is said to have happened to."""
        known = self._folders.get(path)
        if known:
            self._walk([known], now_ns)
            return
        parent, _, name = path.rpartition("/")
        folder = self._folders.get(parent)
        if folder is None or folder.number is None:
            return
        database = folder.files.get(name.removesuffix(WAL)) if name.endswith(WAL) else None
        if database and database.database:
            # Written to, or gone into the database: either way the two together changed.
            self.check_files([database])
            return
        try:
            facts = os.lstat(path)
        except OSError:
            self._lose(folder, name)
            return
        if stat.S_ISDIR(facts.st_mode):
            self._walk(self._subfolder(folder, name), now_ns)
        else:
            self._file(folder, name, facts)

    def _walk(self, folders: list[Folder], now_ns: int) -> None:
        """List folders and, where they are new, the ones below them."""
        while folders:
            folder = folders.pop()
            self._folders.setdefault(folder.path, folder)
            folders += self._list(folder, now_ns)

    def _list(self, folder: Folder, now_ns: int) -> list[Folder]:
        """List a folder and return the new ones in it."""
        try:
            facts = os.stat(folder.path, follow_symlinks=folder.path in self._tops)  # noqa: PTH116
            folder.problem = ""
            if not stat.S_ISDIR(facts.st_mode):
                self._empty(folder)
                self._watch(folder, None)
                folder.problem = refusal(facts.st_mode) or "is no folder"
                return []
            # Told before it is listed, so that a watch stands by then and nothing is missed.
            self._watch(folder, (facts.st_dev, facts.st_ino))
            with os.scandir(folder.path) as listing:
                items = list(listing)
        except (FileNotFoundError, NotADirectoryError):
            self._drop(folder)
            return []
        except OSError as error:
            folder.problem = why(error)
            folder.mtime_ns = -1
            return []
        fresh = now_ns - facts.st_mtime_ns < _TICK_NS
        folder.mtime_ns = -1 if fresh else facts.st_mtime_ns
        folder.problems.clear()
        below = []
        names = set()
        for item in items:
            names.add(item.name)
            try:
                below += self._item(folder, item)
            except FileNotFoundError:
                names.discard(item.name)
            except OSError as error:
                # Such as a link to itself.
                folder.problems[item.name] = why(error)
        for name in [*(folder.files.keys() - names), *(folder.folders.keys() - names)]:
            self._lose(folder, name)
        return below

    def _watch(self, folder: Folder, number: tuple[int, int] | None) -> None:
        """Tell of a folder with another number: a watch on the old one hears nothing of it."""
        if folder.number != number:
            if folder.number:
                self._leaving(folder.path)
            folder.number = number
            if number:
                self._entering(folder.path)

    def _subfolder(self, folder: Folder, name: str) -> list[Folder]:
        """Return a folder found in another one, if anything is looked for in it."""
        self._lose(folder, name)
        scope = folder.scope
        path = f"{folder.path}/{name}"
        if not scope.logs or path in self._tops or not folder.speakable(name):
            return []
        if not scope.agent.walks(folder.below(name)):
            return []
        folder.folders[name] = None
        if scope.patterns:
            scope = Scope(scope.agent, scope.root, scope.rank, logs=True, deep=scope.deep)
        return [Folder(path, folder.below(name), scope)]

    def _item(self, folder: Folder, item: os.DirEntry[str]) -> list[Folder]:
        """Look at what was listed, unless it is known; return it if it is a new folder."""
        name = item.name
        if item.is_dir(follow_symlinks=False):
            if name not in folder.folders:
                return self._subfolder(folder, name)
            known = self._folders.get(item.path)
            # Its parent may have been moved away with it, and both made anew.
            another = known and known.number and known.number[1] != item.inode()
            return [known] if known and another else []
        entry = folder.files.get(name)
        # Same number, same file: whether it grew is asked elsewhere.
        if entry and entry.inode == item.inode():
            return []
        entry = entry or folder.entry(name)
        if entry:
            self._keep(folder, name, entry, item.stat(follow_symlinks=False))
        elif folder.scope.logs and item.path not in self._tops and _is_linked_folder(item):
            folder.problems[name] = "is a symbolic link to a folder, not followed"
        return []

    def _file(self, folder: Folder, name: str, facts: os.stat_result) -> None:
        entry = folder.files.get(name) or folder.entry(name)
        if entry:
            self._keep(folder, name, entry, facts)

    def _keep(self, folder: Folder, name: str, entry: Entry, facts: os.stat_result) -> None:
        reason = refusal(facts.st_mode)
        if reason or not folder.speakable(name):
            self._lose(folder, name)
            folder.problems[name] = reason or NOT_TEXT
            return
        folder.problems.pop(name, None)
        # What a process says of itself may change within a clock tick and keep its size.
        changed = entry.update(facts) or entry.log is None
        if name not in folder.files:
            folder.files[name] = entry
            if entry.log:
                self._logs.add(entry.log, entry)
        if changed:
            self._note(entry, folder)

    def _note(self, entry: Entry, folder: Folder | None = None) -> None:
        if entry.log is None:
            folder = folder or self._folders[entry.path.rpartition("/")[0]]
            scope = folder.scope
            self._changed_live[entry.path] = LiveFile(scope.agent.name, scope.root, entry.path)
            return
        self._logs.note(entry.log, entry)

    def _lose(self, folder: Folder, name: str) -> None:
        """Forget a file or folder that is no longer there, or no longer what it was."""
        folder.problems.pop(name, None)
        entry = folder.files.pop(name, None)
        if entry and entry.log:
            self._logs.remove(entry.log, entry)
        elif entry:
            self._note(entry, folder)
        if name in folder.folders:
            del folder.folders[name]
            below = self._folders.get(f"{folder.path}/{name}")
            if below:
                self._drop(below)

    def _empty(self, folder: Folder) -> None:
        for name in [*folder.files, *folder.folders]:
            self._lose(folder, name)

    def _drop(self, folder: Folder) -> None:
        """Forget a folder that is gone, and all that was below it."""
        parent, _, name = folder.path.rpartition("/")
        if parent in self._folders:
            self._folders[parent].folders.pop(name, None)
        gone = [folder]
        while gone:
            folder = gone.pop()
            below = [self._folders.get(f"{folder.path}/{name}") for name in folder.folders]
            gone += [found for found in below if found]
            folder.folders.clear()
            self._empty(folder)
            self._folders.pop(folder.path, None)
            self._watch(folder, None)


def discover(roots: Sequence[tuple[Agent, Root]], *, now_ns: int) -> Catalog:
    """Walk the log folders of all roots once. ``now_ns``: the time in epoch nanoseconds."""
    catalog = Catalog(roots)
    catalog.check_roots(now_ns)
    return catalog


def _is_linked_folder(item: os.DirEntry[str]) -> bool:
    return item.is_symlink() and item.is_dir()
