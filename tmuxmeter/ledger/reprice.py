"""Prices that changed: what booked requests would cost now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.events import Usage

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.ledger.booking import Price


class PriceChange(NamedTuple):
    """Requests of one model whose cost differs, before and after.

    Costs are sums of the priced requests, in microdollars; the others are counted as unpriced.
    """

    agent: str
    model: str
    tier: str
    geo: str
    requests: int
    before_microdollars: int
    before_unpriced: int
    after_microdollars: int
    after_unpriced: int


def differences(
    connection: sqlite3.Connection, price: Price, since_ms: int
) -> tuple[list[PriceChange], list[tuple[int | None, int]]]:
    """Price all requests since a time anew.

    Returns
    -------
    list of PriceChange
        What differs, by model.
    list of tuple
        New cost (None: unpriced) and key of each request that differs.
    """
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    updates: list[tuple[int | None, int]] = []
    rows = connection.execute(
        """
        SELECT u.cost, m.agent, m.name, m.tier, m.geo, u.key, s.key, u.time_ms, u.fresh,
               u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
               u.web_searches, u.context_window, u.sidechain, p.cwd, p.branch
        FROM usage u JOIN model m ON m.id = u.model_id JOIN session s ON s.id = u.session_id
             JOIN place p ON p.id = u.place_id
        WHERE u.time_ms >= ?
        """,
        (since_ms,),
    )
    for cost, agent, model, tier, geo, key, session, time_ms, *counts, side, cwd, branch in rows:
        fresh, read, write_5m, write_1h, output, reasoning, searches, window = counts
        usage = Usage(
            key=key,
            session=session,
            time_ms=time_ms,
            model=model,
            fresh=fresh,
            cache_read=read,
            cache_write_5m=write_5m,
            cache_write_1h=write_1h,
            output=output,
            reasoning=reasoning,
            web_searches=searches,
            context_window=window,
            tier=tier,
            geo=geo,
            cwd=cwd,
            branch=branch,
            sidechain=bool(side),
        )
        new = price(agent, usage)
        if new == cost:
            continue
        updates.append((new, key))
        total = sums.setdefault((agent, model, tier, geo), [0, 0, 0, 0, 0])
        total[0] += 1
        total[1] += cost or 0
        total[2] += cost is None
        total[3] += new or 0
        total[4] += new is None
    changes = [PriceChange(*name, *total) for name, total in sorted(sums.items())]
    return changes, updates
