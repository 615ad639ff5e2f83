"""What agents' own accounts bill, read beside what their logs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

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
