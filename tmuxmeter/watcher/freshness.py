"""Telling by a look at times and sizes that the ledger holds everything, before reading anything.

After a scan the watcher's rooms leave a word on what they looked at: every folder with the time of
its last change, and what decided which folders those are. As long as all of that and every log
file is the same, nothing can be new. This needs no agent's code, so that a report on a ledger that
is up to date starts in a blink; whenever in doubt, the answer is no.
"""

from __future__ import annotations

import json
import os
from fnmatch import filter as matching
from typing import TYPE_CHECKING, Any

from tmuxmeter import __version__
from tmuxmeter.errors import TmuxmeterError
from tmuxmeter.ledger.reader import Reader
from tmuxmeter.logs.sqlite_files import with_wal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.paths import Places

MEMO = "looked_at"
_NO_DATABASE = (".jsonl", ".json", ".zst")


def remember(
    writer: Writer,
    places: Places,
    variables: Sequence[str],
    folders: Mapping[str, int],
    patterns: Iterable[tuple[str, str]],
    logs: Iterable[str],
    again_ns: int,
) -> None:
    """Leave a word on what was looked at.

    Parameters
    ----------
    writer : Writer
        The ledger that holds everything found there.
    places : Places
        Whose logs they are.
    variables : sequence of str
        The variables of the environment that agents looked at to tell their folders.
    folders : mapping of str to int
        Modification time (ns) of every folder that was listed and of every file that names
        folders; 0: it doesn't exist, -1: it was changing, so it must be listed again.
    patterns : iterable of tuple
        Folders and name patterns in them by which further accounts are found.
    logs : iterable of str
        Paths of the logs found there. Most that the ledger knows were deleted long ago: one that
        comes back changes its folder.
    again_ns : int
        Epoch nanoseconds from which some log is to be looked at again although it doesn't change,
        0: never.
    """
    memo = {
        "variables": list(variables),
        "for": _decided_by(places, variables),
        "folders": dict(folders),
        "patterns": [[folder, name, _names(folder, name)] for folder, name in patterns],
        "files": writer.reader().file_ids(logs),
        "again_ns": again_ns,
    }
    text = json.dumps(memo)
    if writer.meta(MEMO) != text:
        writer.set_meta(MEMO, text)


def is_fresh(places: Places, now_ns: int) -> bool:
    """Tell whether the ledger surely holds everything that is in the logs now."""
    try:
        with Reader.open(places.state) as reader:
            memo = json.loads(reader.meta(MEMO) or "{}")
            files = reader.file_marks(memo["files"]) if memo else []
            decided = _decided_by(places, memo["variables"]) if memo else []
    except (TmuxmeterError, ValueError, KeyError):
        return False
    if not memo or memo["for"] != decided or 0 < memo["again_ns"] <= now_ns:
        return False
    return (
        all(changed(folder) == time_ns for folder, time_ns in memo["folders"].items())
        and all(_names(folder, name) == names for folder, name, names in memo["patterns"])
        and all(_same(*file) for file in files)
    )


class Asked(dict[str, str]):
    """A copy of an environment that notes which of its variables were looked at."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a variable's value, and note its name."""
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


def _decided_by(places: Places, variables: Iterable[str]) -> list[Any]:
    """Return what decides which folders are looked at, and how."""
    return [
        __version__,
        str(places.home),
        [places.agent_env.get(name, "") for name in variables],
        str(places.config_file),
        changed(str(places.config_file)),
    ]


def changed(path: str) -> int:
    """Return when a folder or file changed last, in ns, 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - thousands of them
    except OSError:
        return 0


def _names(folder: str, pattern: str) -> list[str]:
    try:
        return sorted(matching(os.listdir(folder), pattern))  # noqa: PTH208
    except OSError:
        return []


def _same(path: str, size: int, mtime_ns: int) -> bool:
    """Tell whether a log is as it was when it was read; one that was deleted has nothing new."""
    try:
        facts = os.lstat(path)
    except OSError:
        return True
    if (facts.st_size, facts.st_mtime_ns) == (size, mtime_ns):
        # what came into a database stands in its WAL at first; thousands of others have none
        return path.endswith(_NO_DATABASE) or with_wal(path, facts) == (size, mtime_ns)
    return with_wal(path, facts) == (size, mtime_ns)
