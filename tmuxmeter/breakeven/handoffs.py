"""Hand-offs: work that agents handed to the human, and what it took him to look at it.

A hand-off is a turn that ended, by itself, with work to look at (files edited, by sub-agents too,
or a question asked) and was taken up by a human prompt in that session. Several such turns
before one prompt are one hand-off: the human looks once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.breakeven.intervals import common, length, union, without
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.breakeven.intervals import Interval
    from tmuxmeter.breakeven.touches import Seat
    from tmuxmeter.ledger.activity import Activity, Timeline

MINUTES_PER_HANDOFF = 12.0
"""The seed's measure of one review, where tmux showed nothing better and so much time passed."""
MOST_MINUTES = 60.0
"""One review takes no longer than this: the pane was left in front."""

MINUTE_MS = 60_000

_EDIT, _END, _HUMAN = range(3)


class Handoff(NamedTuple):
    """Work that waits (``taken_ms`` None) or was taken up.

    ``since_ms`` is when the first turn ended that left something to look at.
    """

    session_id: int
    since_ms: int
    taken_ms: int | None
    edits: int
    asked: bool


class ByHand(NamedTuple):
    """A hand-off that the human logged; ``minutes`` None: he didn't say."""

    time_ms: int
    minutes: float | None
    seat: Seat | None
    note: str


class Reviews(NamedTuple):
    """What hand-offs took: those measured, those not, and all minutes together."""

    handoffs: int
    by_hand: int
    measured: int
    minutes: float


def handoffs(activity: Activity) -> list[Handoff]:
    """Return hand-offs taken up within the span, and then those that wait at its end.

    Each in order of time.
    """
    groups: dict[int, list[Timeline]] = {}
    for line in activity.timelines:
        groups.setdefault(line.thread.root, []).append(line)
    found: list[Handoff] = []
    for root, lines in groups.items():
        main = next((line for line in lines if line.thread.id == root), None)
        if main is None:
            continue
        steps = [
            (touch.time_ms, _EDIT, False) for line in lines for touch in line.touches if touch.edit
        ]
        steps += [
            (end.time_ms, _END, bool(end.asked)) for end in main.ends if end.reason != "interrupted"
        ]
        steps += [(prompt.time_ms, _HUMAN, False) for prompt in main.prompts if prompt.human]
        found += _of_agent(root, sorted(step for step in steps if step[0] < activity.end_ms))
    return sorted(
        (each for each in found if each.taken_ms is None or each.taken_ms >= activity.start_ms),
        key=lambda each: (each.taken_ms is None, each.taken_ms or each.since_ms, each.session_id),
    )


def reviews(
    taken: Iterable[tuple[Handoff, Seat]],
    by_hand: Iterable[ByHand],
    attention: Mapping[Seat, list[Interval]],
    default_minutes: float = MINUTES_PER_HANDOFF,
    paused: Mapping[int, list[Interval]] | None = None,
) -> Reviews:
    """Return what looking at hand-offs took.

    One that nobody saw being looked at takes the default, but no longer than from the turn's end
    to the human's prompt; and since he looks at one thing at a time, all of these together no
    longer than they waited side by side. A hundred short turns would else take twice the day.

    Parameters
    ----------
    taken : iterable
        Hand-offs that were taken up, and the seat they came from.
    attention : mapping
        When each pane was in front of a client in use.
    paused : mapping, optional
        When each session was paused, by its id: to look at one then is no review.
    """
    count = hand = measured = 0
    minutes = unseen = 0.0
    waited: list[Interval] = []
    for each, seat in taken:
        count += 1
        held = paused.get(each.session_id, []) if paused else []
        seen = review_minutes(each, attention.get(seat, []), held)
        measured += seen is not None
        minutes += seen or 0.0
        if seen is None:
            spans = without([(each.since_ms, each.taken_ms or each.since_ms)], union(held))
            unseen += min(default_minutes, length(spans) / MINUTE_MS)
            waited += spans
    minutes += min(unseen, length(union(waited)) / MINUTE_MS)
    for entry in by_hand:
        hand += 1
        measured += entry.minutes is not None
        minutes += default_minutes if entry.minutes is None else entry.minutes
    return Reviews(count + hand, hand, measured, minutes)


def review_minutes(
    handoff: Handoff, attention: Iterable[Interval], paused: Iterable[Interval] = ()
) -> float | None:
    """Return how long a pane was looked at before work was taken up; None: nobody saw it."""
    if handoff.taken_ms is None:
        return None
    looks = common(union(attention), [(handoff.since_ms, handoff.taken_ms)])
    seen = length(without(looks, union(paused)))
    return min(seen / MINUTE_MS, MOST_MINUTES) if looks else None


def _of_agent(root: int, steps: list[tuple[int, int, bool]]) -> list[Handoff]:
    found = []
    edits, since, asked = 0, None, False
    for time, kind, question in steps:
        if kind == _EDIT:
            edits += 1
        elif kind == _END:
            asked = asked or question
            if since is None and (edits or asked):
                since = time
        else:
            if since is not None:
                found.append(Handoff(root, since, time, edits, asked))
            edits, since, asked = 0, None, False
    if since is not None:
        found.append(Handoff(root, since, None, edits, asked))
    return found
