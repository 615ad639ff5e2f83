"""Whether a pause holds: which requests were made although it was there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.ledger.queries import RequestAfter

LAST_LINE_MS = 5_000
"""What was running when an agent was stopped may still have come into its log for so long."""
LONGEST_REQUEST_MS = 15 * 60_000
"""No request that ends later than this after a pause had begun before it."""


def spent_after(requests: Iterable[RequestAfter], since_ms: int, way: str) -> int:
    """Return the tokens of requests that began after a pause; more than 0 is an alarm.

    A held agent finishes what runs (or the one request that the result of a running tool makes,
    before the next tool call): in each of its threads the first request is let pass. A frozen or
    interrupted one makes none, but for lines that were on their way into the log.

    Parameters
    ----------
    requests : iterable of RequestAfter
        All that ended after the pause, in order of time.
    since_ms : int
        When it was paused.
    way : str
        ``hold``, ``freeze`` or ``interrupt``.
    """
    running: set[tuple[int, int]] = set()
    tokens = 0
    for request in requests:
        late = request.time_ms - since_ms
        thread = request.session_id, request.file_id
        if way == "hold" and late <= LONGEST_REQUEST_MS and thread not in running:
            running.add(thread)
        elif way == "hold" or late > LAST_LINE_MS:
            tokens += request.tokens
    return tokens
