"""Today's figures for every running tmux server, from the ledger and the picture of the panes.

Two paces. When a log grew, only what was spent since a while ago is read again and the light is
computed with the new sums: a few milliseconds, however long the day. What takes a look at every
row of the day (minutes at work, hand-offs, overlaps, error loops) follows within moments, and at
most a twentieth of the time is spent on it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.agents import AGENTS
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.ledger.session_queries import ANSWERED_MS
from tmuxmeter.reports.budgets import budget_uses, fullest
from tmuxmeter.reports.days import local_day_bounds, local_day_of
from tmuxmeter.reports.flags import Trouble, trouble
from tmuxmeter.reports.lights import live_light, with_tokens
from tmuxmeter.reports.live import LiveLight
from tmuxmeter.reports.now import live, today
from tmuxmeter.reports.states import is_gone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.session_queries import RecentSession, Unmetered
    from tmuxmeter.ledger.slices import Measures, Slice
    from tmuxmeter.panes.picture import Picture
    from tmuxmeter.reports.budgets import BudgetUse
    from tmuxmeter.reports.live import Live
    from tmuxmeter.reports.now import Today
    from tmuxmeter.tmux.snapshot import ServerSnapshot
    from tmuxmeter.watcher.scale import OwnScale

TITLES = {agent.name: agent.title for agent in AGENTS}

RECENT_MS = 10 * 60_000
"""What was spent longer ago is not read again for every line of a log."""
WEIGH_EVERY_S = 1.0
WEIGH_SHARE = 20
"""The day is weighed at most once a second, and so that it takes a twentieth of the time."""


class Figures(NamedTuple):
    """What to show where.

    ``everywhere`` is without any server's panes; ``day_end_ms`` is when ``day`` ends; ``uses`` are
    the budgets; ``sums`` and ``known`` is what was spent and what is wrong.
    """

    lives: list[tuple[ServerSnapshot, Live]]
    everywhere: Live
    day: date
    day_end_ms: int
    uses: list[BudgetUse]
    sums: Today
    known: Trouble


class _Weighed(NamedTuple):
    """What every row of the day said, and the day's sums at that time.

    ``pending`` are hand-offs that wait in sessions that haven't ended.
    """

    levers: Levers
    pending: int
    known: Trouble
    total: Measures
    unmetered: dict[tuple[str, str], Unmetered]


class Day:
    """Today's figures, as far as they are known.

    Attributes
    ----------
    weigh_due : float or None
        The monotonic second from which :meth:`weigh` is to be called; None: nothing is new.
    """

    def __init__(self) -> None:
        self.weigh_due: float | None = 0.0
        self._may_weigh = 0.0
        self._day: date | None = None
        self._older: list[Slice] = []
        self._older_until = 0
        self._weighed: _Weighed | None = None

    def changed(self, *, moved: bool = False) -> None:
        """Note that there is something new in the ledger.

        Parameters
        ----------
        moved : bool
            It may concern any time of the day, as where a session ran.
        """
        if moved:
            self._older_until = 0
        self.weigh_due = self._may_weigh

    def weigh(self, reader: Reader, config: Config, now_ms: int) -> None:
        """Look at every row of the day."""
        began = time.monotonic()
        _, begin, end = self._bounds(config, now_ms)
        # nobody else writes requests, so both see the same
        facts = reader.span_facts(begin, end, config.breakeven.overlap_ms)
        slices = self._slices(reader, begin, end, now_ms, anew=True)
        found = levers(facts, minutes_per_handoff=config.breakeven.minutes_per_handoff)
        threads = {line.thread.id: line.thread for line in facts.activity.timelines}
        # and those that will be, if their first answer doesn't come
        rows = reader.unmetered_sessions(
            begin, end, now_ms + ANSWERED_MS, estimated=config.agents.estimate
        )
        without = {(row.agent, row.session): row for row in rows if row.due_ms <= now_ms}
        pending = sum(not is_gone(facts.activity, each.session_id) for each in found.pending)
        known, total = trouble(found, threads), today(slices).total
        self._weighed = _Weighed(found, pending, known, total, without)
        took = time.monotonic() - began
        self._may_weigh = began + max(WEIGH_EVERY_S, WEIGH_SHARE * took)
        due_ms = min((row.due_ms for row in rows if row.due_ms > now_ms), default=None)
        self.weigh_due = None if due_ms is None else began + (due_ms - now_ms) / 1000

    def figures(
        self,
        reader: Reader,
        config: Config,
        scale: OwnScale,
        picture: Picture,
        recent: Mapping[tuple[str, str], RecentSession],
        now_ms: int,
        *,
        problem: str,
        demo: bool,
    ) -> Figures:
        """Return today's figures for all servers in the picture."""
        day, begin, end = self._bounds(config, now_ms)
        sums = today(self._slices(reader, begin, end, now_ms))
        scale.bring_up_to(day, reader, config)
        uses = budget_uses(
            sums.total,
            sums.agents,
            config.budget,
            scale.token_budget,
            config.breakeven.input_counts,
        )
        known, light = Trouble(), LiveLight(budget_share=fullest(uses))
        unmetered: dict[tuple[str, str], Unmetered] = {}
        if self._weighed is not None:
            found, pending, known, then, unmetered = self._weighed
            light = live_light(
                with_tokens(found.day, then, sums.total),
                scale.scale,
                budget_share=fullest(uses),
                pending=pending,
            )

        def of(server: ServerSnapshot | None) -> Live:
            return live(
                *(sums, picture, server, recent, TITLES),
                light=light,
                known=known,
                unmetered=unmetered,
                problem=problem,
                demo=demo,
                zone=config.day.zone,
            )

        lives = [(server, of(server)) for server in picture.servers]
        return Figures(lives, of(None), day, end, uses, sums, known)

    def _bounds(self, config: Config, now_ms: int) -> tuple[date, int, int]:
        """Return today and its bounds; on a new day nothing is known any more."""
        zone, start = config.day.zone, config.day.start_minutes
        day = local_day_of(now_ms, zone, start)
        if day != self._day:
            self._day, self._weighed, self._older_until = day, None, 0
            self.weigh_due = 0.0
        return day, *local_day_bounds(day, zone, start)

    def _slices(
        self, reader: Reader, begin: int, end: int, now_ms: int, *, anew: bool = False
    ) -> list[Slice]:
        """Return what was spent today; what is older is remembered."""
        if anew or not self._older_until:
            # the day may end, or the clock be set, before what was meant to be older
            self._older_until = min(max(begin, now_ms - RECENT_MS), end)
            self._older = reader.slices(begin, self._older_until)
        return self._older + reader.slices(self._older_until, end)
