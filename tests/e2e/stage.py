"""Where agents are run: a folder with a home and two repositories, and a tmux server's panes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stub import Served, Stub

START_SECONDS = 60
AGAIN_SECONDS = 8


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

    @property
    def stubs(self) -> tuple[Stub, ...]:
        """The servers that the agents here talk to."""
        raise NotImplementedError

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

    def shows(self, name: str, text: str, times: int = 1) -> bool:
        """Tell whether the pane shows the text so often, wherever its lines are broken.

        An agent breaks a sentence where the paths before it happen to fill the line.
        """
        return unbroken(self.server.capture(self.panes[name])).count(unbroken(text)) >= times

    def wait_screen(self, name: str, *texts: str, seconds: float = START_SECONDS) -> None:
        """Wait until the pane shows every text."""
        try:
            wait_until(lambda: all(self.shows(name, text) for text in texts), seconds, 0.1)
        except BaseException:
            print(f"--- pane {name} wanted {texts}:\n{self.server.capture(self.panes[name])}")
            raise

    def press(self, name: str, key: str, done: Callable[[], object]) -> None:
        """Press a key until ``done``: an agent that has just drawn a dialog may drop the first.

        A key that was taken after all is pressed once more at worst, so it must do no harm then.
        """
        end = time.monotonic() + START_SECONDS
        while True:
            self.server.run("send-keys", "-t", self.panes[name], key)
            again = time.monotonic() + AGAIN_SECONDS
            while time.monotonic() < again:
                if done():
                    return
                time.sleep(0.05)
            if time.monotonic() > end:
                screen = self.server.capture(self.panes[name])
                pytest.fail(f"{key} did nothing in pane {name}:\n{screen}")

    def type(self, name: str, text: str, done: Callable[[], object] = lambda: True) -> None:
        """Type a line and send it once the agent shows it, as it takes haste for a paste.

        What isn't shown after a while, because the agent drew its screen anew just then, is wiped
        (Ctrl-u, in all of them) and typed again.
        """
        pane = self.panes[name]
        end = time.monotonic() + START_SECONDS
        self.server.run("send-keys", "-t", pane, "-l", text)
        while time.monotonic() < end:
            with contextlib.suppress(pytest.fail.Exception):
                self.wait_screen(name, text[:30], seconds=AGAIN_SECONDS)
                break
            self.server.run("send-keys", "-t", pane, "C-u")
            self.server.run("send-keys", "-t", pane, "-l", text)
        self.wait_screen(name, text[:30])
        self.press(name, "Enter", done)

    def say(self, marker: str, script: str, pane: str = "", heard: bool = True) -> None:
        """Send a prompt with its marker to the pane of that name, until a stub hears of it.

        An agent still busy with its start or with a command may not take the first Enter, and one
        on a slow machine may take it for a part of a paste. ``heard`` is False for a prompt that
        no stub is to hear of.
        """

        def count() -> int:
            return sum(stub.heard[marker] for stub in self.stubs)

        before = count()
        self.type(pane or marker, f"[{marker}] {script}", lambda: not heard or count() > before)


def unbroken(screen: str) -> str:
    """Return a screen's text without the blanks, line ends and frames it is laid out with."""
    return "".join(one for one in screen if not (one.isspace() or "\u2500" <= one <= "\u257f"))


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
