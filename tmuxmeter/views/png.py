"""A picture as PNG: pixels in memory, smooth edges, the standard library's compression."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from math import ceil, floor, hypot
from typing import TYPE_CHECKING

from tmuxmeter.views.font import GLYPHS, HIGH, WIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tmuxmeter.views.labels import Spot
    from tmuxmeter.views.plot import Colour

SCALE = 2
"""Pixels per pixel of the font."""
ADVANCE = (WIDE + 1) * SCALE


class Png:
    """A surface of so many pixels; see ``plot.Surface``."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._pixels = bytearray(width * height * 3)

    def area(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        begin, end = max(round(left), 0), min(round(right), self._width)
        row = bytes(colour) * max(end - begin, 0)
        for y in range(max(round(top), 0), min(round(bottom), self._height)):
            at = (y * self._width + begin) * 3
            self._pixels[at : at + len(row)] = row

    def path(self, spots: Sequence[Spot], colour: Colour, wide: float) -> None:
        """Draw a line through some spots."""
        for first, second in pairwise(spots):
            if wide <= 1 and (first[0] == second[0] or first[1] == second[1]):
                self.area(
                    *first, max(second[0], first[0] + 1), max(second[1], first[1] + 1), colour
                )
            else:
                self._near(first, second, wide / 2, colour)

    def dot(self, spot: Spot, radius: float, colour: Colour) -> None:
        """Draw a filled circle."""
        self._near(spot, spot, radius, colour)

    def text(self, spot: Spot, text: str, colour: Colour, anchor: str = "start") -> None:
        """Write text on a base line, in capitals of a small font; what it lacks is left blank."""
        text = text.upper()
        wide = len(text) * ADVANCE - SCALE
        left = round(spot[0] - {"start": 0, "middle": wide / 2, "end": wide}[anchor])
        top = round(spot[1]) - HIGH * SCALE
        for character in text:
            for y, row in enumerate(GLYPHS.get(character, ())):
                for x in range(WIDE):
                    if row >> (WIDE - 1 - x) & 1:
                        px, py = left + x * SCALE, top + y * SCALE
                        self.area(px, py, px + SCALE, py + SCALE, colour)
            left += ADVANCE

    def done(self) -> bytes:
        """Return the picture as a file's content."""
        stride = self._width * 3
        rows = b"".join(
            # each row begins with its filter, 0: none
            b"\0" + self._pixels[y * stride : (y + 1) * stride]
            for y in range(self._height)
        )
        header = struct.pack(">IIBBBBB", self._width, self._height, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            _chunk(kind, data)
            for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
        )

    def _near(self, first: Spot, second: Spot, reach: float, colour: Colour) -> None:
        """Colour all that is nearer than ``reach`` to a straight line, the edge by its share."""
        away = _distance(first, second)
        xs = first[0], second[0]
        ys = first[1], second[1]
        for y in range(
            max(floor(min(ys) - reach), 0), min(ceil(max(ys) + reach) + 1, self._height)
        ):
            for x in range(
                max(floor(min(xs) - reach), 0), min(ceil(max(xs) + reach) + 1, self._width)
            ):
                share = reach + 0.5 - away(x, y)
                if share > 0:
                    self._blend(x, y, min(share, 1.0), colour)

    def _blend(self, x: int, y: int, share: float, colour: Colour) -> None:
        at = (y * self._width + x) * 3
        for channel, value in enumerate(colour, at):
            before = self._pixels[channel]
            self._pixels[channel] = round(before + (value - before) * share)


def _distance(first: Spot, second: Spot) -> Callable[[float, float], float]:
    """Return how far a point is from a straight line between two spots."""
    dx, dy = second[0] - first[0], second[1] - first[1]
    square = dx * dx + dy * dy

    def away(x: float, y: float) -> float:
        along = 0.0
        if square:
            along = ((x - first[0]) * dx + (y - first[1]) * dy) / square
            along = min(max(along, 0.0), 1.0)
        return hypot(x - first[0] - along * dx, y - first[1] - along * dy)

    return away


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
