"""The logs as a running watcher has them: followed, and read into the ledger when they grow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import LedgerBusyError
from tmuxmeter.logs.databases import QUIET_NS, commit_due
from tmuxmeter.logs.follow import Follower, follow
from tmuxmeter.logs.scan import usable_cores
from tmuxmeter.logs.tail import last_line_due
from tmuxmeter.watcher.catching_up import catch_up
from tmuxmeter.watcher.intake import Intake
from tmuxmeter.watcher.memory import give_back
from tmuxmeter.watcher.roots import agent_roots, agents_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from tmuxmeter.agents.base import Root
    from tmuxmeter.config import Config
    from tmuxmeter.events import LogFile
    from tmuxmeter.ledger.booking import Price
    from tmuxmeter.paths import Places

LEDGER_WAIT_S = 30.0
"""How long a scan or a repricing may hold the ledger while the watcher starts."""
LOGS_AT_ONCE = 50
"""So many logs of a folder met on the way are read before looking whether it is time to end."""
BUSY_S, BUSY_MOST_S = 0.5, 60.0
"""A log whose owner is at it is tried again so soon, and after so long at the latest."""
LAST_LINE_S = 61.0
"""When a last line without an end is looked at again; a file left alone a minute is complete."""


class Read(NamedTuple):
    """What one look at the changed logs came to.

    ``live``: a running agent's own file changed, or one began its first log. ``logs``: logs were
    read. ``booked``: reports may look different now.
    """

    live: bool
    logs: bool
    booked: bool


class Reading:
    """Follows the logs below all roots and books what is added to them.

    Parameters
    ----------
    intake : Intake
        Reads and books.
    places : Places
        Where the agents' folders are.
    config : Config
        The settings: folders that they name, and how changes are noticed.
    """

    def __init__(self, intake: Intake, places: Places, config: Config) -> None:
        self._intake = intake
        self._places = places
        self._roots = agent_roots(places, config)
        self._follower = self._new_follower(config)

    def close(self) -> None:
        """Give the watches back."""
        self._follower.close()

    @property
    def roots(self) -> list[Root]:
        """The folders that are followed."""
        return [root for _, root in self._roots]

    @property
    def following(self) -> str:
        """How changes of logs are noticed, for people."""
        polling = self._follower.polling
        return f"looking at them ({polling})" if polling else "file events"

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a log changed, -1: there is none."""
        return self._follower.fileno()

    def wait(self, now: float) -> float:
        """Return after how many seconds :meth:`changes` is to be called even if nothing happens."""
        return self._follower.wait(now)

    def all(self) -> Iterator[float]:
        """Read what came while nobody watched; yield the share of bytes read, 0 to 1."""
        entries = list(self._follower.catalog.entries())
        for done, total in catch_up(self._intake, entries, time.time_ns(), usable_cores()):
            yield done / total if total else 1.0
        databases = [entry.log for entry in entries if entry.log and entry.database]
        self._look_again(databases, time.monotonic(), time.time_ns())
        soon = time.monotonic() + BUSY_S
        for entry in entries:
            if entry.log and entry.log.path in self._intake.log_problems:
                self._follower.look_again(entry.log, soon)
        self.release()

    def release(self) -> None:
        """Give back the memory that reading much at once took."""
        self._intake.release()
        give_back()

    def changes(self) -> Read:
        """Read what was added to the logs that changed since the last call."""
        now, now_ns = time.monotonic(), time.time_ns()
        changes = self._follower.take(now, now_ns)
        live = bool(changes.live) or changes.began
        if not changes.logs:
            return Read(live, logs=False, booked=False)
        booked = self._intake.read(changes.logs, now_ns)
        self._look_again(changes.logs, now, now_ns)
        return Read(live, logs=True, booked=booked)

    def again(self) -> Iterator[bool]:
        """Read what is behind the ledger's positions; yield whether reports may look different."""
        logs = [entry.log for entry in self._follower.catalog.entries() if entry.log]
        for first in range(0, len(logs), LOGS_AT_ONCE):
            some = logs[first : first + LOGS_AT_ONCE]
            now_ns = time.time_ns()
            booked = self._intake.read(some, now_ns)
            self._look_again(some, time.monotonic(), now_ns)
            yield booked

    def follow(self, config: Config, found: Collection[Root]) -> bool:
        """Follow the folders that the settings or running agents' environments name.

        Returns whether they are others than before: then everything is to be read :meth:`again`.
        """
        roots = agent_roots(self._places, config)
        known = {(root.agent, str(root.path)) for _, root in roots}
        by_name = {agent.name: agent for agent in agents_in_use(config)}
        for root in sorted(found, key=lambda root: str(root.path)):
            if root.agent in by_name and (root.agent, str(root.path)) not in known:
                roots.append((by_name[root.agent], root))
        if roots == self._roots:
            return False
        self._roots = roots
        self._follower.close()
        self._follower = self._new_follower(config)
        return True

    def _look_again(self, logs: Iterable[LogFile], now: float, now_ns: int) -> None:
        """Come back to what its owner was at, to unfinished last lines and to late commits."""
        for log in logs:
            tries = self._intake.busy.get(log.path)
            position = self._intake.position(log)
            if tries is not None:
                self._follower.look_again(log, now + min(BUSY_S * 2**tries, BUSY_MOST_S))
            elif last_line_due(position, now_ns + int(LAST_LINE_S * 1e9)):
                self._follower.look_again(log, now + LAST_LINE_S)
            elif commit_due(position, now_ns + 2 * QUIET_NS):
                self._follower.look_again(log, now + QUIET_NS / 1e9)

    def _new_follower(self, config: Config) -> Follower:
        now, now_ns = time.monotonic(), time.time_ns()
        if config.watch.poll == "always":
            return Follower(self._roots, watches=None, mounts="", now=now, now_ns=now_ns)
        return follow(self._roots, now=now, now_ns=now_ns)


def open_intake(folder: Path, price: Price, stopping: Callable[[], bool]) -> Intake:
    """Open the ledger; a scan or a repricing that holds it will be done in a moment.

    Raises
    ------
    LedgerBusyError
        If it is held too long, or ``stopping`` says so.
    """
    deadline = time.monotonic() + LEDGER_WAIT_S
    while True:
        try:
            return Intake(folder, price, time.time_ns() // 1_000_000)
        except LedgerBusyError:
            if time.monotonic() > deadline or stopping():
                raise
            time.sleep(0.1)
