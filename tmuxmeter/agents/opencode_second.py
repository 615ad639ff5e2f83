"""Turns what OpenCode 2 writes into events: one row of ``session_message`` for all of a message.

Source: the agent's source, version 2.0, and what others observed of 2.0.3 to 2.0.12. The tables of
version 1 stay in the file, and version 1 may still be in use beside it: a row of which they have
the message was taken over from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import opencode_parts as parts
from tmuxmeter.agents import wording
from tmuxmeter.agents.lines import decode
from tmuxmeter.agents.opencode_records import Counts, Times, spent, time_of
from tmuxmeter.agents.readers import unknown_type
from tmuxmeter.events import Compaction, Prompt, TurnEnd, event_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.agents.lines import Batch
    from tmuxmeter.agents.opencode_state import State

NEEDED = {
    "session": {"id", "parent_id", "directory", "version", "time_created", "time_updated"},
    "message": {"id", "session_id", "type", "time_created", "data"},
}
"""Columns of the tables of sessions and of ``session_message``."""
SESSIONS = """
    SELECT id, parent_id, directory, version, time_created, time_updated, {fork} FROM session_v2
    WHERE (time_updated, id) > (:time, :id) ORDER BY time_updated, id LIMIT :page
"""
MESSAGES = """
    SELECT x.rowid, x.id, x.session_id, s.parent_id, s.version, s.time_created, x.time_created,
           s.directory, {known}, x.type, x.data
    FROM session_message x JOIN {sessions} s ON s.id = x.session_id
"""
KNOWN = """EXISTS (
    SELECT 1 FROM message m WHERE m.session_id = x.session_id AND m.time_created = x.time_created)
"""
UNKNOWN_MODEL = "unknown"
# fmt: off
_SILENT = frozenset({
    "agent-switched", "location-switched", "model-switched", "shell", "skill", "synthetic",
    "system",
})
# fmt: on
_OUTCOMES = {"succeeded": "done", "failed": "error", "interrupted": "interrupted"}
_GOING_ON = frozenset({"", "tool-calls", "unknown"})
_STOPPED = frozenset({"aborted", "interrupted"})


class _Model(msgspec.Struct, gc=False):
    id: str = ""
    provider: str = msgspec.field(default="", name="providerID")


class _Failure(msgspec.Struct, gc=False):
    type: str = ""


class _Content(msgspec.Struct, gc=False):
    """A part of a reply."""

    type: str = ""
    id: str = ""
    name: str = ""
    text: str = ""
    state: parts.Running = msgspec.field(default_factory=parts.Running)
    time: Times = msgspec.field(default_factory=Times)


class _Message(msgspec.Struct, gc=False):
    """``data`` of a row, whatever its type."""

    text: str = ""
    model: _Model = msgspec.field(default_factory=_Model)
    time: Times = msgspec.field(default_factory=Times)
    tokens: Counts | None = None
    finish: str | None = None
    error: _Failure | None = None
    content: list[_Content] = []
    status: str = ""
    reason: str = ""
    outcome: str = ""


_RECORD = msgspec.json.Decoder(_Message)


def take(batch: Batch, state: State, row: Sequence[Any]) -> bool:
    """Take a row; return whether it may still change.

    Raises
    ------
    ValueError
        If it has no plausible time.
    """
    _, identity, session, parent, version, session_ms, message_ms, folder, known, kind, data = row
    if known or message_ms < session_ms:
        # A fork holds copies of its parent's messages, under new ids, with their old times.
        return False
    one = _Row(
        batch, state, identity, session, bool(parent), str(folder or ""), decode(_RECORD, data)
    )
    if kind == "user":
        one.prompt()
    elif kind == "assistant":
        return one.reply()
    elif kind == "compaction":
        return one.compaction()
    elif kind == "idle":
        one.idle()
    elif kind not in _SILENT:
        batch.skip(unknown_type(f"message {kind}", str(version)))
    return False


class _Row:
    """One row at work."""

    def __init__(
        self,
        batch: Batch,
        state: State,
        identity: str,
        session: str,
        spawned: bool,
        folder: str,
        message: _Message,
    ) -> None:
        self._events = batch.events
        self._state = state
        self._identity = identity
        self._session = session
        self._spawned = spawned
        self._folder = folder
        self._message = message
        self._time_ms = time_of(message.time.created)

    def prompt(self) -> None:
        """Take what was typed; what OpenCode says of its own is of another type."""
        text = self._message.text
        self._state.turned(self._session, self._identity, self._time_ms)
        if not text:
            return
        corrects = False
        if not self._spawned:
            current = wording.fingerprint(text)
            before = self._state.said(self._session, current)
            corrects = wording.corrects(text, current, before)
        self._events.append(
            Prompt(
                key=event_key("opencode", "prompt", self._identity),
                session=self._session,
                time_ms=self._time_ms,
                human=not self._spawned,
                corrects=corrects,
            )
        )

    def reply(self) -> bool:
        """Take a reply with its tools; one that failed may be tried again under the same id."""
        message = self._message
        self._spent(message.model)
        for content in message.content:
            if content.type == "tool":
                self._tool(content)
        done = message.time.completed
        if done is None:
            return True
        words = [content.text for content in message.content if content.type == "text"]
        asks = wording.asks(words[-1]) if words else False
        self._state.closed(self._session, asks=asks)
        if message.error is not None:
            reason = "interrupted" if message.error.type in _STOPPED else "error"
            self._end(time_of(done), reason)
        elif (message.finish or "") not in _GOING_ON:
            self._end(time_of(done), "done")
        return message.error is not None

    def compaction(self) -> bool:
        """Take a compaction and what it cost; until September 2026 its tokens weren't told."""
        message = self._message
        if message.status == "running":
            return True
        self._spent(message.model if message.model.id else _Model(UNKNOWN_MODEL))
        if message.status == "completed":
            self._events.append(
                Compaction(
                    key=event_key("opencode", "compaction", self._identity),
                    session=self._session,
                    time_ms=self._time_ms,
                    trigger=message.reason,
                )
            )
        return False

    def idle(self) -> None:
        """Take the mark that a session came to rest, which newer versions leave."""
        reason = _OUTCOMES.get(self._message.outcome)
        if reason is not None:
            self._end(self._time_ms, reason)

    def _spent(self, model: _Model) -> None:
        if self._message.tokens is None:
            return
        usage = spent(
            self._message.tokens,
            (model.id, model.provider),
            identity=self._identity,
            session=self._session,
            time_ms=self._time_ms,
            cwd=self._folder,
            spawned=self._spawned,
        )
        if usage is not None:
            self._events.append(usage)

    def _tool(self, content: _Content) -> None:
        ended = content.time.completed
        if content.state.status in parts.FINISHED and ended is not None:
            identity = f"{self._identity}/{content.id}"
            self._events += parts.outcome(
                *(content.name, content.state, identity, self._session),
                time_ms=time_of(ended),
                cwd=self._folder,
            )

    def _end(self, time_ms: int, reason: str) -> None:
        turn, begun_ms = self._state.turn(self._session, self._time_ms)
        self._events.append(
            TurnEnd(
                key=event_key("opencode", "turn", turn or self._identity),
                session=self._session,
                time_ms=time_ms,
                reason=reason,
                duration_ms=time_ms - begun_ms if turn and time_ms >= begun_ms else -1,
                asked=reason == "done" and self._session in self._state.asks,
            )
        )
