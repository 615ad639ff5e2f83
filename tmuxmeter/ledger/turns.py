"""Sessions' whole lives by turns: what was done for each human prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class Turn(NamedTuple):
    """From a human prompt to the next: all tokens of the session's own requests."""

    start_ms: int
    corrects: int
    output: int
    input: int


_LONG = """
    SELECT session_id FROM prompt INDEXED BY prompt_session
    WHERE session_id IN ({ids}) AND human AND time_ms < ?
    GROUP BY session_id HAVING count(DISTINCT time_ms) >= ?
"""
_PROMPTS = """
    SELECT time_ms, max(corrects) FROM prompt WHERE session_id = ? AND human AND time_ms < ?
    GROUP BY time_ms ORDER BY time_ms
"""
_REQUESTS = """
    SELECT time_ms, output, fresh + cache_read + cache_write_5m + cache_write_1h
    FROM usage WHERE session_id = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms
"""


def courses(
    connection: sqlite3.Connection, session_ids: Sequence[int], end_ms: int, fewest: int = 1
) -> dict[int, list[Turn]]:
    """Return sessions' turns up to a time, by id; only of those with at least ``fewest``.

    Turns without any request (a prompt that was taken back, or is waited for) are left out.
    """
    if not session_ids:
        return {}
    statement = _LONG.format(ids=",".join(map(str, session_ids)))
    long = connection.execute(statement, (end_ms, fewest)).fetchall()
    found = {session_id: _turns(connection, session_id, end_ms) for (session_id,) in long}
    return {session_id: course for session_id, course in found.items() if course}


def _turns(connection: sqlite3.Connection, session_id: int, end_ms: int) -> list[Turn]:
    prompts = connection.execute(_PROMPTS, (session_id, end_ms)).fetchall()
    rows = connection.execute(_REQUESTS, (session_id, prompts[0][0], end_ms)).fetchall()
    found: list[Turn] = []
    at = 0
    for number, (start, corrects) in enumerate(prompts):
        until = prompts[number + 1][0] if number + 1 < len(prompts) else end_ms
        output = tokens = count = 0
        while at < len(rows) and rows[at][0] < until:
            count += 1
            output += rows[at][1]
            tokens += rows[at][2]
            at += 1
        if count:
            found.append(Turn(start, corrects, output, tokens))
    return found
