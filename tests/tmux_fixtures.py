"""Real tmux servers on private sockets, real clients on real terminals.

``tmux_server`` gives a test one running server, ``tmux_servers`` makes as many as it needs. Every
server has a socket folder of its own, reads no configuration and is killed at teardown, and so is
whatever outlives it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from leftovers import end, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

PATIENCE_S = 30.0
"""How long a busy machine may take for anything; only a test that fails waits so long."""

# Gives the client a controlling terminal (a new session's first opened tty) and becomes tmux.
_BECOME_CLIENT = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


def wait_until(condition: Callable[[], T], timeout: float = PATIENCE_S, every: float = 0.02) -> T:
    """Return the first true value of ``condition``; fail the test when none comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came within {timeout} s; last value: {value!r}")
        time.sleep(every)


class Client:
    """A tmux client attached through a real terminal of a given size; keeps every byte it got."""

    def __init__(self, server: TmuxServer, width: int, height: int, target: str = "") -> None:
        self.width, self.height = width, height
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.tty = os.ttyname(slave)
        command = [*server.command, "attach-session", *(["-t", target] if target else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BECOME_CLIENT, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=server.environment,
        )
        os.close(slave)
        self._bytes = bytearray()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()
        wait_until(lambda: self.tty in server.run("list-clients", "-F", "#{client_tty}"))

    def _drain(self) -> None:
        while True:
            try:
                block = os.read(self._master, 65536)
            except OSError:
                return
            if not block:
                return
            with self._lock:
                self._bytes += block

    @property
    def count(self) -> int:
        """How many bytes the client's terminal has got so far."""
        with self._lock:
            return len(self._bytes)

    def output(self, since: int = 0) -> bytes:
        """Return the bytes written to the terminal after the first ``since``."""
        with self._lock:
            return bytes(self._bytes[since:])

    def wait_for(self, text: str, since: int = 0, timeout: float = PATIENCE_S) -> bytes:
        """Return the output once ``text`` is in it (as sent in one piece)."""
        wait_until(lambda: text.encode() in self.output(since), timeout)
        return self.output(since)

    def settle(self, quiet: float = 0.3, timeout: float = PATIENCE_S) -> int:
        """Wait until nothing was written for ``quiet`` seconds; return :attr:`count`."""
        deadline = time.monotonic() + timeout
        last, since = self.count, time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            if self.count != last:
                last, since = self.count, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return last
        pytest.fail("the client's terminal never became quiet")

    def type(self, keys: bytes) -> None:
        """Type ``keys`` at the terminal."""
        os.write(self._master, keys)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self.width, self.height = width, height
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        self.process.send_signal(signal.SIGWINCH)

    def close(self) -> None:
        """Detach by closing the terminal."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._thread.join(2)
        with contextlib.suppress(OSError):
            os.close(self._master)


class TmuxServer:
    """One private tmux server. ``socket`` is its path, ``command`` how to call it."""

    def __init__(self, folder: Path, name: str, width: int = 120, height: int = 40) -> None:
        self.socket = folder / name
        self.command = ["tmux", "-S", str(self.socket), "-f", "/dev/null"]
        self.size = (width, height)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TMUX")},
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
        }
        self.clients: list[Client] = []

    def start(self, command: str = "", cwd: Path | None = None) -> str:
        """Start the server with a session ``main``; return the id of its first pane."""
        width, height = self.size
        where = ["-c", str(cwd)] if cwd else []
        arguments = ["-d", "-s", "main", "-x", str(width), "-y", str(height), *where, "-P"]
        return self.run(
            "new-session", *arguments, "-F", "#{pane_id}", *([command] if command else [])
        ).strip()

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run one tmux command and return what it printed."""
        result = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if check and result.returncode:
            pytest.fail(f"tmux {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def window(self, command: str = "", cwd: Path | None = None, target: str = "main:") -> str:
        """Open a window (detached) and return its pane id."""
        where = ["-c", str(cwd)] if cwd else []
        shell = [command] if command else []
        format_ = ["-P", "-F", "#{pane_id}"]
        return self.run("new-window", "-d", "-t", target, *where, *format_, *shell).strip()

    def split(self, command: str = "", cwd: Path | None = None, target: str = "main:") -> str:
        """Split a pane (detached) and return the new pane's id."""
        where = ["-c", str(cwd)] if cwd else []
        shell = [command] if command else []
        format_ = ["-P", "-F", "#{pane_id}"]
        return self.run("split-window", "-d", "-t", target, *where, *format_, *shell).strip()

    def format(self, text: str, target: str = "") -> str:
        """Return ``text`` expanded by tmux, for one pane or window."""
        where = ["-t", target] if target else []
        return self.run("display-message", "-p", *where, text).rstrip("\n")

    def send(self, pane: str, line: str) -> None:
        """Type ``line`` and Enter into a pane."""
        self.run("send-keys", "-t", pane, "-l", line)
        self.run("send-keys", "-t", pane, "Enter")

    def capture(self, pane: str) -> str:
        """Return the text a pane shows."""
        return self.run("capture-pane", "-p", "-t", pane)

    def attach(self, width: int = 120, height: int = 40, target: str = "") -> Client:
        """Attach a real client through a terminal of this size; closed with the server."""
        client = Client(self, width, height, target)
        self.clients.append(client)
        return client

    def show_in(self, outer: TmuxServer, target: str = "") -> str:
        """Attach inside a pane of another server; return that pane's id.

        ``outer.capture(pane)`` is then the client's whole screen as rendered, status line and
        borders included.
        """
        where = f" -t '{target}'" if target else ""
        command = f"env -u TMUX -u TMUX_PANE tmux -S '{self.socket}' attach-session{where}"
        outer.run("set-option", "-g", "status", "off")
        return outer.window(command)

    def alive(self) -> bool:
        """Tell whether the server answers."""
        return bool(self.run("display-message", "-p", "#{pid}", check=False).strip())

    def kill(self) -> None:
        """Kill the server; its clients end with it."""
        self.run("kill-server", check=False)
        for client in self.clients:
            client.close()
        self.clients.clear()


@pytest.fixture
def tmux_servers() -> Iterator[Callable[..., TmuxServer]]:
    """Make private tmux servers, not started yet: ``tmux_servers()`` or with a width and height."""
    # A folder of its own directly below /tmp: a socket's path must stay under 108 bytes.
    folder = Path(tempfile.mkdtemp(prefix="tm-", dir="/tmp"))
    servers: list[TmuxServer] = []

    def make(width: int = 120, height: int = 40) -> TmuxServer:
        server = TmuxServer(folder, f"s{len(servers)}", width, height)
        servers.append(server)
        return server

    yield make
    try:
        for server in servers:
            server.kill()
    finally:
        # what has a terminal of its own, or was stopped, outlives its pane; all know the socket
        end(processes_of(folder))
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tmux_server(tmux_servers: Callable[..., TmuxServer]) -> TmuxServer:
    """Give the test one running server with a session ``main`` of 120×40 and a shell in it."""
    server = tmux_servers()
    server.start()
    return server
