"""Figures by day and hour as shades: dark and light terminals show them alike, files too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHADES = "·░▒▓█"
ASCII_SHADES = ".:+*#"
EVERY = 3
"""Columns between two marks of the scale."""


def shade(value: float, most: float, *, ascii_only: bool = False) -> str:
    """Return a value as a shade, the more the darker; nothing is a blank.

    The steps are even in the square root: hours of very different size are all told from nothing
    and from each other.

    >>> [shade(value, 100) for value in (0, 1, 20, 60, 100)]
    [' ', '·', '▒', '▓', '█']
    """
    shades = ASCII_SHADES if ascii_only else SHADES
    if value <= 0 or most <= 0:
        return " "
    step = int((value / most) ** 0.5 * len(shades))
    return shades[min(step, len(shades) - 1)]


def heat_map(
    rows: Sequence[tuple[str, Mapping[int, float]]],
    columns: Sequence[int],
    limit: int | None,
    *,
    ascii_only: bool = False,
) -> list[str]:
    """Return a line for each row, its name first, and a scale below them; nothing if too wide.

    Parameters
    ----------
    rows : sequence of tuple
        Each row's name, and its values by column; a column that isn't there is a blank.
    columns : sequence of int
        The columns in their order.
    limit : int or None
        Terminal cells in a line.
    """
    margin = max((len(name) for name, _ in rows), default=0) + 1
    wide = min(max(((limit or 80) - margin - 2) // len(columns), 1), 4)
    if limit is not None and limit < margin + len(columns) + 2:
        return []
    most = max((value for _, values in rows for value in values.values()), default=0.0)
    edge = "|" if ascii_only else "│"
    lines = []
    for name, values in rows:
        cells = "".join(
            shade(values.get(column, 0.0), most, ascii_only=ascii_only) * wide for column in columns
        )
        lines.append(f"{name:<{margin}}{edge}{cells}{edge}")
    foot = [" "] * (len(columns) * wide + 2)
    for number in range(0, len(columns), EVERY):
        foot[number * wide : number * wide + 2] = f"{columns[number]:02}"
    return [*lines, (" " * (margin + 1) + "".join(foot)).rstrip()]


def steps(most: float, *, ascii_only: bool = False) -> list[tuple[str, float]]:
    """Return each shade and the value from which it stands.

    >>> [(sign, round(low)) for sign, low in steps(100)]
    [('·', 0), ('░', 4), ('▒', 16), ('▓', 36), ('█', 64)]
    """
    shades = ASCII_SHADES if ascii_only else SHADES
    return [(sign, (n / len(shades)) ** 2 * most) for n, sign in enumerate(shades)]
