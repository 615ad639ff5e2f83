"""Where the process table comes from: ``/proc`` on Linux, psutil elsewhere."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmuxmeter.panes.processes import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psutil

    from tmuxmeter.panes.processes import Source

# os.listdir and os.readlink on purpose (PTH): a scan runs every few seconds and pathlib doubles it.

_FACTS = ["ppid", "name", "create_time", "status"]
"""What psutil is asked of every process."""

BOOT_READINGS, BOOT_READING_S = 5, 0.001
"""How often two clocks are read until nothing came between, and how close that is, in seconds."""

BOOT_DRIFT_MS = 1000
"""The clock may be set while we run; a smaller difference is noise and changes nothing."""


class ProcSource:
    """Linux: ``/proc``."""

    has_start_token = True

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
        self._boot_ms = _boot_ms()
        self._lines: dict[str, tuple[bytes, Entry]] = {}

    def scan(self, known: Mapping[int, Entry]) -> dict[int, Entry]:
        """Return all running processes by pid; zombies are not running."""
        boot_ms = _boot_ms()
        if abs(boot_ms - self._boot_ms) > BOOT_DRIFT_MS:
            self._boot_ms = boot_ms
        entries: dict[int, Entry] = {}
        before, self._lines = self._lines, {}
        for name in os.listdir(self._proc):  # noqa: PTH208
            if not name.isdigit():
                continue
            line = self._line(name)
            if line is None:
                continue
            # most processes do nothing: their line is the same, to the last counter
            seen = before.get(name)
            if seen is not None and seen[0] == line and known.get(seen[1].pid) is seen[1]:
                self._lines[name] = seen
                entries[seen[1].pid] = seen[1]
            elif entry := self._entry(name, line, known):
                self._lines[name] = line, entry
                entries[entry.pid] = entry
        return entries

    def _line(self, name: str) -> bytes | None:
        try:
            descriptor = os.open(f"{self._proc}/{name}/stat", os.O_RDONLY)
        except OSError:
            return None
        try:
            return os.read(descriptor, 4096)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _entry(self, name: str, line: bytes, known: Mapping[int, Entry]) -> Entry | None:
        # The name may hold blanks and brackets: it ends at the last one.
        first, last = line.find(b"("), line.rfind(b")")
        rest = line[last + 2 :].split(b" ", 26)
        if first < 0 or len(rest) < 26 or rest[0] in b"ZXx":
            return None
        pid, start = int(name), rest[19].decode()
        comm = line[first + 1 : last].decode("utf-8", "replace")
        old = known.get(pid)
        # Where an epoch time was told once it stays, whatever happens to the clock.
        if old is not None and old.start == start:
            started_ms = old.started_ms
        else:
            started_ms = round(self._boot_ms + int(start) * self._tick_ms)
        return Entry(
            pid,
            int(rest[1]),
            comm,
            start,
            started_ms,
            # The stack's start is random for each program: it tells an exec under the same name.
            f"{comm}\0{rest[25].decode()}",
            int(rest[2]),
            int(rest[3]),
            _device(int(rest[4])),
            int(rest[5]),
            rest[0].decode(),
        )

    def now(self, pid: int) -> Entry | None:
        """Return one process as it is at this moment; zombies are not running."""
        line = self._line(str(pid))
        return None if line is None else self._entry(str(pid), line, {})

    def argv(self, pid: int) -> tuple[str, ...]:
        """Return the command line."""
        parts = self._read(pid, "cmdline").split(b"\0")
        # A process that rewrote its title leaves one text, or padding, behind.
        while parts and not parts[-1]:
            parts.pop()
        return tuple(os.fsdecode(part) for part in parts)

    def environ(self, pid: int) -> dict[str, str]:
        """Return the environment the program was started with."""
        pairs = (part.partition(b"=") for part in self._read(pid, "environ").split(b"\0"))
        return {os.fsdecode(name): os.fsdecode(value) for name, sep, value in pairs if sep}

    def cwd(self, pid: int) -> str:
        """Return the working directory."""
        try:
            return os.readlink(f"{self._proc}/{pid}/cwd")  # noqa: PTH115
        except OSError:
            return ""

    def open_files(self, pid: int) -> list[str]:
        """Return the paths of files open for writing; sockets, pipes, deleted files left out."""
        folder = f"{self._proc}/{pid}/fd"
        paths = []
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            return []
        for name in names:
            try:
                path = os.readlink(f"{folder}/{name}")  # noqa: PTH115
                if not path.startswith("/") or path.startswith(("/dev/", "/proc/")):
                    continue
                # The link's own permissions are the mode the file was opened in.
                if os.lstat(f"{folder}/{name}").st_mode & stat.S_IWUSR:
                    paths.append(path)
            except OSError:
                continue
        return paths

    def is_ours(self, pid: int) -> bool:
        """Tell whether a process runs as the user we are; the folder tells even if no file does."""
        try:
            return os.stat(f"{self._proc}/{pid}").st_uid == os.geteuid()  # noqa: PTH116
        except OSError:
            return True

    def _read(self, pid: int, name: str) -> bytes:
        try:
            return Path(f"{self._proc}/{pid}/{name}").read_bytes()
        except OSError:
            return b""


class PsutilSource:
    """Any system psutil knows (macOS). Environments of others may not be readable there."""

    has_start_token = False

    def scan(self, known: Mapping[int, Entry]) -> dict[int, Entry]:
        """Return all running processes by pid; zombies are not running."""
        import psutil

        _forget_terminals()
        entries: dict[int, Entry] = {}
        for process in psutil.process_iter(_FACTS):
            entry = self._entry(process, process.info, known)
            if entry is not None:
                entries[entry.pid] = entry
        return entries

    def now(self, pid: int) -> Entry | None:
        """Return one process as it is at this moment; zombies are not running."""
        import psutil

        _forget_terminals()
        try:
            process = psutil.Process(pid)
            entry = self._entry(process, process.as_dict(_FACTS), {})
        except (psutil.Error, OSError):
            return None
        return entry and entry._replace(foreground=_foreground(pid))

    def _entry(
        self, process: psutil.Process, info: Mapping[str, Any], known: Mapping[int, Entry]
    ) -> Entry | None:
        import psutil

        created = info["create_time"]
        if created is None or info["status"] == psutil.STATUS_ZOMBIE:
            return None
        started_ms = round(created * 1000)
        name = info["name"] or ""
        old = known.get(process.pid)
        if old is not None and old.start == str(started_ms):
            tty = old.tty
        else:
            tty = _terminal_device(process)
        return Entry(
            process.pid,
            info["ppid"] or 0,
            name,
            str(started_ms),
            started_ms,
            name,
            _number(os.getpgid, process.pid),
            _number(os.getsid, process.pid),
            tty,
            state="T" if info["status"] == psutil.STATUS_STOPPED else "",
        )

    def argv(self, pid: int) -> tuple[str, ...]:
        """Return the command line."""
        import psutil

        try:
            return tuple(psutil.Process(pid).cmdline())
        except (psutil.Error, OSError):
            return ()

    def environ(self, pid: int) -> dict[str, str]:
        """Return the environment the program was started with."""
        import psutil

        try:
            return dict(psutil.Process(pid).environ())
        except (psutil.Error, OSError):
            return {}

    def cwd(self, pid: int) -> str:
        """Return the working directory."""
        import psutil

        try:
            return str(psutil.Process(pid).cwd())
        except (psutil.Error, OSError):
            return ""

    def open_files(self, pid: int) -> list[str]:
        """Return the paths of files open for writing, of all open files where that isn't told."""
        import psutil

        try:
            files = psutil.Process(pid).open_files()
            return [file.path for file in files if getattr(file, "mode", "") != "r"]
        except (psutil.Error, OSError):
            return []

    def is_ours(self, pid: int) -> bool:
        """Tell whether a process runs as the user we are."""
        import psutil

        try:
            return psutil.Process(pid).uids().effective == os.geteuid()
        except (psutil.Error, OSError):
            return True


def default_source() -> Source:
    """Return what this system offers: ``/proc`` on Linux, else psutil."""
    return ProcSource() if sys.platform == "linux" else PsutilSource()


def _boot_ms() -> float:
    # Both clocks count on while the machine sleeps, and so do the start ticks of /proc.
    readings = []
    for _ in range(BOOT_READINGS):
        before, now = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
        taken = time.clock_gettime(time.CLOCK_BOOTTIME) - before
        readings.append((taken, now - before))
        if taken < BOOT_READING_S:
            break
    # on a busy machine we may have had to wait between the two
    return min(readings)[1] * 1000


def _device(number: int) -> int:
    """Return the device number of a ``tty_nr``, which the kernel packs its own way."""
    if number == 0:
        return 0
    return os.makedev((number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00))


def _number(ask: Callable[[int], int], pid: int) -> int:
    try:
        return ask(pid)
    except OSError:
        return 0


def _foreground(pid: int) -> int:
    """Return the foreground group of a process's terminal; only ``ps`` can ask on macOS."""
    import subprocess

    try:
        answer = subprocess.run(
            ["ps", "-o", "tpgid=", "-p", str(pid)], capture_output=True, timeout=5, check=False
        )
        return max(0, int(answer.stdout))
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def _forget_terminals() -> None:
    """Have psutil list the terminals anew: it does so once, and never hears of a new pane's."""
    from psutil import _psposix

    listed = getattr(_psposix, "get_terminal_map", None)
    if listed is not None and hasattr(listed, "cache_clear"):
        listed.cache_clear()


def _terminal_device(process: psutil.Process) -> int:
    import psutil

    try:
        terminal = process.terminal()
        return os.stat(terminal).st_rdev if terminal else 0  # noqa: PTH116
    except (psutil.Error, OSError):
        return 0
