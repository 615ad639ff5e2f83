"""What one day's light is computed from, and the weights that make kinds of tokens comparable."""

from __future__ import annotations

from tmuxmeter.records import dataclass

CACHE_READ_WEIGHT = 0.1
"""Price of a cached input token ÷ a fresh one: Anthropic's and OpenAI's lists (0.30 ÷ 3.00)."""
CACHE_WRITE_5M_WEIGHT = 1.25
"""The same for a cache write of five minutes (Anthropic; OpenAI from gpt-5.6 on)."""
CACHE_WRITE_1H_WEIGHT = 2.0
"""The same for a cache write of an hour (Anthropic)."""
OUTPUT_WEIGHT = 5.0
"""Price of an output token ÷ a fresh input one: 15 ÷ 3 (Sonnet 4.6), 5 ÷ 1 (Haiku 4.5)."""


@dataclass(frozen=True)
class Day:
    """One developer's day so far, over all agents, as the ledger measures it.

    Every figure is of the same window. What isn't known is None, never a guess.

    Attributes
    ----------
    fresh, cache_read, cache_write : int
        Input tokens in disjoint kinds; writes of 5 m and 1 h together.
    output : int
        Output tokens, reasoning included.
    price_equivalent : float
        The input in fresh tokens of the same price: each kind × its price ÷ the fresh input price
        (:func:`price_equivalent` has the usual ratios). Never less than 0.
    spend_microdollars : int
        What input and output cost together; what is unpriced is left out.
    handoffs : int
        Turns that ended with work to look at and were taken up by the human, plus those logged
        by hand.
    review_minutes : float or None
        Minutes all these took, measured where tmux could show them and the default elsewhere;
        None: hand-offs × the setting.
    hours_worked : float
        Hours the human worked. 0: agents ran on their own.
    agents : int
        The most agents at work at the same time; 1 or less: nothing ran in parallel.
    parallel_share : float or None
        Minutes with at least two agents at work ÷ minutes with at least one.
    k_busy : float or None
        The speed-up that was possible: agent-minutes of productive work ÷ minutes with at least
        one agent at work. Waiting for the human, paused, in an error loop, re-doing overlapped
        files: not productive.
    pool : int or None
        Independent tasks at hand, a group of agents that edit each other's files counted as one.
    drift_tokens : int
        Input tokens spent on correcting and repeating.
    unpriced_tokens : int
        Tokens whose price nobody knows, and which ``spend_microdollars`` therefore lacks.
    """

    fresh: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    price_equivalent: float = 0.0
    spend_microdollars: int = 0
    handoffs: int = 0
    review_minutes: float | None = None
    hours_worked: float = 0.0
    agents: int = 0
    parallel_share: float | None = None
    k_busy: float | None = None
    pool: int | None = None
    drift_tokens: int = 0
    unpriced_tokens: int = 0

    @property
    def input_tokens(self) -> int:
        """All input: fresh, read from the cache and written to it."""
        return self.fresh + self.cache_read + self.cache_write

    @property
    def cache_hit_rate(self) -> float | None:
        """The share of the input that was read from the cache; None where there was no input."""
        return self.cache_read / self.input_tokens if self.input_tokens else None

    @property
    def spend(self) -> float:
        """What input and output cost, in dollars."""
        return self.spend_microdollars / 1_000_000


def price_equivalent(
    fresh: float, cache_read: float, cache_write_5m: float = 0, cache_write_1h: float = 0
) -> float:
    """Return input tokens as fresh ones of the same price, by the vendors' usual ratios.

    For several models, weigh each model's result by its fresh price over the blended one.

    >>> price_equivalent(129_200, 210_800)
    150280.0
    """
    return (
        fresh
        + cache_read * CACHE_READ_WEIGHT
        + cache_write_5m * CACHE_WRITE_5M_WEIGHT
        + cache_write_1h * CACHE_WRITE_1H_WEIGHT
    )
