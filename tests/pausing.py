"""Stages for pausing: a counting full-screen program in a real pane, however it was started."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmux_fixtures import wait_until

from tmuxmeter.agents import AGENTS
from tmuxmeter.agents.base import Root
from tmuxmeter.hooks.targets import AGENTS as HOOKABLE
from tmuxmeter.panes.glance import glance
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import default_source
from tmuxmeter.pause.find import target_in
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.pause.means import Means
from tmuxmeter.pause.records import PauseStore
from tmuxmeter.tmux.client import Tmux

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmux_fixtures import TmuxServer

    from tmuxmeter.pause.target import Target

COUNTER = Path(__file__).with_name("counter.py")
ROOT = Path(__file__).parents[1]
SHELLS = {
    "bash": "bash --norc --noprofile -i",
    "zsh": "zsh -f -i",
    "fish": "fish --no-config -i",
}
STARTS = ("bash", "zsh", "fish", "pane", "wrapper", "pipeline")
STILL_S = 0.12


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Counted:
    """One counter in one pane, and what it has done so far."""

    server: TmuxServer
    pane: str
    folder: Path

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    @property
    def tty(self) -> str:
        return self.server.format("#{pane_tty}", self.pane)

    def count(self, name: str = "count") -> int:
        for _ in range(50):
            text = (self.folder / name).read_text() if (self.folder / name).exists() else ""
            if text:
                return int(text)
            time.sleep(0.002)
        return 0

    def keys(self) -> bytes:
        path = self.folder / "keys"
        return path.read_bytes() if path.exists() else b""

    def counts_on(self) -> bool:
        """Tell whether it counts, and its child too where it has one."""
        names = [name for name in ("count", "child.count") if (self.folder / name).exists()]
        before = {name: self.count(name) for name in names}
        try:
            wait_until(lambda: all(self.count(name) > before[name] for name in names))
        except BaseException as error:
            if "nothing came" not in str(error):
                raise
            return False
        return True

    def stands_still(self) -> bool:
        """Tell whether neither it nor its child counts."""
        names = [name for name in ("count", "child.count") if (self.folder / name).exists()]
        time.sleep(0.03)
        before = {name: self.count(name) for name in names}
        time.sleep(STILL_S)
        return {name: self.count(name) for name in names} == before

    def type(self, keys: str) -> None:
        self.server.run("send-keys", "-t", self.pane, "-l", keys)

    def got(self, keys: bytes) -> None:
        wait_until(lambda: self.keys().endswith(keys))

    def terminal(self) -> tuple[Any, int]:
        """Return the terminal's modes and its foreground group."""
        descriptor = os.open(self.tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            modes = termios.tcgetattr(descriptor)
        finally:
            os.close(descriptor)
        entry = default_source().now(self.pid)
        return modes, entry.foreground if entry else -1


class Stage:
    """A home, a server, programs under agents' names, and what pausing needs."""

    def __init__(self, home: Path, server: TmuxServer, *, watched: bool = True) -> None:
        self.home, self.server = home, server
        self.state = home / "state"
        self.installed: dict[str, int] = {}
        """Since when each agent has had hooks, epoch milliseconds."""
        self.table = ProcessTable(default_source())
        self.means = Means(
            tmux=Tmux,
            table=self.table,
            store=PauseStore(self.state / "pauses"),
            flags=HoldFlags(self.state / "run" / "hold"),
            watched=watched,
            hooks_since=lambda agent, _: self.installed.get(agent),
            hookable=HOOKABLE,
            state_now=lambda target: self.target(target.ref.pane).state,
            own_pid=os.getpid(),
        )
        self._number = 0
        self.counter = COUNTER

    def program(self, name: str) -> Path:
        """Return a Python that is called like an agent."""
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.symlink_to(os.path.realpath(sys.executable))
        return path

    def start(
        self,
        how: str,
        name: str = "claude",
        *,
        run: bool = False,
        child: bool = False,
        deaf: bool = False,
        before: str = "",
    ) -> Counted:
        """Start a counter in a new window; returns once it counts."""
        self._number += 1
        folder = self.home / f"counter-{self._number}"
        folder.mkdir()
        words = [str(self.program(name)), "-S", str(COUNTER), str(folder)]
        words += ["--child"] if child else []
        words += ["--deaf"] if deaf else []
        if run:
            words = [
                *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tmuxmeter", "run", "--"),
                *words,
            ]
        line = f"{before} {shlex.join(words)}".strip()
        if how == "pane":
            options = ["-d", "-t", "main:", "-P", "-F", "#{pane_id}"]
            pane = self.server.run("new-window", *options, *words).strip()
        else:
            pane = self.server.window(SHELLS.get(how, SHELLS["bash"]))
            if how == "wrapper":
                wrapper = folder / "wrapper"
                wrapper.write_text('#!/bin/sh\n"$@"\nexit $?\n')
                wrapper.chmod(0o755)
                line = f"{wrapper} {line}"
            elif how == "pipeline":
                line = f"{line} | tee {folder / 'output'}"
            self.server.send(pane, line)
        counted = Counted(self.server, pane, folder)
        wait_until(lambda: (folder / "count").exists() and counted.count() > 2)
        if child:
            wait_until(lambda: (folder / "child.count").exists())
        return counted

    def target(self, pane: str) -> Target:
        """Return the agent in a pane as the commands find it."""
        now = now_ms()
        roots = [Root("claude", self.home / ".claude")]
        picture = glance(
            AGENTS, self.table, [self.server.socket], roots, [], [], now, now, home=self.home
        )
        (found,) = (one for one in picture.panes if one.ref.pane == pane)
        return target_in(found, self.table, {})


def missing(how: str) -> str:
    """Return why a start can't be tried here, "" if it can."""
    if how in SHELLS and shutil.which(how) is None:
        return f"{how} is not installed"
    return ""


def one_round(
    stage: Stage, counted: Counted, check: Callable[[bool, str], None], way: str = "freeze"
) -> str:
    """Pause, look, type, resume, look; return the method that was used."""
    from tmuxmeter.pause.ways import pause, resume

    before = counted.terminal()
    target = stage.target(counted.pane)
    check(target.core.pid == counted.pid, "the agent's own process is the one found")
    made = pause(stage.means, target, way, "you", now_ms())
    check(counted.stands_still(), "it stands still")
    drops = made.undo.get("input") == "off"
    counted.type("abc")
    check(counted.stands_still(), "it stands still when typed at")
    check(made == stage.means.store.all()[-1], "the pause is written down")
    resume(stage.means, made)
    check(counted.counts_on(), "it goes on")
    if not drops:
        counted.got(b"abc")
    counted.type("xyz")
    counted.got(b"xyz" if drops else b"abcxyz")
    check(counted.terminal() == before, "modes and foreground group are as before")
    check(stage.means.store.all() == [], "nothing stays written down")
    return made.method
