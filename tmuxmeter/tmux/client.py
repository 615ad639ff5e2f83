"""One way to call tmux: by socket path, with a time limit, never through a shell."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.errors import MissingProgramError, TmuxError, TmuxSilentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OLDEST_TMUX = (3, 2)
"""Hidden environment values, ``%s`` comparisons and ``source-file -`` all work from tmux 3.2 on."""

TIMEOUT_SECONDS = 5.0
"""A healthy server answers within milliseconds; one that was stopped must not stop us."""
REST_SECONDS = 10.0
"""How long a server that didn't answer is left alone: the others would wait for it each time."""
TRY_SECONDS = 1.0
"""How long it is waited for after that, until it answers again."""

_silent: dict[Path, float] = {}
"""Sockets of servers that didn't answer, and the monotonic time until which they are left alone."""


def parse_version(text: str) -> tuple[int, int] | None:
    """Return major and minor of a tmux version, None where it carries no number.

    Knows ``tmux 3.3a``, ``3.5``, ``next-3.6`` and ``openbsd-7.6`` (OpenBSD's own numbering, which
    says nothing about tmux, hence None); ``master`` is None as well.
    """
    if "openbsd" in text:
        return None
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def require_version(text: str) -> None:
    """Refuse a tmux that is known to be too old.

    Raises
    ------
    TmuxError
        If the version is below :data:`OLDEST_TMUX`. A version without a number is let through.
    """
    version = parse_version(text)
    if version is not None and version < OLDEST_TMUX:
        needed = ".".join(map(str, OLDEST_TMUX))
        name = text.removeprefix("tmux ").strip()
        message = f"tmux {name} is too old: tmuxmeter needs tmux {needed} or newer"
        raise TmuxError(message)


def installed_version(binary: str = "tmux") -> str:
    """Return what ``tmux -V`` prints, such as ``tmux 3.3a``.

    Raises
    ------
    MissingProgramError
        If tmux is not installed.
    TmuxError
        If it can't be run.
    """
    return _call([binary, "-V"], b"", TIMEOUT_SECONDS).strip()


class Tmux:
    """A running tmux server, addressed by its socket. Never starts a server.

    Parameters
    ----------
    socket : str or Path
        Path of the server's socket.
    binary : str
        The tmux program.
    timeout : float
        Seconds after which a call is given up.
    """

    def __init__(
        self, socket: str | Path, binary: str = "tmux", timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.socket = Path(socket)
        self.binary = binary
        self.timeout = timeout

    def run(self, arguments: Sequence[str]) -> str:
        """Run one tmux command line and return what it prints.

        An argument that is ``;`` alone separates commands.

        Raises
        ------
        MissingProgramError
            If tmux is not installed.
        TmuxError
            If the server is gone, doesn't answer in time or refuses the command.
        """
        return self._ask(arguments, b"")

    def source(self, lines: Iterable[str]) -> str:
        """Run commands, one a line, in a single call, and return what they print.

        There is no limit on their size, unlike for arguments (16 KB, seen with tmux 3.3a).
        Whoever writes the lines quotes them for tmux. Nothing is run for no lines.

        Raises
        ------
        MissingProgramError, TmuxError
            As :meth:`run`. After a bad line tmux still runs the lines that parse.
        """
        text = "".join(f"{line}\n" for line in lines)
        if not text:
            return ""
        return self._ask(["source-file", "-"], text.encode("utf-8", "surrogateescape"))

    def _ask(self, arguments: Sequence[str], stdin: bytes) -> str:
        """Call tmux; a server that hung the last time costs its callers little until it answers."""
        rests_until = _silent.get(self.socket)
        if rests_until is not None and time.monotonic() < rests_until:
            raise TmuxSilentError(self.timeout)
        patience = self.timeout if rests_until is None else min(self.timeout, TRY_SECONDS)
        try:
            answer = _call([*self._prefix, *arguments], stdin, patience)
        except TmuxSilentError:
            _silent[self.socket] = time.monotonic() + REST_SECONDS
            raise
        except TmuxError:
            _silent.pop(self.socket, None)  # a refusal is an answer, too
            raise
        _silent.pop(self.socket, None)
        return answer

    @property
    def _prefix(self) -> list[str]:
        # -N: never start a server; -u: without it a C locale turns what isn't ASCII into "_".
        return [self.binary, "-N", "-u", "-S", str(self.socket)]


def _call(command: list[str], stdin: bytes, timeout: float) -> str:
    try:
        result = subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        message = f"{command[0]} is not installed: install tmux 3.2 or newer"
        raise MissingProgramError(message) from error
    except subprocess.TimeoutExpired as error:
        raise TmuxSilentError(timeout) from error
    except OSError as error:
        message = f"{command[0]} can't be run: {error.strerror}"
        raise TmuxError(message) from error
    if result.returncode:
        reason = result.stderr.decode("utf-8", "replace").strip() or "tmux failed without a word"
        raise TmuxError(reason)
    return result.stdout.decode("utf-8", "surrogateescape")
