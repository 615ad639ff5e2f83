"""All that a span's levers are computed from, read in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.ledger import human
from tmuxmeter.ledger.activity import LOOK_BACK_MS, within
from tmuxmeter.ledger.timelines import activities
from tmuxmeter.ledger.turns import courses
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from tmuxmeter.ledger.activity import Activity
    from tmuxmeter.ledger.turns import Turn

FEWEST_TURNS = 8
"""Sessions with fewer human prompts have no course that could be told."""


class SpanFacts(NamedTuple):
    """Plain rows of one span. ``turns``: by session id, the whole life of those that worked."""

    activity: Activity
    attention: list[human.Attention]
    logged_handoffs: list[human.LoggedHandoff]
    done_marks: list[human.DoneMark]
    claims: list[human.ClaimRow]
    prices: dict[int, human.UnitPrice]
    turns: dict[int, list[Turn]]


def spans_facts(
    connection: sqlite3.Connection, spans: Sequence[tuple[int, int]], window_ms: int
) -> Iterator[SpanFacts]:
    """Yield what happened in each of several spans, which are in order of time."""
    prices = human.unit_prices(connection)
    for done in activities(connection, spans, window_ms):
        start_ms, end_ms = done.start_ms, done.end_ms
        worked = [
            line.thread.id
            for line in done.timelines
            if not line.thread.spawned and within(line.requests, start_ms, end_ms)
        ]
        yield SpanFacts(
            done,
            # work that waited over night is looked at in the morning
            human.attention(connection, start_ms - LOOK_BACK_MS, end_ms),
            human.logged_handoffs(connection, start_ms, end_ms),
            human.done_marks(connection, start_ms, end_ms),
            human.claims(connection, start_ms, end_ms),
            prices,
            courses(connection, worked, end_ms, FEWEST_TURNS),
        )
