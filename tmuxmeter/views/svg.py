"""A picture as SVG text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tmuxmeter.views.fitting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.views.labels import Spot
    from tmuxmeter.views.plot import Colour


class Svg:
    """A surface of so many pixels; see ``plot.Surface``."""

    def __init__(self, width: int, height: int) -> None:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="14">'
        )
        self._parts = [head]

    def area(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
            f' height="{bottom - top:.1f}" fill="{_hex(colour)}"/>'
        )

    def path(self, spots: Sequence[Spot], colour: Colour, wide: float) -> None:
        """Draw a line through some spots."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        self._parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_hex(colour)}"'
            f' stroke-width="{wide:g}" stroke-linejoin="round"/>'
        )

    def dot(self, spot: Spot, radius: float, colour: Colour) -> None:
        """Draw a filled circle."""
        x, y = spot
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{_hex(colour)}"/>'
        )

    def text(self, spot: Spot, text: str, colour: Colour, anchor: str = "start") -> None:
        """Write text on a base line."""
        x, y = spot
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{_hex(colour)}"'
            f' text-anchor="{anchor}">{escape(printable(text))}</text>'
        )

    def done(self) -> bytes:
        """Return the picture as a file's content."""
        return ("\n".join([*self._parts, "</svg>"]) + "\n").encode()


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
