"""How Codex's token snapshots add up to requests.

A ``token_count`` shows the last request (``last``) and the thread's running sum (``total``). Codex
writes it again without a new request (on rate-limit news, at the end of a turn, after a
compaction), so the sum decides *whether* something was spent and ``last`` decides *what*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tmuxmeter.agents.codex_records import TokenCounts

_STALE_SHARE = 98
"""A sum that fell by less than two percent is an old snapshot come late, no new beginning."""


class Counts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Tokens as Codex counts them: cached and written lie inside input, reasoning inside output."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def size(self) -> int:
        """All tokens: the other kinds lie inside these two."""
        return self.input + self.output

    def since(self, before: Counts) -> Counts:
        """Return what was added since ``before``, nothing where a number fell."""
        return Counts(
            max(0, self.input - before.input),
            max(0, self.cached - before.cached),
            max(0, self.written - before.written),
            max(0, self.output - before.output),
            max(0, self.reasoning - before.reasoning),
        )

    def within(self, other: Counts) -> bool:
        """Tell whether no number is above the other's."""
        return (
            self.input <= other.input
            and self.cached <= other.cached
            and self.written <= other.written
            and self.output <= other.output
            and self.reasoning <= other.reasoning
        )


def counts_of(record: TokenCounts | None) -> Counts | None:
    """Return a record's counts, null counts as zero; None where there is no record."""
    if record is None:
        return None
    return Counts(
        record.input or 0,
        record.cached or 0,
        record.written or 0,
        record.output or 0,
        record.reasoning or 0,
    )


class Sum(msgspec.Struct, array_like=True, omit_defaults=True):
    """The running sum of one thread, as its ``token_count`` snapshots tell it.

    ``inherited`` is the sum a fork or sub-agent began with; it was spent by its parent.
    """

    total: Counts | None = None
    inherited: Counts | None = None

    def inherit(self, total: Counts | None) -> None:
        """Take a snapshot of the parent's spend as the line to count from."""
        if total is not None and total.size:
            self.total = self.inherited = total

    def follow(self, total: Counts | None) -> None:
        """Take a snapshot whose request is counted elsewhere."""
        if total is not None and total.size:
            self.total = total

    def spent(self, last: Counts | None, total: Counts | None, *, continued: bool) -> Counts | None:
        """Return the request a snapshot adds, None if it adds nothing.

        Parameters
        ----------
        last, total : Counts or None
            The snapshot's last request and running sum; None where it doesn't have them.
        continued : bool
            The file goes on from another thread, so a first sum without ``last`` says nothing.
        """
        last = last if last is not None and last.size else None
        if total is None or not total.size:
            # zeros after a compaction are no new beginning: the line to count from stays
            return last if total is None else None
        before, inherited = self.total, self.inherited
        if before is None:
            self.total = total
            return last or (None if continued else total)
        if total.size == before.size:
            return None
        if total.size > before.size:
            self.total = total
            return last or total.since(before)
        if inherited is not None and before == inherited:
            if total == last:  # the thread counts for itself, and this is its first request
                self.total = total
                return last
            if total.within(inherited):  # one of the parent's snapshots, come late
                return None
        added = last.size if last else 0
        if total.size * 100 >= before.size * _STALE_SHARE or total.size + 2 * added >= before.size:
            return None
        self.total = total
        return last
