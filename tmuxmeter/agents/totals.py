"""Session totals that grow, told as what they grew by: for agents that log nothing smaller.

The last totals are part of a reader's state, which the ledger stores together with what was
booked: after a restart nothing counts twice, and what grew meanwhile is one increment. A file that
is another's copy has no such state: there the total itself tells the ledger what it knows already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

Counts = tuple[int, ...]


class Growth(msgspec.Struct, frozen=True):
    """What a total grew by, and what tells this increment from all others of its total.

    ``total`` is the total itself, None where it began anew: then it isn't all there was.
    """

    identity: str
    counts: Counts
    total: Counts | None


class Totals(msgspec.Struct, array_like=True):
    """The last totals by name (a session, or a session's model), part of a reader's state.

    A name's entry is how often it began anew, and its counts.
    """

    last: dict[str, tuple[int, Counts]] = {}

    def grown(self, name: str, counts: Sequence[int]) -> Growth | None:
        """Take a total as it is now and return what it grew by, None where it didn't.

        A total of which any count went down began anew: all of it is growth.

        Parameters
        ----------
        name : str
            What the total is of.
        counts : sequence of int
            The total in as many counts as ever for this name, none negative.
        """
        now = tuple(counts)
        begun, before = self.last.get(name, (0, (0,) * len(now)))
        if len(before) != len(now) or any(a < b for a, b in zip(now, before, strict=True)):
            begun, before = begun + 1, (0,) * len(now)
        if now == before:
            if now != self.last.get(name, (0, ()))[1] and any(now):
                self.last[name] = (begun, now)
            return None
        self.last[name] = (begun, now)
        identity = f"{name}/{begun}/{'/'.join(map(str, now))}"
        grown = tuple(a - b for a, b in zip(now, before, strict=True))
        return Growth(identity, grown, None if begun else now)
