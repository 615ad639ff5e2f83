"""What agents do at the end of a day so far, as far as their logs and the ledger tell.

``panes`` looks at tmux and at processes and knows it of this moment; a report that has to start
fast takes what the watcher and the logs said last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.ledger.activity import SILENCE_MS
from tmuxmeter.reports.words import GONE, IDLE, WAITING, WORKING

if TYPE_CHECKING:
    from tmuxmeter.breakeven.touches import Seat
    from tmuxmeter.ledger.activity import Activity, Timeline

SEEN_MS = 2 * 60_000
"""The watcher looks at least once a minute whether a session still stands."""
UNKNOWN = ""
"""A turn that neither ended nor showed anything for long."""
ORDER = (WAITING, WORKING, UNKNOWN, IDLE, GONE)
"""The state of several agents in one place is that which asks most for attention."""


def seat_states(
    activity: Activity, seats: dict[int, Seat], now_ms: int, *, watched: bool
) -> dict[Seat, str]:
    """Return what the agents of each seat do: working, waiting (for the human), idle or gone.

    By the rules of ``panes``: work to look at is no reason to be called waiting, a question is.
    Seats of sessions that nobody saw running are left out, "" stands where it can't be told.

    Parameters
    ----------
    activity : Activity
        What was done up to now.
    seats : dict
        By session id: where each was when it last did something.
    now_ms : int
        The time, within the activity's span.
    watched : bool
        Whether a watcher looks: it notes who waits, and knows it from the agents themselves.
    """
    newest: dict[int, int] = {}
    for line in activity.timelines:
        # what a sub-agent does is its parent's work
        root = line.thread.root
        newest[root] = max(newest.get(root, -1), _newest(line))
    found: dict[Seat, set[str]] = {}
    for line in activity.timelines:
        each = line.thread
        if each.id in seats and not each.spawned and activity.stays.get(each.id):
            state = _state(line, newest[each.id], now_ms, watched=watched)
            if is_gone(activity, each.id):
                state = GONE
            found.setdefault(seats[each.id], set()).add(state)
    return {seat: min(states, key=ORDER.index) for seat, states in found.items()}


def is_gone(activity: Activity, session_id: int) -> bool | None:
    """Tell whether a session no longer runs anywhere; None: nobody ever saw where it ran."""
    stays = activity.stays.get(session_id)
    return all(stay.end_ms is not None for stay in stays) if stays else None


def _state(line: Timeline, newest_ms: int, now_ms: int, *, watched: bool) -> str:
    own = _newest(line)
    for row in line.standstills:
        # what it did later says that it waits no more, before two minutes are over
        if row.why == WAITING and now_ms - row.end_ms <= SEEN_MS and own <= row.end_ms:
            return WAITING
    end = line.ends[-1] if line.ends else None
    if end is None or newest_ms > end.time_ms:
        return WORKING if now_ms - newest_ms <= SILENCE_MS else UNKNOWN
    return WAITING if end.asked and not watched else IDLE


def _newest(line: Timeline) -> int:
    rows = (line.requests, line.results, line.touches, line.prompts)
    return max((last.time_ms for each in rows for last in each[-1:]), default=-1)
