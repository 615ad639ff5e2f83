"""Tables and paragraphs, as data: what :mod:`tmuxmeter.views.show` writes.

Cells are data: nothing in them is read as markup or as terminal codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tmuxmeter.views.fitting import width

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Blanks between columns."""


@dataclass(frozen=True)
class Column:
    """A column: its head, and what may happen to it where the terminal is narrow.

    Attributes
    ----------
    head : str
        Its head.
    figures : bool
        Whether its cells are figures (set to the right, never cut or broken).
    cut : bool
        Whether its cells may lose their middle.
    rank : int
        Above 0: it may be left out, the highest first.
    least : int
        Terminal cells it takes at least, so that tables below each other line up.
    fold : bool
        Whether its cells may be broken at blanks into several lines.
    """

    head: str
    figures: bool = False
    cut: bool = False
    rank: int = 0
    least: int = 0
    fold: bool = False


@dataclass
class Table:
    """Rows of ready-made cells under a title."""

    title: str
    columns: Sequence[Column]
    rows: list[Sequence[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Paragraph:
    """A line or more of text.

    ``style`` is one of Rich's, such as "bold"; lines after the first begin with ``indent`` blanks.
    """

    text: str
    style: str = ""
    indent: int = 0


Parts = list[Table | Paragraph]
"""What stands on a page, one below the other."""


def joined(blocks: Sequence[Parts]) -> Parts:
    """Return blocks one below the other, a blank line between any two."""
    parts: Parts = []
    for block in blocks:
        if parts and block and isinstance(parts[-1], Paragraph) and isinstance(block[0], Paragraph):
            parts.append(Paragraph(""))
        parts += block
    return parts


def widths(table: Table) -> list[int]:
    """Return how many terminal cells each column takes."""
    return [
        max(
            column.least,
            width(column.head),
            *(width(line) for row in table.rows for line in row[i].split("\n")),
            0,
        )
        for i, column in enumerate(table.columns)
    ]


def aligned(tables: Sequence[Table]) -> list[Table]:
    """Return tables of equally many columns with each column as wide in all of them."""
    wide = [widths(table) for table in tables]
    return [
        Table(
            table.title,
            [
                replace(column, least=max(each[i] for each in wide))
                for i, column in enumerate(table.columns)
            ],
            table.rows,
        )
        for table in tables
    ]
