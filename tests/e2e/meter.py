"""The meter as a user has it: the command line, its watcher, and formats that show its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from tmux_fixtures import TmuxServer
    from world import World

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
    """Calls the command line in a world's environment."""

    world: World

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``tmuxmeter`` with these arguments."""
        return subprocess.run(
            [sys.executable, "-m", "tmuxmeter", *arguments],
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

    def today(self) -> dict[str, Any]:
        """Return today's report once every request that is in a log is in it."""
        served = len(self.world.served())

        def caught_up() -> dict[str, Any]:
            report: dict[str, Any] = self.json("today")
            return report if report["requests"] >= served else {}

        return wait_until(caught_up, CATCH_UP_SECONDS, 0.2)


@dataclass(frozen=True)
class Screen:
    """What a client of the world's server shows, rendered in a pane of another server."""

    outer: TmuxServer
    pane: str

    def lines(self) -> list[str]:
        """Return the screen's lines."""
        return self.outer.capture(self.pane).rstrip("\n").split("\n")

    def wait_for(self, text: str) -> None:
        """Wait until the screen shows ``text``."""
        try:
            wait_until(lambda: text in self.outer.capture(self.pane), CATCH_UP_SECONDS, 0.1)
        except BaseException:
            print(f"--- the screen never showed {text!r}:", *self.lines(), sep="\n")
            raise
