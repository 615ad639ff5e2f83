"""Prices and price changes as tables."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tmuxmeter.views.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.ledger.reprice import PriceChange
    from tmuxmeter.prices.explain import Explanation

KINDS = ("input", "cache read", "write 5 m", "write 1 h", "output")


def price_tables(found: Sequence[Explanation]) -> list[Table]:
    """Return one table of dollars per million tokens, and who says so below it."""
    columns = [Column("model"), Column("input above", figures=True)]
    columns += [Column(kind, figures=True) for kind in KINDS]
    prices = Table("Dollars per million tokens", [*columns, Column("since")])
    sources = Table("", [Column("model"), Column("whence", fold=True)])
    for explanation in found:
        name = explanation.model
        if explanation.tier != "standard":
            name += f" ({explanation.tier})"
        if not explanation.priced:
            prices.rows.append([name, "", *["unpriced"] * len(KINDS), ""])
        since = explanation.valid_from.isoformat() if explanation.valid_from else ""
        for row in explanation.rows:
            rates = row.fresh, row.cache_read, row.cache_write_5m, row.cache_write_1h, row.output
            above = f"{row.above:,}" if row.above > 0 else ""
            prices.rows.append([name, above, *(dollars(rate) for rate in rates), since])
        sources.rows.append([name, "; ".join(explanation.whence)])
    return [prices, sources]


def dollars(value: Decimal | None) -> str:
    """Return a price with two digits after the point, more where it has more."""
    if value is None:
        return "unpriced"
    cents = value.quantize(Decimal("0.01"))
    return f"{cents:f}" if cents == value else f"{value.normalize():f}"


def change_table(changes: Sequence[PriceChange]) -> Table:
    """Return what repricing changes, by model."""
    columns = [Column("agent"), Column("model"), Column("requests", figures=True)]
    columns += [Column(head, figures=True) for head in ("before", "after", "difference")]
    table = Table("What would change", columns)
    for change in changes:
        before = exact(change.before_microdollars, change.before_unpriced)
        after = exact(change.after_microdollars, change.after_unpriced)
        difference = change.after_microdollars - change.before_microdollars
        name = change.model if change.tier == "standard" else f"{change.model} ({change.tier})"
        table.rows.append(
            [change.agent, name, str(change.requests), before, after, exact(difference, 0)]
        )
    return table


def exact(microdollars: int, unpriced_requests: int) -> str:
    """Return dollars to the microdollar, and how many requests have no price."""
    sign = "-" if microdollars < 0 else ""
    whole, rest = divmod(abs(microdollars), 1_000_000)
    text = f"{sign}${whole:,}.{rest:06d}"
    return f"{text} + {unpriced_requests} unpriced" if unpriced_requests else text
