"""The breakeven curve as a picture, drawn once on either of two surfaces.

Pictures need no library: SVG is text, and PNG is a compressed array of pixels, for which the
standard library has all that it takes. A plotting library would weigh more than tmuxmeter itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.status.text import tokens
from tmuxmeter.views.curve import ticks
from tmuxmeter.views.labels import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.views.curve import Graph
    from tmuxmeter.views.labels import Box, Spot

Colour = tuple[int, int, int]

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 60, 60
WHITE, INK, PALE, BAND = (255, 255, 255), (40, 44, 52), (215, 218, 224), (255, 243, 205)
CURVE, LINE, DAY = (31, 119, 180), (192, 57, 43), (20, 20, 20)


class Surface(Protocol):
    """What can be drawn on; in pixels from the top left corner."""

    def area(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""

    def path(self, spots: Sequence[Spot], colour: Colour, wide: float) -> None:
        """Draw a line through some spots."""

    def dot(self, spot: Spot, radius: float, colour: Colour) -> None:
        """Draw a filled circle."""

    def text(self, spot: Spot, text: str, colour: Colour, anchor: str = "start") -> None:
        """Write text on a base line; ``anchor``: "start", "middle" or "end" is at the spot."""

    def done(self) -> bytes:
        """Return the picture as a file's content."""


def plot(graph: Graph, kind: str) -> bytes:
    """Return a graph as a picture; ``kind`` is ".svg" or ".png"."""
    surface: Surface
    if kind == ".svg":
        from tmuxmeter.views.svg import Svg

        surface = Svg(WIDTH, HEIGHT)
    else:
        from tmuxmeter.views.png import Png

        surface = Png(WIDTH, HEIGHT)
    draw(graph, surface)
    return surface.done()


def draw(graph: Graph, surface: Surface) -> None:
    """Draw a graph on a surface."""
    end, top = graph.end, graph.top

    def x(n: float) -> float:
        return LEFT + min(n, end) / end * (WIDTH - LEFT - RIGHT)

    def y(ratio: float) -> float:
        return HEIGHT - BOTTOM - max(min(ratio, top), 0) / top * (HEIGHT - TOP - BOTTOM)

    surface.area(0, 0, WIDTH, HEIGHT, WHITE)
    if graph.band:
        surface.area(x(graph.band[0]), TOP, x(graph.band[1]), HEIGHT - BOTTOM, BAND)
    for n in ticks(end, 9):
        surface.path([(x(n), TOP), (x(n), HEIGHT - BOTTOM)], PALE, 1)
        surface.text((x(n), HEIGHT - BOTTOM + 22), tokens(round(n)), INK, "middle")
    for step in range(round(top * 2) + 1):
        ratio = step / 2
        surface.path([(LEFT, y(ratio)), (WIDTH - RIGHT, y(ratio))], PALE, 1)
        surface.text((LEFT - 10, y(ratio) + 5), f"{ratio:g}", INK, "end")
    surface.path([(LEFT, y(1)), (WIDTH - RIGHT, y(1))], INK, 1.5)
    if graph.line is not None and graph.line <= end:
        surface.path([(x(graph.line), TOP), (x(graph.line), HEIGHT - BOTTOM)], LINE, 2)
        anchor = "end" if x(graph.line) > WIDTH / 2 else "start"
        beside = x(graph.line) + (-8 if anchor == "end" else 8)
        surface.text((beside, TOP - 8), f"the line: {tokens(graph.line)}", LINE, anchor)
    curve = [(x(n), y(ratio)) for n, ratio in graph.points]
    surface.path(curve, CURVE, 3)
    spots = [(x(mark.tokens), y(mark.ratio)) for mark in graph.marks]
    lines: list[Box] = [(LEFT, y(1) - 1, WIDTH - RIGHT, y(1) + 1)]
    if graph.line is not None:
        lines.append((x(graph.line) - 1, TOP, x(graph.line) + 1, HEIGHT - BOTTOM))
    lines += [(a[0], min(a[1], b[1]) - 2, b[0], max(a[1], b[1]) + 2) for a, b in pairwise(curve)]
    names = [mark.label for mark in graph.marks]
    for label in labels(spots, names, (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM), lines):
        if label.far:
            surface.path([label.of, label.at], INK, 1)
        surface.text(label.at, label.text, DAY, label.anchor)
    for spot in spots:
        surface.dot(spot, 6, DAY)
    surface.text((LEFT, 26), "Work per dollar: in parallel / with one agent", INK)
    surface.text((WIDTH - RIGHT, HEIGHT - 12), "input tokens a day", INK, "end")
