"""Tables and paragraphs for a terminal or a file.

On a terminal Rich draws them; piped or with ``NO_COLOR`` the same cells come as plain columns, and
Rich is never loaded. Cells are data: nothing in them is read as markup or as terminal codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from tmuxmeter.views.fitting import cut, printable, width, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Blanks between columns."""
NARROW = 16
"""Columns that may be left out are, before cells are cut to fewer terminal cells than this."""
NARROWEST = 4


@dataclass(frozen=True)
class Column:
    """A column: its head, and what may happen to it where the terminal is narrow.

    Attributes
    ----------
    head : str
        Its head.
    figures : bool
        Whether its cells are figures (set to the right).
    cut : bool
        Whether its cells may lose their middle.
    rank : int
        Above 0: it may be left out, the highest first.
    least : int
        Terminal cells it takes at least, so that tables below each other line up.
    """

    head: str
    figures: bool = False
    cut: bool = False
    rank: int = 0
    least: int = 0


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


def aligned(tables: Sequence[Table]) -> list[Table]:
    """Return tables of equally many columns with each column as wide in all of them."""
    widths = [_widths(table) for table in tables]
    return [
        Table(
            table.title,
            [
                Column(c.head, c.figures, c.cut, c.rank, max(each[i] for each in widths))
                for i, c in enumerate(table.columns)
            ],
            table.rows,
        )
        for table in tables
    ]


def fitted(table: Table, limit: int | None) -> Table:
    """Return a table of printable cells that takes no more than ``limit`` terminal cells.

    Cells that may be cut are, then columns that may be left out are; what then is still too wide
    stays so. With no limit nothing is.
    """
    table = Table(
        printable(table.title),
        table.columns,
        [[printable(cell) for cell in row] for row in table.rows],
    )
    if limit is None:
        return table
    while True:
        widths = _widths(table)
        room = limit - GAP * (len(widths) - 1)
        excess = sum(widths) - room
        if excess <= 0:
            return table
        flexible = [w for w, c in zip(widths, table.columns, strict=True) if c.cut]
        cap = _cap(flexible, excess)
        droppable = max((c.rank for c in table.columns), default=0)
        if cap >= NARROW or not droppable:
            return _capped(table, max(cap, NARROWEST))
        kept = [i for i, column in enumerate(table.columns) if column.rank != droppable]
        table = Table(
            table.title,
            [table.columns[i] for i in kept],
            [[row[i] for i in kept] for row in table.rows],
        )


def plain(table: Table, limit: int | None = None) -> str:
    """Return a table as plain text, columns two spaces apart, without trailing blanks."""
    table = fitted(table, limit)
    widths = _widths(table)
    lines = [table.title] if table.title else []
    for row in [[column.head for column in table.columns], *table.rows]:
        parts = []
        for cell, wide, column in zip(row, widths, table.columns, strict=True):
            gap = " " * (wide - width(cell))
            parts.append(gap + cell if column.figures else cell + gap)
        lines.append((" " * GAP).join(parts).rstrip())
    return "\n".join(lines) + "\n"


def fancy(stream: TextIO, no_color: bool) -> bool:
    """Return whether a stream is a terminal that wants colours."""
    return stream.isatty() and not no_color


def show(
    parts: Sequence[Table | Paragraph], stream: TextIO, *, colours: bool, limit: int | None = None
) -> None:
    """Write tables and paragraphs one below the other, with colours where wanted.

    Parameters
    ----------
    parts : sequence of Table or Paragraph
        What to write. Paragraphs that follow each other stand without a blank line in between.
    stream : file
        Where to.
    colours : bool
        Whether it is a terminal that wants colours.
    limit : int or None
        How many terminal cells a line may take; None: as many as it needs.
    """
    draw = _drawn if colours else _written
    for index, part in enumerate(parts):
        if index and not (isinstance(part, Paragraph) and isinstance(parts[index - 1], Paragraph)):
            stream.write("\n")
        draw(part, stream, limit)


def _written(part: Table | Paragraph, stream: TextIO, limit: int | None) -> None:
    if isinstance(part, Paragraph):
        stream.write(wrapped(printable(part.text), limit, part.indent) + "\n")
    else:
        stream.write(plain(part, limit))


def _drawn(part: Table | Paragraph, stream: TextIO, limit: int | None) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=stream, highlight=False, width=limit)
    if isinstance(part, Paragraph):
        text = wrapped(printable(part.text), limit, part.indent)
        console.print(Text(text, style=part.style), soft_wrap=True)
        return
    part = fitted(part, limit)
    if part.title:
        console.print(Text(part.title, style="bold"), soft_wrap=True)
    drawn = RichTable(
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        header_style="dim",
    )
    widths = _widths(part)
    fits = limit is None or sum(widths) + GAP * (len(widths) - 1) <= limit
    for column, wide in zip(part.columns, widths, strict=True):
        drawn.add_column(
            Text(column.head),
            justify="right" if column.figures else "left",
            overflow="fold",
            # half a figure is another figure: where it is too wide, words are folded
            width=wide if fits or column.figures else None,
        )
    for row in part.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)


def _widths(table: Table) -> list[int]:
    return [
        max(column.least, width(column.head), *(width(row[i]) for row in table.rows), 0)
        for i, column in enumerate(table.columns)
    ]


def _cap(widths: Sequence[int], excess: int) -> int:
    """Return the width to which columns must be cut to be narrower by ``excess`` together."""
    for cap in range(max(widths, default=0), 0, -1):
        if sum(max(0, wide - cap) for wide in widths) >= excess:
            return cap
    return 0


def _capped(table: Table, cap: int) -> Table:
    columns = [
        Column(c.head, c.figures, c.cut, c.rank, min(c.least, cap) if c.cut else c.least)
        for c in table.columns
    ]
    rows: list[Sequence[str]] = [
        [cut(cell, cap) if c.cut else cell for cell, c in zip(row, columns, strict=True)]
        for row in table.rows
    ]
    return Table(table.title, columns, rows)
