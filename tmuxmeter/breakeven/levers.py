"""The levers of a span, from plain rows: what moves the line, measured."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.breakeven.cache import expiries
from tmuxmeter.breakeven.day import Day, price_equivalent
from tmuxmeter.breakeven.drift import Drift, drift
from tmuxmeter.breakeven.handoffs import (
    MINUTES_PER_HANDOFF,
    ByHand,
    Handoff,
    Reviews,
    handoffs,
    reviews,
)
from tmuxmeter.breakeven.loops import Loop, error_loops
from tmuxmeter.breakeven.touches import (
    Claim,
    ClaimCheck,
    Independence,
    Seat,
    check_claims,
    edits,
    independence,
    seat_of,
)
from tmuxmeter.breakeven.waste import Waste, waste
from tmuxmeter.breakeven.work import Busy, busy, pauses, signs_of_life, working
from tmuxmeter.ledger.activity import within
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.breakeven.cache import Expiry
    from tmuxmeter.breakeven.intervals import Interval
    from tmuxmeter.ledger.activity import Activity, Request
    from tmuxmeter.ledger.human import PaneName, UnitPrice
    from tmuxmeter.ledger.span import SpanFacts


class _Timed(Protocol):
    @property
    def time_ms(self) -> int: ...


class Levers(NamedTuple):
    """All levers of one span.

    Attributes
    ----------
    day : Day
        What the light is computed from.
    busy, independence, reviews, waste
        Minutes, overlaps and pool, what looking at hand-offs took, what tokens were lost to.
    claims : list of ClaimCheck
        Claims that held in the span, and what became of them.
    taken, pending : list of Handoff
        Taken up within the span; waiting at its end, the longest first.
    by_hand : list of ByHand
        Hand-offs that the human logged.
    expiries, loops : list
        In order of time.
    drifts : dict of Drift
        By session id: sessions long enough to tell.
    seats : dict of Seat
        By session id: where each session was when it last did something in the span.
    """

    day: Day
    busy: Busy
    independence: Independence
    claims: list[ClaimCheck]
    taken: list[Handoff]
    pending: list[Handoff]
    by_hand: list[ByHand]
    reviews: Reviews
    expiries: list[Expiry]
    loops: list[Loop]
    drifts: dict[int, Drift]
    waste: Waste
    seats: dict[int, Seat]


def levers(facts: SpanFacts, *, minutes_per_handoff: float = MINUTES_PER_HANDOFF) -> Levers:
    """Return the levers of a span.

    Parameters
    ----------
    minutes_per_handoff : float
        What a hand-off takes that nobody saw being looked at.
    """
    done = facts.activity
    start, end = done.start_ms, done.end_ms
    signs = signs_of_life(done)
    at_work = working(done, signs)
    seen = [(look.start_ms, look.end_ms) for look in facts.attention]
    loops = {line.thread.id: error_loops(line, start, end) for line in done.timelines}
    seats = last_seats(done)
    made = edits(done)
    workers = {
        seats[line.thread.id]
        for line in done.timelines
        if line.thread.id in seats and at_work.get(line.thread.root)
    }
    apart = independence(made, start, done.window_ms, workers)
    minutes = busy(done, signs, loops, apart.redone, seen)
    handed = handoffs(done)
    taken = [each for each in handed if each.taken_ms is not None]
    threads = {line.thread.id: line.thread for line in done.timelines}
    looked_at: dict[Seat, list[Interval]] = {}
    for look in facts.attention:
        looked_at.setdefault(_seat(look.pane), []).append((look.start_ms, look.end_ms))
    by_hand = [
        ByHand(row.time_ms, row.minutes, row.pane and _seat(row.pane), row.note)
        for row in facts.logged_handoffs
    ]
    took = reviews(
        ((each, seat_of(done, threads[each.session_id], each.taken_ms or end)) for each in taken),
        by_hand,
        looked_at,
        minutes_per_handoff,
        pauses(done),
    )
    forgotten = [
        each for line in done.timelines for each in expiries(line, facts.prices, start, end)
    ]
    failing = [
        loop
        for found in loops.values()
        for loop in found
        if loop.start_ms < end and (loop.end_ms is None or loop.end_ms >= start)
    ]
    drifts = {each: found for each, course in facts.turns.items() if (found := drift(course))}
    lost = waste(done, loops)
    claims = check_claims(
        (
            Claim(
                row.id, _seat(row.pane), row.root, row.patterns, row.why, row.made_ms, row.ended_ms
            )
            for row in facts.claims
        ),
        made,
    )
    return Levers(
        day=_day(done, facts.prices, minutes, took, lost, apart.pool),
        busy=minutes,
        independence=apart,
        claims=claims,
        taken=taken,
        pending=[each for each in handed if each.taken_ms is None],
        by_hand=by_hand,
        reviews=took,
        expiries=sorted(forgotten, key=lambda each: (each.time_ms, each.session_id)),
        loops=sorted(failing, key=lambda each: (each.start_ms, each.session_id)),
        drifts=drifts,
        waste=lost,
        seats=seats,
    )


def last_seats(activity: Activity) -> dict[int, Seat]:
    """Return where each session was when it last did something within the span."""
    found: dict[int, Seat] = {}
    for line in activity.timelines:
        newest = max(
            _newest(line.requests, activity.end_ms),
            _newest(line.results, activity.end_ms),
            _newest(line.ends, activity.end_ms),
            _newest(line.prompts, activity.end_ms),
            _newest(line.touches, activity.end_ms),
        )
        if newest >= activity.start_ms:
            found[line.thread.id] = seat_of(activity, line.thread, newest)
    return found


def _newest(rows: Sequence[_Timed], end_ms: int) -> int:
    if rows and rows[-1].time_ms < end_ms:
        return rows[-1].time_ms
    return next((row.time_ms for row in reversed(rows) if row.time_ms < end_ms), -1)


def in_fresh_tokens(requests: Iterable[Request], prices: Mapping[int, UnitPrice]) -> float:
    """Return input tokens as fresh ones of the same price.

    Each kind by its own price over the fresh one; of several models, the fresh price is blended
    by what was spent on each. Models without a price count by the vendors' usual ratios.
    """
    by_model: dict[int, list[Request]] = {}
    for request in requests:
        by_model.setdefault(request[1], []).append(request)
    return blended(
        (prices.get(model), list(map(sum, islice(zip(*rows, strict=True), 2, 6))))
        for model, rows in by_model.items()
    )


def blended(sums: Iterable[tuple[UnitPrice | None, Sequence[int]]]) -> float:
    """Return input tokens as :func:`in_fresh_tokens` does.

    Parameters
    ----------
    sums : iterable of tuple
        Each model's price, and its tokens: fresh, read from the cache, written for 5 m and 1 h.
    """
    total = weighed = other = 0.0
    for price, (fresh, read, write_5m, write_1h) in sums:
        if price is None or not price.fresh or price.cache_read is None:
            other += price_equivalent(fresh, read, write_5m, write_1h)
            continue
        price_5m = price.fresh if price.cache_write_5m is None else price.cache_write_5m
        price_1h = price_5m if price.cache_write_1h is None else price.cache_write_1h
        spend = (
            fresh * price.fresh
            + read * price.cache_read
            + write_5m * price_5m
            + write_1h * price_1h
        )
        total += spend
        weighed += spend * price.fresh
    return other + total * total / weighed if weighed else other


def _day(
    activity: Activity,
    prices: Mapping[int, UnitPrice],
    minutes: Busy,
    took: Reviews,
    lost: Waste,
    pool: int | None,
) -> Day:
    requests = [
        row
        for line in activity.timelines
        for row in within(line.requests, activity.start_ms, activity.end_ms)
    ]
    total = lost.total
    fresh = sum([row.fresh for row in requests])
    read = sum([row.cache_read for row in requests])
    return Day(
        fresh=fresh,
        cache_read=read,
        cache_write=total.input_tokens - fresh - read,
        output=total.output_tokens,
        price_equivalent=in_fresh_tokens(requests, prices),
        spend_microdollars=total.cost_microdollars,
        handoffs=took.handoffs,
        review_minutes=took.minutes if took.handoffs else None,
        hours_worked=minutes.human_ms / 3_600_000,
        agents=max(minutes.levels_ms, default=0),
        parallel_share=minutes.parallel_share,
        k_busy=minutes.k_busy,
        pool=pool,
        drift_tokens=lost.drift.input_tokens,
        unpriced_tokens=total.unpriced_tokens,
    )


def _seat(pane: PaneName) -> Seat:
    return Seat(*pane, 0)
