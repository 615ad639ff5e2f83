"""The demo's plot: which agents are played, and what they did in the week before.

Pure and seeded: the same seed gives the same week. Texts say that they are a demo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.codex import CodexSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.words import Line

Session = ClaudeSession | CodexSession


def played_agents(rng: Random, projects: str, start_ms: int) -> tuple[Session, Session, Session]:
    """Return fresh sessions of the demo's three agents, working below the folder ``projects``."""
    return (
        ClaudeSession(rng, f"{projects}/shop", "main"),
        CodexSession(rng, f"{projects}/shop", "feature/invoices", start_ms),
        ClaudeSession(rng, f"{projects}/docs", "main", model="claude-haiku-4-5"),
    )


def past_days(rng: Random, projects: str, now_ms: int, days: int = 6) -> Iterator[tuple[str, Line]]:
    """Yield (path below home, line) for the days before today and this day's earlier hours."""
    day_ms = 86_400_000
    for ago in range(days, -1, -1):
        # nine hours of work that end now on the last day
        start = now_ms - ago * day_ms - 4 * 3_600_000
        for index, session in enumerate(played_agents(rng, projects, start + 60_000)):
            clock = start + 60_000 + index * 240_000
            for _ in range(rng.randint(9, 16)):
                last = clock
                for line in session.turn(clock):
                    last = line[0]
                    if last < now_ms:
                        yield session.path, line
                clock = last + rng.randint(120_000, 900_000)
