"""What a million tokens of each kind cost per model, kept so that reports need no price list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.events import Usage

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.ledger.booking import Price

_PROBE = 100_000
"""Tokens asked for: below every list's long-context bracket, enough for whole microdollars."""


def ask(connection: sqlite3.Connection, price: Price, *, again: bool = False) -> None:
    """Keep the prices, at the newest request's date, of models without any, or of all ``again``."""
    where = "" if again else " WHERE id NOT IN (SELECT model_id FROM unit_price)"
    # the condition is one of the two above
    statement = f"SELECT id, agent, name, tier, geo FROM model{where}"  # noqa: S608
    models = connection.execute(statement).fetchall()
    if not models:
        return
    newest = connection.execute("SELECT max(time_ms) FROM usage").fetchone()[0] or 0
    for row_id, agent, *model in models:
        prices = [
            _of(price, agent, _usage(model, newest, fresh=_PROBE)),
            _of(price, agent, _usage(model, newest, cache_read=_PROBE)),
            _of(price, agent, _usage(model, newest, cache_write_5m=_PROBE)),
            _of(price, agent, _usage(model, newest, cache_write_1h=_PROBE)),
            _of(price, agent, _usage(model, newest, output=_PROBE)),
        ]
        connection.execute(
            "INSERT OR REPLACE INTO unit_price (model_id, fresh, cache_read, cache_write_5m,"
            " cache_write_1h, output) VALUES (?, ?, ?, ?, ?, ?)",
            (row_id, *prices),
        )


def _usage(model: list[str], time_ms: int, **tokens: int) -> Usage:
    name, tier, geo = model
    return Usage(key=0, session="", time_ms=time_ms, model=name, tier=tier, geo=geo, **tokens)  # type: ignore[arg-type]


def _of(price: Price, agent: str, usage: Usage) -> int | None:
    cost = price(agent, usage)
    return None if cost is None else cost * (1_000_000 // _PROBE)
