"""Reading what was added to one log file, in whole lines and bounded memory.

A position stands after a complete line, always. Whatever happens to the file between two reads
(appended, cut, replaced, rewritten in place, moved, compressed), reading from a position gives
the records behind it, or all of them again where the bytes before it are no longer the same.
Reading a record twice is harmless: the ledger books each key once.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tmuxmeter.events import Chunk, Event, LogFile, Position, Skipped
from tmuxmeter.logs.beside import reader_of
from tmuxmeter.logs.compressed import SUFFIX, ZstSource
from tmuxmeter.logs.mark import SAMPLE, Mark
from tmuxmeter.logs.source import PlainSource, Source, failure, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.agents.readers import Reader

BLOCK = 1 << 20
CHUNK_EVENTS = 5_000
CHUNK_BYTES = 32 << 20
LINE_LIMIT = 64 << 20
SETTLED_NS = 60 * 10**9

_LEAST = 1 << 12


def same_file_facts(facts: os.stat_result, position: Position) -> bool:
    """Tell whether a file looks exactly as it did when it was read up to ``position``."""
    return (
        facts.st_mtime_ns == position.mtime_ns
        and facts.st_size == position.size
        and facts.st_ino == position.inode
        and facts.st_dev == position.device
    )


def last_line_due(position: Position, now_ns: int) -> bool:
    """Tell whether an unfinished last line is to be read because its file has come to rest.

    Compressed files end where they end: there ``size`` says nothing about ``offset``, so the
    mark's own count decides.
    """
    mark = Mark.parse(position.mark)
    return mark.searched > 0 and not mark.last_line and _settled(position.mtime_ns, now_ns)


def read_file(
    agent: Agent,
    log: LogFile,
    position: Position,
    *,
    now_ns: int = 0,
    block_size: int = BLOCK,
    chunk_events: int = CHUNK_EVENTS,
    chunk_bytes: int = CHUNK_BYTES,
    line_limit: int = LINE_LIMIT,
    buffer: bytearray | None = None,
) -> Iterator[Chunk]:
    """Read a log from a position on and yield its events with the positions after them.

    Nothing is yielded where nothing changed. A changed file without new events yields one chunk
    that holds only its new position.

    Parameters
    ----------
    agent, log, position
        Whose log it is, which one, and where the ledger says it was read up to.
    now_ns : int
        The time in epoch nanoseconds. A last line without a newline is read once its file was
        left alone for a minute before ``now_ns`` and the line is complete JSON; the position
        stays before it, so it is read again, harmlessly, should the file grow. 0: never.
    block_size : int
        Bytes read at once; also what stays in memory unless a line is longer.
    chunk_events, chunk_bytes : int
        A chunk is closed when it reached either.
    line_limit : int
        Longer lines are passed by, held nowhere, and counted as ``Skipped``.
    buffer : bytearray, optional
        Memory of ``block_size`` to be used again, for many files in a row.

    Raises
    ------
    LogError
        If the file can't be opened, is no regular file, or stops being readable on the way, after
        the events before that place were yielded. A missing file yields nothing.
    """
    try:
        # Most looks end here, before the file is opened.
        if same_file_facts(os.lstat(log.path), position) and not last_line_due(position, now_ns):
            return
        descriptor, facts = open_log(log.path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(log.path, error) from error
    try:
        tail = _Tail(agent, log, position, descriptor, facts)
        tail.limits(block_size, chunk_events, chunk_bytes, line_limit)
        if buffer is None or len(buffer) < block_size:
            buffer = bytearray(min(block_size, max(_LEAST, facts.st_size - tail.offset + 1)))
        yield from tail.chunks(buffer, settled=_settled(facts.st_mtime_ns, now_ns))
    except OSError as error:
        raise failure(log.path, error) from error
    finally:
        os.close(descriptor)


class _Tail:
    """One pass over one file."""

    def __init__(
        self,
        agent: Agent,
        log: LogFile,
        position: Position,
        descriptor: int,
        facts: os.stat_result,
    ) -> None:
        self._agent = agent
        self._log = log
        self._facts = facts
        self._before = position
        self._compressed = log.path.endswith(SUFFIX)
        self._source: Source = (
            ZstSource(descriptor) if self._compressed else PlainSource(descriptor)
        )
        self._last_line = False
        mark = Mark.parse(position.mark)
        head, tail = self._source.samples(position.offset, SAMPLE)
        if mark.matches(head, tail):
            self.offset = position.offset
            self._searched = mark.searched
            state = position.reader
        else:
            # Never read before, or rewritten: from the beginning with a reader that knows nothing.
            self.offset, self._searched, state, head, tail = 0, 0, b"", b"", b""
            self._source.seek(0)
        self._head, self._seen = head, tail
        self._restart = self.offset == 0
        self._reader: Reader = reader_of(agent, log, state)
        self._events: list[Event] = []

    def limits(self, block: int, chunk_events: int, chunk_bytes: int, line: int) -> None:
        self._block = block
        self._chunk_events = chunk_events
        self._chunk_bytes = chunk_bytes
        self._line = line

    def chunks(self, buffer: bytearray, *, settled: bool) -> Iterator[Chunk]:
        if not settled and self._unfinished_line_only_grew(buffer):
            yield self._chunk(at_end=not self._failed)
        else:
            yield from self._new_chunks(buffer, settled=settled)
        if self._failed:
            raise failure(self._log.path, self._source.damage)

    @property
    def _failed(self) -> bool:
        """The file couldn't be read to its end. An archive ends where it is damaged."""
        return bool(self._source.damage) and not self._compressed

    def _new_chunks(self, buffer: bytearray, *, settled: bool) -> Iterator[Chunk]:
        own = buffer
        view = memoryview(buffer)
        fill = 0
        closed_at = self.offset
        while taken := self._source.readinto(view[fill:]):
            fill += taken
            cut = buffer.rfind(b"\n", fill - taken, fill) + 1
            if not cut and fill == len(buffer):
                if fill < self._line:
                    buffer = _longer(buffer, min(self._line, max(self._block, 2 * fill)))
                    view = memoryview(buffer)
                    continue
                # Its beginning is given up, the rest streams past: it is held nowhere.
                fill = self._pass_long_line(own, buffer)
                buffer, view = own, memoryview(own)
                cut = buffer.rfind(b"\n", 0, fill) + 1
            if not cut:
                continue
            self._read(buffer, cut)
            target = own if fill - cut < len(own) else buffer
            into = memoryview(target)
            into[: fill - cut] = view[cut:fill]
            buffer, view, fill = target, into, fill - cut
            enough = len(self._events) >= self._chunk_events
            if enough or self.offset - closed_at >= self._chunk_bytes:
                closed_at = self.offset
                yield self._chunk(at_end=False)
        self._searched = max(self._searched, fill)
        self._last_line = settled and self._searched > 0
        if self._source.damage and self._compressed:
            self._events.append(_skipped(self._source.damage, self.offset))
        more = self._last_line_events(bytes(view[:fill])) if self._last_line and fill else []
        last = self._chunk(more, at_end=not self._failed)
        if last.events or last.position != self._before:
            yield last

    def _unfinished_line_only_grew(self, buffer: bytearray) -> bool:
        """Look for the end of a long unfinished line behind what is known to hold none.

        Without it, a line of 50 MB that arrives in small pieces would be read whole for each.
        """
        end = self.offset + self._searched
        if self._compressed or self._searched < self._block or self._facts.st_size < end:
            self._searched = 0
            return False
        view = memoryview(buffer)
        self._source.seek(end)
        while taken := self._source.readinto(view):
            if buffer.find(b"\n", 0, taken) >= 0:
                self._searched = 0
                self._source.seek(self.offset)
                return False
            self._searched += taken
        return True

    def _read(self, buffer: bytearray, cut: int) -> None:
        """Hand the whole lines of ``buffer[:cut]`` to the reader."""
        try:
            self._events += self._reader.read(buffer, 0, cut, self.offset)
        except Exception as error:
            raise failure(self._log.path, f"reader failed at {self.offset}: {error!r}") from error
        self._advance(buffer, cut)

    def _advance(self, buffer: bytearray, cut: int) -> None:
        if len(self._head) < SAMPLE:
            self._head += bytes(buffer[: min(cut, SAMPLE - len(self._head))])
        recent = bytes(buffer[max(0, cut - SAMPLE) : cut])
        self._seen = (self._seen + recent)[-SAMPLE:]
        self.offset += cut
        self._searched = 0

    def _pass_long_line(self, buffer: bytearray, begun: bytearray) -> int:
        """Pass by the line that starts with ``begun``; return how much behind it is in ``buffer``.

        Where its end hasn't been written yet, the position stays before it.
        """
        length = len(begun)
        head = (self._head + bytes(begun[:SAMPLE]))[:SAMPLE]
        seen = bytes(begun[-SAMPLE:])
        view = memoryview(buffer)
        while taken := self._source.readinto(view):
            end = buffer.find(b"\n", 0, taken) + 1
            stop = end or taken
            seen = (seen + bytes(view[max(0, stop - SAMPLE) : stop]))[-SAMPLE:]
            length += stop
            if end:
                reason = f"line longer than {self._line >> 20} MiB"
                self._events.append(_skipped(reason, self.offset))
                self._head, self._seen = head, seen
                self.offset += length
                view[: taken - end] = view[end:taken]
                return taken - end
        self._searched = length
        return 0

    def _last_line_events(self, line: bytes) -> list[Event]:
        """Return the events of a last line without a newline, leaving the reader as it is."""
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return []
        line += b"\n"
        reader: Reader = reader_of(self._agent, self._log, self._reader.state())
        events = reader.read(line, 0, len(line), self.offset)
        return [event for event in events if not isinstance(event, Skipped)]

    def _chunk(self, more: Sequence[Event] = (), *, at_end: bool) -> Chunk:
        """Close a chunk; ``more`` stands behind its position."""
        facts = self._facts
        mark = Mark.of(self._head, self._seen, self._searched, last_line=self._last_line)
        position = Position(
            device=facts.st_dev,
            inode=facts.st_ino,
            # A file that wasn't read to its end has to look changed to whoever goes on.
            size=facts.st_size if at_end else 0,
            mtime_ns=facts.st_mtime_ns if at_end else 0,
            offset=self.offset,
            mark=mark.pack(),
            reader=self._reader.state(),
        )
        chunk = Chunk(self._log, [*self._events, *more], position, self._restart)
        self._events = []
        self._restart = False
        return chunk


def _longer(buffer: bytearray, size: int) -> bytearray:
    longer = bytearray(size)
    longer[: len(buffer)] = buffer
    return longer


def _skipped(reason: str, offset: int) -> Skipped:
    return Skipped(key=0, session="", time_ms=0, reason=reason, offset=offset)


def _settled(mtime_ns: int, now_ns: int) -> bool:
    return now_ns - mtime_ns >= SETTLED_NS
