"""What is paused: kept in the ledger, shown, looked after, and an alarm where it doesn't hold."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.errors import FolderError, PauseError, TmuxError
from tmuxmeter.panes.evidence import LIVE_FILE_UNCHECKED
from tmuxmeter.pause.find import SURE
from tmuxmeter.pause.look import alarm
from tmuxmeter.pause.records import FOLDER, RESUMING, Pause, PauseStore
from tmuxmeter.pause.tend import goes_on, tend
from tmuxmeter.pause.ways import follow
from tmuxmeter.reports.pauses import LAST_LINE_MS, spent_after
from tmuxmeter.reports.words import WORKING
from tmuxmeter.status.text import tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tmuxmeter.ledger.session_queries import RequestAfter
    from tmuxmeter.panes.picture import Picture
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.target import Target
    from tmuxmeter.pause.tend import Ended

logger = logging.getLogger(__name__)

TICK_MS = 100
BOOK_EVERY_MS = 15_000
"""How often the ledger is told that a pause goes on."""
TEND_EVERY_MS = 5_000
"""How often it is looked whether a paused agent, or its pane, has gone."""


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def paused(self, agent: str, session: str, since_ms: int, now_ms: int) -> None:
        """Note that a session is paused since a time and still at another."""


class Requests(Protocol):
    """What is needed of the ledger's reader."""

    def requests_after(
        self, agent: str, session: str, time_ms: int, late_ms: int
    ) -> list[RequestAfter]:
        """Return a session's requests after a time."""


class Pauses:
    """The pauses in force, as their records tell.

    Parameters
    ----------
    means : Means
        What it takes to let go.

    Attributes
    ----------
    problems : list of str
        Records that can't be read.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._store: PauseStore = means.store
        self._mark: tuple[int, int] | None = None
        self._pauses: dict[str, Pause] = {}
        self._booked: dict[str, int] = {}
        self._over: set[str] = set()
        self._ended: list[tuple[Pause, int]] = []
        self._tended_ms = 0
        self.problems: list[str] = []

    def all(self) -> list[Pause]:
        """Return the pauses, the oldest first."""
        return list(self._pauses.values())

    def changed(self) -> bool:
        """Tell whether a record may have changed since the last look."""
        return _mark(self._store.folder) != self._mark

    def read(self, now_ms: int) -> list[Pause]:
        """Read the records where they changed; return the pauses, the oldest first."""
        mark = _mark(self._store.folder)
        if self._mark is None or mark != self._mark:
            before = self._pauses
            self._pauses = {pause.id: pause for pause in self._store.all()}
            self.problems = list(self._store.broken)
            # clocks of file systems tick: of two changes in one moment the second doesn't show
            young = mark is not None and now_ms - mark[0] // 1_000_000 < TICK_MS
            self._mark = None if young else mark
            # the folder changed when the record was removed, if nothing else did since
            ended_ms = now_ms if mark is None else mark[0] // 1_000_000
            for each, gone in before.items():
                if each not in self._pauses and each not in self._over and gone.seen:
                    known = self._booked.pop(each, gone.since_ms)
                    until = min(max(ended_ms, known), now_ms)
                    # it may have gone on long before its pane could be told
                    until = min(until, known + BOOK_EVERY_MS) if _goes_on(gone) else until
                    self._ended.append((gone, until))
        return self.all()

    def look(self, book: Book, now_ms: int) -> None:
        """Read the records where they changed, and book what goes on and what has ended.

        Raises
        ------
        LedgerUnwritableError
            The ledger can't be written; the next look makes up for it.
        """
        self.read(now_ms)
        while self._ended:
            gone, ended_ms = self._ended[0]
            self._book(gone, book, ended_ms)
            del self._ended[0]
        for pause in self._pauses.values():
            last = self._booked.get(pause.id)
            if not pause.seen or _goes_on(pause) or (last is None and self._ended_unseen(pause)):
                continue
            if last is None or not 0 <= now_ms - last < BOOK_EVERY_MS:
                self._book(pause, book, now_ms)
                self._booked[pause.id] = now_ms

    def _ended_unseen(self, pause: Pause) -> bool:
        """Tell whether a pause was over before it was first looked at.

        It ended while nobody watched, nobody knows when: what went on since was no pause.
        """
        if goes_on(self._means.table.source, self._means.flags, pause):
            self._over.add(pause.id)
        return pause.id in self._over

    def tend(self, now_ms: int) -> list[Ended]:
        """Let go what nobody could resume any more; return those pauses, and why."""
        if 0 <= now_ms - self._tended_ms < TEND_EVERY_MS:
            return []
        self._tended_ms = now_ms
        if not self._pauses and not self._means.flags.active():
            return []
        ended = tend(self._means, self.all(), now_ms)
        for pause, why in ended:
            logger.info("%s of %s (%s) is over: %s", pause.way, pause.pane_id, pause.agent, why)
        return ended

    def follow(self, picture: Picture, now_ms: int) -> None:
        """Hold the session that a held agent has gone on with, as after ``/clear``.

        Only where that is its own word: a flag for a session that isn't there holds nobody, but the
        one that is there must not lose its own for a guess. Who was paused before its session was
        known, has none to lose: whether that pause holds can be told once it is known.
        """
        agents = {
            (agent.agent, agent.pid): agent
            for pane in picture.panes
            for agent in (pane.main, *pane.others)
            if agent is not None and agent.session
        }
        for pause in self.all():
            agent = agents.get((pause.agent, pause.pid))
            if agent is None or agent.session == pause.session:
                continue
            sure = agent.confidence >= (LIVE_FILE_UNCHECKED if pause.session else SURE)
            if not sure:
                continue
            try:
                with self._store.alone(pause.socket, pause.pane_id, 0):
                    known = self._store.fresh(pause)
                    if known is not None:
                        moved = follow(self._means, known, agent.session, now_ms)
                        self._pauses[pause.id] = moved
            except PauseError:
                continue  # somebody is at it
            except (OSError, FolderError) as error:
                logger.warning("%s can't be held any more: %s", pause.pane_id, error)

    def check(self, requests: Requests) -> list[Pause]:
        """Look for requests made in spite of a pause; return the pauses that newly don't hold.

        A pause that is being undone just now holds no more, and that is as it should be.
        """
        alarms = []
        for pause in self.all():
            if not pause.session or not pause.seen:
                continue
            since = pause.since_ms
            found = requests.requests_after(pause.agent, pause.session, since, LAST_LINE_MS)
            spent = spent_after(found, since, pause.way, worked=pause.state == WORKING)
            if spent <= pause.spent_after or self._resuming(pause):
                continue
            known = replace(pause, spent_after=spent)
            self._pauses[pause.id] = known
            if self._replace(known) and not pause.spent_after:
                with contextlib.suppress(TmuxError):
                    alarm(self._means.tmux(known.socket), known.pane_id)
                alarms.append(known)
        return alarms

    def _resuming(self, pause: Pause) -> bool:
        known = self._store.fresh(pause)
        return known is not None and _goes_on(known)

    def _replace(self, pause: Pause) -> bool:
        """Write a record down again, unless somebody has removed it."""
        if self._store.fresh(pause) is None:
            return False
        try:
            self._store.replace(pause)
        except (OSError, FolderError) as error:
            logger.warning("the record of a pause can't be written: %s", error)
        return True

    def _book(self, pause: Pause, book: Book, until_ms: int) -> None:
        if pause.session:
            book.paused(pause.agent, pause.session, pause.since_ms, until_ms)


def alarm_text(pause: Pause, title: str) -> str:
    """Return what is told of a pause that doesn't hold."""
    return (
        f"{pause.pane_id} ({title}) still spends although it is paused ({pause.way}):"
        f" {tokens(pause.spent_after)} tokens since; see tmuxmeter pause --how"
    )


def pause_means(state: Path, runtime: Path, state_now: Callable[[Target], str]) -> Means:
    """Return what the watcher lets go with, or its guard pauses with: for one thread at a time.

    Parameters
    ----------
    state, runtime : Path
        The meter's own folders.
    state_now : callable
        What an agent does by now.
    """
    from tmuxmeter.hooks.status import holding_since
    from tmuxmeter.hooks.targets import AGENTS as HOOKABLE
    from tmuxmeter.panes.processes import ProcessTable
    from tmuxmeter.panes.sources import default_source
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.pause.means import Means
    from tmuxmeter.tmux.client import Tmux

    return Means(
        tmux=Tmux,
        table=ProcessTable(default_source()),
        store=PauseStore(state / FOLDER),
        flags=HoldFlags(runtime / "hold"),
        watched=True,
        hooks_since=lambda agent, settings: holding_since(agent, settings, runtime),
        hookable=HOOKABLE,
        state_now=state_now,
        own_pid=os.getpid(),
    )


def _goes_on(pause: Pause) -> bool:
    """Tell whether somebody has let an agent go on, or is at it."""
    return RESUMING in pause.undo


def _mark(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
