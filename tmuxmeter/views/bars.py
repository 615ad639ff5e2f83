"""How much of something is used, as a bar."""

from __future__ import annotations

PARTS = " ▏▎▍▌▋▊▉"
FULL, EMPTY = "█", "░"
ASCII_FULL, ASCII_EMPTY = "#", "-"


def bar(share: float, wide: int, *, ascii_only: bool = False) -> str:
    """Return a bar of so many terminal cells; what is beyond the whole is not drawn.

    It is full only where all is used, and never empty where anything is.

    >>> bar(0.5, 4), bar(0.001, 4), bar(0.999, 4), bar(1.3, 4)
    ('██░░', '▏░░░', '███▉', '████')
    """
    full, empty = (ASCII_FULL, ASCII_EMPTY) if ascii_only else (FULL, EMPTY)
    if share >= 1:
        return full * wide
    steps = 1 if ascii_only else len(PARTS)
    used = round(max(share, 0.0) * wide * steps)
    if share > 0:
        used = min(max(used, 1), wide * steps - 1)
    whole, rest = divmod(used, steps)
    part = PARTS[rest] if rest else ""
    return full * whole + part + empty * (wide - whole - len(part))
