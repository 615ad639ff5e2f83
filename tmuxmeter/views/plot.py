"""The breakeven curve as a picture, drawn once on either of two surfaces.

Pictures need no library: SVG is text, and PNG is a compressed array of pixels, for which the
standard library has all that it takes. A plotting library would weigh more than tmuxmeter itself.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.status.text import tokens
from tmuxmeter.views.curve import ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.views.curve import Graph

Colour = tuple[int, int, int]
Spot = tuple[float, float]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 60, 60
WHITE, INK, PALE, BAND = (255, 255, 255), (40, 44, 52), (215, 218, 224), (255, 243, 205)
RADIUS = 6
LETTER, LINE_HEIGHT = 12, 16
"""Of a label, in pixels: as wide and high as the larger of both surfaces' fonts."""
AWAY = (-10, 24, -28, 42)
"""How far below a dot its label's base line may be, the nearest first."""
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


def _labels(spots: Sequence[tuple[Spot, str]], surface: Surface) -> None:
    """Write each dot's label where it covers neither another nor a dot; nowhere near, none."""
    taken = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for (x, y), _ in spots]
    for (x, y), label in spots:
        wide = len(label) * LETTER
        sides = ("end", "start") if x > WIDTH / 2 else ("start", "end")
        for away, anchor in product(AWAY, sides):
            beside, base = x + (-10 if anchor == "end" else 10), y + away
            left = beside - (wide if anchor == "end" else 0)
            box = (left, base - LINE_HEIGHT, left + wide, base)
            inside = box[0] >= LEFT and box[2] <= WIDTH and box[3] <= HEIGHT - BOTTOM
            if inside and box[1] >= TOP and not any(_meet(box, other) for other in taken):
                taken.append(box)
                surface.text((beside, base), label, DAY, anchor)
                break


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


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
    surface.path([(x(n), y(ratio)) for n, ratio in graph.points], CURVE, 3)
    spots = [((x(mark.tokens), y(mark.ratio)), mark.label) for mark in graph.marks]
    for spot, _ in spots:
        surface.dot(spot, RADIUS, DAY)
    _labels(spots, surface)
    surface.text((LEFT, 26), "Work per dollar: in parallel / with one agent", INK)
    surface.text((WIDTH - RIGHT, HEIGHT - 12), "input tokens a day", INK, "end")
