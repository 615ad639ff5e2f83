"""Goes through the lines of a JSON log: what one line means is each agent's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias, TypeVar

import msgspec

from tmuxmeter.agents.readers import unknown_type
from tmuxmeter.events import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmuxmeter.events import Event

BROKEN = "broken record"
BAD_FIELD = "bad field"
BAD_COUNTS = "bad token counts"
BAD_TIME = "bad time"

MOST_TOKENS = 2**40
"""No request comes near: a larger figure is damage, not spend."""

Tokens: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
"""A count of tokens in a record; anything else spoils the record."""

Record = TypeVar("Record")


class SkipRecord(Exception):  # noqa: N818 - a signal inside the readers, not an error
    """A record can't be counted; the message is the reason shown by ``doctor``."""


def unknown(*words: str, version: str = "") -> NoReturn:
    """Leave out a record of a type that the reader has never heard of.

    Raises
    ------
    SkipRecord
        Always.
    """
    raise SkipRecord(unknown_type(" ".join(words), version))


def decode(decoder: msgspec.json.Decoder[Record], line: bytes | memoryview | str) -> Record:
    """Return the record on a line, or in a document or a row.

    A line with bytes that aren't UTF-8, or half a surrogate pair, is read again with those
    replaced: damage in a text must not cost the numbers beside it.

    Raises
    ------
    msgspec.ValidationError
        A field has a type or value it can't have.
    ValueError
        The line is no JSON.
    RecursionError
        The line is nested too deeply.
    """
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        raise
    except ValueError:
        text = line if isinstance(line, str) else bytes(line).decode("utf-8", "replace")
        content = json.loads(text.strip("\0"))
        mended = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        return decoder.decode(mended)


class Batch:
    """Events of one call to a reader, and the records it left out."""

    __slots__ = ("_skipped", "events", "offset")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.offset = 0
        """Where the record at hand stands in its file."""
        self._skipped: dict[str, tuple[int, int]] = {}

    def skip(self, reason: str) -> None:
        """Count a record that was left out."""
        self._skipped[reason] = (self._skipped.get(reason, (0, 0))[0] + 1, self.offset)

    def finish(self) -> list[Event]:
        """Return all events."""
        self.events += [
            Skipped(key=0, session="", time_ms=0, reason=reason, count=count, offset=offset)
            for reason, (count, offset) in self._skipped.items()
        ]
        return self.events


def read_lines(
    take: Callable[[Batch, bytes], None],
    block: bytes | bytearray,
    start: int,
    end: int,
    offset: int,
) -> list[Event]:
    """Hand each line of ``block[start:end]`` to ``take`` and return the events of all.

    What ``take`` raises (see :func:`guarded`) costs that line only.
    """
    batch = Batch()
    offset -= start
    with memoryview(block) as view:
        while start < end:
            stop = block.find(b"\n", start, end)
            if stop < 0:
                stop = end
            if stop > start:
                batch.offset = offset + start
                guarded(take, batch, bytes(view[start:stop]))
            start = stop + 1
    return batch.finish()


def guarded(take: Callable[[Batch, bytes], None], batch: Batch, line: bytes) -> None:
    """Call ``take`` and count the record as left out where it can't be understood."""
    try:
        take(batch, line)
    except SkipRecord as reason:
        batch.skip(str(reason))
    except msgspec.ValidationError as error:
        batch.skip(reason_of(error))
    except (ValueError, RecursionError):
        if line.strip(b"\0 \t\r"):
            batch.skip(BROKEN)


def reason_of(error: msgspec.ValidationError) -> str:
    """Return why a record was left out, told from where in it the bad value stands."""
    place = str(error).rpartition(" - at ")[2].lower()
    return BAD_COUNTS if "token" in place or "usage" in place else BAD_FIELD
