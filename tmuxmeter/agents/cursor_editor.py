"""Turns the rows of the editor's ``state.vscdb`` into events: composers and their bubbles.

The database is a table of keys and values that grows to gigabytes, most of it of no use here. So
it is gone through once in the order of its rows, and from then on only what was written last is
looked at: what is written anew gets a new row, and what may be changed in place is among the
newest keys. SQLite takes the few fields that count out of each value, of texts their lengths; none
leaves it but the beginning of a prompt.

Cursor wrote the tokens of a bubble from September 2025 to January 2026. 0 in and 0 out is what it
writes where it knows nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.cursor_places import is_session
from tmuxmeter.agents.cursor_queries import AGAIN, HEADERS_LIST, HEADERS_TABLE, ROWS
from tmuxmeter.agents.cursors import Cursor as Place
from tmuxmeter.agents.estimates import estimate
from tmuxmeter.agents.lines import MOST_TOKENS, Batch
from tmuxmeter.agents.readers import Query
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.errors import LogError
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

OVERLAP = 500
"""Rows read again in each pass: more than are written between two looks and could be changed."""
_COMPOSERS = 16
_BUBBLES = 64
_SPAWNED = 500
_OVERLAP_MS = 60_000
_EDITS = frozenset(
    {"apply_patch", "delete_file", "edit_file", "multi_edit", "search_replace", "write"}
    | {"edit_file_v2", "edit_notebook"}
)
_READS = frozenset({"read_file", "read_file_v2"})
_OK = {"completed": True, "error": False}


class _State(msgspec.Struct, array_like=True):
    """``recent`` are keys that may be changed in place, ``models`` composers' last told ones."""

    row: int = 0
    header: tuple[int, str] = (0, "")
    recent: list[str] = []
    models: dict[str, str] = {}
    spawned: list[str] = []


_load = msgspec.msgpack.Decoder(_State).decode


class CursorEditor:
    """Reads the database. See :class:`tmuxmeter.agents.readers.DatabaseReader`."""

    def __init__(self, state: bytes = b"") -> None:
        self._state = _load(state) if state else _State()
        self._overlap = OVERLAP
        self._headers = Place(self._state.header, _OVERLAP_MS)
        self._spawned = set(self._state.spawned)

    def state(self) -> bytes:
        """Return what a new reader needs to go on."""
        self._state.header = self._headers.reached
        self._state.spawned = sorted(self._spawned)[-_SPAWNED:]
        return msgspec.msgpack.encode(self._state)

    def rewind(self) -> None:
        """Go back to the first row."""
        self._state = _State()
        self._headers.rewind()

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return what to ask next: what sub-agents there are comes before what they do.

        Raises
        ------
        LogError
            If the table of keys and values is missing.
        """
        if not {"key", "value"} <= tables.get("cursorDiskKV", frozenset()):
            msg = "Cursor's database has no table cursorDiskKV of keys and values"
            raise LogError(msg)
        asked = []
        if {"composerId", "lastUpdatedAt", "value"} <= tables.get("composerHeaders", frozenset()):
            asked.append(Query("headers", HEADERS_TABLE, self._headers.values))
        elif {"key", "value"} <= tables.get("ItemTable", frozenset()):
            asked.append(Query("headers", HEADERS_LIST, self._headers.values))
        place = {"row": self._state.row, "overlap": self._overlap}
        keys = {"keys": json.dumps(self._state.recent)}
        return (*asked, Query("again", AGAIN, keys), Query("rows", ROWS, place))

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:
        """Return the events of rows."""
        batch = Batch()
        for row in rows:
            try:
                if query == "headers":
                    self._headers.take(int(row[1] or 0), str(row[0]))
                    self._header(batch, str(row[0]), row[2])
                    continue
                is_new = query == "rows" and row[0] > self._state.row
                if query == "rows":
                    self._state.row, self._overlap = row[0], 0
                self._row(batch, *row[1:], is_new=is_new)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                if query == "headers" or is_new:
                    batch.skip(f"broken row in {query}")
        return batch.finish()

    def _header(self, batch: Batch, session: str, fields: str | None) -> None:
        if not is_session(session) or fields is None:
            return
        self._start(batch, session, 0, *msgspec.json.decode(fields))

    def _start(
        self, batch: Batch, session: str, time_ms: int, folder: object, parent: object
    ) -> None:
        cwd, parent = _text(folder), _text(parent)
        if parent:
            self._spawned.add(session)
        batch.events.append(
            SessionStart(
                key=event_key("cursor", "session", session),
                session=session,
                time_ms=time_ms,
                cwd=cwd,
                parent=parent,
                spawned=bool(parent),
            )
        )

    def _row(
        self,
        batch: Batch,
        key: object,
        fields: str | None,
        text: str | None,
        paths: str | None,
        lengths: str | None,
        *,
        is_new: bool,
    ) -> None:
        if fields is None or not isinstance(key, str):
            return
        kind, _, rest = key.partition(":")
        session, _, bubble = rest.rpartition(":") if kind == "bubbleId" else (rest, "", "")
        if not is_session(session):
            return
        if is_new:
            self._remember(key, session)
        told = msgspec.json.decode(fields)
        if kind == "composerData":
            created, folder, parent, bubbles = told
            # a draft that was never sent is no session
            if bubbles:
                self._start(batch, session, _time(created) or 0, folder, parent)
            return
        self._bubble(batch, session, bubble, told, text or "", paths, lengths)

    def _remember(self, key: str, session: str) -> None:
        """Look at a key again in the next passes, and at its composer."""
        composer = f"composerData:{session}"
        recent = dict.fromkeys(self._state.recent)
        for one in (composer, key):
            recent.pop(one, None)
            recent[one] = None
        composers = [one for one in recent if one.startswith("composerData:")]
        bubbles = [one for one in recent if one.startswith("bubbleId:")]
        self._state.recent = [*composers[-_COMPOSERS:], *bubbles[-_BUBBLES:]]

    def _bubble(
        self,
        batch: Batch,
        session: str,
        bubble: str,
        told: list[Any],
        text: str,
        paths: str | None,
        lengths: str | None,
    ) -> None:
        kind, created, started, taken, given, model, tool, status, call = told
        time_ms = _time(created) or _time(started)
        if isinstance(model, str) and model:
            _keep(self._state.models, session, model)
        counts = _count(taken), _count(given)
        is_prompt = kind == 1 and bool(text.strip())
        if time_ms is None:
            if any(counts) or is_prompt:
                batch.skip("bubble without a time")
            return
        if is_prompt:
            self._prompt(batch, session, bubble, text, time_ms)
        text_length, thoughts, called, found = (
            int(length or 0) for length in msgspec.json.decode(lengths or "[0, 0, 0, 0]")
        )
        batch.events += estimate(
            *("cursor", f"{session}/{bubble}", session, time_ms),
            sent=found + text_length * (kind == 1),
            received=thoughts + called + text_length * (kind != 1),
        )
        if any(counts):
            batch.events.append(
                Usage(
                    key=event_key("cursor", "usage", f"{session}/{bubble}"),
                    session=session,
                    time_ms=time_ms,
                    model=self._state.models.get(session, ""),
                    fresh=counts[0],
                    output=counts[1],
                    sidechain=session in self._spawned,
                )
            )
        if isinstance(tool, str) and tool and status in _OK:
            batch.events.append(
                ToolResult(
                    key=event_key("cursor", "tool", f"{session}/{call or bubble}"),
                    session=session,
                    time_ms=time_ms,
                    tool=tool,
                    ok=_OK[status],
                )
            )
            path = next(filter(None, map(_text, msgspec.json.decode(paths or "[]"))), "")
            if path and _OK[status] and tool in _EDITS | _READS:
                batch.events.append(
                    FileTouch(
                        key=event_key("cursor", "touch", f"{session}/{call or bubble}"),
                        session=session,
                        time_ms=time_ms,
                        edit=tool in _EDITS,
                        path=path,
                    )
                )

    def _prompt(self, batch: Batch, session: str, bubble: str, text: str, time_ms: int) -> None:
        human = session not in self._spawned
        batch.events.append(
            Prompt(
                key=event_key("cursor", "prompt", f"{session}/{bubble}"),
                session=session,
                time_ms=time_ms,
                human=human,
                corrects=human and wording.corrects(text),
            )
        )


def _keep(known: dict[str, str], session: str, value: str) -> None:
    known.pop(session, None)
    known[session] = value
    while len(known) > _COMPOSERS:
        del known[next(iter(known))]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    """Return a number of tokens, 0 where there is none.

    Raises
    ------
    ValueError
        It can't be true.
    """
    if value is None:
        return 0
    if not isinstance(value, (int, float)) or not 0 <= value < MOST_TOKENS:
        msg = "bad token counts"
        raise ValueError(msg)
    return int(value)


def _time(value: object) -> int | None:
    """Return epoch milliseconds of a number or an ISO 8601 text, None for anything else."""
    if isinstance(value, str):
        return epoch_ms(value)
    return plausible_ms(value) if isinstance(value, (int, float)) else None
