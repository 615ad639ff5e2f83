"""A day as ``today`` and ``week`` look at it: all that was spent and done, and its light."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.constants import UNCACHED
from tmuxmeter.breakeven.explain import reasons
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.cli.fresh import complain
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.breakeven.light import Scale
    from tmuxmeter.cli.context import Context
    from tmuxmeter.cli.days import Calendar
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.activity import Activity
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.session_queries import Unmetered
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.ledger.span import SpanFacts

HOUR_MS = 3_600_000


class Measured(NamedTuple):
    """One day. ``light`` is the light with its reasons, its curve left out."""

    day: date
    slices: list[Slice]
    unmetered: list[Unmetered]
    levers: Levers
    activity: Activity
    light: dict[str, Any]


def leave_garbage() -> None:
    """Don't look for garbage: thousands of small rows all stay to the end of a report."""
    gc.disable()


def measure(
    ledger: Reader, calendar: Calendar, config: Config, scale: Scale, day: date, now_ms: int
) -> Measured:
    """Read a day and compute its levers and its light."""
    leave_garbage()
    begin, end = calendar.bounds(day)
    with ledger.snapshot():
        slices = ledger.slices(begin, end)
        estimated = config.agents.estimate
        unmetered = ledger.unmetered_sessions(begin, end, now_ms, estimated=estimated)
        facts = ledger.span_facts(begin, end, config.breakeven.overlap_ms)
    found, light = judge(facts, config, scale, now_ms)
    return Measured(day, slices, unmetered, found, facts.activity, light)


def judge(
    facts: SpanFacts, config: Config, scale: Scale, now_ms: int
) -> tuple[Levers, dict[str, Any]]:
    """Return a day's levers, and its light with its reasons."""
    done = facts.activity
    found = levers(facts, minutes_per_handoff=config.breakeven.minutes_per_handoff)
    burn = burn_now(done, config, now_ms) if done.start_ms <= now_ms < done.end_ms else None
    return found, reasons(found.day, scale, burn)


def scale_in_force(context: Context, config: Config) -> Scale:
    """Return the user's own curve where one is in force, that of the settings elsewhere."""
    from tmuxmeter.breakeven.light import Scale
    from tmuxmeter.breakeven.model import Model
    from tmuxmeter.fitfile import read_fit

    fit, problem = read_fit(context.places.state)
    if problem:
        complain([problem])
    named = {
        key.removeprefix("breakeven.") for key in config.sources if key.startswith("breakeven.")
    }
    return Scale.of(Model.of(config.breakeven), fit, named)


def token_budget(context: Context, config: Config, ledger: Reader, scale: Scale, day: date) -> int:
    """Return the day's input tokens for all agents as the watcher has them, 0: no budget."""
    if not scale.calibrated:
        return config.budget.tokens
    from tmuxmeter.watcher.scale import OwnScale

    own = OwnScale(context.places.state, config)
    own.bring_up_to(day, ledger, config)
    return own.token_budget


def burn_now(activity: Activity, config: Config, now_ms: int) -> float | None:
    """Return the day's input tokens of the last hour, None without any; those that N counts."""
    since = max(activity.start_ms, now_ms - HOUR_MS)
    uncached = config.breakeven.input_counts == UNCACHED
    tokens = sum(
        row.input - (row.cache_read if uncached else 0)
        for line in activity.timelines
        for row in line.requests
        if since <= row.time_ms <= now_ms
    )
    return float(tokens) or None
