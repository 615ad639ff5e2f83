"""The curve: how much faster parallel work is, how much faster it has to be, where they cross.

``docs/breakeven.md`` derives every formula here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.breakeven import constants
from tmuxmeter.breakeven.day import CACHE_READ_WEIGHT, Day, price_equivalent
from tmuxmeter.records import NamedTuple, dataclass, fields

if TYPE_CHECKING:
    from tmuxmeter.config.settings import BreakevenSettings

NEAR_ENOUGH = 0.1
"""Input tokens to which the line is found."""
FARTHEST = 1e15
"""Input tokens in a day beyond which no line is looked for."""


@dataclass(frozen=True)
class Model:
    """The constants in force; each is documented in :mod:`tmuxmeter.breakeven.constants`."""

    hourly_rate: float = constants.HOURLY_RATE
    minutes_per_handoff: float = constants.MINUTES_PER_HANDOFF
    token_multiplier: float = constants.TOKEN_MULTIPLIER
    k_high: float = constants.K_HIGH
    k_low: float = constants.K_LOW
    knee: float = constants.KNEE
    steepness: float = constants.STEEPNESS
    reference_hit_rate: float = constants.REFERENCE_HIT_RATE
    hours_per_day: float = constants.HOURS_PER_DAY
    uncertainty: float = constants.UNCERTAINTY
    input_counts: str = constants.ALL

    @classmethod
    def of(cls, settings: BreakevenSettings) -> Model:
        """Return the model of the settings."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def counted(self, day: Day) -> int:
        """Return N: the day's input tokens, by what the settings count as input."""
        if self.input_counts == constants.UNCACHED:
            return day.fresh + day.cache_write
        return day.input_tokens

    def at_reference(self, equivalent: float) -> float:
        """Return x: the input tokens that would cost as much at the reference hit rate."""
        return equivalent / (1 - (1 - CACHE_READ_WEIGHT) * self.reference_hit_rate)

    def speedup(self, x: float) -> float:
        """Return k(x), the speed-up over one agent at a day's running total of x."""
        if x <= 0:
            return self.k_high
        # beyond ten knees the power would overflow with the steepest of curves
        power: float = min(x / self.knee, 10.0) ** self.steepness
        return self.k_low + (self.k_high - self.k_low) / (1 + power)


class Bill(NamedTuple):
    """What a stretch of parallel work costs, in dollars.

    Attributes
    ----------
    work : float
        W, the developer's hours.
    spend : float
        S, the tokens.
    review : float
        V, looking at what was handed over.
    """

    work: float
    spend: float
    review: float

    def needed(self, multiplier: float) -> float:
        """Return k*, the speed-up that pays: what it costs ÷ what one agent would have cost."""
        alone = self.work + self.spend / multiplier
        total = self.work + self.spend + self.review
        return total / alone if alone else 1.0


@dataclass(frozen=True)
class Pace:
    """How a day's bill grows with its tokens, so that every N has a bill.

    Spend, hand-offs and hours per token stay what they were, until the working day is full; from
    there on only spend and hand-offs grow. Today's N has exactly today's bill.

    Attributes
    ----------
    tokens : float
        N of the day.
    x : float
        The same at the reference hit rate.
    bill : Bill
        The day's bill.
    full_day : float
        W of a full working day, in dollars; not less than that of today.
    cap : float or None
        No speed-up is greater than this: as many as were at work, tasks there were, or the ledger
        saw possible. None: nothing is known to limit it.
    """

    tokens: float
    x: float
    bill: Bill
    full_day: float
    cap: float | None = None

    @classmethod
    def of(cls, model: Model, day: Day) -> Pace:
        """Return a day's pace; of a day without tokens, that of the reference day.

        Of a day without hours, that of a full one: somebody will look at what the agents did.
        """
        if not model.counted(day):
            day = reference_day(model)
        hours = day.hours_worked or model.hours_per_day
        return cls(
            model.counted(day),
            model.at_reference(day.price_equivalent),
            Bill(hours * model.hourly_rate, day.spend, review_cost(model, day)),
            max(hours, model.hours_per_day) * model.hourly_rate,
            possible(day),
        )

    def bill_at(self, tokens: float) -> Bill:
        """Return the bill that this pace leads to at another N."""
        share = tokens / self.tokens
        work, spend, review = self.bill
        return Bill(min(work * share, self.full_day), spend * share, review * share)

    def x_at(self, tokens: float) -> float:
        """Return x at another N."""
        return self.x / self.tokens * tokens

    def needed_at(self, model: Model, tokens: float) -> float:
        """Return k* at another N."""
        return self.bill_at(tokens).needed(model.token_multiplier)

    def speedup_at(self, model: Model, tokens: float) -> float:
        """Return the speed-up at another N, no more than was possible."""
        speedup = model.speedup(self.x_at(tokens))
        return speedup if self.cap is None else min(speedup, self.cap)

    def ratio_at(self, model: Model, tokens: float) -> float:
        """Return R at another N: work per dollar, in parallel ÷ with one agent."""
        # where nothing is spent the bill's shares are those of any other N
        return self.speedup_at(model, tokens) / self.needed_at(model, tokens or 1.0)

    def line(self, model: Model) -> float | None:
        """Return N*, at which R falls to 1.

        0: it pays at no N. None: it always pays (tokens and hand-offs that cost nothing).
        """
        if self.ratio_at(model, 0) <= 1:
            return 0.0
        above = self.tokens
        while self.ratio_at(model, above) > 1:
            above *= 2
            if above > FARTHEST:
                return None
        below = above / 2 if above > self.tokens else 0.0
        # k falls and k* rises with N, so there is one crossing
        while above - below > max(NEAR_ENOUGH, above * 1e-9):
            middle = (below + above) / 2
            if self.ratio_at(model, middle) > 1:
                below = middle
            else:
                above = middle
        return above


def review_cost(model: Model, day: Day) -> float:
    """Return V in dollars: measured minutes, else hand-offs × the default."""
    minutes = day.review_minutes
    if minutes is None:
        minutes = day.handoffs * model.minutes_per_handoff
    return minutes / 60 * model.hourly_rate


def possible(day: Day) -> float | None:
    """Return the speed-up that was possible on a day, None if nothing is known.

    The measured one, and never more than there were agents at work or independent tasks.
    """
    limits: list[float] = [day.agents] if day.agents else []
    if day.k_busy is not None:
        limits.append(day.k_busy)
    if day.pool is not None:
        limits.append(max(day.pool, 1))
    return min(limits) if limits else None


def reference_day(model: Model) -> Day:
    """Return the day of the published week: 340 000 input tokens, 62 % from the cache, 8 hand-offs.

    Its output isn't told and left out; ten times the spend would move the line by half a percent.
    """
    tokens = constants.REFERENCE_LINE
    read = round(tokens * model.reference_hit_rate)
    equivalent = price_equivalent(tokens - read, read)
    return Day(
        fresh=tokens - read,
        cache_read=read,
        price_equivalent=equivalent,
        spend_microdollars=round(equivalent * constants.REFERENCE_INPUT_PRICE),
        handoffs=constants.REFERENCE_HANDOFFS,
        hours_worked=model.hours_per_day,
        agents=constants.REFERENCE_AGENTS,
    )


def budget(line: float) -> int:
    """Return the day's token budget that belongs to a line: 300 000 to the week's 340 000."""
    return round(line * constants.BUDGET_SHARE)
