"""The meter as a user has it: the command line, its watcher, and formats that show its figures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from stage import Stage
    from tmux_fixtures import TmuxServer

CATCH_UP_SECONDS = 20

FORMATS = {
    "status-interval": "1",
    "status-right-length": "60",
    "status-right": "total #{tmuxmeter_total} in #{tmuxmeter_tokens}",
    "status-left-length": "60",
    "status-left": "#{tmuxmeter} | ",
    "window-status-format": "#W=#{tmuxmeter_window_cost}",
    "window-status-current-format": "#W=#{tmuxmeter_window_cost}",
    "pane-border-status": "top",
    "pane-border-format": "#{pane_id} costs #{tmuxmeter_pane_cost} is #{tmuxmeter_pane_state}.",
}


@dataclass(frozen=True)
class Meter:
    """Calls the command line in a stage's environment."""

    world: Stage

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``tmuxmeter`` with these arguments.

        ``--home`` also keeps agents out that somebody else runs on this machine meanwhile.
        """
        home = ("--home", str(self.world.home))
        return subprocess.run(
            [sys.executable, "-m", "tmuxmeter", *home, *arguments],
            env=self.world.environment,
            cwd=self.world.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and return what it printed."""
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, result.stderr or result.stdout
        return json.loads(result.stdout)

    def turn_on(self) -> None:
        """Set formats with placeholders, as a tmux.conf does, and turn the meter on."""
        for option, text in FORMATS.items():
            self.world.server.run("set-option", "-g", option, text)
        result = self.run("up", "--socket", str(self.world.server.socket))
        assert result.returncode == 0, result.stderr or result.stdout

    def pushed(self) -> str:
        """Return the hidden values the watcher has given the tmux server."""
        return self.world.server.run("show-environment", "-gh")

    def today(self, holds: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """Return today's report once every request in the logs is in it.

        Waits until it ``holds``, too, as late evidence books anew; else returns what there is.
        """
        served = len(self.world.served())
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while True:
            report: dict[str, Any] = self.json("today")
            if (report["requests"] >= served and holds(report)) or time.monotonic() > deadline:
                # Shown by pytest beside a failure.
                print(self.run("sessions").stdout, self.run("panes").stdout, sep="\n")
                return report
            time.sleep(0.2)


@dataclass(frozen=True)
class Screen:
    """What a client of the world's server shows, rendered in a pane of another server."""

    outer: TmuxServer
    pane: str

    def lines(self) -> list[str]:
        """Return the screen's lines."""
        return self.outer.capture(self.pane).rstrip("\n").split("\n")

    def wait_for(self, *texts: str) -> None:
        """Wait until the screen shows any of these texts."""

        def shown() -> bool:
            screen = self.outer.capture(self.pane)
            return any(text in screen for text in texts)

        try:
            wait_until(shown, CATCH_UP_SECONDS, 0.1)
        except BaseException:
            print(f"--- the screen never showed {texts}:", *self.lines(), sep="\n")
            raise
