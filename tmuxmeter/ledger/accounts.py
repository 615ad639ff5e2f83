"""What agents' own accounts say a session has cost, beside what its log says.

Claude Code counts up what a session costs, with what it never logs (titles, ``/compact``). Where
the count begins differs: a resumed session goes on with its own, a fork with its parent's (seen
with 2.1.330), a new session after ``/clear`` with 0 or, in builds before 2.1.211, with the one
before (vendor documentation), and after a crash with whatever was saved last. So the first word
only tells where it stands, as does each that is less than the one before; what counts is what it
grows by, held against what is logged meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.ledger.store import Store
from tmuxmeter.ledger.text import storable
from tmuxmeter.ledger.upserts import UPSERT_RATE_LIMIT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

QUARTER_MS = 900_000
"""Of a quarter of an hour only the last word is kept: days begin on quarters, in every time zone
there is."""
LATE_MS = 10_000
"""A request may be in the log a moment before it is in the account."""


class Bill(NamedTuple):
    """A session's account and its log at the time of the account's last word.

    Attributes
    ----------
    time_ms : int
        When that was.
    billed : int
        Microdollars by which the account has grown since its first word.
    logged : int
        Microdollars of the requests logged in that time, its sub-agents' too, and of those of
        :data:`LATE_MS` before: they may be in the account or not.
    settled : int
        Microdollars of those that surely are in the account.
    requests, unpriced_requests : int
        How many requests are logged, and how many of them have no price.
    """

    time_ms: int
    billed: int
    logged: int
    settled: int
    requests: int
    unpriced_requests: int


class Billed(NamedTuple):
    """A session with an account; ``before`` is its bill before a span, None: there was none."""

    agent: str
    session: str
    account: str
    project: str
    before: Bill | None
    bill: Bill


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


_LAST = """
    SELECT first_ms, time_ms, billed FROM account_cost
    WHERE session_id = ? AND time_ms < ? ORDER BY quarter DESC LIMIT 1
"""
_LOGGED = """
    WITH RECURSIVE family (id, agent, key) AS (
        SELECT id, agent, key FROM session WHERE id = ?1
        UNION SELECT c.id, c.agent, c.key FROM family f CROSS JOIN session c
        ON c.agent = f.agent AND c.parent = f.key AND c.parent <> '' WHERE c.spawned
    )
    SELECT coalesce(sum(u.cost), 0),
        coalesce(sum(u.cost) FILTER (WHERE u.time_ms > ?2 AND u.time_ms <= ?3 - ?4), 0),
        count(*), count(*) - count(u.cost)
    FROM family f CROSS JOIN usage u INDEXED BY usage_session ON u.session_id = f.id
    WHERE u.time_ms > ?2 - ?4 AND u.time_ms <= ?3
"""
_TOLD = """
    SELECT DISTINCT s.id, s.agent, s.key, s.account, s.cwd FROM account_cost a
    INDEXED BY account_cost_time JOIN session s ON s.id = a.session_id
    WHERE a.time_ms >= ? AND a.time_ms < ? ORDER BY s.id
"""


def billed(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> list[Billed]:
    """Return the sessions whose account said anything in a span, with their bills around it."""
    found = []
    for row in connection.execute(_TOLD, (start_ms, end_ms)).fetchall():
        session_id, agent, session, account, project = row
        after = bill(connection, session_id, end_ms)
        if after is not None:
            before = bill(connection, session_id, start_ms)
            found.append(Billed(agent, session, account, project, before, after))
    return found


def bills(connection: sqlite3.Connection, session_ids: Iterable[int]) -> dict[int, Bill]:
    """Return the newest bills of some sessions, of those that have one."""
    found = {each: bill(connection, each, 1 << 62) for each in session_ids}
    return {each: known for each, known in found.items() if known is not None}


def bill(connection: sqlite3.Connection, session_id: int, until_ms: int) -> Bill | None:
    """Return a session's last bill before a time, None where its agent told none."""
    last = connection.execute(_LAST, (session_id, until_ms)).fetchone()
    if last is None:
        return None
    first_ms, time_ms, grown = last
    logged = connection.execute(_LOGGED, (session_id, first_ms, time_ms, LATE_MS)).fetchone()
    return Bill(time_ms, grown, *logged)
