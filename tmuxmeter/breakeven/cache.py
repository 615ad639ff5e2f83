"""What cache expiry cost: context written again after more than the cache's time of silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.ledger.activity import Request, Timeline
    from tmuxmeter.ledger.human import UnitPrice

TTL_5M_MS = 5 * 60_000
"""Anthropic's default cache, and the least OpenAI keeps one (vendor documentation)."""
TTL_1H_MS = 60 * 60_000
"""Anthropic's cache of an hour (vendor documentation)."""
KEPT_SHARE = 0.5
"""A context below this share of the one before was compacted or cleared, not forgotten."""


class Expiry(NamedTuple):
    """A request that had to write its context anew.

    ``tokens`` are those it would have read from the cache; ``cost_microdollars`` what they cost
    above reading, None where the model has no price.
    """

    session_id: int
    time_ms: int
    silence_ms: int
    tokens: int
    cost_microdollars: int | None


def expiries(
    line: Timeline, prices: Mapping[int, UnitPrice], start_ms: int, end_ms: int
) -> list[Expiry]:
    """Return the expiries of a session's own chain of requests within a span.

    Side chains in a session's own log have contexts that come and go, and are left out. So is a
    request to another model than the one before: caches are per model.
    """
    found: list[Expiry] = []
    previous = line.before
    ttl = TTL_5M_MS if previous is None else _ttl(previous, TTL_5M_MS)
    # by their place, not by name: a week has ten thousand
    for request in line.requests:
        time = request[0]
        if time >= end_ms:
            break
        if request[-1] and not line.thread.spawned:
            continue
        if previous is not None and time >= start_ms:
            silence = time - previous[0]
            # few were silent for so long: the others need no second look
            tokens = _rewritten(previous, request) if silence > ttl else 0
            if tokens > 0:
                cost = _extra(request, tokens, prices.get(request.model_id))
                found.append(Expiry(line.thread.id, time, silence, tokens, cost))
        if request.cache_write_5m or request.cache_write_1h:
            ttl = _ttl(request, ttl)
        previous = request
    return found


def _ttl(request: Request, ttl_ms: int) -> int:
    """Return how long the cache lives after a request: reading it renews what was written."""
    if request.cache_write_1h:
        return TTL_1H_MS
    return TTL_5M_MS if request.cache_write_5m else ttl_ms


def _rewritten(previous: Request, request: Request) -> int:
    if request.model_id != previous.model_id or request.input < KEPT_SHARE * previous.input:
        return 0
    return min(previous.input, request.input) - request.cache_read


def _extra(request: Request, tokens: int, price: UnitPrice | None) -> int | None:
    """Return what tokens cost above reading them, at the mix in which this request paid."""
    if price is None or price.fresh is None or price.cache_read is None:
        return None
    paid = request.fresh * price.fresh
    for count, each in (
        (request.cache_write_5m, price.cache_write_5m),
        (request.cache_write_1h, price.cache_write_1h),
    ):
        if count and each is None:
            return None
        paid += count * (each or 0)
    unread = request.fresh + request.cache_write_5m + request.cache_write_1h
    return round(tokens * (paid / unread - price.cache_read) / 1_000_000)
