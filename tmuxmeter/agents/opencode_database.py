"""Turns the rows of OpenCode's database into events.

Messages and parts are found by their row number (:mod:`tmuxmeter.agents.rows`), so that a look at
a database of years costs nothing; what is still being written is a streaming reply, or a tool.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import opencode_parts as parts
from tmuxmeter.agents import opencode_second as second
from tmuxmeter.agents.cursors import Cursor
from tmuxmeter.agents.lines import Batch, decode
from tmuxmeter.agents.opencode_records import Message, time_of, turn_end, usage_of
from tmuxmeter.agents.opencode_state import State
from tmuxmeter.agents.readers import Query, check_columns, unknown_type
from tmuxmeter.agents.rows import new_rows
from tmuxmeter.errors import LogError
from tmuxmeter.events import SessionStart, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

OVERLAP_MS = 60_000
_NEEDED = {
    "session": {"id", "parent_id", "directory", "version", "time_created", "time_updated"},
    "message": {"id", "session_id", "time_created", "data"},
    "part": {"id", "message_id", "session_id", "data"},
}

_SESSIONS = """
    SELECT id, parent_id, directory, version, time_created, time_updated FROM session
    WHERE (time_updated, id) > (:time, :id) ORDER BY time_updated, id LIMIT :page
"""
_MESSAGES = """
    SELECT x.rowid, x.id, x.session_id, s.parent_id, s.version, s.time_created, x.time_created,
           x.data
    FROM message x JOIN session s ON s.id = x.session_id
"""
_PARTS = """
    SELECT x.rowid, x.id, x.session_id, s.parent_id, s.version, s.time_created, m.time_created,
           m.data, x.message_id, x.data
    FROM part x JOIN message m ON m.id = x.message_id JOIN session s ON s.id = x.session_id
"""

_LATER = re.compile(r"(?:session|message|part)(?:_[a-z]+)*_v\d+")
_MIGRATIONS = re.compile(r"_*(?:drizzle_)*migrations?")

_RECORD = msgspec.json.Decoder(Message)


class OpenCodeDatabase:
    """Reads one database. See :class:`tmuxmeter.agents.readers.DatabaseReader`.

    ``own``: by its name it is OpenCode's; others may be any program's.
    """

    def __init__(self, state: bytes = b"", *, own: bool = False) -> None:
        self._own = own
        self._later: list[str] = []
        self._state = State.load(state)
        known = self._state
        self._sessions = Cursor((known.time, known.session), OVERLAP_MS)
        self._second = Cursor((known.second_time, known.second_session), OVERLAP_MS)

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        self._state.time, self._state.session = self._sessions.reached
        self._state.second_time, self._state.second_session = self._second.reached
        return self._state.dump()

    def rewind(self) -> None:
        """Go back to the first row."""
        self._state = State()
        self._sessions.rewind()
        self._second.rewind()

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next; another program's database is asked nothing.

        Raises
        ------
        LogError
            If a column is missing, or OpenCode's database has none of the tables that are known.
        """
        asked: list[Query] = []
        # a version with tables of its own leaves the old ones beside them
        self._later = sorted(filter(_LATER.fullmatch, tables.keys() - {"session_v2"}))
        if {"session", "message"} & tables.keys():
            check_columns("OpenCode", _NEEDED, tables)
            asked += [
                Query("sessions", _SESSIONS, self._sessions.values),
                # Before messages: the words of a reply tell how its turn ended.
                Query("parts", *new_rows("part", _PARTS, self._state.parts)),
                Query("messages", *new_rows("message", _MESSAGES, self._state.messages)),
            ]
        if "session_v2" in tables:
            check_columns("OpenCode", {"session_v2": second.NEEDED["session"]}, tables)
            fork = "fork_session_id" if "fork_session_id" in tables["session_v2"] else "NULL"
            text = second.SESSIONS.format(fork=fork)
            asked.append(Query("session_v2", text, self._second.values))
        asked += self._second_messages(tables)
        strange = sorted(name for name in tables if not _MIGRATIONS.fullmatch(name))
        if not asked and strange and (self._own or self._later):
            message = f"OpenCode's database has none of the tables that are known: {strange[0]}, …"
            raise LogError(message)
        return tuple(asked)

    def _second_messages(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return the question for version 2's messages, which version 1 has a table for, too."""
        sessions = "session_v2" if "session_v2" in tables else "session"
        if "session_message" not in tables or sessions not in tables:
            return ()
        if "session_v2" in tables:
            check_columns("OpenCode", {"session_message": second.NEEDED["message"]}, tables)
        elif not tables["session_message"] >= second.NEEDED["message"]:
            return ()
        known = second.KNOWN if "message" in tables else "0"
        text = second.MESSAGES.format(sessions=sessions, known=known)
        return (Query("session_message", *new_rows("session_message", text, self._state.second)),)

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of rows."""
        batch = Batch()
        for table in self._later:
            if table not in self._state.later:
                self._state.later = [*self._state.later, table]
                batch.skip(unknown_type(f"table {table}"))
        if query in ("sessions", "session_v2"):
            cursor = self._sessions if query == "sessions" else self._second
            for row in rows:
                _session(batch, row, cursor)
            return batch.finish()
        place, take = {
            "parts": (self._state.parts, self._part),
            "messages": (self._state.messages, self._message),
            "session_message": (self._state.second, self._second_message),
        }[query]
        asked_again = frozenset(place.pending)
        for row in rows:
            is_new = row[1] not in asked_again
            left = is_new
            try:
                left = take(batch, row)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                left = False
                if is_new:
                    batch.skip(f"broken row in {query}")
            place.passed(row[0], row[1], new=is_new, pending=left)
        return batch.finish()

    def _second_message(self, batch: Batch, row: Sequence[Any]) -> bool:
        return second.take(batch, self._state, row)

    def _message(self, batch: Batch, row: Sequence[Any]) -> bool:
        """Take a message; return whether it is still being written."""
        _, identity, session, parent, version, session_ms, message_ms, data = row
        if message_ms < session_ms:
            # A fork holds copies of its parent's messages, under new ids, with their old times.
            return False
        message = decode(_RECORD, data)
        if message.role != "assistant":
            if message.role != "user":
                batch.skip(unknown_type(f"message {message.role}", str(version)))
            return False
        usage = usage_of(message, identity, session, spawned=bool(parent))
        if usage is not None:
            batch.events.append(usage)
        self._end(batch, message, identity, session)
        return message.time.completed is None

    def _end(self, batch: Batch, message: Message, identity: str, session: str) -> None:
        begun_ms = self._state.prompts.get(message.parent_id, 0)
        asked = identity in self._state.asks
        batch.events += turn_end(message, identity, session, begun_ms=begun_ms, asked=asked)

    def _part(self, batch: Batch, row: Sequence[Any]) -> bool:
        """Take a part of a message; return whether it is still being written."""
        _, identity, session, parent, version, session_ms, message_ms, owner_data = row[:8]
        message, data = row[8:]
        if message_ms < session_ms:
            return False
        part = decode(parts.PART, data)
        if part.type not in parts.WANTED:
            if part.type not in parts.KNOWN:
                batch.skip(unknown_type(f"part {part.type}", str(version)))
            return False
        owner = decode(_RECORD, owner_data)
        if part.type == "tool":
            return parts.tool(batch, part, identity, session, owner)
        if part.type == "compaction":
            parts.compaction(batch, part, message, session, message_ms)
        elif owner.role == "user":
            spawned = bool(parent)
            parts.prompt(batch, self._state, part, message, session, message_ms, spawned=spawned)
        elif owner.role == "assistant":
            going_on = parts.words(self._state, part, message)
            if message in self._state.asks:
                # Where a history is read in pages, its messages may come before their words.
                self._end(batch, owner, message, session)
            return going_on
        return False


def _session(batch: Batch, row: Sequence[Any], cursor: Cursor) -> None:
    """Take a session; only version 2 tells what a fork came from."""
    identity, parent, folder, version, created, updated, *fork = row
    if not isinstance(updated, int) or not isinstance(identity, str):
        return
    is_new = cursor.take(updated, identity)
    try:
        batch.events.append(
            SessionStart(
                key=event_key("opencode", "session", identity),
                session=identity,
                time_ms=time_of(created),
                cwd=str(folder or ""),
                parent=str(parent or next(iter(fork), "") or ""),
                spawned=bool(parent),
                version=str(version or ""),
            )
        )
    except (ValueError, TypeError):
        if is_new:
            batch.skip("broken row in sessions")
