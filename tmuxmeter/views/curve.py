"""The breakeven curve in the terminal: R over N, with the line and the day's point on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmuxmeter.status.text import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 12
NARROWEST, WIDEST = 30, 110
AXIS = 6
"""Terminal cells left of the drawing: the scale of R."""
AXES = "Work per dollar, in parallel ÷ with one agent, over a day's input tokens."
"""What the drawing shows, in a line that fits 80 cells."""


@dataclass(frozen=True)
class Mark:
    """A day on or near the curve."""

    tokens: int
    ratio: float
    label: str


@dataclass(frozen=True)
class Graph:
    """What a drawing of the curve shows.

    Attributes
    ----------
    points : sequence of (int, float)
        The curve: input tokens N, and R there, in rising order of N.
    line : int or None
        N*, None where there is none.
    band : tuple of int, or None
        Between which N the line may lie.
    marks : sequence of Mark
        Days.
    """

    points: Sequence[tuple[int, float]]
    line: int | None
    band: tuple[int, int] | None
    marks: Sequence[Mark]

    @property
    def end(self) -> int:
        """The greatest N to show."""
        return max([self.points[-1][0], *(mark.tokens for mark in self.marks), 1])

    @property
    def top(self) -> float:
        """The greatest R to show, a multiple of a half."""
        highest = max([1.2, *(r for _, r in self.points), *(m.ratio for m in self.marks)])
        return -(-highest * 2 // 1) / 2

    def ratio_at(self, n: float) -> float:
        """Return R between the points, which lie close together."""
        before = self.points[0]
        for point in self.points:
            if point[0] >= n:
                break
            before = point
        else:
            return self.points[-1][1]
        if point[0] == before[0]:
            return point[1]
        share = (n - before[0]) / (point[0] - before[0])
        return before[1] + (point[1] - before[1]) * share


def ticks(end: float, most: int) -> list[float]:
    """Return at most so many round figures from 0 to the end, evenly spaced.

    >>> ticks(480_000, 5)
    [0.0, 200000.0, 400000.0]
    """
    step = 1.0
    while end / step > most - 1:
        # 1, 2, 5, 10, 20, …
        step *= 2.5 if f"{step:.0e}"[0] == "2" else 2
    return [step * number for number in range(int(end / step) + 1)]


def drawn(graph: Graph, limit: int | None) -> list[str]:
    """Return the curve as lines of text of at most ``limit`` terminal cells; none if too few."""
    wide = min((limit or 80) - AXIS - 1, WIDEST)
    if wide < NARROWEST:
        return []
    end, top = graph.end, graph.top

    def column(n: float) -> int:
        return min(round(n / end * (wide - 1)), wide - 1)

    def row(ratio: float) -> int:
        return HEIGHT - 1 - min(max(round(ratio / top * (HEIGHT - 1)), 0), HEIGHT - 1)

    cells = [[" "] * wide for _ in range(HEIGHT)]
    if graph.band:
        low, high = (column(min(n, end)) for n in graph.band)
        for line in cells:
            line[low : high + 1] = "░" * (high + 1 - low)
    cells[row(1)] = ["─"] * wide
    shown = graph.line is not None and graph.line <= end
    if graph.line is not None and shown:
        for line in cells:
            line[column(graph.line)] = "│"
    previous = row(graph.ratio_at(0))
    for place in range(wide):
        here = row(graph.ratio_at(place / (wide - 1) * end))
        # a steep fall is drawn whole
        for between in range(min(previous, here), max(previous, here) + 1):
            cells[between][place] = "•"
        previous = here
    for mark in graph.marks:
        cells[row(mark.ratio)][column(mark.tokens)] = "●"
    scale = {row(r / 2): f"{r / 2:g}×" for r in range(1, round(top * 2) + 1)}
    lines = [f"{scale.get(n, ''):>{AXIS - 1}} {''.join(line)}" for n, line in enumerate(cells)]
    foot = [" "] * wide
    for n in ticks(end, wide // 10):
        text = tokens(round(n))
        if column(n) + len(text) <= wide:
            foot[column(n) : column(n) + len(text)] = text
    lines.append(" " * AXIS + "".join(foot))
    return [line.rstrip() for line in lines]


def graph_of(data: dict[str, Any], label: str) -> Graph:
    """Return what to draw of an explained day (``explain``), its point under a label."""
    low, high = data["line_low"], data["line_high"]
    end = data["curve"][-1]["input_tokens"]
    band = None if low is None else (low, end if high is None else high)
    marks = [Mark(data["input_tokens"], data["ratio"], label)] if data["input_tokens"] else []
    points = [(point["input_tokens"], point["ratio"]) for point in data["curve"]]
    return Graph(points, data["line_input_tokens"], band, marks)
