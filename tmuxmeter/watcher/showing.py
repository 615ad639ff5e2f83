"""From the ledger and the picture of the panes to figures on the screen, as far as they are due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tmuxmeter.watcher.display import Display
from tmuxmeter.watcher.figures import TITLES, Day
from tmuxmeter.watcher.memory import give_back
from tmuxmeter.watcher.notify import Notifier
from tmuxmeter.watcher.scale import OwnScale

if TYPE_CHECKING:
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.paths import Places
    from tmuxmeter.watcher.figures import Figures
    from tmuxmeter.watcher.looking import Look

ANEW_EVERY_S = 60.0
"""How often figures are worked out although nothing happened: an overlap is one for some time."""
LONG_S = 0.5
"""A day that takes so long to weigh took much memory as well, and it is given back."""


class Showing:
    """Works figures out when they are stale and may be shown, and sends them.

    Parameters
    ----------
    places : Places
        Where the meter's own things are.
    config : Config
        The settings.
    demo : bool
        Whether all logs are played.

    Attributes
    ----------
    display : Display
        The tmux servers and the prompt file.
    day_end_ms : int
        When the day ends that was shown last, in epoch milliseconds; 0: none was.
    figures : Figures or None
        The newest figures.
    """

    def __init__(self, places: Places, config: Config, *, demo: bool) -> None:
        self._demo = demo
        self._day = Day()
        self._scale = OwnScale(places.state, config)
        self._notifier = Notifier(TITLES)
        self._stale = True
        self._anew_due = 0.0
        self._push_due: float | None = None
        self.display = Display(places.runtime)
        self.day_end_ms = 0
        self.figures: Figures | None = None

    def due(self) -> list[float]:
        """Return the steady seconds from which :meth:`show` or :meth:`weigh` has work."""
        return [due for due in (self._push_due, self._day.weigh_due) if due is not None]

    def problems(self) -> list[str]:
        """Return what is wrong with the user's own fit and with notices."""
        return [self._scale.problem, self._notifier.problem]

    def booked(self, *, moved: bool = False) -> None:
        """Note that something was booked; ``moved``: of any time, not only of just now."""
        self._stale = True
        self._day.changed(moved=moved)

    def recorded(self, *, moved: bool = False) -> None:
        """Note what may make a difference once the day is weighed again."""
        self._day.changed(moved=moved)

    def looked(self, config: Config, now_ms: int, *, other: bool) -> None:
        """Note a look at the panes; ``other``: there was something else to be seen."""
        fitted = self._scale.check(config)
        anew = now_ms >= self.day_end_ms or time.monotonic() >= self._anew_due
        self._stale = self._stale or other or fitted or anew

    def use(self, config: Config) -> None:
        """Go on with other settings."""
        self.display.prepare_anew()
        self._scale.check(config, renewed=True)
        # a day may begin at another time now
        self.booked(moved=True)

    def weigh(self, writer: Writer, config: Config, now_ms: int) -> bool:
        """Work out what takes every row of the day, if it is due; return whether it was."""
        if self._day.weigh_due is None or time.monotonic() < self._day.weigh_due:
            return False
        began = time.monotonic()
        self._day.weigh(writer.reader(), config, now_ms)
        if time.monotonic() - began >= LONG_S:
            give_back()
        self._stale = True
        return True

    def show(
        self,
        writer: Writer,
        config: Config,
        look: Look,
        problem: str,
        *,
        ticking: bool,
        caught_up: bool,
    ) -> None:
        """Bring status lines and prompts up to date; a tick keeps them from looking stale.

        Parameters
        ----------
        writer, config, look
            The ledger, the settings and the panes.
        problem : str
            The one thing that the status line should say is wrong, "" for nothing.
        ticking : bool
            Send even where nothing changed.
        caught_up : bool
            Whether all history is read: before that no budget is said to be used up.
        """
        now = time.monotonic()
        # figures that no client may be shown yet need not be computed yet, but for the guard
        waits = self._push_due is not None and now < self._push_due
        if waits and not (self._stale and config.guard.limited):
            return
        if not (self._stale or ticking or self._push_due is not None):
            return
        if self._stale:
            self._stale = False
            self._compute(writer, config, look, problem, caught_up=caught_up)
        if waits:
            return
        self._push_due = self.display.push(now, time.time(), icons=config.status.icons)

    def _compute(
        self, writer: Writer, config: Config, look: Look, problem: str, *, caught_up: bool
    ) -> None:
        self._anew_due = time.monotonic() + ANEW_EVERY_S
        now_ms = time.time_ns() // 1_000_000
        found = self._day.figures(
            writer.reader(),
            config,
            self._scale,
            look.picture,
            look.recent,
            now_ms,
            problem=problem,
            demo=self._demo,
        )
        self.day_end_ms = found.day_end_ms
        self.figures = found
        self.display.show(found.lives, found.everywhere)
        if caught_up:
            servers = look.picture.servers
            self._notifier.tell(found.uses, found.day, config.budget, servers, writer, now_ms)
