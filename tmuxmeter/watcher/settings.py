"""The configuration as a running watcher holds it: read anew when the file changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tmuxmeter.config import Config, try_load
from tmuxmeter.prices.book import PriceBook
from tmuxmeter.watcher.files import mark
from tmuxmeter.watcher.roots import all_agents

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.ledger.booking import Price

logger = logging.getLogger(__name__)


class Settings:
    """The settings in force; where the file has become wrong, the old ones stay.

    Attributes
    ----------
    config : Config
        The settings.
    problems : list of str
        What is wrong with the file now.
    price : Price
        What a request costs by these settings.
    """

    def __init__(self, path: Path, *, must_exist: bool) -> None:
        self._path = path
        self._must_exist = must_exist
        self._mark: tuple[int, int] | None = None
        self.config = Config()
        self.problems: list[str] = []
        self.price: Price = price_book(self.config).cost_of
        self.check()

    def check(self) -> bool:
        """Read the file if it changed; return whether it did."""
        seen = mark(self._path)
        if seen == self._mark:
            return False
        self._mark = seen
        old = self.config
        self.config, self.problems = try_load(self._path, old, must_exist=self._must_exist)
        for problem in self.problems:
            logger.warning("%s", problem)
        if self.config != old:
            self.price = price_book(self.config).cost_of
        return True

    def renew(self) -> None:
        """Let the next :meth:`check` read the file whatever it looks like."""
        self._mark = None


def price_book(config: Config) -> PriceBook:
    """Return the prices in force: the user's own, then the dated list."""
    return PriceBook(config.prices, {agent.name: agent.provider for agent in all_agents(config)})
