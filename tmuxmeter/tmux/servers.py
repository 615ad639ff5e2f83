"""Which tmux servers are metered: one small private file per socket in the runtime folder.

``up`` (or the plugin) registers the server it runs in; the watcher meters all that are registered.
A server that died stays registered, because the next one on the same socket is meant as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.digests import blake2b

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_FILE = "up.lock"
_SUFFIX = ".server"


@contextlib.contextmanager
def one_at_a_time(runtime: Path) -> Iterator[None]:
    """Wait until no other `up` or `down` is at work; where none can have been, there is no wait.

    What a key did is asked before it is bound: two that do it at once would keep each other's.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(runtime / LOCK_FILE, flags, 0o600)
            stack.enter_context(os.fdopen(descriptor, "r+"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


class Servers:
    """The registered servers below a runtime folder (made, private, when first written to)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "servers"

    def register(self, socket: str | Path) -> Path:
        """Add a server and return its socket's path in the form it is kept under.

        Raises
        ------
        OSError
            If the runtime folder can't be written.
        """
        path = canonical_socket(socket)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._file(path)
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(path))
        draft.replace(target)
        return path

    def registered(self) -> tuple[Path, ...]:
        """Return the sockets of all registered servers, running or not, in a stable order."""
        found = set()
        try:
            entries = list(os.scandir(self.folder))
        except OSError:
            return ()
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                try:
                    text = Path(entry.path).read_bytes()
                except OSError:
                    continue
                if text:
                    found.add(Path(os.fsdecode(text)))
        return tuple(sorted(found))

    def since(self, socket: Path) -> float:
        """Return when a registered server was last registered, in epoch seconds; else 0."""
        try:
            return self._file(socket).stat().st_mtime
        except OSError:
            return 0.0

    def forget(self, socket: str | Path) -> bool:
        """Take a server out; return whether it was registered."""
        try:
            self._file(canonical_socket(socket)).unlink()
        except FileNotFoundError:
            return False
        return True

    def _file(self, path: Path) -> Path:
        return self.folder / (blake2b(os.fsencode(path), digest_size=12).hexdigest() + _SUFFIX)


def canonical_socket(socket: str | Path) -> Path:
    """Return a socket's path with its folder's symbolic links resolved (macOS: ``/tmp``)."""
    path = Path(socket)
    return Path(os.path.realpath(path.parent)) / path.name


def socket_in_environment(value: str) -> tuple[Path, int] | None:
    """Return socket and server pid that a ``TMUX`` variable names, None if it names none."""
    parts = value.rsplit(",", 2)
    if len(parts) != 3 or not parts[0] or not parts[1].isdecimal():
        return None
    return canonical_socket(parts[0]), int(parts[1])
