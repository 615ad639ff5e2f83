"""What agents' own accounts say a session has cost, beside what its log says.

Claude Code counts up what a session costs, with what it never logs (titles, ``/compact``). Where
the count begins differs: a resumed session goes on with its own, a fork with its parent's (seen
with 2.1.330), a new session after ``/clear`` with 0 or, in builds before 2.1.211, with the one
before (vendor documentation), and after a crash with whatever was saved last. So the first word
only tells where it stands, as does each that is less than the one before; what counts is what it
grows by, held against what is logged meanwhile.
"""

from __future__ import annotations

from tmuxmeter.ledger.store import Store
from tmuxmeter.ledger.text import storable
from tmuxmeter.ledger.upserts import UPSERT_RATE_LIMIT

QUARTER_MS = 900_000
"""Of a quarter of an hour only the last word is kept: days begin on quarters, in every time zone
there is."""


class AccountBook(Store):
    """The part of the writer that keeps agents' own accounts."""

    def account_cost(self, agent: str, session: str, told: int, time_ms: int) -> bool:
        """Note what an agent says that a session has cost so far; return whether that is new.

        Parameters
        ----------
        told : int
            Microdollars.
        time_ms : int
            When it said so, epoch milliseconds. A word that is older than a known one is left out.
        """
        with self._transaction():
            session_id = self._ids.session(agent, session, None, "")
            known = self._connection.execute(
                "SELECT first_ms, told, billed, time_ms FROM account_cost WHERE session_id = ?"
                " ORDER BY quarter DESC LIMIT 1",
                (session_id,),
            ).fetchone()
            first_ms, before, billed, last_ms = known or (time_ms, told, 0, -1)
            if time_ms <= last_ms or (known and told == before):
                return False
            self._connection.execute(
                "INSERT INTO account_cost (session_id, quarter, first_ms, time_ms, told, billed)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, quarter) DO UPDATE SET"
                " time_ms = excluded.time_ms, told = excluded.told, billed = excluded.billed",
                (
                    *(session_id, time_ms // QUARTER_MS, first_ms, time_ms, told),
                    billed + max(0, told - before),
                ),
            )
            return True

    def plan_window(
        self,
        agent: str,
        account: str,
        limit: str,
        window_minutes: int,
        time_ms: int,
        used_percent: float,
        resets_ms: int,
        plan: str = "",
    ) -> bool:
        """Note how full a plan's window is; return whether that is news."""
        row = (
            *(agent, storable(account), storable(limit), window_minutes),
            *(time_ms, used_percent, resets_ms, storable(plan)),
        )
        with self._transaction():
            return bool(self._connection.execute(UPSERT_RATE_LIMIT, row).rowcount)
