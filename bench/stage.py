"""A stage for the live benches: a private tmux server, an attached client, played agents, the meter."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import shlex
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
from typing import TYPE_CHECKING, Any

from measuring import meter, plain_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

PLAYER = Path(__file__).with_name("player.py")
# a controlling terminal for the client: a new session's first opened tty
_BECOME_CLIENT = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    """Return the first true value of a condition.

    Raises
    ------
    SystemExit
        None came in time.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            msg = f"waited {timeout:g} s for {what}"
            raise SystemExit(msg)
        time.sleep(0.02)
    return value


class Client:
    """An attached tmux client on a real terminal; keeps what it got and when (monotonic ns)."""

    def __init__(self, command: list[str], env: dict[str, str], size: tuple[int, int]) -> None:
        width, height = size
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BECOME_CLIENT, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
        )
        os.close(slave)
        self.chunks: list[tuple[int, bytes]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while block := os.read(self._master, 65536):
                self.chunks.append((time.monotonic_ns(), block))

    def seen(self, text: bytes, since: int) -> int:
        """Return when a text came in a chunk after the first ``since`` ones, 0: not yet."""
        before = b""
        for moment, block in self.chunks[since:]:
            if text in before + block:
                return moment
            before = block[-len(text) :]
        return 0

    def close(self) -> None:
        """Detach."""
        self._process.kill()
        self._process.wait()
        self._thread.join(2)
        os.close(self._master)


class Stage:
    """A scratch home with a tmux server of its own; everything it started ends with it.

    Parameters
    ----------
    status_right : str
        What the status line shows, placeholders in it.
    size : tuple of int
        Columns and rows of clients.
    """

    def __init__(
        self, status_right: str = "#{tmuxmeter}", size: tuple[int, int] = (200, 50)
    ) -> None:
        # directly below /tmp: a socket's path must stay short
        self.folder = Path(tempfile.mkdtemp(prefix="tmb-", dir="/tmp"))
        self.home = self.folder / "home"
        self.home.mkdir()
        # a bench that is told to end takes down what it built
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.env = {**plain_environment(self.home), "TERM": "xterm-256color", "SHELL": "/bin/sh"}
        self.env["LANG"] = self.env["LC_ALL"] = "C.UTF-8"
        self.size = size
        self.sockets: list[Path] = []
        self.clients: list[Client] = []
        self._watchers: list[subprocess.Popen[bytes]] = []
        self._status_right = status_right
        (self.folder / "claude").symlink_to(Path(sys.executable).resolve())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for watcher in self._watchers:
            if watcher.poll() is None:
                watcher.send_signal(signal.SIGCONT)
                watcher.kill()
                watcher.wait()
        for client in self.clients:
            client.close()
        for socket in self.sockets:
            self.tmux("kill-server", socket=socket, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self) -> Path:
        """Start another tmux server and return its socket."""
        return self.server_at(self.folder / f"s{len(self.sockets)}")

    def server_at(self, socket: Path) -> Path:
        """Start a tmux server on this socket and return it."""
        self.sockets.append(socket)
        width, height = map(str, self.size)
        words = ["new-session", "-d", "-s", "main", "-x", width, "-y", height, "sleep 86400"]
        # a server that is just going away may still answer on its socket
        for _ in range(20):
            try:
                self.tmux(*words, socket=socket)
                break
            except SystemExit:
                time.sleep(0.1)
        else:
            self.tmux(*words, socket=socket)
        for name, value in (
            ("status-right", self._status_right),
            ("status-right-length", "100"),
            ("window-status-format", "#I"),
            ("window-status-current-format", "#I"),
            ("pane-border-status", "top"),
            ("pane-border-format", " #P #{tmuxmeter_pane} "),
        ):
            self.tmux("set-option", "-g", name, value, socket=socket)
        return socket

    def tmux(self, *arguments: str, socket: Path | None = None, check: bool = True) -> str:
        """Run a tmux command in the newest server, or the one with this socket."""
        target = str(socket or self.sockets[-1])
        done = subprocess.run(
            ["tmux", "-S", target, "-f", "/dev/null", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            msg = f"tmux {' '.join(arguments)}: {done.stderr}"
            raise SystemExit(msg)
        return done.stdout.strip()

    def attach(self) -> Client:
        """Attach a client to the newest server."""
        command = ["tmux", "-S", str(self.sockets[-1]), "attach-session"]
        client = Client(command, self.env, self.size)
        self.clients.append(client)
        wait_for(lambda: client.chunks, "the client's first bytes")
        return client

    def pane(self, command: str, *, split: bool = False, socket: Path | None = None) -> str:
        """Open a window, or split the first one, for a command; return the pane's id."""
        place = (
            ["split-window", "-d", "-t", "main:0"] if split else ["new-window", "-d", "-t", "main:"]
        )
        found = self.tmux(*place, "-P", "-F", "#{pane_id}", command, socket=socket)
        if split:
            self.tmux("select-layout", "-t", "main:0", "tiled", socket=socket)
        return found

    def player(self, session: str, *options: str) -> str:
        """Return the command of a played agent that says which session it is in."""
        words = [
            str(self.folder / "claude"),
            "-I",
            "-S",
            str(PLAYER),
            str(self.home),
            session,
            *options,
        ]
        return "exec " + shlex.join(words)

    def register(self, socket: Path | None = None) -> None:
        """Put the formats in place and let the watcher know of the server."""
        code = (
            "import sys; from pathlib import Path; from tmuxmeter.tmux.client import Tmux;"
            "from tmuxmeter.tmux.install import install_formats;"
            "from tmuxmeter.tmux.servers import Servers; from tmuxmeter.paths import places, private_folder;"
            "runtime = places(Path(sys.argv[1]), {}).runtime; socket = Path(sys.argv[2]);"
            "install_formats(Tmux(socket)); private_folder(runtime); Servers(runtime).register(socket)"
        )
        target = str(socket or self.sockets[-1])
        subprocess.run(
            [sys.executable, "-c", code, str(self.home), target], env=self.env, check=True
        )

    def watch(
        self, command: list[str] | None = None, *, ready: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start a watcher; wait until it has read what there is."""
        with (self.folder / "watcher.log").open("ab") as log:
            watcher = subprocess.Popen(
                command or meter("watch", "--home", self.home),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._watchers.append(watcher)
        if ready:
            wait_for(lambda: self.state(watcher) == "following", "the watcher", 120)
        return watcher

    def state(self, watcher: subprocess.Popen[bytes]) -> str:
        """Return what a watcher says it is doing.

        Raises
        ------
        SystemExit
            It has ended.
        """
        if watcher.poll() is not None:
            words = (self.folder / "watcher.log").read_text()[-2000:]
            msg = f"the watcher ended with {watcher.returncode}:\n{words}"
            raise SystemExit(msg)
        file = self.home / ".local/state/tmuxmeter/run/watcher.json"
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(file.read_text())
            if facts["pid"] == watcher.pid:
                return str(facts["phase"])
        return ""
