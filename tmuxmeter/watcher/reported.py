"""What agents' hooks report, taken from their inbox: sessions to the panes, spend to the ledger."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tmuxmeter.agents import agent_named
from tmuxmeter.agents.cursor_usage import BEFORE_MS, SAME_MS, Counts, turn_chunk
from tmuxmeter.hooks.facts import (
    EXPIRED,
    KILLED,
    UNUSABLE,
    WATCHER_GONE,
    CostReport,
    HoldReport,
    SessionReport,
    TokensReport,
)
from tmuxmeter.hooks.inbox import Inbox
from tmuxmeter.panes.folders import log_name, real_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tmuxmeter.agents.base import Root
    from tmuxmeter.events import Chunk
    from tmuxmeter.ledger.reader import Reader

logger = logging.getLogger(__name__)

WORTH_TELLING = frozenset({EXPIRED, KILLED, UNUSABLE, WATCHER_GONE})
"""Holds that ended, or never began, without anybody having resumed: the human has to know."""


NAME_LENGTH = 8
"""Of a session's name in a notice."""
CURSOR = "cursor"
"""The agent whose hook tells what no log of it does: a turn's tokens."""


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def account_cost(self, agent: str, session: str, told: int, time_ms: int) -> bool:
        """Note what an agent says that a session has cost so far."""

    def plan_window(
        self,
        agent: str,
        account: str,
        limit: str,
        window_minutes: int,
        time_ms: int,
        used_percent: float,
        resets_ms: int,
        plan: str = "",
    ) -> bool:
        """Note how full a plan's window is."""


class News(NamedTuple):
    """What a look into the inbox brought.

    ``sessions`` are for the panes, ``notices`` for the human; ``booked`` tells that the ledger has
    something new.
    """

    sessions: list[SessionReport]
    notices: list[str]
    booked: bool


class Reported:
    """The inbox of agents' hooks, and the costs and turns in it that could not be booked yet.

    Parameters
    ----------
    folder : Path
        The inbox.
    agents : iterable of str
        The agents that are metered.
    """

    def __init__(self, folder: Path, agents: Iterable[str]) -> None:
        self._inbox = Inbox(folder)
        self._agents = frozenset(agents)
        self._costs: dict[tuple[str, str], CostReport] = {}
        self._turns: list[TokensReport] = []

    def take(self, book: Book, roots: Iterable[Root], now_ms: int) -> News:
        """Take what has come.

        Raises
        ------
        LedgerUnwritableError
            The ledger can't be written; the costs are booked by the next look, the rest is lost.
        """
        sessions: list[SessionReport] = []
        notices: list[str] = []
        for report in self._inbox.take(now_ms):
            if isinstance(report, HoldReport):
                logger.info("%s: %s", report.agent, report.text)
                if report.event in WORTH_TELLING:
                    # as `panes` names it
                    whose = f" {report.session[:NAME_LENGTH]}" if report.session else ""
                    notices.append(f"{report.agent}{whose}: {report.text}")
            elif report.agent not in self._agents:
                continue
            elif isinstance(report, SessionReport):
                sessions.append(report)
            elif isinstance(report, CostReport):
                # only the newest word of a session counts
                self._costs[report.agent, report.session] = report
            elif isinstance(report, TokensReport) and report.agent == CURSOR:
                self._turns.append(report)
        booked = False
        for key, report in list(self._costs.items()):
            booked |= _book(report, book, roots)
            del self._costs[key]
        return News(sessions, notices, booked)

    def waiting(self, reader: Reader) -> list[Chunk]:
        """Return what is to be booked of turns that no watcher took yet, and leave them there.

        Whoever takes them later books the same again, which counts once.
        """
        self._turns += [
            report
            for report in self._inbox.look()
            if isinstance(report, TokensReport) and report.agent in self._agents & {CURSOR}
        ]
        return self.spent(reader)

    def spent(self, reader: Reader) -> list[Chunk]:
        """Return what is to be booked of the turns that were reported, each once.

        A turn that an import of Cursor's own export told before is none.
        """
        chunks = []
        for report in self._turns:
            at = report.origin.time_ms
            imports = reader.imports(CURSOR)
            told = imports.told(at - SAME_MS, at + SAME_MS, imported=True)
            part = imports.part_of_turn(report.session, at, BEFORE_MS)
            chunk = turn_chunk(report, at, [Counts(*counts) for counts in told], part)
            if chunk is not None:
                chunks.append(chunk)
        self._turns.clear()
        return chunks


def _book(report: CostReport, book: Book, roots: Iterable[Root]) -> bool:
    booked = False
    time_ms = report.origin.time_ms
    if report.total_cost_microdollars is not None:
        cost = report.total_cost_microdollars
        booked = book.account_cost(report.agent, report.session, cost, time_ms)
    account = account_of(report, roots)
    for window in report.windows if account else ():
        booked |= book.plan_window(
            *(report.agent, account, "", window.minutes, time_ms),
            *(window.used_share * 100, window.resets_at_ms),
        )
    return booked


def account_of(report: CostReport, roots: Iterable[Root]) -> str:
    """Return the log folder that a report's transcript is below; "" where it is in none."""
    transcript = real_path(report.transcript) if report.transcript else ""
    agent = agent_named(report.agent)
    for root in roots:
        if root.agent == report.agent and log_name(agent, str(root.path), transcript):
            return str(root.path)
    return ""
