"""When agents and the human were at work, and how much of it was of use.

An *agent* is a session with all sub-agents that work for it: a sub-agent's minutes are its
parent's. It is at work from one sign of life (request, prompt, tool result, file touch, turn end)
to the next, unless the turn had ended, a human prompt came next, the log was silent for longer
than :data:`QUIET_MS`, or the watcher saw it wait or be paused. A pause holds its sub-agents too,
and is no silence: what lies before and after it is work.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from tmuxmeter.breakeven.intervals import common, length, levels, union, without
from tmuxmeter.ledger.activity import LOOK_AHEAD_MS
from tmuxmeter.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.breakeven.intervals import Interval
    from tmuxmeter.breakeven.loops import Loop
    from tmuxmeter.ledger.activity import Activity, Timeline

MINUTE_MS = 60_000
QUIET_MS = LOOK_AHEAD_MS
"""The longest a tool of Claude Code may run (vendor documentation: 10 minutes). A longer silence
in a turn is a permission that nobody gives or a machine asleep."""
PRESENCE_MS = 30 * MINUTE_MS
"""A prompt stands for the human being there until the next, but for no longer than this."""

PAUSED = "paused"
"""Why a session stood still, in the ledger's word."""

_KINDS = 4
_SIGN, _END, _ASKED_BY_AGENT, _ASKED_BY_HUMAN = range(_KINDS)


@dataclass(frozen=True)
class Busy:
    """A span's minutes, in milliseconds.

    Attributes
    ----------
    agent_ms, productive_ms : int
        Summed over agents: all at work, and that which was of use.
    loop_ms, redone_ms : int
        At work in error loops and, beyond those, re-doing files that another pane had edited.
    any_ms : int
        At least one agent at work.
    levels_ms : dict
        Exactly so many agents at work.
    human_ms : int
        The human was there.
    """

    agent_ms: int
    productive_ms: int
    loop_ms: int
    redone_ms: int
    any_ms: int
    levels_ms: dict[int, int]
    human_ms: int

    @property
    def k_busy(self) -> float | None:
        """The speed-up that was possible; None where no agent was at work."""
        return self.productive_ms / self.any_ms if self.any_ms else None

    @property
    def parallel_share(self) -> float | None:
        """The share of :attr:`any_ms` with at least two agents at work."""
        if not self.any_ms:
            return None
        return 1 - self.levels_ms.get(1, 0) / self.any_ms


class Signs:
    """A session's signs of life in order of time, and what lies between them.

    Parameters
    ----------
    line : Timeline
        The session.
    paused : list of tuple
        When it was paused, by itself or with the agent it works for.
    """

    def __init__(self, line: Timeline, paused: list[Interval] | None = None) -> None:
        self.paused = paused or []
        # a sign is four times its time and what it is: thousands of numbers sort fast, and of one
        # moment comes what was done, then the turn's end, then what was asked next
        signs = [row[0] * _KINDS for row in line.requests]
        signs += [row[0] * _KINDS for row in line.results]
        signs += [row[0] * _KINDS for row in line.touches]
        signs += [row[0] * _KINDS + _END for row in line.ends]
        signs += [
            row.time_ms * _KINDS + (_ASKED_BY_HUMAN if row.human else _ASKED_BY_AGENT)
            for row in line.prompts
        ]
        signs.sort()
        self._signs = signs
        self.at_work = _stretches(signs, self.paused)
        if line.standstills or self.paused:
            still = [(row.start_ms, row.end_ms) for row in line.standstills]
            self.at_work = without(self.at_work, union([*still, *self.paused]))

    def around(self, time_ms: int) -> Interval:
        """Return the time from the last sign before a moment to the first one after it."""
        signs = self._signs
        before = bisect_left(signs, time_ms * _KINDS)
        after = bisect_left(signs, (time_ms + 1) * _KINDS)
        return (
            signs[before - 1] // _KINDS if before else time_ms,
            signs[after] // _KINDS if after < len(signs) else time_ms,
        )


def _stretches(signs: list[int], paused: list[Interval]) -> list[Interval]:
    """Return when there was work between signs."""
    found: list[Interval] = []
    begin = last = -1
    working = False
    for sign in signs:
        time, kind = sign // _KINDS, sign % _KINDS
        silence = time - last
        if paused and working:
            # nothing is to be heard while it is paused
            silence = length(without([(last, time)], paused))
        if working and silence <= QUIET_MS and kind != _ASKED_BY_HUMAN:
            begin = last if begin < 0 else begin
        elif begin >= 0:
            found.append((begin, last))
            begin = -1
        last, working = time, kind != _END
    if begin >= 0:
        found.append((begin, last))
    return union(found) if found else found


def signs_of_life(activity: Activity) -> dict[int, Signs]:
    """Return all sessions' signs of life, by session id."""
    held = pauses(activity)
    return {line.thread.id: Signs(line, held[line.thread.id]) for line in activity.timelines}


def pauses(activity: Activity) -> dict[int, list[Interval]]:
    """Return when each session was paused, by its id: a sub-agent is, with whom it works for."""
    found: dict[int, list[Interval]] = {}
    for line in activity.timelines:
        found[line.thread.id] = [
            (row.start_ms, row.end_ms) for row in line.standstills if row.why == PAUSED
        ]
    return {
        line.thread.id: union([*found[line.thread.id], *found.get(line.thread.root, ())])
        for line in activity.timelines
    }


def working(activity: Activity, signs: Mapping[int, Signs]) -> dict[int, list[Interval]]:
    """Return when each agent, by the id of its root session, was at work within the span."""
    return _by_agent(activity, {each: found.at_work for each, found in signs.items()})


def busy(
    activity: Activity,
    signs: Mapping[int, Signs],
    loops: Mapping[int, Iterable[Loop]],
    redone: Mapping[int, Iterable[int]],
    seen: Iterable[Interval] = (),
) -> Busy:
    """Return how much agents worked, and how much of it was of use.

    Parameters
    ----------
    activity : Activity
        What was done.
    signs : mapping
        Its signs of life, see :func:`signs_of_life`.
    loops : mapping
        Error loops by session id.
    redone : mapping
        By session id: when it edited a file that another pane had edited shortly before.
    seen : iterable
        When tmux showed the human at work.
    """
    useful: dict[int, list[Interval]] = {}
    left: dict[int, list[Interval]] = {}
    for each, found in signs.items():
        useful[each] = found.at_work
        if loops.get(each):
            failing = union(
                (loop.start_ms, activity.end_ms if loop.end_ms is None else loop.end_ms)
                for loop in loops[each]
            )
            useful[each] = without(found.at_work, failing)
        left[each] = useful[each]
        if redone.get(each):
            again = union(found.around(time) for time in redone[each])
            left[each] = without(useful[each], again)
    at_work = working(activity, signs)
    by_level = levels(at_work.values())
    agent_ms = sum(map(length, at_work.values()))
    useful_ms = sum(map(length, _by_agent(activity, useful).values()))
    productive_ms = sum(map(length, _by_agent(activity, left).values()))
    return Busy(
        agent_ms=agent_ms,
        productive_ms=productive_ms,
        loop_ms=agent_ms - useful_ms,
        redone_ms=useful_ms - productive_ms,
        any_ms=sum(by_level.values()),
        levels_ms=by_level,
        human_ms=length(presence(activity, signs, seen)),
    )


def presence(
    activity: Activity, signs: Mapping[int, Signs], seen: Iterable[Interval]
) -> list[Interval]:
    """Return when the human was there, as far as tmux and prompts tell.

    From one human prompt (in whatever session) to the next where that came within
    :data:`PRESENCE_MS`; else while the agent worked on it, for that long at most. And whenever he
    was ``seen`` with a pane in front.
    """
    prompts = sorted(
        (row.time_ms, line.thread.id)
        for line in activity.timelines
        for row in line.prompts
        if row.human
    )
    spans = list(seen)
    for number, (time, thread) in enumerate(prompts):
        following = prompts[number + 1][0] if number + 1 < len(prompts) else None
        if following is not None and following - time <= PRESENCE_MS:
            spans.append((time, following))
            continue
        end = next((end for start, end in signs[thread].at_work if start <= time < end), time)
        spans.append((time, min(end, time + PRESENCE_MS)))
    return common(union(spans), [(activity.start_ms, activity.end_ms)])


def _by_agent(activity: Activity, spans: Mapping[int, list[Interval]]) -> dict[int, list[Interval]]:
    """Join sub-agents' spans with those of whom they work for, within the activity's span."""
    joined: dict[int, list[list[Interval]]] = {}
    for line in activity.timelines:
        joined.setdefault(line.thread.root, []).append(spans[line.thread.id])
    return {
        root: _clipped(
            # most agents work alone
            parts[0] if len(parts) == 1 else union([each for part in parts for each in part]),
            activity.start_ms,
            activity.end_ms,
        )
        for root, parts in joined.items()
    }


def _clipped(spans: list[Interval], start_ms: int, end_ms: int) -> list[Interval]:
    """Return what of spans lies within a longer one: mostly all or nothing."""
    if not spans or spans[-1][1] <= start_ms or spans[0][0] >= end_ms:
        return []
    if spans[0][0] >= start_ms and spans[-1][1] <= end_ms:
        return spans
    return common(spans, [(start_ms, end_ms)])
