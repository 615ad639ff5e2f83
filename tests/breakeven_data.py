"""Histories of hours with known constants, for calibration."""

from __future__ import annotations

import random
from datetime import date, timedelta
from math import exp

from tmuxmeter.breakeven.day import price_equivalent
from tmuxmeter.breakeven.hours import Hour

FIRST = date(2026, 1, 1)
HOURS = 8


def history(
    seed: int,
    *,
    m: float = 13.8,
    k_high: float = 2.55,
    k_low: float = 1.1,
    knee: float = 312_000,
    steepness: float = 30,
    days: int = 40,
    tasks_per_hour: float = 6.0,
    noise: float = 0.2,
    reach: float = 2.0,
    hit_rate: float = 0.62,
    worked_least: float = 0.6,
) -> list[Hour]:
    """Return working days of eight hours, in about half of which one agent works, else three.

    Days are longer and shorter (30 %), better and worse (10 %), hours too (``noise``); tokens of
    an hour vary by 30 %, hit rates by 8 points, and tasks are whole. A day reaches ``reach`` knees
    on average; the human works at least ``worked_least`` of each hour.
    """
    chance = random.Random(seed)
    found = []
    for number in range(days):
        day = FIRST + timedelta(days=number)
        mood = exp(chance.gauss(0, 0.1))
        pace = knee * reach * exp(chance.gauss(0, 0.3)) / (HOURS / 2)
        x = 0.0
        for _ in range(HOURS):
            alone = chance.random() < 0.5
            tokens = pace * exp(chance.gauss(0, 0.3)) * (1 / m if alone else 1)
            read = tokens * min(max(chance.gauss(hit_rate, 0.08), 0), 0.99)
            equivalent = price_equivalent(tokens - read, read)
            x += equivalent / 0.442
            worked = chance.uniform(worked_least, 1)
            k = 1.0
            if not alone:
                k = k_low + (k_high - k_low) / (1 + min(x / knee, 9.0) ** steepness)
            tasks = round(tasks_per_hour * k * worked * mood * exp(chance.gauss(0, noise)))
            cost = round(equivalent * 3)
            agents = 1 if alone else 3
            found.append(Hour(day, agents, worked, round(tokens), equivalent, cost, tasks))
    return found


def as_table(hours: list[Hour]) -> str:
    """Return hours as the table that ``calibrate --from`` reads."""
    lines = ["hour,agents_working,hours_worked,input_tokens,cache_hit_rate,cost_usd,tasks"]
    clock: dict[date, int] = {}
    for hour in hours:
        clock[hour.day] = clock.get(hour.day, 8) + 1
        hit_rate = (1 - hour.price_equivalent / hour.input_tokens) / 0.9
        lines.append(
            f"{hour.day}T{clock[hour.day]:02}:00,{hour.agents_working},{hour.hours_worked},"
            f"{hour.input_tokens},{hit_rate},{hour.cost_microdollars / 1e6},{hour.tasks}"
        )
    return "\n".join(lines) + "\n"
