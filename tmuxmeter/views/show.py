"""Tables and paragraphs written to a terminal or a file.

On a terminal Rich draws them; piped or with ``NO_COLOR`` the same cells come as plain columns, and
Rich is never loaded.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from tmuxmeter.views.fitting import printable, width, wrapped
from tmuxmeter.views.narrow import fitted, stacked
from tmuxmeter.views.table import GAP, Paragraph, widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.views.table import Table


def plain(table: Table, limit: int | None = None) -> str:
    """Return a table as plain text, columns two spaces apart, without trailing blanks."""
    found = fitted(table, limit)
    title = [wrapped(printable(table.title), limit)] if table.title else []
    if found is None:
        # only a limit can be too narrow
        return "\n".join([*title, *stacked(table, limit or 0)]) + "\n"
    wide = widths(found)
    lines = title
    for row in [[column.head for column in found.columns], *found.rows]:
        for cells in zip_longest(*(cell.split("\n") for cell in row), fillvalue=""):
            parts = []
            for cell, room, column in zip(cells, wide, found.columns, strict=True):
                gap = " " * (room - width(cell))
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

    def say(text: str, style: str = "", indent: int = 0) -> None:
        lines = wrapped(printable(text), limit, indent)
        console.print(Text(lines, style=style), soft_wrap=True)

    if isinstance(part, Paragraph):
        say(part.text, part.style, part.indent)
        return
    if part.title:
        say(part.title, "bold")
    found = fitted(part, limit)
    if found is None:
        for line in stacked(part, limit or 0):
            console.print(Text(line), soft_wrap=True)
        return
    drawn = RichTable(
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        header_style="dim",
    )
    for column, wide in zip(found.columns, widths(found), strict=True):
        drawn.add_column(
            Text(column.head),
            justify="right" if column.figures else "left",
            overflow="fold",
            width=wide,
        )
    for row in found.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)
