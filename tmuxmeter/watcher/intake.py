"""Bringing the ledger up to date with the logs, in memory while it can't be written."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tmuxmeter.agents import agent_named
from tmuxmeter.errors import LedgerUnwritableError, LogBusyError, LogError
from tmuxmeter.events import Position
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.logs.found import file_key
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tmuxmeter.events import Chunk, LogFile
    from tmuxmeter.ledger.booking import Price
    from tmuxmeter.ledger.ids import FileIdentity

EVENTS_TOGETHER = 20_000
"""How many events are booked in one transaction while much is read."""
CACHED_POSITIONS = 2_000
"""So many logs' positions are kept once :meth:`Intake.release` was called."""
MEMORY_MS = 2 * 86_400_000
"""A stand-in ledger knows the last two days: today's figures, whenever today began."""
BUSY_AT_MOST = 3
"""A database that another program holds is tried so often before a copy of it is read."""


class Intake:
    """Reads logs from where the ledger stands and books what they say.

    Parameters
    ----------
    folder : Path
        The ledger's folder.
    price : Price
        What a request costs.
    now_ms : int
        The time in epoch milliseconds, for how much a ledger in memory must know.
    memory_ms : int
        How far back that is, in milliseconds.

    Attributes
    ----------
    writer : Writer
        The ledger in use; :attr:`trouble` says why it is one in memory, "" if it isn't.
    log_problems : dict
        Why a log can't be read, by its path.
    busy : dict
        How often in a row a log's owner was at it when it was to be read, by its path: such logs
        are to be read again soon.
    touched : set
        Agent and key of the sessions that were booked; whoever looks at them empties it.
    """

    def __init__(self, folder: Path, price: Price, now_ms: int, memory_ms: int = MEMORY_MS) -> None:
        self._folder = folder
        self._memory_ms = memory_ms
        self.price = price
        self.trouble = ""
        self.log_problems: dict[str, str] = {}
        self.busy: dict[str, int] = {}
        self.touched: set[tuple[str, str]] = set()
        self._positions: dict[FileIdentity, Position] | None = None
        self._lately: dict[FileIdentity, Position] = {}
        self._buffer = bytearray(1 << 20)
        try:
            self.writer = Writer.open(folder)
        except LedgerUnwritableError as error:
            self._use_memory(error, now_ms)

    def close(self) -> None:
        """Close the ledger."""
        self.writer.close()

    def position(self, log: LogFile) -> Position:
        """Return how far a log was read."""
        key = file_key(log)
        if self._positions is not None:
            return self._positions.get(key, Position())
        found = self._lately.get(key)
        return self._remember(key, self.writer.position(log)) if found is None else found

    def positions(self) -> Mapping[FileIdentity, Position]:
        """Return how far every log was read; kept in memory until :meth:`release`."""
        if self._positions is None:
            self._positions = self.writer.positions()
            self._lately.clear()
        return self._positions

    def release(self) -> None:
        """Give back the memory that reading much at once took; the ledger is asked from now on."""
        self._positions = None
        self.writer.release()

    def register(self, logs: Iterable[LogFile]) -> None:
        """Give logs their rank before anything of them is booked: the first owns what several show.

        A ledger that can't be written does without: it lasts only until the one on disk is back.
        """
        with contextlib.suppress(LedgerUnwritableError):
            self.writer.register(logs)

    def read(self, logs: Iterable[LogFile], now_ns: int) -> bool:
        """Read what was added to some logs; return whether reports may look different now."""
        changed = False
        batch: list[Chunk] = []
        events = 0
        for log in logs:
            self.log_problems.pop(log.path, None)
            tries = self.busy.pop(log.path, 0) + 1
            chunks = read_log(
                agent_named(log.agent),
                log,
                self.position(log),
                now_ns=now_ns,
                buffer=self._buffer,
                copy=tries >= BUSY_AT_MOST,
            )
            try:
                for chunk in chunks:
                    batch.append(chunk)
                    events += len(chunk.events)
                    if events >= EVENTS_TOGETHER:
                        changed |= self.book(batch, now_ns // 1_000_000)
                        batch, events = [], 0
            except LogBusyError as error:
                self.busy[log.path] = tries
                if tries > BUSY_AT_MOST:
                    self.log_problems[log.path] = str(error)
            except LogError as error:
                self.log_problems[log.path] = str(error)
        if batch:
            changed |= self.book(batch, now_ns // 1_000_000)
        return changed

    def book(self, chunks: list[Chunk], now_ms: int) -> bool:
        """Book chunks, in memory if the disk refuses; return whether reports may look different."""
        try:
            booked = self.writer.book(chunks, self.price)
        except LedgerUnwritableError as error:
            if self.writer.in_memory:
                raise
            self.fall_back(error, now_ms)
            booked = self.writer.book(chunks, self.price)
        for chunk in chunks:
            self._remember(file_key(chunk.file), chunk.position)
        self.touched |= booked.sessions
        return booked.changed

    def recover(self) -> bool:
        """Try the ledger on disk again; True if it is back, and reads on from its own positions."""
        try:
            writer = Writer.open(self._folder)
        except LedgerUnwritableError:
            return False
        try:
            # opening works on a full disk; only a write tells
            writer.set_meta("last_recovery", "tried")
        except LedgerUnwritableError:
            writer.close()
            return False
        self.writer.close()
        self.writer = writer
        self.trouble = ""
        self._forget_positions()
        return True

    def fall_back(self, error: LedgerUnwritableError, now_ms: int) -> None:
        """Go on with a ledger in memory, because the one on disk refuses."""
        self.writer.close()
        self._use_memory(error, now_ms)

    def _use_memory(self, error: LedgerUnwritableError, now_ms: int) -> None:
        self.trouble = f"not saved: {error}"
        self.writer = Writer.memory(self._folder, now_ms - self._memory_ms)
        self._forget_positions()

    def _forget_positions(self) -> None:
        self._positions = None
        self._lately.clear()

    def _remember(self, key: FileIdentity, position: Position) -> Position:
        if self._positions is not None:
            self._positions[key] = position
            return position
        # the latest stand last, so that of too many the oldest go
        self._lately.pop(key, None)
        self._lately[key] = position
        if len(self._lately) > CACHED_POSITIONS:
            del self._lately[next(iter(self._lately))]
        return position
