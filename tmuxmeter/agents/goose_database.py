"""Turns the rows of Goose's database into events.

Newer versions keep a ledger with a row for each request. Before it a session's row holds totals
that grow (``accumulated_*``; the columns without that word are the context of the last request and
never count): what they grew by is booked at the row's time. A session has one or the other, and
what it spent before it had a ledger is carried forward into it as a row that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import goose_messages as messages
from tmuxmeter.agents import wording
from tmuxmeter.agents.goose_queries import questions
from tmuxmeter.agents.lines import MOST_TOKENS, Batch
from tmuxmeter.agents.readers import Query
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.agents.totals import Totals
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    SoFar,
    ToolResult,
    Usage,
    event_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

_CALLS = 256
_HUMAN = frozenset({"user", "terminal", ""})
_MILLISECONDS = 10_000_000_000
"""Times above are milliseconds, as Goose itself takes them."""
_COPIED_MS = 60_000
"""Messages older than their session by more are copies: the session is a fork or was imported."""


class _State(msgspec.Struct, array_like=True):
    message: int = 0
    totals: Totals = msgspec.field(default_factory=Totals)
    calls: dict[str, str] = {}
    words: dict[str, int] = {}
    touches: dict[str, tuple[bool, str]] = {}
    """Whether a call that is under way edits a file or reads it, and which one."""
    request: int = 0
    """The last row of the ledger that was read."""
    parents: set[str] = set()
    """Sub-agents whose parent was told."""


class _Model(msgspec.Struct, gc=False):
    model_name: str = ""


class _Usage(msgspec.Struct, frozen=True):
    """What a request or an increment is booked with, besides its counts."""

    session: str
    time_ms: int
    folder: str | None
    kind: str
    model: str

    def event(
        self, key: str, identity: str, counts: Sequence[int], so_far: SoFar | None = None
    ) -> Usage:
        """Return the event."""
        fresh, read, written, given = _kinds(counts)
        return Usage(
            key=event_key("goose", key, identity),
            session=self.session,
            time_ms=self.time_ms,
            model=self.model,
            fresh=fresh,
            cache_read=read,
            cache_write_5m=written,
            output=given,
            cwd=self.folder or "",
            sidechain=self.kind == "sub_agent",
            so_far=so_far,
        )


_load = msgspec.msgpack.Decoder(_State).decode
_model = msgspec.json.Decoder(_Model).decode


class GooseDatabase:
    """Reads the database. See :class:`tmuxmeter.agents.readers.DatabaseReader`."""

    def __init__(self, state: bytes = b"") -> None:
        self._state = _load(state) if state else _State()
        self._row = 0

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        return msgspec.msgpack.encode(self._state)

    def rewind(self) -> None:
        """Go back to the first message and request; totals stay counted."""
        self._state.message = self._state.request = 0

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next.

        Raises
        ------
        LogError
            If a column is missing.
        """
        places = {
            "sessions": {"row": self._row},
            "messages": {"message": self._state.message},
            "requests": {"request": self._state.request},
        }
        return [Query(name, text, places[name]) for name, text in questions(tables)]

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of rows."""
        batch = Batch()
        for row in rows:
            try:
                if query == "sessions":
                    self._row = row[0]
                    self._session(batch, *row[1:])
                elif query == "requests":
                    self._state.request = row[0]
                    self._request(batch, *row)
                else:
                    self._state.message = row[0]
                    self._message(batch, *row[1:])
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                # Sessions are all read each time: only the others are counted once.
                if query != "sessions":
                    batch.skip(f"broken row in {query}")
        return batch.finish()

    def _session(
        self,
        batch: Batch,
        session: str,
        folder: str,
        created: object,
        updated: object,
        model: str | None,
        kind: str,
        parent: str | None,
        booked: int,
        imported: int,
        *counts: int | None,
    ) -> None:
        state = self._state
        # a sub-agent's row is made first, and told its parent a moment later
        if session not in state.words or (parent and session not in state.parents):
            state.words.setdefault(session, 0)
            if parent:
                state.parents.add(session)
            batch.events.append(
                SessionStart(
                    key=event_key("goose", "session", session),
                    session=session,
                    time_ms=_time(created),
                    cwd=folder or "",
                    parent=parent or "",
                    spawned=bool(parent),
                )
            )
        if not booked:
            usage = _Usage(session, _time(updated), folder, kind, _named_model(model))
            self._grown(batch, usage, counts, imported, _time(created))

    def _request(
        self,
        batch: Batch,
        number: int,
        session: str,
        created: int,
        model: str | None,
        folder: str,
        config: str | None,
        kind: str,
        carried: int,
        imported: int,
        compacts: int,
        begun: object,
        *counts: int | None,
    ) -> None:
        time_ms = _seconds_or_more(created)
        usage = _Usage(session, time_ms, folder, kind, model or _named_model(config))
        if carried:
            self._grown(batch, usage, counts, imported, _time(begun))
        elif any(counts):
            identity = f"{session}/{number}/{created}/{'/'.join(str(n or 0) for n in counts)}"
            batch.events.append(usage.event("request", identity, _checked(counts)))
            if compacts:
                batch.events.append(
                    Compaction(
                        key=event_key("goose", "compaction", identity),
                        session=session,
                        time_ms=time_ms,
                    )
                )

    def _grown(
        self,
        batch: Batch,
        usage: _Usage,
        total: Sequence[int | None],
        imported: int,
        began_ms: int,
    ) -> None:
        growth = self._state.totals.grown(usage.session, _checked(total))
        if growth is None or imported:
            return
        so_far = None
        if growth.total:
            # ids are a day and a number: another account has the same ones
            so_far = SoFar(*_kinds(growth.total), reasoning=0, began_ms=began_ms)
        batch.events.append(usage.event("usage", growth.identity, growth.counts, so_far))

    def _message(
        self,
        batch: Batch,
        session: str,
        role: str,
        content: str,
        created: float,
        kind: str,
        begun: object,
        metadata: str | None,
    ) -> None:
        # Older versions' compactions write all messages anew, under new numbers with their old
        # times.
        time_ms = _seconds_or_more(created)
        if time_ms < _time(begun) - _COPIED_MS:
            return
        for part in messages.contents(content):
            if part.type == "toolRequest" and part.tool_call is not None:
                self._call(part.id, messages.named(part.tool_call.value))
            elif part.type == "toolResponse" and part.tool_result is not None:
                result = part.tool_result
                ok = result.status == "success" and not messages.is_error(result.value)
                batch.events.append(
                    ToolResult(
                        key=event_key("goose", "tool", f"{session}/{part.id}"),
                        session=session,
                        time_ms=time_ms,
                        tool=self._state.calls.pop(part.id, ""),
                        ok=ok,
                    )
                )
                touch = self._state.touches.pop(part.id, None)
                if ok and touch is not None:
                    batch.events.append(
                        FileTouch(
                            key=event_key("goose", "touch", f"{session}/{part.id}"),
                            session=session,
                            time_ms=time_ms,
                            edit=touch[0],
                            path=touch[1],
                        )
                    )
            elif part.type == "text" and role == "user" and messages.said(part.text, metadata):
                self._prompt(batch, session, part.text, time_ms, human=kind in _HUMAN)

    def _call(self, identity: str, call: messages.Named) -> None:
        """Remember a call until it comes back, and the file it is about."""
        state = self._state
        state.calls[identity] = call.name
        touch = messages.touch(call)
        if touch is not None:
            state.touches[identity] = touch
        if len(state.calls) > _CALLS:
            oldest = next(iter(state.calls))
            del state.calls[oldest]
            state.touches.pop(oldest, None)

    def _prompt(self, batch: Batch, session: str, text: str, time_ms: int, *, human: bool) -> None:
        corrects = False
        if human:
            current = wording.fingerprint(text)
            corrects = wording.corrects(text, current, self._state.words.get(session, 0))
            self._state.words[session] = current
        batch.events.append(
            Prompt(
                key=event_key("goose", "prompt", f"{session}/{time_ms}"),
                session=session,
                time_ms=time_ms,
                human=human,
                corrects=corrects,
            )
        )


def _kinds(counts: Sequence[int]) -> tuple[int, int, int, int]:
    """Return fresh input, cache reads, cache writes and output: input contains what is cached."""
    taken, given, read, written = counts
    return max(taken - read - written, 0), read, written, given


def _named_model(config: str | None) -> str:
    return _model(config).model_name if config else ""


def _checked(counts: Sequence[int | None]) -> tuple[int, ...]:
    found = tuple(count or 0 for count in counts)
    if not all(0 <= count < MOST_TOKENS for count in found):
        msg = "bad token counts"
        raise ValueError(msg)
    return found


def _seconds_or_more(value: float) -> int:
    """Return epoch milliseconds; Goose's programs write seconds or milliseconds."""
    found = plausible_ms(value if value > _MILLISECONDS else value * 1000)
    if found is None:
        msg = "bad time"
        raise ValueError(msg)
    return found


def _time(text: object) -> int:
    found = epoch_ms(str(text))
    if found is None:
        msg = "bad time"
        raise ValueError(msg)
    return found
