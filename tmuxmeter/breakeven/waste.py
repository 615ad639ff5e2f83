"""The cold-start tax, re-instruction, and what these and error loops leave of the tokens."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.breakeven.loops import Loop
    from tmuxmeter.ledger.activity import Activity, Request


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
        for number, request in enumerate(line.requests):
            time = request.time_ms
            if not activity.start_ms <= time < activity.end_ms:
                continue
            total.append(request)
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


def spent(requests: Iterable[Request]) -> Spent:
    """Return the sums of requests."""
    count = inputs = outputs = cost = unpriced = 0
    # taken apart at once: there are thousands of them in every day of a week
    for _, _, fresh, read, write_5m, write_1h, output, price, _ in requests:
        count += 1
        whole = fresh + read + write_5m + write_1h
        inputs += whole
        outputs += output
        if price is None:
            unpriced += whole + output
        else:
            cost += price
    return Spent(count, inputs, outputs, cost, unpriced)


def _reads(activity: Activity) -> tuple[int, int]:
    readers: dict[str, set[int]] = {}
    for line in activity.timelines:
        for touch in line.touches:
            if not touch.edit and activity.start_ms <= touch.time_ms < activity.end_ms:
                readers.setdefault(touch.path, set()).add(line.thread.root)
    shared = [len(agents) for agents in readers.values() if len(agents) > 1]
    return len(shared), sum(shared) - len(shared)
