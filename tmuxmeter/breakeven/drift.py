"""Drift: long sessions grow verbose and have to be told again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.ledger.turns import Turn

HOUR_MS = 3_600_000
FIRST_HOURS = 2.0
"""No session is called drifting before it is so old: the seed's were tight at first, not at six."""
FEWEST_TURNS = 8
"""Fewer turns say nothing."""
GROWN = 0.5
"""Output that grew over the session's life by this share of its median is drift."""
CORRECTED = 0.25
"""So is a later half in which this share of the prompts corrects or repeats."""


class Drift(NamedTuple):
    """How a session developed.

    Attributes
    ----------
    age_hours : float
        From its first to its last human prompt.
    turns : int
        Human prompts, with all that was done for each.
    slope : float
        Output tokens per turn, more or fewer per hour of age (Theil's median of slopes).
    growth : float
        That slope over the whole age, as a share of the median output per turn.
    corrected, corrected_late : float
        The share of prompts that correct or repeat, in all and in the later half.
    again_tokens : int
        Input tokens of turns that began with such a prompt.
    drifting : bool
        Old enough, long enough, and growing or corrected.
    """

    age_hours: float
    turns: int
    slope: float
    growth: float
    corrected: float
    corrected_late: float
    again_tokens: int
    drifting: bool


def drift(turns: Sequence[Turn]) -> Drift | None:
    """Return how a session developed, from its turns in order of time; None without any."""
    if not turns:
        return None
    age = (turns[-1].start_ms - turns[0].start_ms) / HOUR_MS
    slope = median_slope([(turn.start_ms / HOUR_MS, turn.output) for turn in turns])
    middle = median([turn.output for turn in turns])
    growth = slope * age / middle if middle else 0.0
    late = turns[len(turns) // 2 :]
    corrected_late = sum(turn.corrects for turn in late) / len(late)
    return Drift(
        age_hours=age,
        turns=len(turns),
        slope=slope,
        growth=growth,
        corrected=sum(turn.corrects for turn in turns) / len(turns),
        corrected_late=corrected_late,
        again_tokens=sum(turn.input for turn in turns if turn.corrects),
        drifting=age >= FIRST_HOURS
        and len(turns) >= FEWEST_TURNS
        and (growth >= GROWN or corrected_late >= CORRECTED),
    )


def median_slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median slope between points half of the series apart, 0 where there are none.

    Theil's "incomplete" method: robust as all pairs are, at one step per point.

    >>> median_slope([(0, 10), (1, 12), (2, 14), (3, 16), (4, 18), (5, 900)])
    2.0
    """
    half = (len(points) + 1) // 2
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in zip(points, points[half:], strict=False)
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0


def median(values: Sequence[float]) -> float:
    """Return the middle value, the mean of the two in the middle of an even number.

    The standard library's own would take longer to import than a day takes to compute.

    >>> median([5, 1, 3]), median([4, 1, 3, 2])
    (3, 2.5)
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
