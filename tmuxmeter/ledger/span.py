"""All that a span's levers are computed from, read in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.ledger import human
from tmuxmeter.ledger.activity import LOOK_BACK_MS, activity
from tmuxmeter.ledger.turns import turns

if TYPE_CHECKING:
    import sqlite3

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


def span_facts(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> SpanFacts:
    """Return what happened from a time up to, not including, another."""
    done = activity(connection, start_ms, end_ms)
    courses: dict[int, list[Turn]] = {}
    for line in done.timelines:
        if line.thread.spawned or not any(
            start_ms <= request.time_ms < end_ms for request in line.requests
        ):
            continue
        course = turns(connection, line.thread.id, end_ms, FEWEST_TURNS)
        if course:
            courses[line.thread.id] = course
    return SpanFacts(
        done,
        # work that waited over night is looked at in the morning
        human.attention(connection, start_ms - LOOK_BACK_MS, end_ms),
        human.logged_handoffs(connection, start_ms, end_ms),
        human.done_marks(connection, start_ms, end_ms),
        human.claims(connection, start_ms, end_ms),
        human.unit_prices(connection),
        courses,
    )
