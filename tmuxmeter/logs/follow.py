"""Noticing which logs changed.

By events where there are any, by looking where there are none, and in any case by looking again
now and then for what events missed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.logs.discover import Catalog
from tmuxmeter.logs.found import Changes, Entry, FileKey, Problem, file_key
from tmuxmeter.logs.mounts import file_system, is_silent
from tmuxmeter.logs.watches import Watches, open_watches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.agents.base import Agent, Root
    from tmuxmeter.events import LogFile

HOT_SECONDS = 600.0
HOT_COUNT = 256
JUMP_SECONDS = 5.0
ROOTS_PERIOD = 2.0
DEEPEST = 16
"""So many folders that are made one in the other are listened to at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is looked at, in seconds; at least ``*_each`` seconds per item of it.

    ``hot``: the latest files that changed within ten minutes, and those of running processes.
    """

    hot: float
    folders: float
    folder_each: float
    files: float
    file_each: float


# Looking at a folder or file takes 3 to 5 µs: 5 000 folders every minute and 15 000 files every
# five cost less than 0.1 % of a core.
BESIDE_EVENTS = Pace(hot=10.0, folders=10.0, folder_each=0.012, files=60.0, file_each=0.02)
WITHOUT_EVENTS = Pace(hot=0.25, folders=1.0, folder_each=0.003, files=5.0, file_each=0.004)


class Follower:
    """Names the logs that changed since it was asked last.

    Starts by walking all roots; every log found then is in :attr:`catalog`, for the cold scan.
    From then on :meth:`take` names what changed since: call it when :meth:`fileno` is readable
    and after :meth:`wait` seconds. One thread only.

    Parameters
    ----------
    roots
        Agents and the folders they may log to, existing or not.
    watches
        Where events come from, None to look at everything instead.
    mounts : str
        The content of ``/proc/self/mounts``: folders on network file systems are looked at.
    now : float
        The time in seconds of a clock that never jumps (``time.monotonic``).
    now_ns : int
        The time in epoch nanoseconds.
    """

    def __init__(
        self,
        roots: Sequence[tuple[Agent, Root]],
        *,
        watches: Watches | None,
        mounts: str,
        now: float,
        now_ns: int,
    ) -> None:
        self._watches = watches
        self._silent: dict[str, str] = {}
        self._hot: dict[FileKey, float] = {}
        self._again: dict[FileKey, float] = {}
        self._deaf = "" if watches else "no file events on this system"
        self._clocks = now, now_ns
        self._due: dict[str, float] = {}
        self.catalog = Catalog(roots, entering=self._entering, leaving=self._leaving)
        for top in self.catalog.top_folders():
            kind = file_system(top, mounts)
            if is_silent(kind):
                self._silent[top] = kind
        self.catalog.check_roots(now_ns)
        self._missing: list[str] = []
        self._await_roots(now_ns, appeared=True)
        self.catalog.take()
        for entry in sorted(self.catalog.entries(), key=lambda found: found.mtime_ns):
            if entry.log and now_ns - entry.mtime_ns < HOT_SECONDS * 1e9:
                self._warm(entry.log, now)
        pace = self._pace()
        self._due = {
            "roots": now + ROOTS_PERIOD,
            "hot": now + pace.hot,
            "folders": now + pace.folders,
            "files": now + pace.files,
        }

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when something happened, -1: there is none."""
        return self._watches.fileno() if self._watches else -1

    def wait(self, now: float) -> float:
        """Return after how many seconds :meth:`take` is to be called even if nothing happens."""
        return max(0.0, min([*self._due.values(), *self._again.values()]) - now)

    def look_again(self, log: LogFile, at: float) -> None:
        """Let :meth:`take` name this log once more at that time of the steady clock.

        For a log whose last line has no end yet: it may never get one.
        """
        self._again[file_key(log)] = at

    def problems(self) -> list[Problem]:
        """Return which logs can't be read, and where changes are seen later than elsewhere."""
        found = self.catalog.problems()
        if self._deaf:
            found += [Problem(top, f"polled: {self._deaf}") for top in self.catalog.top_folders()]
        else:
            found += [
                Problem(top, f"polled: {kind} gives no file events")
                for top, kind in self._silent.items()
            ]
        return found

    @property
    def polling(self) -> str:
        """Why changes are looked for rather than told, "" where events tell of them."""
        return self._deaf or ", ".join(
            f"{kind} gives no file events" for kind in sorted(set(self._silent.values()))
        )

    def take(self, now: float, now_ns: int) -> Changes:
        """Return what changed since the last call.

        ``now`` and ``now_ns`` as for the constructor. Where the two clocks disagree by more than
        five seconds on the time passed (a machine that slept, a clock that was set), everything
        is looked at.
        """
        passed, told = now - self._clocks[0], (now_ns - self._clocks[1]) / 1e9
        self._clocks = now, now_ns
        everything = abs(told - passed) > JUMP_SECONDS
        appeared = False
        if self._watches:
            heard = self._watches.take()
            everything = everything or heard.lost
            appeared = heard.appeared
            for path in heard.paths:
                self.catalog.check_path(path, now_ns)
        missing = set(self._missing)
        self._look(now, now_ns, everything=everything, appeared=appeared)
        changes = self.catalog.take()
        changes.began = not missing.issubset(self._missing)
        for log in changes.logs:
            self._warm(log, now)
        again = [key for key, at in self._again.items() if at <= now]
        for key in again:
            del self._again[key]
            entry = self.catalog.entry(key)
            if entry and entry.log and entry.log not in changes.logs:
                changes.logs.append(entry.log)
        return changes

    def close(self) -> None:
        """Give the watches back."""
        if self._watches:
            self._watches.close()
            self._watches = None

    def _look(self, now: float, now_ns: int, *, everything: bool, appeared: bool) -> None:
        pace = self._pace()
        if everything or appeared or now >= self._due["roots"]:
            self._due["roots"] = now + ROOTS_PERIOD
            self.catalog.check_roots(now_ns)
            self._await_roots(now_ns, appeared=everything or appeared)
        if everything or now >= self._due["folders"]:
            self.catalog.check_folders(now_ns)
            count = len(self.catalog.folders())
            self._due["folders"] = now + max(pace.folders, count * pace.folder_each)
        if everything or now >= self._due["files"]:
            entries = list(self.catalog.entries())
            self.catalog.check_files(entries)
            self._due["files"] = now + max(pace.files, len(entries) * pace.file_each)
        if everything or now >= self._due["hot"]:
            self.catalog.check_files([*self._hot_entries(now), *self.catalog.live_entries()])
            self._due["hot"] = now + pace.hot

    def _await_roots(self, now_ns: int, *, appeared: bool) -> None:
        """Hear at once of log folders that appear, by the nearest folders above them.

        The agent that makes its first log may be gone before roots are looked for again. It makes
        one folder in the other, the inner one maybe before the outer one is listened to.
        """
        before, self._missing = self._missing, self.catalog.missing_tops()
        if not self._watches or self._deaf or (before == self._missing and not appeared):
            return
        above: set[str] | None = None
        for _ in range(DEEPEST):
            nearest = self._above_missing()
            if nearest == above:
                return
            above = nearest
            self._watches.await_in(above)
            self.catalog.check_roots(now_ns)
            self._missing = self.catalog.missing_tops()

    def _above_missing(self) -> set[str]:
        """Return the nearest folders above missing ones, as far as no events come from them yet."""
        above = {_nearest(top) for top in self._missing if not self._is_silent(top)}
        return {folder for folder in above if not self.catalog.looks_at(folder)}

    def _is_silent(self, folder: str) -> bool:
        return any(folder == top or folder.startswith(f"{top}/") for top in self._silent)

    def _warm(self, log: LogFile, now: float) -> None:
        key = file_key(log)
        # The latest stand last, so that of too many the oldest go.
        self._hot.pop(key, None)
        self._hot[key] = now
        if len(self._hot) > HOT_COUNT:
            del self._hot[next(iter(self._hot))]

    def _hot_entries(self, now: float) -> list[Entry]:
        self._hot = {key: at for key, at in self._hot.items() if now - at < HOT_SECONDS}
        return [entry for entry in map(self.catalog.entry, self._hot) if entry]

    def _pace(self) -> Pace:
        return WITHOUT_EVENTS if self._deaf or self._silent else BESIDE_EVENTS

    def _entering(self, folder: str) -> None:
        if self._deaf or self._watches is None:
            return
        if self._is_silent(folder):
            return
        self._watches.add(folder)
        if self._watches.full:
            # Half-deaf is worse than polling, and other programs need watches too.
            self._deaf = "no file watches left (fs.inotify.max_user_watches)"
            self._watches.silence()
            self._due = dict.fromkeys(self._due, 0.0)

    def _leaving(self, folder: str) -> None:
        if self._watches:
            self._watches.remove(folder)


def follow(
    roots: Sequence[tuple[Agent, Root]],
    *,
    now: float,
    now_ns: int,
    proc: Path = Path("/proc"),
) -> Follower:
    """Return a follower that uses this system's events, and at most half of the user's watches."""
    limit = _text(proc / "sys/fs/inotify/max_user_watches").strip()
    watches = open_watches(int(limit) // 2 if limit.isdigit() else 1 << 16)
    mounts = _text(proc / "self/mounts")
    return Follower(roots, watches=watches, mounts=mounts, now=now, now_ns=now_ns)


def _nearest(folder: str) -> str:
    """Return the nearest folder above one that there is."""
    while folder not in {"", "/"} and not os.path.isdir(folder):  # noqa: PTH112
        folder = folder.rpartition("/")[0]
    return folder or "/"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")
    except OSError:
        return ""
