"""Tables on terminals that are too narrow for them.

Least is lost first: cells lose their middle or are broken at blanks, then columns are left out,
and at last each row stands alone, its cells below each other. No figure is ever cut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.views.fitting import cut, printable, width, wrapped
from tmuxmeter.views.table import GAP, Table, widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.views.table import Column

NARROW = 16
"""Columns that may be left out are, before cells get fewer terminal cells than this."""
NARROWEST = 8
"""With fewer terminal cells than this a word says nothing any more."""
FOLDED = 12
"""Text that is broken into shorter lines than this is no longer read at a glance."""
INDENT = 2


def fitted(table: Table, limit: int | None) -> Table | None:
    """Return a table of printable cells that takes no more than ``limit`` terminal cells.

    With no limit nothing is changed. None: there is no such table, its rows have to be stacked.
    """
    table = Table(
        printable(table.title),
        table.columns,
        [[printable(cell) for cell in row] for row in table.rows],
    )
    while limit is not None:
        excess = sum(widths(table)) + GAP * (len(table.columns) - 1) - limit
        if excess <= 0:
            break
        cap = _cap(table, excess)
        dispensable = max((column.rank for column in table.columns), default=0)
        blank = [i for i in range(len(table.columns)) if not any(row[i] for row in table.rows)]
        if cap >= NARROW or (cap >= NARROWEST and not dispensable):
            return _capped(table, cap)
        if dispensable:
            gone = [i for i, column in enumerate(table.columns) if column.rank == dispensable]
        elif blank and table.rows:
            gone = blank
        else:
            return None
        table = _without(table, gone)
    return table


def stacked(table: Table, limit: int) -> list[str]:
    """Return the rows of a table as lines: what each is of, and indented its cells with heads.

    A row whose first cell is blank belongs to the row above it, and is indented below that.
    """
    lines = []
    for row in table.rows:
        margin = "" if row[0] else " " * INDENT
        cells = [(c.head, printable(cell)) for c, cell in zip(table.columns, row, strict=True)]
        (_, name), *others = [cell for cell in cells if cell[1]] or [("", "")]
        lines += wrapped(margin + name, limit, len(margin) + INDENT).split("\n")
        pairs = [f"{head}: {cell}" if head else cell for head, cell in others]
        for line in _flowed(pairs, limit, margin + " " * INDENT):
            lines += wrapped(line, limit, len(margin) + 2 * INDENT).split("\n")
    return lines


def _flowed(pairs: Sequence[str], limit: int, margin: str) -> list[str]:
    """Return as many pairs in each line as fit, one where even that doesn't."""
    lines: list[str] = []
    for pair in pairs:
        longer = f"{lines[-1]}{' ' * GAP}{pair}" if lines else margin + pair
        if lines and width(longer) <= limit:
            lines[-1] = longer
        else:
            lines.append(margin + pair)
    return lines


def _floor(table: Table, index: int) -> int:
    """Return the terminal cells a column takes at least, however it is cut or broken."""
    column = table.columns[index]
    least = [width(column.head)]
    if column.fold:
        least.append(min(FOLDED, max((width(row[index]) for row in table.rows), default=0)))
    if column.fold and not column.cut:
        least += [width(word) for row in table.rows for word in row[index].split()]
    return max(least)


def _cap(table: Table, excess: int) -> int:
    """Return the width to which columns must be cut to be narrower by ``excess`` together.

    0 where that can't be done.
    """
    flexible = [
        (wide, _floor(table, i))
        for i, (wide, column) in enumerate(zip(widths(table), table.columns, strict=True))
        if column.cut or column.fold
    ]
    for cap in range(max((wide for wide, _ in flexible), default=0), 0, -1):
        if sum(max(0, wide - max(cap, floor)) for wide, floor in flexible) >= excess:
            return cap
    return 0


def _capped(table: Table, cap: int) -> Table:
    caps = [max(cap, _floor(table, i)) for i in range(len(table.columns))]
    columns = [
        replace(c, least=min(c.least, most)) if c.cut or c.fold else c
        for c, most in zip(table.columns, caps, strict=True)
    ]
    rows: list[Sequence[str]] = [
        [_cell(cell, column, most) for cell, column, most in zip(row, columns, caps, strict=True)]
        for row in table.rows
    ]
    return Table(table.title, columns, rows)


def _cell(cell: str, column: Column, most: int) -> str:
    if column.cut:
        # what can be broken loses only the middle of its longest words
        pieces = cell.split(" ") if column.fold else [cell]
        cell = " ".join(cut(piece, most) for piece in pieces)
    return wrapped(cell, most) if column.fold else cell


def _without(table: Table, gone: Sequence[int]) -> Table:
    kept = [i for i in range(len(table.columns)) if i not in gone]
    return Table(
        table.title,
        [table.columns[i] for i in kept],
        [[row[i] for i in kept] for row in table.rows],
    )
