"""The signs of sentences and drawings for terminals that show nothing but ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import replace
from tmuxmeter.views.table import Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

ASCII_SIGNS = str.maketrans("×÷−–░─│•●", "x/--:-|*O")


def in_ascii(parts: Sequence[Table | Paragraph]) -> list[Table | Paragraph]:
    """Return parts with the signs that stand in sentences and drawings as ASCII."""

    def plain(part: Table | Paragraph) -> Table | Paragraph:
        if isinstance(part, Paragraph):
            return replace(part, text=part.text.translate(ASCII_SIGNS))
        rows: list[Sequence[str]] = [
            [cell.translate(ASCII_SIGNS) for cell in row] for row in part.rows
        ]
        return Table(part.title.translate(ASCII_SIGNS), part.columns, rows)

    return [plain(part) for part in parts]
