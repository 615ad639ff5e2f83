"""Turns the transcripts of Cursor's agents into events: turns and tools, no tokens, no times.

A transcript is rewritten at its end: the record that ends a turn goes when the next one begins.
Its records carry no times, so each has the time at which it was first found in the file, which is
the truth for whoever watches and the latest it can have been for whoever reads afterwards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import wording
from tmuxmeter.agents.estimates import estimate
from tmuxmeter.agents.lines import Batch, decode, guarded
from tmuxmeter.agents.readers import unknown_type
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, TurnEnd, event_key

if TYPE_CHECKING:
    from tmuxmeter.events import Event

EDITS = frozenset(
    {"applypatch", "delete", "edit", "editnotebook", "multiedit", "strreplace", "write"}
)
READS = frozenset({"read", "readfile"})
_ENDS = {
    "success": "done",
    "completed": "done",
    "aborted": "interrupted",
    "cancelled": "interrupted",
    "error": "error",
}
_WRAPPED = re.compile(r"<user_query>\s*(.*?)\s*</user_query>", re.DOTALL)


class _State(msgspec.Struct, array_like=True):
    """Up to which record a time holds, and the same for ends of turns by how many records came."""

    records: list[tuple[int, int]] = []
    ends: list[tuple[int, int, int]] = []


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str = ""
    name: str = ""
    tool_use_id: str = ""
    is_error: bool | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Part] = ""


class _Record(msgspec.Struct, gc=False):
    type: str = ""
    role: str = ""
    status: str = ""
    message: _Message = msgspec.field(default_factory=_Message)


class _Input(msgspec.Struct, gc=False):
    path: str = ""
    file_path: str = ""
    target_file: str = ""
    target_notebook: str = ""


class _Meta(msgspec.Struct, gc=False, rename="camel"):
    created_at_ms: float = 0


_load = msgspec.msgpack.Decoder(_State).decode
_record = msgspec.json.Decoder(_Record)
_input = msgspec.json.Decoder(_Input).decode
_meta = msgspec.json.Decoder(_Meta).decode


class CursorTranscript:
    """Reads one transcript. See :class:`tmuxmeter.agents.readers.DocumentReader`.

    Parameters
    ----------
    session, parent : str
        Whose it is, and whose sub-agent that is.
    state : bytes
        What the reader of the version before left.
    meta : bytes
        Content of the chat's ``meta.json``.
    in_terminal : bool
        Whether the command line keeps a chat of this session. The editor keeps its prompts in its
        database, so that they would count twice.
    """

    def __init__(
        self, session: str, parent: str, state: bytes, *, meta: bytes, in_terminal: bool
    ) -> None:
        self._state = _load(state) if state else _State()
        self._session, self._parent = session, parent
        self._begun = _begun(meta)
        self._in_terminal = in_terminal
        self._now = 0
        self._known = self._state.records
        self._known_ends = {(count, end): time for count, end, time in self._state.ends}
        self._at = self._count = self._prompts = self._ends = self._words = 0
        self._answer = ""

    def written(self, time_ms: int) -> None:
        """Take the time of the file's last change."""
        self._now = time_ms

    def state(self) -> bytes:
        """Return when each record was first found."""
        return msgspec.msgpack.encode(self._state)

    def read(self, content: bytes) -> list[Event] | None:
        """Return the events of the whole file; a line that isn't whole yet comes the next time."""
        batch = Batch()
        batch.events.append(
            SessionStart(
                key=event_key("cursor", "session", self._session),
                session=self._session,
                time_ms=0 if self._parent else self._begun,
                parent=self._parent,
                spawned=bool(self._parent),
            )
        )
        offset = 0
        for line in content.splitlines(keepends=True):
            batch.offset = offset
            offset += len(line)
            if line.endswith(b"\n") and line.strip():
                guarded(self._take, batch, line)
        self._settle()
        return batch.finish()

    def _settle(self) -> None:
        """Keep the times of what is in the file now; what was cut off may come anew."""
        kept = [(upto, time_ms) for upto, time_ms in self._known if upto < self._count]
        self._state.records = [*kept, (self._count, self._time())]

    def _time(self) -> int:
        """Return when the record at hand was first found."""
        while self._at < len(self._known) and self._known[self._at][0] < self._count:
            self._at += 1
        return self._known[self._at][1] if self._at < len(self._known) else self._now

    def _take(self, batch: Batch, line: bytes) -> None:
        record = decode(_record, line)
        if record.type == "turn_ended":
            self._end(batch, record.status)
            return
        self._count += 1
        self._ends = 0
        if record.role not in {"user", "assistant"}:
            batch.skip(unknown_type(record.type or record.role or "?"))
            return
        content = record.message.content
        parts = [_Part(type="text", text=content)] if isinstance(content, str) else content
        text = "\n".join(part.text for part in parts if part.type == "text")
        if self._in_terminal:
            self._estimate(batch, parts, sent=record.role == "user")
        if record.role == "user":
            if text.strip():
                self._prompt(batch, text)
            for part in parts:
                if part.type == "tool_result" and part.is_error is not None:
                    self._result(batch, part, ok=not part.is_error)
            return
        self._answer = text or self._answer
        for place, part in enumerate(parts):
            if part.type == "tool_use":
                self._touch(batch, part, place)

    def _estimate(self, batch: Batch, parts: list[_Part], *, sent: bool) -> None:
        """Tell what a record's texts may have been in tokens; the editor's are in its database."""
        length = sum(len(part.text) + len(bytes(part.input)) * bool(part.name) for part in parts)
        batch.events += estimate(
            *("cursor", f"{self._session}/{self._count}", self._session, self._time()),
            sent=length * sent,
            received=length * (not sent),
        )

    def _prompt(self, batch: Batch, text: str) -> None:
        self._prompts += 1
        self._answer = ""
        if not self._in_terminal:
            return
        human = not self._parent
        wrapped = _WRAPPED.search(text)
        said = wrapped[1] if wrapped else text
        current = wording.fingerprint(said)
        batch.events.append(
            Prompt(
                key=event_key("cursor", "prompt", f"{self._session}/{self._prompts}"),
                session=self._session,
                time_ms=self._time(),
                human=human,
                corrects=human and wording.corrects(said, current, self._words),
            )
        )
        self._words = current

    def _end(self, batch: Batch, status: str) -> None:
        """Tell the end of a turn: it is the n-th after as many prompts, whatever comes later."""
        if status not in _ENDS:
            batch.skip(unknown_type(f"turn_ended {status}"))
            return
        self._ends += 1
        place = (self._count, self._ends)
        time_ms = self._known_ends.get(place, self._now)
        if place not in self._known_ends:
            self._state.ends = [*self._state.ends, (*place, time_ms)]
        reason = _ENDS[status]
        batch.events.append(
            TurnEnd(
                key=event_key("cursor", "turn", f"{self._session}/{self._count}/{self._ends}"),
                session=self._session,
                time_ms=time_ms,
                reason=reason,
                asked=reason == "done" and wording.asks(self._answer),
            )
        )

    def _result(self, batch: Batch, part: _Part, *, ok: bool) -> None:
        batch.events.append(
            ToolResult(
                key=event_key(
                    "cursor", "tool", f"{self._session}/{self._count}/{part.tool_use_id}"
                ),
                session=self._session,
                time_ms=self._time(),
                tool="",
                ok=ok,
            )
        )

    def _touch(self, batch: Batch, part: _Part, place: int) -> None:
        name = part.name.replace("_", "").lower()
        if name not in EDITS and name not in READS:
            return
        try:
            told = _input(part.input)
        except msgspec.MsgspecError:
            return
        path = told.path or told.file_path or told.target_file or told.target_notebook
        if path:
            batch.events.append(
                FileTouch(
                    key=event_key("cursor", "touch", f"{self._session}/{self._count}/{place}"),
                    session=self._session,
                    time_ms=self._time(),
                    edit=name in EDITS,
                    path=path,
                )
            )


def _begun(meta: bytes) -> int:
    """Return when a chat was made, in epoch milliseconds, 0 where its file doesn't tell."""
    try:
        return plausible_ms(_meta(meta).created_at_ms) or 0
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0
