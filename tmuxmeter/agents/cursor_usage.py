"""What Cursor's stop hook reports of a turn, as events; and when two requests are the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from tmuxmeter.events import Chunk, LogFile, Position, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.events import Event

HOOK = "hook"
"""Root of what the hook tells: no log does, so sessions without it are no sign of a new format."""
BEFORE_MS = 60_000
"""How much earlier than a turn's prompt a request of it may be dated."""
SAME_MS = 6 * 3_600_000
"""How far two reports of one request may be apart: a long turn, told at its begin or its end."""


class Reported(Protocol):
    """A turn's tokens in disjoint kinds, as the hooks room reads them from the hook's payload."""

    @property
    def session(self) -> str:
        """Return Cursor's id of the conversation."""

    @property
    def turn(self) -> str:
        """Return Cursor's id of the turn (``generation_id``), "" where it didn't say."""

    @property
    def model(self) -> str:
        """Return the model under Cursor's name for it."""

    @property
    def fresh(self) -> int:
        """Return input tokens that were neither read from the cache nor written to it."""

    @property
    def cache_read(self) -> int:
        """Return input tokens read from the cache."""

    @property
    def cache_write(self) -> int:
        """Return input tokens written to the cache."""

    @property
    def output(self) -> int:
        """Return output tokens."""


class Counts(NamedTuple):
    """When a request was made, in epoch milliseconds, and its tokens."""

    time_ms: int
    fresh: int
    cache_read: int
    cache_write: int
    output: int

    def is_same(self, other: Counts) -> bool:
        """Tell whether two sources tell of one request: the same tokens at about the same time."""
        return self[1:] == other[1:] and abs(self.time_ms - other.time_ms) <= SAME_MS


def turn_events(report: Reported, time_ms: int) -> list[Usage]:
    """Return the spend of a turn; none where nothing but zeros is told, which tells nothing.

    A turn that is reported again counts once. Cursor doesn't say how long what it writes to a
    cache is kept; it is booked as kept for five minutes, which is what vendors do unasked.

    Parameters
    ----------
    report : Reported
        What the hook told.
    time_ms : int
        When it was told, in epoch milliseconds.
    """
    if not (report.fresh or report.cache_read or report.cache_write or report.output):
        return []
    turn = report.turn or f"at {time_ms}"
    return [
        Usage(
            key=event_key("cursor", "usage", f"turn/{report.session}/{turn}"),
            session=report.session,
            time_ms=time_ms,
            model=report.model,
            fresh=report.fresh,
            cache_read=report.cache_read,
            cache_write_5m=report.cache_write,
            output=report.output,
        )
    ]


def turn_chunk(
    report: Reported,
    time_ms: int,
    imported: Iterable[Counts],
    part: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Chunk | None:
    """Return what is to be booked of a turn, None where imports told all of it before.

    Parameters
    ----------
    report, time_ms
        As :func:`turn_events` takes them.
    imported : iterable of Counts
        Cursor's requests that imports brought, :data:`SAME_MS` around ``time_ms``.
    part : tuple of int
        Fresh, cache read, cache write and output of those that are this session's and this turn's:
        an import while a turn goes on brings its first requests.
    """
    counts = Counts(time_ms, report.fresh, report.cache_read, report.cache_write, report.output)
    rest = [told - known for told, known in zip(counts[1:], part, strict=True)]
    if min(rest) < 0 or any(counts.is_same(other) for other in imported):
        # requests that are more than the turn are this turn's and others': all of it is known
        return None
    events: list[Event] = [
        replace(event, fresh=rest[0], cache_read=rest[1], cache_write_5m=rest[2], output=rest[3])
        for event in turn_events(report, time_ms)
        if any(rest)
    ]
    return Chunk(LogFile("cursor", HOOK, "stop", ""), events, Position()) if events else None
