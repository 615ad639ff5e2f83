"""Numbers in sentences, and the words for what agents do and what may be wrong with them."""

from __future__ import annotations

WORKING = "working"
WAITING = "waiting"
IDLE = "idle"
PAUSED = "paused"
GONE = "gone"

SPENDING = "spending"
"""It was paused and makes requests all the same."""
OVERLAP = "overlap"
"""It edited a file that another pane edited shortly before, or the other way round."""
LOOP = "loop"
"""Its tools fail again and again just now."""
DRIFT = "drift"
"""Its session has grown long-winded, or has to be told again and again."""
CLAIM = "claim"
"""Files were touched outside its claim, or by another pane inside it."""
FURTHER = "further"
"""At work beside two others without a claim that its files are its own."""
FLAGS = (SPENDING, LOOP, OVERLAP, CLAIM, FURTHER, DRIFT, WAITING)
"""What may be wrong with a pane, worst first; :data:`WAITING` asks for the human."""


def count(number: int, thing: str) -> str:
    """Return a number with the name of what it counts.

    >>> count(1, "session"), count(1200, "session")
    ('1 session', '1,200 sessions')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def size(count: int) -> str:
    """Return bytes with a unit, in powers of 1024.

    >>> size(999), size(5_000), size(50_000_000)
    ('999 B', '4.9 KB', '48 MB')
    """
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"


def ago(milliseconds: int) -> str:
    """Return how long ago something was.

    >>> ago(30_000), ago(60_000), ago(3 * 86_400_000)
    ('just now', '1 minute ago', '3 days ago')
    """
    seconds = max(0, milliseconds) // 1000
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{count(seconds // length, unit)} ago"
    return "just now"


def dollars(microdollars: int) -> str:
    """Return dollars and whole cents, cut off.

    >>> dollars(6_359_999)
    '$6.35'
    """
    return f"${microdollars // 1_000_000:,}.{microdollars % 1_000_000 // 10_000:02}"
