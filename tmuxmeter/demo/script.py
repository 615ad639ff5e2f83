"""The demo's plot: the published week, played.

Three agents side by side pay as long as the day is small. Late in the week the days grow beyond
the line: the agents work on each other's files, stray from what they were told, fail again and
again. Today has begun well; while one looks on it crosses the line as well.

Pure and seeded: the same seed gives the same week. Texts say that they are a demo.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.codex import CodexSession
from tmuxmeter.demo.role import LIVE, PAST, Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tmuxmeter.demo.role import Tempo
    from tmuxmeter.demo.words import Line

Session = ClaudeSession | CodexSession

HOUR_MS = 3_600_000


class Part(NamedTuple):
    """One agent of the cast: its kind and project, what it worked on before and works on now."""

    kind: str
    project: str
    branch: str
    model: str
    before: tuple[str, ...]
    now: tuple[str, ...]


CAST = (
    Part(
        *("claude", "shop", "main", "claude-sonnet-4-6"),
        before=("src/cart.py", "tests/test_cart.py"),
        now=("src/api/routes.py", "src/api/models.py"),
    ),
    Part(
        *("codex", "shop", "feature/invoices", "gpt-5.5"),
        before=("src/prices.py", "tests/test_prices.py"),
        now=("src/billing.py", "tests/test_billing.py"),
    ),
    Part(
        *("claude", "docs", "main", "claude-haiku-4-5"),
        before=("install.md", "README.md"),
        now=("guide.md", "faq.md"),
    ),
)


class Day(NamedTuple):
    """A day of the week. ``context``: input tokens of a request; ``crowded``: see the module."""

    hours: float
    context: int
    crowded: bool = False


WEEK = (
    Day(6.5, 1_900),
    Day(7, 2_200),
    Day(7, 2_600),
    Day(7, 3_200),
    Day(7.5, 5_000, crowded=True),
    Day(7.5, 5_600, crowded=True),
)
"""The days before today, at about 17 turns and 90 requests each."""
TODAY = Day(4, 3_900)


def played(
    part: Part, day: Day, tempo: Tempo, projects: str, rng: Random, start_ms: int
) -> Session:
    """Return a fresh session of an agent, working below the folder ``projects``."""
    role = Role(part.now if tempo is LIVE else part.before, day.context)
    if day.crowded:
        neighbours = [each.before for each in CAST if each.project == part.project]
        role = replace(role, files=tuple(chain(*neighbours)), stuck=0.5, strays=True)
    cwd = f"{projects}/{part.project}"
    if part.kind == "codex":
        return CodexSession(rng, cwd, part.branch, start_ms, role, tempo, part.model)
    return ClaudeSession(rng, cwd, part.branch, role, tempo, part.model)


def live_agent(kind: str, project: str, projects: str, rng: Random, start_ms: int) -> Session:
    """Return the session that is played in a pane."""
    part = next(part for part in CAST if (part.kind, part.project) == (kind, project))
    return played(part, TODAY, LIVE, projects, rng, start_ms)


def past_days(rng: Random, projects: str, now_ms: int) -> Iterator[tuple[str, Line]]:
    """Yield (path below home, line) for the days before today and this day's earlier hours."""
    for ago, day in enumerate(reversed((*WEEK, TODAY))):
        # each begins four hours before this time of day, when today began
        start = now_ms - round((24 * ago + TODAY.hours) * HOUR_MS)
        end = min(start + round(day.hours * HOUR_MS), now_ms)
        for index, part in enumerate(CAST):
            clock = start + 60_000 + index * 240_000
            session = played(part, day, PAST, projects, rng, clock)
            while clock < end:
                for line in session.turn(clock):
                    clock = line[0]
                    if clock < now_ms:
                        yield session.path, line
                clock += rng.randint(120_000, 600_000)
