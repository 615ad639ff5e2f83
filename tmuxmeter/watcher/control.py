"""What stops agents, and hears from them: pauses, the guard, and the reports of their hooks."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from tmuxmeter.errors import FolderError
from tmuxmeter.hooks.inbox import FOLDER as INBOX
from tmuxmeter.panes.pausing import by_pane
from tmuxmeter.paths import private_folder
from tmuxmeter.pause.hold import FOLDER as HOLDS
from tmuxmeter.pause.records import FOLDER as PAUSES
from tmuxmeter.reports.words import GONE
from tmuxmeter.watcher.figures import TITLES
from tmuxmeter.watcher.folders import Folders
from tmuxmeter.watcher.guard import FILE as GUARD_FILE
from tmuxmeter.watcher.guard import Guard
from tmuxmeter.watcher.notify import tell_tmux
from tmuxmeter.watcher.pauses import Pauses, alarm_text, pause_means
from tmuxmeter.watcher.reported import Reported

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tmuxmeter.agents.base import Root
    from tmuxmeter.config import Config
    from tmuxmeter.events import Chunk
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import AgentNow, PauseNow, Picture
    from tmuxmeter.paths import Places
    from tmuxmeter.pause.target import Target
    from tmuxmeter.watcher.figures import Figures
    from tmuxmeter.watcher.looking import Look

logger = logging.getLogger(__name__)

SOON_S = 0.3
"""How soon panes are looked at again while the guard is at it: it waits to see what agents do."""


class Control:
    """Pauses, guard and hooks' reports of one watcher.

    Parameters
    ----------
    places : Places
        Where the meter's own things are.
    agents : iterable of str
        The agents that are metered.
    look : Look
        The panes as they were seen last.
    """

    def __init__(self, places: Places, agents: Iterable[str], look: Look) -> None:
        self._look = look
        runtime, state = places.runtime, places.state
        inbox = runtime / INBOX
        for folder in (inbox, runtime / HOLDS, state / PAUSES):
            with contextlib.suppress(FolderError):  # doctor tells; nothing is heard from it
                private_folder(folder)
        self._folders = Folders([inbox, state / PAUSES])
        self._reported = Reported(inbox, agents)
        # each for a thread of its own
        self._pauses = Pauses(pause_means(state, runtime, self._state_now))
        self._guard = Guard(state / GUARD_FILE, pause_means(state, runtime, self._state_now))

    def close(self) -> None:
        """Hear of nothing any more; what is paused stays so."""
        self._folders.close()

    def descriptors(self) -> list[int]:
        """Return what becomes readable when there is something to :meth:`hear`."""
        return [self._folders.fileno()] if self._folders.fileno() >= 0 else []

    def due(self, now: float, now_ms: int) -> list[float]:
        """Return the steady seconds from which there is something to do."""
        due = [now + SOON_S] if self._guard.busy else []
        if self._guard.due_ms is not None:
            due.append(now + max(0, self._guard.due_ms - now_ms) / 1000)
        return due

    def problems(self) -> list[str]:
        """Return what is wrong."""
        return [self._guard.problem, *self._pauses.problems]

    def hear(self, writer: Writer, roots: Iterable[Root], now_ms: int, *, anyway: bool) -> bool:
        """Take what came, if anything did or ``anyway``; return whether panes are to be looked at.

        Raises
        ------
        LedgerUnwritableError
            What came can't be booked; the next call books it.
        """
        if not (self._folders.heard() or anyway):
            return self._guard.busy
        news = self._reported.take(writer, roots, now_ms)
        self._look.hear(news.sessions)
        self._tell(news.notices)
        return bool(news.sessions) or self._pauses.changed() or self._guard.busy

    def spent(self, reader: Reader) -> list[Chunk]:
        """Return the spend that hooks reported and no log tells, to be booked now."""
        return self._reported.spent(reader)

    def paused(self, writer: Writer, now_ms: int) -> dict[PaneName, list[PauseNow]]:
        """Book what is paused, end what nobody can resume; return what is paused, by its pane.

        Raises
        ------
        LedgerUnwritableError
            It can't be booked; the next call makes up for it.
        """
        self._pauses.look(writer, now_ms)
        ended = self._pauses.tend(now_ms)
        self._guard.forget(pause for pause, _ in ended)
        running = {agent.pid for agent in self._agents()}
        self._tell(
            [
                f"{pause.pane_id} ({TITLES.get(pause.agent, pause.agent)}) goes on: {why}"
                for pause, why in ended
                if pause.pid in running
            ]
        )
        return by_pane(self._pauses.read(now_ms))

    def looked(self, now_ms: int) -> None:
        """Note that the panes were looked at."""
        self._pauses.follow(self._look.picture, now_ms)

    def booked(self, reader: Reader) -> bool:
        """Note that requests were booked; return whether a pause turned out not to hold."""
        alarms = self._pauses.check(reader)
        self._tell([alarm_text(each, TITLES.get(each.agent, each.agent)) for each in alarms])
        return bool(alarms)

    def guard(self, figures: Figures | None, picture: Picture, config: Config, now_ms: int) -> None:
        """Keep agents within the limits of the settings."""
        self._tell(self._guard.finished(now_ms))
        if figures is not None:
            pauses = self._pauses.read(now_ms)
            self._tell(self._guard.step(figures, picture, pauses, config, now_ms))

    def _state_now(self, target: Target) -> str:
        """Return what an agent does by now; the guard's threads ask."""
        states = (agent.state for agent in self._agents() if agent.pid == target.core.pid)
        return next(states, "")

    def _agents(self) -> list[AgentNow]:
        """Return the agents in panes that were seen last; those that have ended are none."""
        panes = self._look.picture.panes
        found = [agent for pane in panes for agent in (pane.main, *pane.others) if agent]
        return [agent for agent in found if agent.state != GONE]

    def _tell(self, texts: Sequence[str]) -> None:
        for text in texts:
            logger.info("%s", text)
        if texts:
            # a message takes the place of the one before
            tell_tmux("; ".join(texts), self._look.picture.servers)
