"""Today's budgets: what is used of each, and which marks were passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.breakeven.constants import REFERENCE_HANDOFFS, UNCACHED
from tmuxmeter.breakeven.day import Day
from tmuxmeter.breakeven.levers import blended
from tmuxmeter.breakeven.model import Pace, budget
from tmuxmeter.ledger.slices import Measures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.breakeven.light import Scale
    from tmuxmeter.config.settings import BudgetSettings
    from tmuxmeter.ledger.human import UnitPrice
    from tmuxmeter.ledger.slices import Slice

ALL = "all"
TOKENS, DOLLARS = "tokens", "dollars"
MARKS = (50, 80, 100)
"""Per cent of a budget at which it is told."""


class BudgetUse(NamedTuple):
    """What is used of a budget.

    Attributes
    ----------
    whose : str
        :data:`ALL` or an agent's name.
    unit : str
        :data:`TOKENS` (input) or :data:`DOLLARS`.
    used, limit : int
        Tokens, or microdollars.
    """

    whose: str
    unit: str
    used: int
    limit: int

    @property
    def share(self) -> float:
        """The used share; more than 1 beyond the budget."""
        return self.used / self.limit

    def passed(self) -> list[int]:
        """Return the marks that were reached, lowest first."""
        return [mark for mark in MARKS if self.used * 100 >= self.limit * mark]


def budget_uses(
    total: Measures,
    agents: Mapping[str, Measures],
    settings: BudgetSettings,
    token_budget: int,
    input_counts: str,
) -> list[BudgetUse]:
    """Return all budgets that are set, those for all agents first.

    Parameters
    ----------
    total, agents : Measures
        Today's sums, in all and by agent. What has no price is in no dollar budget.
    token_budget : int
        Input tokens for all agents, 0: no budget.
    input_counts : str
        What counts as input, as in the ``[breakeven]`` settings.
    """
    wanted = [(ALL, total, token_budget, settings.dollars)]
    for name, own in sorted(settings.named.items()):
        if name in agents:
            wanted.append((name, agents[name], own.tokens, own.dollars))
    uses = []
    for whose, measures, tokens, dollars in wanted:
        if tokens:
            uses.append(BudgetUse(whose, TOKENS, counted(measures, input_counts), tokens))
        if dollars:
            limit = max(1, round(dollars * 1_000_000))
            uses.append(BudgetUse(whose, DOLLARS, measures.cost_microdollars, limit))
    return uses


def counted(measures: Measures, input_counts: str) -> int:
    """Return the input tokens that count."""
    return measures.input - measures.cache_read if input_counts == UNCACHED else measures.input


def fullest(uses: Iterable[BudgetUse]) -> float | None:
    """Return the greatest used share of the budgets for all agents, None without any."""
    return max((use.share for use in uses if use.whose == ALL), default=None)


def own_budget(
    scale: Scale, days: Iterable[Sequence[Slice]], prices: Iterable[UnitPrice] = ()
) -> int | None:
    """Return the day's token budget that belongs to the user's own line, None if it has none.

    The line is that of the user's own average day (its mix of tokens, its spend) with a full
    day's hours and the week's hand-offs, so that it is the same from morning to evening.

    Parameters
    ----------
    scale : Scale
        The user's own.
    days : iterable
        What was spent on each of the last days; those without any input don't count.
    prices : iterable of UnitPrice
        What tokens cost, by which kinds of several models are weighed as in the light.
    """
    of_model = {(price.agent, price.model, price.tier): price for price in prices}
    known: list[Measures] = []
    equivalent = 0.0
    for pieces in days:
        models: dict[tuple[str, str, str], Measures] = {}
        for piece in pieces:
            model = piece.agent, piece.model, piece.tier
            models[model] = models.get(model, Measures()).plus(piece.measures)
        day = _sum(models.values())
        if day.input:
            known.append(day)
            equivalent += blended((of_model.get(key), _kinds(m)) for key, m in models.items())
    if not known:
        return None
    count = len(known)
    fresh, read, short, long, cost = (
        sum(values)
        for values in zip(
            *(
                (d.fresh, d.cache_read, d.cache_write_5m, d.cache_write_1h, d.cost_microdollars)
                for d in known
            ),
            strict=True,
        )
    )
    average = Day(
        fresh=fresh // count,
        cache_read=read // count,
        cache_write=(short + long) // count,
        price_equivalent=equivalent / count,
        spend_microdollars=cost // count,
        handoffs=REFERENCE_HANDOFFS,
        hours_worked=scale.model.hours_per_day,
    )
    if not scale.model.counted(average):
        return None
    line = Pace.of(scale.model, average).line(scale.model)
    return budget(line) if line else None


def _sum(parts: Iterable[Measures]) -> Measures:
    total = Measures()
    for part in parts:
        total = total.plus(part)
    return total


def _kinds(measures: Measures) -> tuple[int, int, int, int]:
    return (
        *(measures.fresh, measures.cache_read),
        *(measures.cache_write_5m, measures.cache_write_1h),
    )
