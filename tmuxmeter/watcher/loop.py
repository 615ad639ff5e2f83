"""The watcher's loop: what changed on disk goes into the ledger, what that means goes to tmux."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter import __version__
from tmuxmeter.errors import LedgerBusyError, LedgerUnwritableError, MissingProgramError
from tmuxmeter.logs.follow import Follower, follow
from tmuxmeter.logs.scan import usable_cores
from tmuxmeter.logs.tail import last_line_due
from tmuxmeter.panes.picture import Picture
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import default_source
from tmuxmeter.panes.tracker import Tracker
from tmuxmeter.paths import DEMO_MARK, private_folder
from tmuxmeter.tmux.servers import Servers
from tmuxmeter.watcher.attention import Attention
from tmuxmeter.watcher.catching_up import catch_up
from tmuxmeter.watcher.display import Display
from tmuxmeter.watcher.figures import TITLES, Day
from tmuxmeter.watcher.first_fit import FirstFit, fit_command
from tmuxmeter.watcher.intake import Intake
from tmuxmeter.watcher.notify import Notifier, tell_tmux
from tmuxmeter.watcher.process import WatcherLock, WatcherState, running_pid, write_state
from tmuxmeter.watcher.roots import agent_roots, agents_in_use
from tmuxmeter.watcher.scale import OwnScale
from tmuxmeter.watcher.settings import Settings
from tmuxmeter.watcher.wakeup import Wakeup

if TYPE_CHECKING:
    from tmuxmeter.ledger.queries import RecentSession
    from tmuxmeter.paths import Places

logger = logging.getLogger(__name__)

BUSY_TICK_S = 2.0
"""How often panes and processes are looked at while an agent works."""
SOON_S = 0.5
"""How soon they are looked at when a log grew: its session may be new, its turn may have ended."""
TOGETHER_S = 0.05
"""After a read, lines that follow at once are read together; the first of a burst never waits."""
RETRY_S = 5.0
"""How often a ledger that could not be written is tried again."""
LEDGER_WAIT_S = 30.0
"""How long a scan or a repricing may hold the ledger while the watcher starts."""
RECENT_MS = 36 * 3_600_000
"""Sessions that did anything in this time may be the ones in the panes."""
ANEW_EVERY_S = 60.0
"""How often figures are worked out although nothing happened: an overlap is one for some time."""
LOGS_AT_ONCE = 50
"""So many logs of a folder met on the way are read before looking whether it is time to end."""
STATE_EVERY_S = 5.0
BUSY_S, BUSY_MOST_S = 0.5, 60.0
"""A log whose owner is at it is tried again so soon, and after so long at the latest."""
LAST_LINE_S = 61.0
"""When a last line without an end is looked at again; a file left alone a minute is complete."""


class Watcher:
    """Everything the watcher holds while it runs.

    Parameters
    ----------
    places : Places
        Where logs and the meter's own things are.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._demo = (places.home / DEMO_MARK).exists()
        self._started_ms = _now_ms()
        self._settings = Settings(places.config_file, must_exist=places.config_named)
        self._servers = Servers(places.runtime)
        self._scale = OwnScale(places.state, self._settings.config)
        self._display = Display(places.runtime)
        self._day = Day()
        self._attention = Attention()
        self._notifier = Notifier(TITLES)
        home = ["--home", str(places.home)] if places.elsewhere else []
        self._first_fit = FirstFit(places.state, fit_command(home))
        self._stopping = self._renewing = False
        self._phase, self._progress = "reading", 0.0
        self._picture = Picture(self._started_ms, (), {}, (), (), ())
        self._recent: dict[tuple[str, str], RecentSession] = {}
        self._ledger_version = 0
        self._recent_stale = True
        self._figures_stale = True
        self._anew_due = 0.0
        self._tick_due = self._retry_due = self._state_due = 0.0
        self._day_end = 0
        self._read_due = 0.0
        self._push_due: float | None = None
        self._missing = ""

    def run(self) -> None:
        """Watch until told to end by SIGTERM or SIGINT; SIGHUP: look at all settings again.

        Raises
        ------
        LedgerBusyError
            Another watcher runs.
        LedgerError
            The ledger is damaged or was written by a newer tmuxmeter.
        """
        private_folder(self._places.runtime)
        lock = WatcherLock(self._places.runtime)
        if not lock.acquire():
            pid = running_pid(self._places.runtime)
            message = f"another watcher (process {pid}) runs already; see `tmuxmeter status`"
            raise LedgerBusyError(message)
        with contextlib.ExitStack() as stack:
            stack.callback(lock.release)
            wakeup = stack.enter_context(contextlib.closing(Wakeup(self._stop, self._renew)))
            self._intake = stack.enter_context(contextlib.closing(self._open()))
            self._writer = self._intake.writer
            self._tracker = self._new_tracker()
            self._roots = agent_roots(self._places, self._settings.config)
            self._follower = self._new_follower()
            stack.callback(lambda: self._follower.close())
            self._write_state(force=True)
            stack.callback(self._display.clear)
            stack.callback(self._first_fit.close)
            logger.info("watching %s", ", ".join(str(root.path) for _, root in self._roots))
            self._step(read=False)
            self._read_everything()
            while not self._stopping:
                self._wait(wakeup)
                self._step()

    def _stop(self) -> None:
        self._stopping = True

    def _renew(self) -> None:
        self._renewing = True

    def _open(self) -> Intake:
        """Open the ledger; a scan or a repricing that holds it will be done in a moment."""
        deadline = time.monotonic() + LEDGER_WAIT_S
        while True:
            try:
                return Intake(self._places.state, self._settings.price, _now_ms())
            except LedgerBusyError:
                if time.monotonic() > deadline or self._stopping:
                    raise
                time.sleep(0.1)

    def _new_tracker(self) -> Tracker:
        agents = agents_in_use(self._settings.config)
        table = ProcessTable(default_source())
        return Tracker(
            agents,
            self._intake.writer,
            table,
            self._started_ms,
            only_roots=self._places.elsewhere,
            home=self._places.home,
        )

    def _new_follower(self) -> Follower:
        now, now_ns = time.monotonic(), time.time_ns()
        if self._settings.config.watch.poll == "always":
            follower = Follower(self._roots, watches=None, mounts="", now=now, now_ns=now_ns)
        else:
            follower = follow(self._roots, now=now, now_ns=now_ns)
        return follower

    def _read_everything(self) -> None:
        """Read what came while nobody watched; figures show and grow meanwhile."""
        entries = list(self._follower.catalog.entries())
        for done, total in catch_up(self._intake, entries, time.time_ns(), usable_cores()):
            self._progress = done / total if total else 1.0
            self._news(moved=True)
            self._note_ledger()
            if time.monotonic() >= self._tick_due:
                self._step(read=False)
            if self._stopping:
                return
        self._note_ledger()
        for entry in entries:
            if entry.log and entry.log.path in self._intake.log_problems:
                self._follower.look_again(entry.log, time.monotonic() + BUSY_S)
        self._phase, self._progress = "following", 1.0
        self._news(moved=True)
        self._tick_due = 0.0
        self._step(read=False)
        self._write_state(force=True)
        self._try_first_fit()

    def _try_first_fit(self) -> None:
        writer = self._intake.writer
        if not self._demo and not writer.in_memory:
            self._first_fit.start(writer, writer.reader().request_span())

    def _wait(self, wakeup: Wakeup) -> None:
        now = time.monotonic()
        due = [self._tick_due, max(now + self._follower.wait(now), self._read_due)]
        if self._push_due is not None:
            due.append(self._push_due)
        if self._day.weigh_due is not None:
            due.append(self._day.weigh_due)
        descriptors = [wakeup.fileno()]
        if now < self._read_due:
            due.append(self._read_due)
        elif self._follower.fileno() >= 0:
            descriptors.append(self._follower.fileno())
        select.select(descriptors, [], [], max(0.0, min(due) - now))
        wakeup.drain()

    def _step(self, *, read: bool = True) -> None:
        """Do everything that is due."""
        if self._renewing:
            self._renewing = False
            self._settings.renew()
            self._display.prepare_anew()
            self._tick_due = 0.0
        if read and time.monotonic() >= self._read_due:
            self._read_changes()
        ticking = time.monotonic() >= self._tick_due
        if ticking:
            self._tick()
        self._show(ticking)
        if self._day.weigh_due is not None and time.monotonic() >= self._day.weigh_due:
            self._day.weigh(self._intake.writer.reader(), self._settings.config, _now_ms())
            self._figures_stale = True
            self._show(ticking=False)
        self._write_state()

    def _read_changes(self) -> None:
        now, now_ns = time.monotonic(), time.time_ns()
        changes = self._follower.take(now, now_ns)
        if changes.live:
            self._tick_due = now
        if not changes.logs:
            return
        if self._intake.read(changes.logs, now_ns):
            self._news()
            self._tick_due = min(self._tick_due, now + SOON_S)
        for log in changes.logs:
            if log.path in self._intake.busy:
                tries = self._intake.busy[log.path]
                self._follower.look_again(log, now + min(BUSY_S * 2**tries, BUSY_MOST_S))
            elif last_line_due(self._intake.position(log), now_ns + int(LAST_LINE_S * 1e9)):
                self._follower.look_again(log, now + LAST_LINE_S)
        self._read_due = time.monotonic() + TOGETHER_S
        self._note_ledger()

    def _note_ledger(self) -> None:
        """Go on with another ledger: in memory while the disk is full, on disk again after."""
        if self._intake.writer is self._writer:
            return
        self._writer = self._intake.writer
        logger.warning("%s", self._intake.trouble or "the ledger can be written again")
        self._tracker.use_book(self._writer)
        self._retry_due = time.monotonic() + RETRY_S
        self._news(moved=True)

    def _tick(self) -> None:
        """Look at settings, folders, panes and processes."""
        now = time.monotonic()
        if self._intake.trouble and now >= self._retry_due:
            self._retry_due = now + RETRY_S
            if self._intake.recover():
                self._read_all_again()
        if self._settings.check():
            self._display.prepare_anew()
            self._intake.price = self._settings.price
            self._scale.check(self._settings.config, renewed=True)
            # a day may begin at another time now
            self._day.changed(moved=True)
            self._figures_stale = True
        elif self._scale.check(self._settings.config):
            self._figures_stale = True
        if text := self._first_fit.finished(self._intake.writer):
            tell_tmux(text, self._picture.servers)
        self._check_roots()
        self._note_ledger()
        before = self._picture
        try:
            self._look()
            self._attention.sample(self._picture, self._intake.writer)
        except LedgerUnwritableError as error:
            self._intake.fall_back(error, _now_ms())
            self._note_ledger()
        except MissingProgramError as error:
            self._missing = str(error)
        version = self._intake.writer.reader().written_elsewhere()
        if version != self._ledger_version:
            self._ledger_version = version
            self._day.changed()
        if _agents(before) != _agents(self._picture):
            self._day.changed(moved=True)
        self._figures_stale |= (
            replace(before, now_ms=0) != replace(self._picture, now_ms=0)
            or _now_ms() >= self._day_end
            or now >= self._anew_due
        )
        self._tick_due = now + self._pause()

    def _pause(self) -> float:
        """Return how long until panes and processes are looked at again, in seconds.

        An agent that starts where there is none makes itself heard by its own files.
        """
        idle = self._settings.config.watch.look_seconds
        present = [pane.main.state for pane in self._picture.panes if pane.main is not None]
        present += [agent.state for agent in self._picture.outside]
        if "working" in present:
            return min(BUSY_TICK_S, idle)
        return idle if present else 2 * idle

    def _look(self) -> None:
        if self._recent_stale:
            self._recent_stale = False
            rows = self._intake.writer.reader().recent_sessions(_now_ms() - RECENT_MS)
            self._recent = {(row.agent, row.session): row for row in rows}
        sockets = self._servers.registered()
        self._display.keep(sockets)
        roots = [root for _, root in self._roots]
        self._picture = self._tracker.update(sockets, roots, self._recent.values(), _now_ms())

    def _read_all_again(self) -> None:
        """Read whatever is behind the positions that the ledger knows."""
        logs = [entry.log for entry in self._follower.catalog.entries() if entry.log]
        for first in range(0, len(logs), LOGS_AT_ONCE):
            if self._stopping:
                return
            if self._intake.read(logs[first : first + LOGS_AT_ONCE], time.time_ns()):
                self._news(moved=True)
        self._note_ledger()

    def _news(self, *, moved: bool = False) -> None:
        """Note that something was booked; ``moved``: of any time, not only of just now."""
        self._recent_stale = self._figures_stale = True
        self._day.changed(moved=moved)

    def _check_roots(self) -> None:
        """Follow folders that the settings or a running agent's environment name anew."""
        roots = agent_roots(self._places, self._settings.config)
        known = {(root.agent, str(root.path)) for _, root in roots}
        by_name = {agent.name: agent for agent in agents_in_use(self._settings.config)}
        for root in sorted(self._tracker.found_roots, key=lambda root: str(root.path)):
            if root.agent in by_name and (root.agent, str(root.path)) not in known:
                roots.append((by_name[root.agent], root))
        if roots != self._roots:
            self._roots = roots
            self._follower.close()
            self._follower = self._new_follower()
            self._read_all_again()

    def _show(self, ticking: bool) -> None:
        """Bring status lines and prompts up to date; a tick keeps them from looking stale."""
        now = time.monotonic()
        # figures that no client may be shown yet need not be computed yet
        waits = self._push_due is not None and now < self._push_due
        if waits or not (self._figures_stale or ticking or self._push_due is not None):
            return
        if self._figures_stale:
            self._figures_stale = False
            self._compute()
        self._push_due = self._display.push(
            now, time.time(), icons=self._settings.config.status.icons
        )

    def _compute(self) -> None:
        self._anew_due = time.monotonic() + ANEW_EVERY_S
        found = self._day.figures(
            self._intake.writer.reader(),
            self._settings.config,
            self._scale,
            self._picture,
            self._recent,
            _now_ms(),
            problem=self._problem(),
            demo=self._demo,
        )
        if self._phase == "following" and found.day_end_ms != self._day_end and self._day_end:
            self._try_first_fit()  # yesterday may have been the day that was missing
        self._day_end = found.day_end_ms
        self._display.show(found.lives, found.everywhere)
        if self._phase == "following":
            self._notifier.tell(
                found.uses,
                found.day,
                self._settings.config.budget,
                self._picture.servers,
                self._intake.writer,
                _now_ms(),
            )

    def _problem(self) -> str:
        """Return the one thing that the status line should say is wrong."""
        if self._phase == "reading" and self._progress:
            return f"reading logs {self._progress:.0%}"
        return next(filter(None, self._all_problems()), "")

    def _all_problems(self) -> list[str]:
        problems = [self._missing, self._intake.trouble, *self._settings.problems]
        problems += [self._scale.problem, self._notifier.problem]
        return [problem for problem in problems if problem]

    def _following(self) -> str:
        """Return how changes of logs are noticed."""
        polling = self._follower.polling
        return f"looking at them ({polling})" if polling else "file events"

    def _write_state(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if now < self._state_due and not force:
            return
        self._state_due = now + STATE_EVERY_S
        state = WatcherState(
            pid=os.getpid(),
            version=__version__,
            started_ms=self._started_ms,
            phase=self._phase,
            progress=self._progress,
            updated_ms=_now_ms(),
            servers=tuple(str(server.socket) for server in self._picture.servers),
            following=self._following(),
            problems=(*self._all_problems(), *self._display.problems),
        )
        write_state(self._places.runtime, state)


def _agents(picture: Picture) -> tuple[object, ...]:
    """Return the part of a picture that decides where spend belongs."""
    return picture.panes, picture.outside, picture.without_pane


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
