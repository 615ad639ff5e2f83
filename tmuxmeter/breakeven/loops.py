"""Error loops: an agent that fails again and again, by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from tmuxmeter.ledger.activity import Timeline

LOOP_FAILURES = 3
"""So many failing tool results in a row make a loop."""

_FAILED, _GOOD, _OVER = range(3)


class Loop(NamedTuple):
    """A run of failing tool results in one session.

    ``end_ms`` is when something went well again or the turn was over, None while it lasts.
    ``tokens`` (in and out) and ``cost_microdollars`` are those of the requests made after the
    first failure, up to the end; ``unpriced_tokens`` of them are not in the cost.
    """

    session_id: int
    start_ms: int
    last_failure_ms: int
    end_ms: int | None
    failures: int
    tokens: int
    cost_microdollars: int
    unpriced_tokens: int


def error_loops(line: Timeline, start_ms: int = 0, end_ms: int | None = None) -> list[Loop]:
    """Return a session's loops, in order of time.

    A run is broken by a result that is good, by the turn's end and by a human prompt: whoever is
    told no by the human, or asks him, is not in a loop. Tokens are counted from ``start_ms`` up
    to, not including, ``end_ms``.
    """
    found: list[Loop] = []
    for first, last, count, end in _runs(line):
        if count < LOOP_FAILURES:
            continue
        tokens = cost = unpriced = 0
        for request in line.requests:
            time = request.time_ms
            if time <= first or (end is not None and time > end):
                continue
            if time < start_ms or (end_ms is not None and time >= end_ms):
                continue
            spent = request.input + request.output
            tokens += spent
            if request.cost is None:
                unpriced += spent
            else:
                cost += request.cost
        found.append(Loop(line.thread.id, first, last, end, count, tokens, cost, unpriced))
    return found


def _runs(line: Timeline) -> list[tuple[int, int, int, int | None]]:
    """Return runs of failures: first, last, how many, and when it was over (None: it isn't)."""
    if [row[1] for row in line.results].count(0) < LOOP_FAILURES:
        return []
    steps = [(row.time_ms, _GOOD if row.ok else _FAILED) for row in line.results]
    steps += [(row.time_ms, _OVER) for row in line.ends]
    steps += [(row.time_ms, _OVER) for row in line.prompts if row.human]
    # of one moment failures come first: what went well beside them ends the run
    steps.sort()
    runs: list[tuple[int, int, int, int | None]] = []
    first = last = count = 0
    for time, kind in steps:
        if kind == _FAILED:
            first = first if count else time
            last = time
            count += 1
        elif count:
            runs.append((first, last, count, time))
            count = 0
    if count:
        runs.append((first, last, count, None))
    return runs
