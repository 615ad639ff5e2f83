"""Where reading a database's rows goes on: by the time they were changed, then by their id."""

from __future__ import annotations

from typing import TypeAlias

Place: TypeAlias = tuple[int, str]
"""Time in the database's own unit, and id."""


class Cursor:
    """Goes through rows in the order of ``(time, id)``, page by page, each pass from a bit before.

    A row may be written with a time that already passed (another process was slower), so a pass
    begins ``overlap`` before the last row of the pass before; the ledger books no key twice.

    Parameters
    ----------
    reached : tuple
        The last row of the pass before, ``(0, "")`` for the first pass.
    overlap : int
        In the unit of the rows' times.
    """

    def __init__(self, reached: Place = (0, ""), overlap: int = 0) -> None:
        self._at: Place = (reached[0] - overlap, "") if overlap else reached
        self.reached = reached

    @property
    def values(self) -> dict[str, object]:
        """What a query binds: rows with ``(time, id) > (:time, :id)`` are next."""
        return {"time": self._at[0], "id": self._at[1]}

    def take(self, time: int, identity: str) -> bool:
        """Note that a row was read; return whether no pass before had come so far."""
        self._at = (time, identity)
        is_new = self._at > self.reached
        if is_new:
            self.reached = self._at
        return is_new

    def rewind(self) -> None:
        """Go back to the first row."""
        self._at = self.reached = (0, "")
