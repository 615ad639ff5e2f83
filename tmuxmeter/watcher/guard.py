"""The guard at work: looks at the newest figures, tells, and pauses or lets go what it paused."""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tmuxmeter.errors import TmuxmeterError
from tmuxmeter.pause.find import target_in
from tmuxmeter.pause.ways import pause, resume
from tmuxmeter.reports.flags import pane_key
from tmuxmeter.reports.guard import (
    DAY,
    LOOP,
    WHO,
    Failing,
    Held,
    Memory,
    Notice,
    Release,
    Seat,
    Stop,
    day_verdicts,
    decide,
    due_ms,
    loop_verdicts,
    pane_name,
    pane_verdicts,
    unpriced_notice,
)
from tmuxmeter.reports.words import WORKING
from tmuxmeter.watcher.files import replace_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tmuxmeter.config import Config
    from tmuxmeter.ledger.slices import Measures
    from tmuxmeter.panes.picture import PaneNow, Picture
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.records import Pause
    from tmuxmeter.reports.guard import Verdict
    from tmuxmeter.watcher.figures import Figures

logger = logging.getLogger(__name__)

FILE = "guard.json"
AGAIN_MS = 15_000
"""How soon an agent that could not be paused is tried again."""
OLD_MS = 2 * 86_400_000
"""Notices older than this are of another day, or of a loop that is over."""


_FAILED = re.compile(r"error loop: (\d+) ")


class _Done(NamedTuple):
    """What became of one agent: what was made and why, what to tell, what failed and how."""

    seat: str
    made: Pause | None = None
    why: Held | None = None
    text: str = ""
    failed: str = ""
    error: str = ""


class Guard:
    """Keeps agents within the limits of the ``[guard]`` settings.

    What takes a while (a frozen agent has to be seen to stand still) is done beside the watcher's
    loop, one agent after the other.

    Parameters
    ----------
    file : Path
        What must survive a restart is kept there.
    means : Means
        What it takes to pause.

    Attributes
    ----------
    due_ms : int or None
        When the next grace is over, epoch milliseconds.
    problem : str
        Why an agent could not be paused, "" if all could.
    """

    def __init__(self, file: Path, means: Means) -> None:
        self._file = file
        self._means = means
        self._memory = _read(file)
        self._kept = ""
        self._busy: set[str] = set()
        self._again: dict[str, int] = {}
        self._acting = threading.Lock()
        self._done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        self.due_ms: int | None = None
        self.problem = ""

    @property
    def busy(self) -> bool:
        """Whether somebody is being paused, or let go, just now."""
        return bool(self._busy)

    def forget(self, ended: Iterable[Pause]) -> None:
        """Note pauses that are over without anybody having let go."""
        for each in ended:
            self._memory.held.pop(each.id, None)

    def step(
        self,
        figures: Figures,
        picture: Picture,
        pauses: Sequence[Pause],
        config: Config,
        now_ms: int,
    ) -> list[str]:
        """Do what is to be done by the newest figures; return what is to be told.

        ``pauses`` must be as new as what :meth:`finished` says is done.
        """
        settings, counts = config.guard, config.breakeven.input_counts
        ours = any(each.who.startswith(f"{WHO}:") for each in pauses)
        if not (ours or settings.limited or self._memory.held):
            return []
        day = figures.day.isoformat()
        of_day = day_verdicts(day, figures.sums.total, settings, counts)
        panes = {now: self._seat(now, of_day, figures, pauses, config) for now in picture.panes}
        seats = [seat for seat in panes.values() if seat is not None]
        self._remember_lost(seats, pauses)
        steps = decide(
            [seat for seat in seats if seat.name not in self._busy],
            *(of_day, {each.id for each in pauses}, self._memory, settings, now_ms),
        )
        texts = [step.text for step in steps if isinstance(step, Notice)]
        texts += self._unpriced(day, figures.sums.total, config, now_ms)
        where = {seat.name: now for now, seat in panes.items() if seat is not None}
        for step in steps:
            if isinstance(step, Stop):
                name = step.seat.name
                if self._again.get(_try(step.seat), 0) <= now_ms:
                    self._begin(name, self._stop, step, where[name], now_ms)
            elif isinstance(step, Release) and self._again.get(step.pause, 0) <= now_ms:
                seat = next(seat for seat in seats if seat.held == step.pause)
                record = next(each for each in pauses if each.id == step.pause)
                self._begin(seat.name, self._release, step, seat.name, record)
        self._forget_old(now_ms)
        self.due_ms = due_ms(seats, self._memory, settings, now_ms)
        self._keep()
        return texts

    def finished(self, now_ms: int) -> list[str]:
        """Take note of what was done meanwhile; return what is to be told of it.

        The records of pauses have to be read again after it.
        """
        texts = []
        while not self._done.empty():
            done = self._done.get()
            self._busy.discard(done.seat)
            if done.made is not None and done.why is not None:
                self._memory.held[done.made.id] = done.why
            if done.failed:
                self._again[done.failed] = now_ms + AGAIN_MS
            self.problem = done.error
            if done.error:
                logger.warning("%s", done.error)
            texts += [done.text] if done.text else []
        return texts

    def _seat(
        self,
        now: PaneNow,
        of_day: Sequence[Verdict],
        figures: Figures,
        pauses: Sequence[Pause],
        config: Config,
    ) -> Seat | None:
        agent = now.main
        if agent is None:
            return None
        key, settings = pane_key(now), config.guard
        verdicts = list(of_day)
        spent = figures.sums.panes.get(key)
        if spent is not None:
            counts = config.breakeven.input_counts
            day = figures.day.isoformat()
            verdicts += pane_verdicts(day, key, spent, settings, counts)
        run = figures.known.failures.get((agent.agent, agent.session))
        if run is not None:
            verdicts += loop_verdicts(agent.session, key.pane, Failing(*run), settings)
        own = [
            each
            for each in pauses
            if (each.socket, each.server_pid, each.pane_id)
            == (key.socket, key.server_pid, key.pane)
        ]
        return Seat(
            name=f"{pane_name(key)} {agent.pid} {agent.started_ms}",
            pane=key.pane,
            state=agent.state,
            verdicts=verdicts,
            exempt=now.pane.exempt,
            held=next((each.id for each in own if each.who.startswith(f"{WHO}:")), ""),
            paused=bool(own),
        )

    def _remember_lost(self, seats: Iterable[Seat], pauses: Iterable[Pause]) -> None:
        """Take back pauses of ours that the file doesn't tell of."""
        by_id = {each.id: each for each in pauses}
        for seat in seats:
            if seat.held and seat.held not in self._memory.held and seat.name not in self._busy:
                failed = _FAILED.search(by_id[seat.held].who)
                kind, failures = (LOOP, int(failed[1])) if failed else (DAY, 0)
                self._memory.held[seat.held] = Held(seat.name, kind, "", failures)

    def _begin(self, seat: str, act: Callable[..., _Done], *about: object) -> None:
        """Do something about an agent, in a thread of its own."""

        def run() -> None:
            done = _Done(seat, error=f"{WHO}: {seat} could not be dealt with")
            try:
                with self._acting:
                    self._means.table.scan()
                    done = act(*about)
            finally:
                self._done.put(done)

        self._busy.add(seat)
        threading.Thread(target=run, name="guard", daemon=True).start()

    def _stop(self, stop: Stop, now: PaneNow, now_ms: int) -> _Done:
        reasons = []
        store, ref = self._means.store, now.ref
        for way in stop.ways:
            try:
                with store.alone(ref.socket, ref.pane):
                    if store.of_pane(ref.socket, ref.server_pid, ref.pane):
                        return _Done(stop.seat.name)  # somebody was quicker
                    target = target_in(now, self._means.table, {})
                    made = pause(self._means, target, way, stop.who, now_ms)
            except (TmuxmeterError, OSError) as error:
                reasons.append(str(error))
            else:
                text = f"{WHO}: {made.pane_id} is paused: {made.told}"
                return _Done(stop.seat.name, made, stop.why, text)
        # who doesn't work needs no more than a hook that refuses what is asked next
        needed = stop.seat.state == WORKING
        why = f"{WHO}: can't pause {stop.seat.pane}: {'; '.join(reasons)}" if needed else ""
        return _Done(stop.seat.name, failed=_try(stop.seat), error=why)

    def _release(self, step: Release, seat: str, record: Pause) -> _Done:
        try:
            with self._means.store.alone(record.socket, record.pane_id):
                known = self._means.store.fresh(record)
                if known is None:
                    return _Done(seat)  # somebody was quicker
                resume(self._means, known)
        except (TmuxmeterError, OSError) as error:
            why = f"{WHO}: can't resume {record.pane_id}: {error}"
            return _Done(seat, failed=step.pause, error=why)
        return _Done(seat, text=f"{WHO}: {record.pane_id} goes on: {step.why}")

    def _unpriced(self, day: str, total: Measures, config: Config, now_ms: int) -> list[str]:
        text = unpriced_notice(total, config.guard)
        mark = f"unpriced {day}"
        if not text or mark in self._memory.told:
            return []
        self._memory.told[mark] = now_ms
        return [text]

    def _forget_old(self, now_ms: int) -> None:
        told = self._memory.told
        self._memory.told = {mark: when for mark, when in told.items() if now_ms - when < OLD_MS}

    def _keep(self) -> None:
        text = json.dumps(asdict(self._memory) | {"held": self._memory.held})
        if text != self._kept and replace_private(self._file, text):
            self._kept = text


def _try(seat: Seat) -> str:
    """Return what a failure is remembered by: who is idle can't be frozen, at work he can."""
    return f"{seat.name} {seat.state}"


def _read(file: Path) -> Memory:
    """Return what was kept; nothing where it makes no sense."""
    try:
        kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return Memory(
            {str(mark): int(when) for mark, when in kept["told"].items()},
            {str(each): Held(*held) for each, held in kept["held"].items()},
            {str(seat): str(level) for seat, level in kept["waived"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Memory()
