"""A row of figures as a row of little columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = ".:-=+*%#"


def sparkline(values: Sequence[float], *, wide: int = 1, ascii_only: bool = False) -> str:
    """Return a column for each value, the highest in full; nothing is a blank.

    Parameters
    ----------
    values : sequence of float
        Not negative.
    wide : int
        Terminal cells of each column.
    ascii_only : bool
        Whether only ASCII can be shown.

    >>> sparkline([0, 1, 4, 8, 0.1])
    ' ▁▄█▁'
    """
    levels = ASCII_LEVELS if ascii_only else LEVELS
    most = max(values, default=0)

    def column(value: float) -> str:
        if value <= 0:
            return " "
        # a little is never nothing
        return levels[max(round(value / most * len(levels)), 1) - 1]

    return "".join(column(value) * wide for value in values)


def scale(marks: Sequence[str], every: int, wide: int) -> str:
    """Return each mark below the first cell of its column, one for every so many columns.

    >>> scale(["00", "01", "02", "03", "04"], 2, 1)
    '000204'
    """
    cells = [" "] * (len(marks) * wide + 2)
    for number in range(0, len(marks), every):
        mark = marks[number]
        cells[number * wide : number * wide + len(mark)] = mark
    return "".join(cells).rstrip()
