"""What requests cost: one answer per request, fast enough to price a history of years."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from tmuxmeter.prices.card import Card
from tmuxmeter.prices.lists import DAY_MS
from tmuxmeter.prices.names import reference
from tmuxmeter.prices.quotes import Quote, Quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.config import PriceOverride
    from tmuxmeter.events import Usage
    from tmuxmeter.prices.explain import Explanation


class PriceBook:
    """Prices of all models at all times, asked of genai-prices once per model, tier and period.

    Parameters
    ----------
    overrides : iterable of PriceOverride
        The user's own prices.
    providers : mapping of str to str
        The provider whose prices apply to each agent's models where the name doesn't tell.
    """

    def __init__(
        self, overrides: Iterable[PriceOverride] = (), providers: Mapping[str, str] | None = None
    ) -> None:
        self._overrides = tuple(overrides)
        self._providers = dict(providers or {})
        self._plans: dict[tuple[str, str, str, str], _Plan] = {}

    def cost(
        self,
        agent: str,
        model: str,
        tier: str,
        geo: str,
        time_ms: int,
        *,
        fresh: int = 0,
        cache_read: int = 0,
        cache_write_5m: int = 0,
        cache_write_1h: int = 0,
        output: int = 0,
        web_searches: int = 0,
    ) -> int | None:
        """Return what one request cost, in microdollars, rounded once, half to even.

        Parameters
        ----------
        agent : str
            The agent's name, or that of a provider.
        model, tier, geo : str
            As in the log; "" where it doesn't say.
        time_ms : int
            When, in epoch ms: the price of that UTC date counts.
        fresh, cache_read, cache_write_5m, cache_write_1h, output : int
            Tokens, in disjoint kinds.
        web_searches : int
            Searches on the vendor's side.

        Returns
        -------
        int or None
            None: no price is known for this model, tier, place or kind of token.
        """
        card = self._card(agent, model, tier, geo, time_ms)
        if card is None:
            return None
        return card.cost(fresh, cache_read, cache_write_5m, cache_write_1h, output, web_searches)

    def cost_of(self, agent: str, usage: Usage) -> int | None:
        """Return what a request cost, in microdollars, None if it is unpriced (see ``cost``)."""
        card = self._card(agent, usage.model, usage.tier, usage.geo, usage.time_ms)
        if card is None:
            return None
        return card.cost(
            usage.fresh,
            usage.cache_read,
            usage.cache_write_5m,
            usage.cache_write_1h,
            usage.output,
            usage.web_searches,
        )

    def explain(
        self, model: str, time_ms: int, *, agent: str = "", tier: str = "", geo: str = ""
    ) -> Explanation:
        """Return what would be charged for a model at a time (epoch ms), and who says so."""
        from tmuxmeter.prices.explain import explanation

        quotes = self._quotes(agent, model)
        return explanation(model, quotes, tier or "standard", geo, time_ms)

    def _card(self, agent: str, model: str, tier: str, geo: str, time_ms: int) -> Card | None:
        key = (agent, model, tier, geo)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = _Plan(self._quotes(agent, model), tier, geo)
        return plan.card(time_ms)

    def _quotes(self, agent: str, model: str) -> Quotes:
        meant = reference(model)
        return Quotes(meant, self._providers.get(agent, agent), self._own(model, *meant.names))

    def _own(self, *names: str) -> list[PriceOverride]:
        """Return the user's prices under the first of the names that has any."""
        for name in names:
            if own := [override for override in self._overrides if override.model == name]:
                return own
        return []


class _Plan:
    """The cards of one model, tier and place, one for each period between price changes."""

    __slots__ = ("_cards", "_clocks", "_geo", "_quotes", "_starts", "_tier")

    def __init__(self, quotes: Quotes, tier: str, geo: str) -> None:
        self._quotes = quotes
        self._tier = tier
        self._geo = geo
        self._starts, self._clocks = quotes.starts(tier)
        self._cards: dict[tuple[int, int], Card | None] = {}

    def card(self, time_ms: int) -> Card | None:
        """Return the card in force at a time."""
        clock = bisect_right(self._clocks, time_ms % DAY_MS) if self._clocks else 0
        period = (bisect_right(self._starts, time_ms), clock)
        try:
            return self._cards[period]
        except KeyError:
            answer = self._quotes.at(self._tier, self._geo, time_ms)
            card = Card(answer.brackets) if isinstance(answer, Quote) else None
            self._cards[period] = card
            return card
