"""Spans of time as sorted lists of ``(start_ms, end_ms)`` that neither touch nor overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Interval: TypeAlias = tuple[int, int]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return what any of the intervals covers; empty ones cover nothing.

    >>> union([(5, 9), (1, 3), (3, 4), (7, 7)])
    [(1, 4), (5, 9)]
    """
    merged: list[Interval] = []
    first = last = None
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if last is None or first is None:
            first, last = start, end
        elif start > last:
            merged.append((first, last))
            first, last = start, end
        elif end > last:
            last = end
    if first is not None and last is not None:
        merged.append((first, last))
    return merged


def common(first: list[Interval], second: list[Interval]) -> list[Interval]:
    """Return what both lists cover.

    >>> common([(1, 4), (6, 9)], [(2, 7)])
    [(2, 4), (6, 7)]
    """
    found: list[Interval] = []
    i = j = 0
    while i < len(first) and j < len(second):
        start = max(first[i][0], second[j][0])
        end = min(first[i][1], second[j][1])
        if start < end:
            found.append((start, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(first: list[Interval], second: list[Interval]) -> list[Interval]:
    """Return what the first list covers and the second doesn't.

    >>> without([(1, 10)], [(0, 2), (4, 5), (9, 12)])
    [(2, 4), (5, 9)]
    """
    found: list[Interval] = []
    j = 0
    for start, end in first:
        at = start
        while j < len(second) and second[j][1] <= at:
            j += 1
        k = j
        while k < len(second) and second[k][0] < end:
            if second[k][0] > at:
                found.append((at, second[k][0]))
            at = max(at, second[k][1])
            k += 1
        if at < end:
            found.append((at, end))
    return found


def length(intervals: Iterable[Interval]) -> int:
    """Return how long the intervals are together, in milliseconds."""
    return sum(end - start for start, end in intervals)


def levels(lists: Iterable[list[Interval]]) -> dict[int, int]:
    """Return for how long exactly so many of the lists cover the time at once, in milliseconds.

    >>> levels([[(0, 10)], [(5, 7)], [(6, 12)]])
    {1: 7, 2: 4, 3: 1}
    """
    steps: dict[int, int] = {}
    for intervals in lists:
        for start, end in intervals:
            steps[start] = steps.get(start, 0) + 1
            steps[end] = steps.get(end, 0) - 1
    found: dict[int, int] = {}
    at = level = 0
    for time in sorted(steps):
        if level:
            found[level] = found.get(level, 0) + time - at
        level += steps[time]
        at = time
    return dict(sorted(found.items()))
