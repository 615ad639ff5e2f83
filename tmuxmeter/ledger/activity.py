"""What every session did in a span of time, in order, as rows that the levers are computed from."""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from tmuxmeter.ledger.slices import UNATTRIBUTED
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from tmuxmeter.ledger.slices import Where

HOUR_MS = 3_600_000
LOOK_BACK_MS = 24 * HOUR_MS
"""Sessions without a sign of life for so long before a span are left out, but for those still in
their panes. So much is read of one that no human asked anything before the span."""
LONGEST_TURN_MS = 7 * 24 * HOUR_MS
"""No more than this is read before a span, though a turn had begun earlier."""
WINDOW_MS = 2 * HOUR_MS
"""Within which edits of one file overlap, unless something else is asked for; at least so much
before the span is read of every session."""
SILENCE_MS = HOUR_MS
"""A turn that neither ended nor showed anything for this long is not called working any more."""
LOOK_AHEAD_MS = 10 * 60_000
"""So much after the span is read, to tell whether an agent was at work when the span ended."""


class Thread(NamedTuple):
    """A session's facts. ``root`` is the id of the session it works for: its own, if not spawned.

    ``first_request_ms`` is None where its log never told a request.
    """

    id: int
    agent: str
    session: str
    root: int
    spawned: bool
    project: str
    branch: str
    started_ms: int | None
    first_request_ms: int | None


class Request(NamedTuple):
    """Tokens of one request; ``cost`` in microdollars, None: unpriced."""

    time_ms: int
    model_id: int
    fresh: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    cost: int | None
    sidechain: int

    @property
    def input(self) -> int:
        """All input tokens."""
        return self.fresh + self.cache_read + self.cache_write_5m + self.cache_write_1h


class Asked(NamedTuple):
    """A prompt."""

    time_ms: int
    human: int
    corrects: int


class Ended(NamedTuple):
    """A turn's end; ``reason`` is done, interrupted or error."""

    time_ms: int
    reason: str
    duration_ms: int
    asked: int


class Result(NamedTuple):
    """A tool call came back."""

    time_ms: int
    ok: int


class Touch(NamedTuple):
    """A file was read or edited. ``path`` is absolute where that can be known."""

    time_ms: int
    path: str
    edit: int


class Standstill(NamedTuple):
    """A session stood still in a turn: ``waiting`` for the human or ``paused``."""

    start_ms: int
    end_ms: int
    why: str


RowT = TypeVar("RowT", Request, Asked, Ended, Result, Touch)
_time_of = itemgetter(0)


class Timeline(NamedTuple):
    """One session's rows, each list in order of time; ``before`` is the request before them."""

    thread: Thread
    before: Request | None
    requests: list[Request]
    prompts: list[Asked]
    ends: list[Ended]
    results: list[Result]
    touches: list[Touch]
    standstills: list[Standstill]


class Stay(NamedTuple):
    """Where a session was from one time to another (None: still there)."""

    start_ms: int
    end_ms: int | None
    where: Where


def within(rows: list[RowT], start_ms: int, end_ms: int) -> list[RowT]:
    """Return of rows in order of time those from a time up to, not including, another."""
    first = bisect_left(rows, start_ms, key=_time_of)
    return rows[first : bisect_left(rows, end_ms, first, key=_time_of)]


class Activity(NamedTuple):
    """All that was done in a span, and where.

    Attributes
    ----------
    start_ms, end_ms : int
        The span, its end not included. Timelines reach beyond it on both sides.
    window_ms : int
        Within which edits of one file overlap; no edit is missing so long before the span.
    timelines : list of Timeline
        By session id; only sessions with any sign of life near the span.
    stays : dict
        By session id, in order of time.
    """

    start_ms: int
    end_ms: int
    window_ms: int
    timelines: list[Timeline]
    stays: dict[int, list[Stay]]

    def where(self, session_id: int, time_ms: int) -> Where:
        """Return where a session was at a time."""
        for stay in self.stays[session_id]:
            if stay.start_ms <= time_ms and (stay.end_ms is None or time_ms < stay.end_ms):
                return stay.where
        return UNATTRIBUTED
