"""The ledger's questions about sessions: their rows and their SQL."""

from __future__ import annotations

# ruff: noqa: S608 - the names put into statements are the schema's own, values are bound
from typing import TYPE_CHECKING

from tmuxmeter.ledger.slices import Attribution, session_slices
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.ledger.slices import Slice, Where


class RecentSession(NamedTuple):
    """A session's state as its log tells it. Times are None where nothing of the kind happened.

    ``turn_reason`` and ``asked`` are those of the last turn that ended. ``model``,
    ``context_tokens`` (all input of one request) and ``context_window`` (0: unknown) are those of
    the newest request of the session's own chain: side chains have contexts of their own.
    """

    agent: str
    session: str
    account: str
    cwd: str
    branch: str
    parent: str
    spawned: int
    started_ms: int | None
    last_ms: int
    last_prompt_ms: int | None
    last_turn_end_ms: int | None
    turn_reason: str
    asked: int
    model: str
    context_tokens: int
    context_window: int


class Unmetered(NamedTuple):
    """A session that worked without its log ever telling tokens.

    ``told_before``: logs of its account told some in the month before, so silence is news.
    ``input`` and ``output`` are what its texts in the span may have been in tokens, 0 where nobody
    asked for that. ``due_ms``: until then its first answer may still come, 0 if there is none to
    wait for.
    """

    agent: str
    session: str
    account: str
    cwd: str
    told_before: int = 0
    input: int = 0
    output: int = 0
    due_ms: int = 0


class SessionRow(NamedTuple):
    """A session as the ledger knows it; ``last_ms`` is its last sign of life.

    ``prompts`` are the human's, ``turns`` those that ended.
    """

    id: int
    agent: str
    session: str
    account: str
    cwd: str
    branch: str
    version: str
    parent: str
    spawned: int
    started_ms: int | None
    last_ms: int
    prompts: int
    turns: int


class Story(NamedTuple):
    """A session, where it last was, whether it is still noted there, and all it ever spent."""

    row: SessionRow
    where: Where
    open: bool
    slices: list[Slice]


class AgentRow(NamedTuple):
    """An agent's sessions in the ledger; ``last_ms`` is its last sign of life."""

    agent: str
    sessions: int
    last_ms: int


class Tokenless(NamedTuple):
    """An agent's version that was prompted in a span and told no tokens of anything in it."""

    agent: str
    version: str
    prompts: int


class Inputless(NamedTuple):
    """An agent's version whose requests in a span tell no input at all, cached or not."""

    agent: str
    version: str
    requests: int


class RequestAfter(NamedTuple):
    """A request that ended after some time; ``tokens`` are all, in and out.

    Each sub-agent writes a log of its own, so ``session_id`` and ``file_id`` tell who made it.
    ``known``: its log had told of anything by then. ``open``: of a turn that hadn't ended then, or
    of one that began (a tool came back) within the time in which lines may come late.
    """

    session_id: int
    file_id: int
    time_ms: int
    tokens: int
    known: int
    open: int


ANSWERED_MS = 10 * 60_000
"""A prompt this young may still be waiting for its first answer."""

# every part is one step down an index, however long the history
_ACTIVE = """
        SELECT session_id FROM usage INDEXED BY usage_time WHERE time_ms >= ?1
        UNION SELECT session_id FROM prompt INDEXED BY prompt_time WHERE time_ms >= ?1
        UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time WHERE time_ms >= ?1
        UNION SELECT id FROM session INDEXED BY session_started WHERE started_ms >= ?1
"""
_NAMED = """
        SELECT s.id FROM json_each(?2) named CROSS JOIN session s
        ON s.agent = json_extract(named.value, '$[0]')
           AND s.key = json_extract(named.value, '$[1]')
"""
_STATES = """
    WITH active (id) AS ({which}), newest (id, usage_key, prompt_ms, turn_key) AS (
        SELECT a.id,
            (SELECT u.key FROM usage u JOIN session s ON s.id = u.session_id
             WHERE u.session_id = a.id AND (u.sidechain = 0 OR s.spawned)
             ORDER BY u.time_ms DESC LIMIT 1),
            (SELECT time_ms FROM prompt WHERE session_id = a.id AND human
             ORDER BY time_ms DESC LIMIT 1),
            (SELECT key FROM turn_end WHERE session_id = a.id ORDER BY time_ms DESC LIMIT 1)
        FROM active a
    )
    SELECT s.agent, s.key, s.account, s.cwd, s.branch, s.parent, s.spawned, s.started_ms,
        max(coalesce(s.started_ms, 0),
            coalesce((SELECT max(time_ms) FROM usage WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM prompt WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM tool_result WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM file_touch WHERE session_id = s.id), 0),
            coalesce(t.time_ms, 0)) AS last_ms,
        n.prompt_ms, t.time_ms, coalesce(t.reason, ''), coalesce(t.asked, 0),
        coalesce(m.name, ''),
        coalesce(u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h, 0),
        coalesce(u.context_window, 0)
    FROM newest n CROSS JOIN session s ON s.id = n.id
         LEFT JOIN usage u ON u.key = n.usage_key LEFT JOIN model m ON m.id = u.model_id
         LEFT JOIN turn_end t ON t.key = n.turn_key
    {where} ORDER BY last_ms, s.id
"""
RECENT_SESSIONS = _STATES.format(which=_ACTIVE, where="")
RECENT_OF_THESE = _STATES.format(which=_NAMED, where="WHERE last_ms >= ?1")

# a request may come on the other side of midnight, so "never" is asked, not "not in the span";
# where no turn has ended, the first answer may be on its way
_UNMETERED = f"""
    SELECT s.agent, s.key, s.account, s.cwd, EXISTS (
        SELECT 1 FROM session x JOIN usage u ON u.session_id = x.id
             JOIN file f ON f.id = u.owner_file_id
        WHERE x.agent = s.agent AND f.root = s.account AND u.time_ms >= ?1 - 2592000000
    ) {{estimates}}, CASE WHEN EXISTS (SELECT 1 FROM turn_end WHERE session_id = s.id) THEN 0 ELSE
        {ANSWERED_MS} + (SELECT time_ms FROM prompt INDEXED BY prompt_session
            WHERE session_id = s.id AND human ORDER BY time_ms LIMIT 1)
    END
    FROM (
        SELECT session_id FROM prompt INDEXED BY prompt_time
        WHERE time_ms >= ?1 AND time_ms < ?2 AND human
        UNION SELECT session_id FROM turn_end INDEXED BY turn_end_time
        WHERE time_ms >= ?1 AND time_ms < ?2
    ) active CROSS JOIN session s ON s.id = active.session_id
    WHERE NOT s.spawned
      AND NOT EXISTS (SELECT 1 FROM usage WHERE session_id = s.id)
      AND NOT EXISTS (
        SELECT 1 FROM session child JOIN usage ON usage.session_id = child.id
        WHERE child.agent = s.agent AND child.parent = s.key AND child.parent <> ''
          AND child.spawned
    )
    ORDER BY s.agent, s.key
"""
_ESTIMATED = """, coalesce((
        SELECT sum(e.{kind}) FROM (
            SELECT s.id UNION SELECT child.id FROM session child
            WHERE child.agent = s.agent AND child.parent = s.key AND child.parent <> ''
              AND child.spawned
        ) own CROSS JOIN estimate e INDEXED BY estimate_session ON e.session_id = own.id
        WHERE e.time_ms >= ?1 AND e.time_ms < ?2
    ), 0)"""
UNMETERED = _UNMETERED.format(estimates=", 0, 0")
UNMETERED_ESTIMATED = _UNMETERED.format(
    estimates=_ESTIMATED.format(kind="input") + _ESTIMATED.format(kind="output")
)

# a few steps down an index per session, however long each of them is
_STORIES = """
    WITH story (id, last_ms) AS (
        SELECT s.id, max(coalesce(s.started_ms, 0),
            coalesce((SELECT max(time_ms) FROM usage WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM prompt WHERE session_id = s.id), 0),
            coalesce((SELECT max(time_ms) FROM turn_end WHERE session_id = s.id), 0))
        FROM session s
    )
"""
_SESSIONS = (
    _STORIES
    + """
    SELECT n.*, (SELECT count(*) FROM prompt WHERE session_id = n.id AND human),
        (SELECT count(*) FROM turn_end WHERE session_id = n.id)
    FROM (
        SELECT s.id, s.agent, s.key, s.account, s.cwd, s.branch, s.version, s.parent, s.spawned,
               s.started_ms, t.last_ms
        FROM story t JOIN session s ON s.id = t.id WHERE t.last_ms >= ? AND t.last_ms > 0
        ORDER BY t.last_ms DESC, s.id DESC LIMIT ?
    ) n ORDER BY n.last_ms DESC, n.id DESC
"""
)
AGENTS = (
    _STORIES
    + """
    SELECT s.agent, count(*), max(t.last_ms) FROM story t JOIN session s ON s.id = t.id
    WHERE t.last_ms > 0 GROUP BY s.agent ORDER BY s.agent
"""
)
LOGGED = """
    SELECT s.agent, count(*) FROM session s
    WHERE EXISTS (SELECT 1 FROM session_fact f WHERE f.session_id = s.id)
        OR EXISTS (SELECT 1 FROM usage u INDEXED BY usage_session WHERE u.session_id = s.id)
    GROUP BY s.agent
"""
# a sub-agent's tokens are its version's too
TOKENLESS = """
    SELECT s.agent, s.version, count(*)
    FROM prompt p INDEXED BY prompt_time JOIN session s ON s.id = p.session_id
    WHERE p.time_ms >= ?1 AND p.time_ms < ?2 AND p.human AND NOT s.spawned
    GROUP BY s.agent, s.version
    HAVING NOT EXISTS (
        SELECT 1 FROM usage u INDEXED BY usage_time JOIN session x ON x.id = u.session_id
        WHERE u.time_ms >= ?1 AND x.agent = s.agent AND x.version = s.version
    )
    ORDER BY count(*) DESC, s.agent, s.version
"""
INPUTLESS = """
    SELECT s.agent, s.version, count(*)
    FROM usage u INDEXED BY usage_time JOIN session s ON s.id = u.session_id
    WHERE u.time_ms >= ?1 AND u.time_ms < ?2
    GROUP BY s.agent, s.version
    HAVING max(u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h) = 0
    ORDER BY count(*) DESC, s.agent, s.version
"""
LAST_REQUESTS = """
    SELECT s.agent, s.key, max(u.time_ms) FROM usage u INDEXED BY usage_time
    JOIN session s ON s.id = u.session_id WHERE u.time_ms >= ? GROUP BY s.id
"""
# a session's own requests, and those of the sub-agents that work for it;
# what each of their logs had told by ?3, and what until ?4
_LAST = (
    "coalesce((SELECT time_ms FROM {table} WHERE session_id = t.session_id AND time_ms <= ?3"
    " AND owner_file_id = t.file_id ORDER BY time_ms DESC LIMIT 1), 0)"
)
_SOON = (
    "EXISTS (SELECT 1 FROM {table} WHERE session_id = t.session_id"
    " AND time_ms > ?3 AND time_ms <= ?4 AND owner_file_id = t.file_id)"
)
REQUESTS_AFTER = f"""
    WITH RECURSIVE family (id, agent, key) AS (
        SELECT id, agent, key FROM session WHERE agent = ?1 AND key = ?2
        UNION SELECT c.id, c.agent, c.key FROM family f CROSS JOIN session c
        ON c.agent = f.agent AND c.parent = f.key AND c.parent <> '' WHERE c.spawned
    ), made (session_id, file_id, time_ms, tokens) AS (
        SELECT u.session_id, u.owner_file_id, u.time_ms,
            u.fresh + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.output
        FROM family f CROSS JOIN usage u INDEXED BY usage_session ON u.session_id = f.id
        WHERE u.time_ms > ?3
    ), thread (session_id, file_id, last_ms, end_ms, soon) AS (
        SELECT t.session_id, t.file_id,
            max({_LAST.format(table="usage")}, {_LAST.format(table="prompt")},
                {_LAST.format(table="tool_result")}),
            {_LAST.format(table="turn_end")},
            {_SOON.format(table="prompt")} OR {_SOON.format(table="tool_result")}
        FROM (SELECT session_id, file_id FROM made GROUP BY session_id, file_id) t
    )
    SELECT m.session_id, m.file_id, m.time_ms, m.tokens, t.last_ms > 0,
        t.last_ms > t.end_ms OR t.soon
    FROM made m JOIN thread t ON t.session_id = m.session_id AND t.file_id = m.file_id
    ORDER BY m.time_ms
"""


def stories(connection: sqlite3.Connection, since_ms: int, limit: int) -> list[Story]:
    """Return the newest sessions with any sign of life since a time, newest first."""
    rows = [SessionRow(*row) for row in connection.execute(_SESSIONS, (since_ms, limit))]
    attribution = Attribution(connection)
    found = []
    for row in rows:
        stays = attribution.stays(row.id)
        found.append(
            Story(
                row,
                attribution.where(row.id, stays[-1].start_ms if stays else row.last_ms),
                any(stay.end_ms is None for stay in stays),
                session_slices(connection, row.id, attribution),
            )
        )
    return found
