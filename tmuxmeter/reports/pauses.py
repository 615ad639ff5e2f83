"""Pauses as plain data, and whether they hold: requests made although they were there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.ledger.session_queries import RequestAfter
    from tmuxmeter.panes.picture import PauseNow

Row = dict[str, Any]

LAST_LINE_MS = 5_000
"""What was running when an agent was stopped may still have come into its log for so long."""
LONGEST_REQUEST_MS = 15 * 60_000
"""No request that ends later than this after a pause had begun before it."""


def spent_after(requests: Iterable[RequestAfter], since_ms: int, way: str, *, worked: bool) -> int:
    """Return the tokens of requests that began after a pause; more than 0 is an alarm.

    A held agent finishes what runs, or the one request that the result of a running tool makes,
    before the next tool call: the first request is let pass in each of its threads whose turn was
    going on, and in no other. A frozen or interrupted one makes none, but for lines that were on
    their way into the log.

    Parameters
    ----------
    requests : iterable of RequestAfter
        All that ended after the pause, in order of time.
    since_ms : int
        When it was paused.
    way : str
        ``hold``, ``freeze`` or ``interrupt``.
    worked : bool
        Whether the agent itself said that it worked when it was paused. Its log may tell that only
        later, as where a hook has it go on after its last word.
    """
    running: set[tuple[int, int]] = set()
    tokens = 0
    for request in requests:
        late = request.time_ms - since_ms
        thread = request.session_id, request.file_id
        under_way = request.open or (worked and request.known)
        first = under_way and late <= LONGEST_REQUEST_MS and thread not in running
        if way == "hold" and first:
            running.add(thread)
        elif way == "hold" or late > LAST_LINE_MS:
            tokens += request.tokens
    return tokens


def pause_row(pause: PauseNow) -> Row:
    """Return what is known of a pause. ``spent_after`` are tokens; more than 0: it doesn't hold."""
    return {
        "agent": pause.agent,
        "agent_session": pause.session or None,
        "who": pause.who,
        "way": pause.way,
        "since_ms": pause.since_ms,
        "seen": pause.seen,
        "spent_after": pause.spent_after,
    }
