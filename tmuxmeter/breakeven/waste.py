"""The cold-start tax, re-instruction, and what these and error loops leave of the tokens."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.breakeven.loops import Loop
    from tmuxmeter.ledger.activity import Activity, Request

_time_of = itemgetter(0)


class Spent(NamedTuple):
    """Tokens and money of some requests; ``unpriced_tokens`` are not in the cost."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microdollars: int = 0
    unpriced_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.input_tokens + self.output_tokens


class Waste(NamedTuple):
    """Requests of a span by what they were wasted on; ``lost`` counts those in several once.

    Attributes
    ----------
    cold_starts : Spent
        Each session's first request: system prompts, project files, the same again and again.
    loops, drift : Spent
        Made in error loops; made from a prompt that corrects or repeats to the next human prompt.
    lost, total : Spent
        All three together; all requests.
    shared_files, repeated_reads : int
        Files that several agents read in the span, and the reads beyond each file's first agent.
    """

    cold_starts: Spent
    loops: Spent
    drift: Spent
    lost: Spent
    total: Spent
    shared_files: int
    repeated_reads: int

    @property
    def effective_share(self) -> float | None:
        """The share of all tokens that was not lost; None without any."""
        return 1 - self.lost.tokens / self.total.tokens if self.total.tokens else None


def waste(activity: Activity, error_loops: Mapping[int, Iterable[Loop]]) -> Waste:
    """Return what of a span's tokens was lost, and to what; loops by session id."""
    prompts = {
        line.thread.id: [(row.time_ms, row.corrects) for row in line.prompts if row.human]
        for line in activity.timelines
    }
    cold: list[Request] = []
    loops: list[Request] = []
    drift: list[Request] = []
    lost: list[Request] = []
    total: list[Request] = []
    for line in activity.timelines:
        # a sub-agent works on what its root session was asked
        asked = prompts.get(line.thread.root, prompts[line.thread.id])
        times = [time for time, _ in asked]
        spans = [(loop.start_ms, loop.end_ms) for loop in error_loops.get(line.thread.id, ())]
        first = line.thread.first_request_ms
        told = any(corrects for _, corrects in asked)
        rows = line.requests
        begin = bisect_left(rows, activity.start_ms, key=_time_of)
        end = bisect_left(rows, activity.end_ms, key=_time_of)
        total += rows[begin:end]
        if not spans and not told:
            # nothing but a first request can be lost, and that is the first of its log
            end = begin + 1 if begin < end and rows[begin].time_ms == first else begin
        for number in range(begin, end):
            request = rows[number]
            time = request.time_ms
            before = len(lost)
            if time == first and (number == 0 or line.requests[number - 1].time_ms != first):
                cold.append(request)
                lost.append(request)
            if spans and any(begin < time and (end is None or time <= end) for begin, end in spans):
                loops.append(request)
                lost[before:] = [request]
            turn = bisect_right(times, time)
            if turn and asked[turn - 1][1]:
                drift.append(request)
                lost[before:] = [request]
    shared, repeated = _reads(activity)
    return Waste(
        spent(cold), spent(loops), spent(drift), spent(lost), spent(total), shared, repeated
    )


def spent(requests: Sequence[Request]) -> Spent:
    """Return the sums of requests."""
    if not requests:
        return Spent()
    # column by column: there are thousands of them in every day of a week
    _, _, fresh, read, write_5m, write_1h, output, costs, _ = zip(*requests, strict=True)
    return Spent(
        len(requests),
        sum(fresh) + sum(read) + sum(write_5m) + sum(write_1h),
        sum(output),
        sum(cost for cost in costs if cost) if None in costs else sum(costs),
        sum(row.input + row.output for row in requests if row.cost is None) if None in costs else 0,
    )


def _reads(activity: Activity) -> tuple[int, int]:
    readers: dict[str, set[int]] = {}
    for line in activity.timelines:
        for touch in line.touches:
            if not touch.edit and activity.start_ms <= touch.time_ms < activity.end_ms:
                readers.setdefault(touch.path, set()).add(line.thread.root)
    shared = [len(agents) for agents in readers.values() if len(agents) > 1]
    return len(shared), sum(shared) - len(shared)
