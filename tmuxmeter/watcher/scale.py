"""The scale in force as a running watcher holds it: the settings' or the user's own fit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.fitfile import NAME, read_fit
from tmuxmeter.reports.budgets import own_budget
from tmuxmeter.reports.days import local_day_bounds
from tmuxmeter.watcher.files import mark

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from tmuxmeter.config import Config
    from tmuxmeter.ledger.reader import Reader

BUDGET_DAYS = 14
"""The last days whose mix of tokens makes the user's own token budget."""
SECTION = "breakeven."


class OwnScale:
    """Keeps scale and token budget in step with the settings and the fit.

    Parameters
    ----------
    state : Path
        The state folder.
    config : Config
        The settings.

    Attributes
    ----------
    scale : Scale
        The scale in force.
    token_budget : int
        The day's input tokens for all agents; 0: no budget.
    problem : str
        Why the fit can't be read, "" if it can or there is none.
    """

    def __init__(self, state: Path, config: Config) -> None:
        self._state = state
        self._mark = (-1, -1)
        self._day: date | None = None
        self.problem = ""
        self.check(config, renewed=True)

    def check(self, config: Config, *, renewed: bool = False) -> bool:
        """Take the fit and the settings up where either changed; return whether they did."""
        seen = mark(self._state / NAME)
        if seen == self._mark and not renewed:
            return False
        self._mark = seen
        fit, self.problem = read_fit(self._state)
        fixed = {key.removeprefix(SECTION) for key in config.sources if key.startswith(SECTION)}
        self.scale = Scale.of(Model.of(config.breakeven), fit, fixed)
        self.token_budget = config.budget.tokens
        self._day = None
        return True

    def bring_up_to(self, day: date, reader: Reader, config: Config) -> None:
        """Work the user's own token budget out from the days before; once a day is enough."""
        if day == self._day:
            return
        self._day = day
        self.token_budget = config.budget.tokens
        if not self.scale.calibrated or "budget.tokens" in config.sources:
            return
        zone, start = config.day.zone, config.day.start_minutes
        days = (
            local_day_bounds(day - timedelta(days=n), zone, start)
            for n in range(1, BUDGET_DAYS + 1)
        )
        spent = [reader.slices(*bounds) for bounds in days]
        own = own_budget(self.scale, spent, reader.unit_prices())
        self.token_budget = own or config.budget.tokens
