"""Looking at panes and processes: what runs where, and how soon that is worth another look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.panes.pausing import with_pauses
from tmuxmeter.panes.picture import Picture
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import default_source
from tmuxmeter.panes.tracker import Tracker
from tmuxmeter.watcher.roots import agents_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Root
    from tmuxmeter.config import Config
    from tmuxmeter.hooks.facts import SessionReport
    from tmuxmeter.ledger.queries import RecentSession
    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import PauseNow
    from tmuxmeter.paths import Places

BUSY_TICK_S = 2.0
"""How often panes and processes are looked at while an agent works."""
RECENT_MS = 36 * 3_600_000
"""Sessions that did anything in this time may be the ones in the panes."""


class Look:
    """The panes as they were seen last.

    Parameters
    ----------
    places : Places
        Whose agents are meant.
    config : Config
        Which agents are looked for.
    writer : Writer
        The ledger, which says what sessions there are and takes what runs where.
    started_ms : int
        When watching began, in epoch milliseconds.

    Attributes
    ----------
    picture : Picture
        What was seen.
    recent : dict
        The sessions of late by agent and key.
    """

    def __init__(self, places: Places, config: Config, writer: Writer, started_ms: int) -> None:
        self._writer = writer
        self._tracker = Tracker(
            agents_in_use(config),
            writer,
            ProcessTable(default_source()),
            started_ms,
            only_roots=places.elsewhere,
            home=places.home,
        )
        self._stale = True
        self.picture = Picture(started_ms, (), {}, (), (), ())
        self.recent: dict[tuple[str, str], RecentSession] = {}

    @property
    def found_roots(self) -> frozenset[Root]:
        """Log folders that the environments of running agents name."""
        return self._tracker.found_roots

    def use(self, writer: Writer) -> None:
        """Go on with another ledger, such as one in memory while the disk is full."""
        self._writer = writer
        self._tracker.use_book(writer)
        self._stale = True

    def hear(self, reports: Iterable[SessionReport]) -> None:
        """Take what agents' hooks reported, the oldest first."""
        self._tracker.hear(reports)

    def booked(self) -> None:
        """Note that sessions may have changed."""
        self._stale = True

    def take(
        self,
        sockets: Iterable[Path],
        roots: Iterable[Root],
        pauses: Mapping[PaneName, Sequence[PauseNow]],
        now_ms: int,
    ) -> bool:
        """Look again; return whether it may be other agents' spend that belongs to the panes now.

        ``pauses`` is what is paused, by the pane.

        Raises
        ------
        MissingProgramError
            If tmux is not installed.
        LedgerUnwritableError
            If what runs where can't be booked.
        """
        if self._stale:
            self._stale = False
            rows = self._writer.reader().recent_sessions(now_ms - RECENT_MS)
            self.recent = {(row.agent, row.session): row for row in rows}
        before = self.picture
        seen = self._tracker.update(sockets, roots, self.recent.values(), now_ms)
        self.picture = with_pauses(seen, pauses)
        return _agents(before) != _agents(self.picture)

    def pause(self, idle: float) -> float:
        """Return how long until the next look, in seconds; ``idle``: with agents that all wait.

        An agent that starts where there is none makes itself heard by its own files.
        """
        present = [pane.main.state for pane in self.picture.panes if pane.main is not None]
        present += [agent.state for agent in self.picture.outside]
        if "working" in present:
            return min(BUSY_TICK_S, idle)
        return idle if present else 2 * idle


def _agents(picture: Picture) -> tuple[object, ...]:
    """Return the part of a picture that decides where spend belongs."""
    return picture.panes, picture.outside, picture.without_pane
