"""Tables and lines for a terminal or a file.

On a terminal Rich draws them; piped or with ``NO_COLOR`` the same cells come as plain columns, and
Rich is never loaded. Cells are data: nothing in them is read as markup or as terminal codes.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Column:
    """A column: its head, and whether its cells are figures (set to the right)."""

    head: str
    figures: bool = False


@dataclass
class Table:
    """Rows of ready-made cells under a title."""

    title: str
    columns: Sequence[Column]
    rows: list[Sequence[str]] = field(default_factory=list)


def printable(text: str) -> str:
    r"""Return text with everything that could steer a terminal made visible as ``\xNN``."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
        for c in text
    )


def width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def plain(table: Table) -> str:
    """Return a table as plain text, columns two spaces apart, without trailing blanks."""
    cells = [[printable(cell) for cell in row] for row in table.rows]
    heads = [column.head for column in table.columns]
    widths = [max(width(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
    lines = [table.title] if table.title else []
    for row in [heads, *cells]:
        parts = []
        for cell, wide, column in zip(row, widths, table.columns, strict=True):
            gap = " " * (wide - width(cell))
            parts.append(gap + cell if column.figures else cell + gap)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines) + "\n"


def fancy(stream: TextIO, no_color: bool) -> bool:
    """Return whether a stream is a terminal that wants colours."""
    return stream.isatty() and not no_color


def show(tables: Sequence[Table], stream: TextIO, *, colours: bool) -> None:
    """Write tables one below the other, with colours where wanted."""
    if not colours:
        stream.write("\n".join(plain(table) for table in tables))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for index, table in enumerate(tables):
        drawn = RichTable(
            title=Text(table.title, style="bold") if table.title else None,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
        )
        for column in table.columns:
            drawn.add_column(
                Text(column.head),
                justify="right" if column.figures else "left",
                no_wrap=column.figures,
                overflow="fold",
            )
        for row in table.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        if index:
            console.print()
        console.print(drawn)
