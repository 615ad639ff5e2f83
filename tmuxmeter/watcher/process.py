"""Starting, finding and ending the watcher's process, and the word it leaves about itself."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from typing import IO, TYPE_CHECKING

from tmuxmeter.errors import TmuxmeterError
from tmuxmeter.records import dataclass
from tmuxmeter.watcher.files import replace_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STATE_FILE = "watcher.json"
LOCK_FILE = "watcher.lock"
START_WAIT_S = 40.0
"""Longer than a busy machine takes, and than a watcher waits for the ledger; one that can't start
ends, and that is seen at once."""
LOCK_ATTEMPTS = 5
STOP_WAIT_S = 10.0


@dataclass(frozen=True)
class WatcherState:
    """What a running watcher says about itself. Times are epoch milliseconds.

    ``phase`` is ``reading`` while history is read, then ``following``; ``progress`` is the share
    of bytes read, 0 to 1. ``problems`` are lines for people. ``build`` is the code it runs, "" from
    versions that didn't say.
    """

    pid: int
    version: str
    started_ms: int
    phase: str
    progress: float
    updated_ms: int
    servers: tuple[str, ...]
    following: str
    problems: tuple[str, ...]
    build: str = ""


class WatcherLock:
    """Held by the watcher as long as it lives, on whatever disk the runtime folder is.

    It tells a running watcher from a stale state file, also while the state folder can't be
    written. The operating system drops it when the process ends, however it ends.
    """

    def __init__(self, runtime: Path) -> None:
        self._path = runtime / LOCK_FILE
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock; False if another watcher has it."""
        descriptor = os.open(
            self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        file = os.fdopen(descriptor, "r+")
        # somebody who only looks whether a watcher runs holds the lock for an instant
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if attempt == LOCK_ATTEMPTS - 1:
                    file.close()
                    return False
                time.sleep(0.02)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return True

    def is_lost(self) -> bool:
        """Tell whether the lock file was removed or replaced, so that nobody sees it is held."""
        if self._file is None:
            return True
        held = os.fstat(self._file.fileno())
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return True
        except OSError:
            return False  # a disk that can't be read for now
        return (found.st_dev, found.st_ino) != (held.st_dev, held.st_ino)

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()
            self._file = None


def running_pid(runtime: Path) -> int | None:
    """Return the process id of the watcher that holds the lock now, None if none runs."""
    try:
        file = (runtime / LOCK_FILE).open()
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            text = file.read().strip()
            return int(text) if text.isdigit() else None
    return None


def write_state(runtime: Path, state: WatcherState) -> None:
    """Replace the state file."""
    from dataclasses import asdict

    replace_private(runtime / STATE_FILE, json.dumps(asdict(state)))


def read_state(runtime: Path) -> WatcherState | None:
    """Return the word of the watcher that runs now, None if none runs or it said nothing yet."""
    pid = running_pid(runtime)
    if pid is None:
        return None
    try:
        facts = json.loads((runtime / STATE_FILE).read_text("utf-8"))
        facts["servers"] = tuple(facts["servers"])
        facts["problems"] = tuple(facts["problems"])
        state = WatcherState(**facts)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return state if state.pid == pid else None


def start(arguments: Sequence[str], runtime: Path, log: Path) -> int:
    """Start a watcher in a session of its own and wait until it holds the lock.

    Parameters
    ----------
    arguments : sequence of str
        Options for ``tmuxmeter watch``.
    runtime, log : Path
        The runtime folder, and the file that takes what the watcher prints.

    Raises
    ------
    TmuxmeterError
        If it ends or doesn't come up in time; the message names the log file.
    """
    import subprocess

    running = running_pid(runtime)
    if running is not None:
        return running
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "ab") as output:
        begin = output.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            [sys.executable, "-m", "tmuxmeter", "watch", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline:
        if read_state(runtime) is not None:
            return running_pid(runtime) or child.pid
        if child.poll() is not None:
            break
        time.sleep(0.02)
    said = _last_words(log, begin)
    message = f"the watcher did not start{f' ({said})' if said else ''}; see {log}"
    raise TmuxmeterError(message)


def _last_words(log: Path, begin: int) -> str:
    """Return the last line that a watcher's log got behind an offset, "" without any."""
    try:
        with log.open("rb") as file:
            file.seek(begin)
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.removeprefix("tmuxmeter: ") for line in reversed(lines) if line), "")


def stop(runtime: Path) -> bool:
    """Ask the running watcher to end and wait for it; False if none ran.

    Raises
    ------
    TmuxmeterError
        If it does not end in time.
    """
    import signal

    pid = running_pid(runtime)
    if pid is None:
        return False
    # the lock is held right now, so the number in it is its holder's
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)  # or one that was stopped would never hear of it
    deadline = time.monotonic() + STOP_WAIT_S
    while time.monotonic() < deadline:
        if running_pid(runtime) != pid:
            return True
        time.sleep(0.02)
    message = f"the watcher (process {pid}) does not end; if it hangs: kill -9 {pid}"
    raise TmuxmeterError(message)
