"""Looking at panes and processes: what runs where, and how soon that is worth another look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.panes.pausing import with_pauses
from tmuxmeter.panes.picture import Picture
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import default_source
from tmuxmeter.panes.tracker import Tracker
from tmuxmeter.watcher.roots import agents_in_use

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Root
    from tmuxmeter.config import Config
    from tmuxmeter.hooks.facts import SessionReport
    from tmuxmeter.ledger.session_queries import RecentSession
    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import PauseNow
    from tmuxmeter.paths import Places

BUSY_TICK_S = 2.0
"""How often panes and processes are looked at while an agent works."""
CALM_S = 120.0
"""Nothing to be seen has changed for so long, no key pressed in any client: nobody is there."""
CALM_TICK_S = 15.0
"""The longest that the pause between two looks is made by that."""
RECENT_MS = 36 * 3_600_000
"""Sessions that did anything in this time may be the ones in the panes."""
ALL_EVERY_MS = 10 * 60_000
"""How often all of them are gathered anew, rather than only those that were booked since."""


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
    changed : bool
        Whether there was anything else to be seen at the last look than at the one before.
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
        self._booked: set[tuple[str, str]] = set()
        self._all_since_ms = 0
        self._all_stale = True
        self.picture = Picture(started_ms, (), {}, (), (), ())
        self.recent: dict[tuple[str, str], RecentSession] = {}
        self.changed = False
        self._looks_alike = 0

    @property
    def found_roots(self) -> frozenset[Root]:
        """Log folders that the environments of running agents name."""
        return self._tracker.found_roots

    def use(self, writer: Writer) -> None:
        """Go on with another ledger, such as one in memory while the disk is full."""
        self._writer = writer
        self._tracker.use_book(writer)
        self._all_stale = True

    def hear(self, reports: Iterable[SessionReport]) -> None:
        """Take what agents' hooks reported, the oldest first."""
        self._tracker.hear(reports)

    def booked(self, sessions: Collection[tuple[str, str]]) -> None:
        """Note that these sessions, given by agent and key, may have changed."""
        self._booked.update(sessions)

    def booked_many(self) -> None:
        """Note that any sessions may have changed."""
        self._all_stale = True

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
        self.changed = False
        reader, since_ms = self._writer.reader(), now_ms - RECENT_MS
        anew = self._all_stale or abs(now_ms - self._all_since_ms) >= ALL_EVERY_MS
        if anew:
            rows = reader.recent_sessions(since_ms)
        else:
            rows = reader.recent_of(self._booked, since_ms) if self._booked else []
        found = {(row.agent, row.session): row for row in rows}
        if anew:
            self.recent = found
        else:
            self.recent.update(found)
        before = self.picture
        seen = self._tracker.update(sockets, roots, rows, now_ms, all_sessions=anew)
        self.picture = with_pauses(seen, pauses)
        # what failed before this is looked at once more
        self._booked.clear()
        if anew:
            self._all_stale, self._all_since_ms = False, now_ms
        self.changed = replace(before, now_ms=0) != replace(self.picture, now_ms=0)
        self._looks_alike = 0 if self.changed else self._looks_alike + 1
        return _agents(before) != _agents(self.picture)

    def pause(self, idle: float) -> float:
        """Return how long until the next look, in seconds; ``idle``: while no agent works."""
        return pause(self.picture, idle, alike_s=self._looks_alike * idle)


def pause(picture: Picture, idle: float, *, alike_s: float) -> float:
    """Return how long until panes are looked at again, in seconds.

    An agent that starts where there is none, or goes on, makes itself heard by its own files.

    Parameters
    ----------
    picture : Picture
        What was seen.
    idle : float
        The pause while agents wait for somebody.
    alike_s : float
        For how long nothing has changed, in seconds.
    """
    present = [pane.main.state for pane in picture.panes if pane.main is not None]
    present += [agent.state for agent in picture.outside]
    if "working" in present:
        return min(BUSY_TICK_S, idle)
    if not present:
        return 2 * idle
    return max(idle, min(2 * idle, CALM_TICK_S)) if alike_s >= CALM_S else idle


def _agents(picture: Picture) -> tuple[object, ...]:
    """Return the part of a picture that decides where spend belongs."""
    return picture.panes, picture.outside, picture.without_pane
