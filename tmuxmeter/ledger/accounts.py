"""What agents' own accounts say a session has cost, beside what its log says.

Claude Code counts up what a session has cost, across ``/resume`` and with what it never logs
(titles, ``/compact``); after ``/clear`` it begins anew with the new session, a fork begins with its
parent's sum (seen with 2.1.330). A counter that fell began anew, at whatever value: only what it
grows by from there counts.
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
        Microdollars of the account.
    logged, settled : int
        Microdollars of the requests logged until then, its sub-agents' too; without those of the
        last :data:`LATE_MS`.
    requests, unpriced_requests : int
        How many those are, and how many of them have no price.
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
                "SELECT first, told, billed, time_ms FROM account_cost WHERE session_id = ?"
                " ORDER BY quarter DESC LIMIT 1",
                (session_id,),
            ).fetchone()
            first, before, billed, last_ms = known or (told, 0, 0, -1)
            if time_ms <= last_ms or (known and told == before):
                return False
            billed += max(0, told - before)
            self._connection.execute(
                "INSERT INTO account_cost (session_id, quarter, time_ms, first, told, billed)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, quarter) DO UPDATE SET"
                " time_ms = excluded.time_ms, told = excluded.told, billed = excluded.billed",
                (session_id, time_ms // QUARTER_MS, time_ms, first, told, billed),
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


# a forked session's account begins with its parent's, its log without
_LAST = """
    SELECT a.time_ms, a.billed - CASE WHEN s.parent <> '' AND NOT s.spawned THEN a.first ELSE 0 END
    FROM account_cost a JOIN session s ON s.id = a.session_id
    WHERE a.session_id = ? AND a.time_ms < ? ORDER BY a.quarter DESC LIMIT 1
"""
_LOGGED = """
    WITH RECURSIVE family (id, agent, key) AS (
        SELECT id, agent, key FROM session WHERE id = ?1
        UNION SELECT c.id, c.agent, c.key FROM family f CROSS JOIN session c
        ON c.agent = f.agent AND c.parent = f.key AND c.parent <> '' WHERE c.spawned
    )
    SELECT coalesce(sum(u.cost), 0), coalesce(sum(u.cost) FILTER (WHERE u.time_ms <= ?3), 0),
        count(*), count(*) - count(u.cost)
    FROM family f CROSS JOIN usage u INDEXED BY usage_session ON u.session_id = f.id
    WHERE u.time_ms <= ?2
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
    time_ms, amount = last
    logged = connection.execute(_LOGGED, (session_id, time_ms, time_ms - LATE_MS)).fetchone()
    return Bill(time_ms, amount, *logged)
