"""What the watcher says about itself: how far it is and what is wrong, on screen and in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tmuxmeter import __version__
from tmuxmeter.records import replace
from tmuxmeter.watcher.build import build
from tmuxmeter.watcher.process import WatcherState, write_state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tmuxmeter.tmux.snapshot import ServerSnapshot

STATE_EVERY_S = 5.0
"""How soon news are written at the earliest."""
SAME_EVERY_S = 20.0
"""How often the same is written again, as a sign of life: each time wakes a sleeping disk."""


class Word:
    """The watcher's phase and progress, told in the status line and in the state file.

    Parameters
    ----------
    runtime : Path
        The folder of the state file.
    started_ms : int
        When the watcher began, in epoch milliseconds.

    Attributes
    ----------
    progress : float
        The share of bytes read, 0 to 1, while history is read.
    """

    def __init__(self, runtime: Path, started_ms: int) -> None:
        self._runtime = runtime
        self._started_ms = started_ms
        self._due = self._same_due = 0.0
        self._build = build()
        self._said: WatcherState | None = None
        self._phase = "reading"
        self.progress = 0.0

    @property
    def caught_up(self) -> bool:
        """Whether all history is read."""
        return self._phase == "following"

    def catch_up(self) -> None:
        """Note that all history is read."""
        self._phase, self.progress = "following", 1.0

    def problem(self, problems: Iterable[str]) -> str:
        """Return the one thing that the status line should say is wrong."""
        if not self.caught_up and self.progress:
            return f"reading logs {self.progress:.0%}"
        return next(iter(problems), "")

    def leave(
        self,
        servers: Iterable[ServerSnapshot],
        following: str,
        problems: Iterable[str],
        now: float,
        now_ms: int,
        *,
        force: bool = False,
    ) -> None:
        """Write the state file where it is due; ``now``: steady seconds, ``now_ms``: epoch."""
        if now < self._due and not force:
            return
        self._due = now + STATE_EVERY_S
        state = WatcherState(
            pid=os.getpid(),
            version=__version__,
            started_ms=self._started_ms,
            phase=self._phase,
            progress=self.progress,
            updated_ms=0,
            servers=tuple(str(server.socket) for server in servers),
            following=following,
            problems=tuple(problems),
            build=self._build,
        )
        if state == self._said and now < self._same_due and not force:
            return
        self._said, self._same_due = state, now + SAME_EVERY_S
        write_state(self._runtime, replace(state, updated_ms=now_ms))
