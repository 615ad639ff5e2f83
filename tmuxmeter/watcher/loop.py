"""The watcher's loop: what changed on disk goes into the ledger, what that means goes to tmux."""

from __future__ import annotations

import contextlib
import logging
import select
import time
from typing import TYPE_CHECKING

from tmuxmeter.errors import LedgerBusyError, LedgerUnwritableError, MissingProgramError
from tmuxmeter.paths import DEMO_MARK, private_folder
from tmuxmeter.tmux.servers import Servers
from tmuxmeter.watcher.attention import Attention
from tmuxmeter.watcher.control import Control
from tmuxmeter.watcher.exits import Exits, whose_end_matters
from tmuxmeter.watcher.first_fit import FirstFit, fit_command
from tmuxmeter.watcher.looking import Look
from tmuxmeter.watcher.notify import tell_tmux
from tmuxmeter.watcher.process import WatcherLock, running_pid
from tmuxmeter.watcher.reading import Reading, open_intake
from tmuxmeter.watcher.roots import agents_in_use
from tmuxmeter.watcher.settings import Settings
from tmuxmeter.watcher.showing import Showing
from tmuxmeter.watcher.wakeup import Wakeup
from tmuxmeter.watcher.word import Word

if TYPE_CHECKING:
    from tmuxmeter.paths import Places

logger = logging.getLogger(__name__)

AT_ONCE_S = 0.05
"""How soon panes are looked at when a log grew, once the figures are out: who wrote it may be gone
in a moment (`claude -p`), its session may be new, its turn have ended. And when a process ended,
once tmux has seen it, too."""
SOON_S = 0.5
"""How soon at the earliest after the look before, however much logs grow."""
TOGETHER_S = 0.05
"""After a read, lines that follow at once are read together; the first of a burst never waits."""
RETRY_S = 5.0
"""How often a ledger that could not be written is tried again."""


class _EndedError(Exception):
    """Raised by a signal where it leaves nothing half done: in the midst of only reading."""


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
        self._showing = Showing(places, self._settings.config, demo=self._demo)
        self._attention = Attention()
        self._word = Word(places.runtime, self._started_ms)
        home = ["--home", str(places.home)] if places.elsewhere else []
        self._first_fit = FirstFit(places.state, fit_command(home))
        self._stopping = self._renewing = self._weighing = False
        self._ledger_version = 0
        self._tick_due = self._ticked = self._retry_due = self._read_due = 0.0
        self._day_end = 0
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
        self._lock = WatcherLock(self._places.runtime)
        if not self._lock.acquire():
            pid = running_pid(self._places.runtime)
            message = f"another watcher (process {pid}) runs already; see `tmuxmeter status`"
            raise LedgerBusyError(message)
        config = self._settings.config
        with contextlib.ExitStack() as stack:
            stack.callback(self._lock.release)
            wakeup = stack.enter_context(contextlib.closing(Wakeup(self._stop, self._renew)))
            self._intake = open_intake(
                self._places.state, self._settings.price, lambda: self._stopping
            )
            stack.enter_context(contextlib.closing(self._intake))
            self._writer = self._intake.writer
            self._look = Look(self._places, config, self._writer, self._started_ms)
            self._reading = Reading(self._intake, self._places, config)
            stack.enter_context(contextlib.closing(self._reading))
            agents = [agent.name for agent in agents_in_use(config)]
            self._control = Control(self._places, agents, self._look)
            stack.enter_context(contextlib.closing(self._control))
            self._exits = stack.enter_context(contextlib.closing(Exits()))
            self._leave_word(force=True)
            stack.callback(self._showing.display.clear)
            stack.callback(self._first_fit.close)
            logger.info("watching %s", ", ".join(str(root.path) for root in self._reading.roots))
            with contextlib.suppress(_EndedError):
                self._step(read=False)
                self._read_everything()
                while not self._stopping:
                    self._wait(wakeup)
                    self._step()

    def _stop(self) -> None:
        self._stopping = True
        if self._weighing:
            # a day of many thousand sessions takes long, and whoever ends us waits
            self._weighing = False
            raise _EndedError

    def _renew(self) -> None:
        self._renewing = True

    def _read_everything(self) -> None:
        """Read what came while nobody watched; figures show and grow meanwhile."""
        for progress in self._reading.all():
            self._word.progress = progress
            self._news(moved=True)
            self._note_ledger()
            if time.monotonic() >= self._tick_due:
                self._step(read=False)
            if self._stopping:
                return
        self._note_ledger()
        self._word.catch_up()
        self._news(moved=True)
        self._tick_due = 0.0
        self._step(read=False)
        self._leave_word(force=True)
        self._try_first_fit()

    def _try_first_fit(self) -> None:
        writer = self._intake.writer
        if not self._demo and not writer.in_memory:
            self._first_fit.start(writer, writer.reader().request_span())

    def _wait(self, wakeup: Wakeup) -> None:
        now = time.monotonic()
        due = [self._tick_due, max(now + self._reading.wait(now), self._read_due)]
        due += self._showing.due() + self._control.due(now, _now_ms())
        descriptors = [wakeup.fileno(), *self._control.descriptors(), *self._exits.descriptors()]
        if now < self._read_due:
            due.append(self._read_due)
        elif self._reading.fileno() >= 0:
            descriptors.append(self._reading.fileno())
        select.select(descriptors, [], [], max(0.0, min(due) - now))
        wakeup.drain()

    def _step(self, *, read: bool = True) -> None:
        """Do everything that is due."""
        if self._renewing:
            self._renewing = False
            self._settings.renew()
            self._showing.display.prepare_anew()
            self._tick_due = 0.0
        if read and time.monotonic() >= self._read_due:
            self._read_changes()
        if self._exits.ended():
            self._look_soon()
        ticking = time.monotonic() >= self._tick_due
        ticking = self._hear(anyway=ticking) or ticking
        if ticking:
            self._tick()
        self._show(ticking=ticking)
        if self._weigh():
            self._show(ticking=False)
        if self._word.caught_up:
            config, picture = self._settings.config, self._look.picture
            self._control.guard(self._showing.figures, picture, config, _now_ms())
        self._leave_word()

    def _hear(self, *, anyway: bool) -> bool:
        """Take what agents' hooks report; return whether the panes are to be looked at."""
        try:
            heard = self._control.hear(
                self._intake.writer, self._reading.roots, _now_ms(), anyway=anyway
            )
        except LedgerUnwritableError as error:
            self._intake.fall_back(error, _now_ms())
            heard = True
        spent = self._control.spent(self._intake.writer.reader())
        if spent and self._intake.book(spent, _now_ms()):
            self._news()
        self._note_ledger()
        return heard

    def _weigh(self) -> bool:
        self._weighing = True
        try:
            return self._showing.weigh(self._intake.writer, self._settings.config, _now_ms())
        finally:
            self._weighing = False

    def _read_changes(self) -> None:
        now = time.monotonic()
        read = self._reading.changes()
        if read.live:
            self._tick_due = now
        if not read.logs:
            return
        if read.booked:
            self._news()
        if read.booked or self._intake.busy:
            # also of a database that can't be read yet: its agent may be gone by then
            self._look_soon()
        self._read_due = time.monotonic() + TOGETHER_S
        self._note_ledger()

    def _look_soon(self) -> None:
        now = time.monotonic()
        self._tick_due = min(self._tick_due, max(now + AT_ONCE_S, self._ticked + SOON_S))

    def _note_ledger(self) -> None:
        """Go on with another ledger: in memory while the disk is full, on disk again after."""
        if self._intake.writer is self._writer:
            return
        self._writer = self._intake.writer
        logger.warning("%s", self._intake.trouble or "the ledger can be written again")
        self._look.use(self._writer)
        self._retry_due = time.monotonic() + RETRY_S
        self._news(moved=True)

    def _tick(self) -> None:
        """Look at settings, folders, panes and processes."""
        now = time.monotonic()
        if self._lock.is_lost():
            # what is booked now goes into files that nobody finds any more
            logger.error("%s was removed: this watcher ends", self._places.runtime)
            self._stopping = True
        if self._intake.trouble and now >= self._retry_due:
            self._retry_due = now + RETRY_S
            if self._intake.recover():
                self._read_all_again()
        if self._settings.check():
            self._intake.price = self._settings.price
            self._showing.use(self._settings.config)
        if text := self._first_fit.finished(self._intake.writer):
            tell_tmux(text, self._look.picture.servers)
        if self._reading.follow(self._settings.config, self._look.found_roots):
            self._read_all_again()
        self._note_ledger()
        self._look_at_panes()
        version = self._intake.writer.reader().written_elsewhere()
        if version != self._ledger_version:
            self._ledger_version = version
            self._showing.recorded()
        self._showing.looked(self._settings.config, _now_ms(), other=self._look.changed)
        self._ticked = now
        self._tick_due = now + self._look.pause(self._settings.config.watch.look_seconds)

    def _look_at_panes(self) -> None:
        try:
            sockets = self._servers.registered()
            self._showing.display.keep(sockets)
            paused = self._control.paused(self._intake.writer, _now_ms())
            if self._look.take(sockets, self._reading.roots, paused, _now_ms()):
                self._showing.recorded(moved=True)
            self._control.looked(_now_ms())
            self._attention.sample(self._look.picture, self._intake.writer)
            self._exits.listen(whose_end_matters(self._look.picture))
        except LedgerUnwritableError as error:
            self._intake.fall_back(error, _now_ms())
            self._note_ledger()
        except MissingProgramError as error:
            self._missing = str(error)

    def _read_all_again(self) -> None:
        """Read whatever is behind the positions that the ledger knows."""
        for booked in self._reading.again():
            if booked:
                self._news(moved=True)
            if self._stopping:
                return
        self._note_ledger()

    def _news(self, *, moved: bool = False) -> None:
        """Note that something was booked; ``moved``: of any time, not only of just now."""
        if moved:
            self._look.booked_many()
        else:
            self._look.booked(self._intake.touched)
        self._intake.touched.clear()
        self._showing.booked(moved=moved)
        if self._control.booked(self._intake.writer.reader()):
            self._tick_due = 0.0

    def _show(self, *, ticking: bool) -> None:
        self._showing.show(
            self._intake.writer,
            self._settings.config,
            self._look,
            self._word.problem(self._problems()),
            ticking=ticking,
            caught_up=self._word.caught_up,
        )
        before, self._day_end = self._day_end, self._showing.day_end_ms
        if self._word.caught_up and before not in (0, self._day_end):
            self._try_first_fit()  # yesterday may have been the day that was missing

    def _problems(self) -> list[str]:
        problems = [self._missing, self._intake.trouble, *self._settings.problems]
        problems += [*self._showing.problems(), *self._control.problems()]
        return [problem for problem in problems if problem]

    def _leave_word(self, *, force: bool = False) -> None:
        self._word.leave(
            self._look.picture.servers,
            self._reading.following,
            [*self._problems(), *self._showing.display.problems],
            time.monotonic(),
            _now_ms(),
            force=force,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
