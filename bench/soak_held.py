"""What a process holds at a moment: memory, descriptors, watches, children."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from measuring import resident, tree

STATE = ".local/state/tmuxmeter"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one watcher process held at a moment."""

    pid: int
    age: float
    rss: int
    fds: int
    watches: int
    children: int
    zombies: int
    ledger: int


def sample(pid: int, age: float, home: Path) -> Sample | None:
    """Look at a watcher; None if it has gone."""
    try:
        fds = list(Path(f"/proc/{pid}/fd").iterdir())
        watches = sum(
            info.read_text().count("inotify wd:")
            for info in Path(f"/proc/{pid}/fdinfo").iterdir()
            if Path(f"/proc/{pid}/fd/{info.name}").is_symlink()
        )
        children = tree(pid)[1:]
        zombies = sum(state(child) == "Z" for child in children)
        size = sum(file.stat().st_size for file in (home / STATE).glob("ledger.db*"))
        return Sample(pid, age, resident(pid), len(fds), watches, len(children), zombies, size)
    except OSError:
        return None


def state(pid: int) -> str:
    """Return the letter of a process' state, "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def naming(folder: Path) -> dict[int, str]:
    """Return all processes whose command line names a folder."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                if str(folder) in line:
                    found[int(entry.name)] = line
    return found
