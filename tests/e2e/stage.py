"""Where agents are run: a folder with a home and two repositories, and a tmux server's panes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stub import Served, Stub

START_SECONDS = 60


@dataclass
class Stage:
    """A user's machine in a folder. Which agents are on it, and their stubs, say subclasses."""

    folder: Path
    server: TmuxServer
    panes: dict[str, str] = field(default_factory=dict, init=False)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def other(self) -> Path:
        return self.folder / "other"

    @property
    def links(self) -> Path:
        """The folder in front of everything else on the path."""
        return self.folder / "bin"

    @property
    def plain_environment(self) -> dict[str, str]:
        """What every program here gets: nothing of the user's gets in."""
        return {
            "PATH": f"{self.links}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "TZ": "UTC",
            "TMPDIR": str(self.folder / "tmp"),
            # The meter is that of the tree these tests lie in, wherever another is installed.
            "PYTHONPATH": str(Path(__file__).parents[2]),
            # Only loopback is in reach, whatever else the programs would like to call home for.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of everything that runs here."""
        return self.plain_environment

    def served(self) -> dict[str, Served]:
        """Return every request of the stubs that belongs in a log, by a name of its own."""
        raise NotImplementedError

    def lay_out_folders(self) -> None:
        """Make the home, the repositories and the folder for programs."""
        for folder in (self.home, self.repo, self.other, self.folder / "tmp", self.links):
            folder.mkdir(parents=True)
        for repo in (self.repo, self.other):
            git = ["git", "-C", str(repo), "-c", "user.name=e2e", "-c", "user.email=e2e@localhost"]
            subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
            (repo / "notes.txt").write_text("some notes\n")
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "commit", "-q", "-m", "Begin"], check=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the tmux server, and leave nothing of it behind."""
        self.server.environment = self.environment
        self.server.start()
        # A login shell would read /etc/profile and with it another PATH.
        self.server.run("set-option", "-g", "default-command", "exec /bin/sh")
        try:
            yield
        finally:
            self.server.kill()
            end_processes(self.home)

    # --- panes

    def open(self, name: str, command: str, cwd: Path) -> str:
        """Type a command in a new window's shell, as a person does; return the pane's id."""
        pane = self.server.window(cwd=cwd)
        self.server.run("rename-window", "-t", pane, name)
        self.panes[name] = pane
        self.server.send(pane, command)
        return pane

    def wait_screen(self, name: str, *texts: str, seconds: float = START_SECONDS) -> str:
        """Wait until the pane shows every text; return its screen."""

        def shown() -> str:
            screen = self.server.capture(self.panes[name])
            return screen if all(text in screen for text in texts) else ""

        try:
            return wait_until(shown, seconds, 0.1)
        except BaseException:
            print(f"--- pane {name} wanted {texts}:\n{self.server.capture(self.panes[name])}")
            raise

    def type(self, name: str, text: str) -> None:
        """Type a line and send it once the agent shows it, as it takes haste for a paste."""
        pane = self.panes[name]
        self.server.run("send-keys", "-t", pane, "-l", text)
        self.wait_screen(name, text[:30])
        self.server.run("send-keys", "-t", pane, "Enter")

    def say(self, marker: str, script: str, pane: str = "") -> None:
        """Send a prompt with its marker to the pane of that name."""
        self.type(pane or marker, f"[{marker}] {script}")

    def ask(self, stub: Stub, marker: str, script: str, pane: str = "") -> None:
        """Send a prompt until the stub hears of it.

        An agent still busy with its start or a command may not hear the first Enter.
        """
        self.say(marker, script, pane)
        where = self.panes[pane or marker]
        for _ in range(6):
            with contextlib.suppress(AssertionError):
                stub.wait_for(lambda _: bool(stub.of(marker)), 10)
                return
            self.server.run("send-keys", "-t", where, "Enter")
        pytest.fail(f"{marker} was never asked:\n{self.server.capture(where)}")


def processes_of(home: Path) -> list[int]:
    """Return the processes whose environment has this HOME: Codex's daemon leaves its pane."""
    wanted = f"HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def end_processes(home: Path) -> None:
    """End what still runs with this HOME, kindly, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes_of(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        with contextlib.suppress(BaseException):
            wait_until(lambda: not processes_of(home), 5)
            return
