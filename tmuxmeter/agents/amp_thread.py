"""Turns a thread of Amp into events.

The same answers may be described twice: by the thread's ``usageLedger`` (older versions) and by
``usage`` in its messages (all cached input stands only there). The ledger wins; an answer that it
doesn't have counts by itself. Messages have no times: what has none of its own has the time at
which it was first found in the file, which is the truth for whoever watches and the latest it can
have been for whoever reads afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents import amp_records as records
from tmuxmeter.agents import wording
from tmuxmeter.agents.codex_tools import absolute, patched_paths
from tmuxmeter.agents.lines import Batch, decode, reason_of
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.events import (
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
    event_key,
)

if TYPE_CHECKING:
    from tmuxmeter.agents.amp_records import Block, Entry, Message, Thread
    from tmuxmeter.events import Event

_EDITS = frozenset({"apply_patch", "create_file", "edit_file", "undo_edit"})
_READS = frozenset({"Read", "read_file"})
_ENDS = {"end_turn": "done", "max_tokens": "done", "stop": "done", "stop_sequence": "done"}
_STATES = {"cancelled": "interrupted", "error": "error"}
_OUTCOMES = {"cancelled": False, "done": True, "error": False, "rejected-by-user": False}


class _State(msgspec.Struct, array_like=True):
    """How many messages the thread had, and at which time first."""

    seen: list[tuple[int, int]] = []


class AmpThread:
    """Reads a thread. See :class:`tmuxmeter.agents.readers.DocumentReader` and ``Dated``."""

    def __init__(self, session: str, state: bytes = b"") -> None:
        self._session = session
        self._state = _load(state)
        self._written_ms = 0
        self._cwd = ""
        self._sent: dict[int, int] = {}

    def written(self, time_ms: int) -> None:
        """Take the time of the file's last change."""
        self._written_ms = time_ms

    def state(self) -> bytes:
        """Return since when each message is known."""
        return msgspec.msgpack.encode(self._state)

    def read(self, content: bytes) -> list[Event] | None:
        """Return the events of the whole thread."""
        batch = Batch()
        try:
            thread = decode(records.THREAD, content)
        except msgspec.ValidationError as error:
            batch.skip(reason_of(error))
            return batch.finish()
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        self._cwd = records.folder_of(thread)
        self._note(len(thread.messages))
        sent = enumerate(map(records.sent_ms, thread.messages))
        self._sent = {index: time_ms for index, time_ms in sent if time_ms is not None}
        created = thread.created
        begun = plausible_ms(created) if isinstance(created, int | float) else None
        batch.events.append(
            SessionStart(
                key=event_key("amp", "session", self._session),
                session=self._session,
                time_ms=begun or self._time(0),
                cwd=self._cwd,
            )
        )
        self._usages(batch, thread)
        self._activity(batch, thread)
        return batch.finish()

    def _note(self, count: int) -> None:
        """Remember that there are so many messages now; an edit cuts a thread."""
        seen = [(min(known, count), time_ms) for known, time_ms in self._state.seen]
        if count and (not seen or seen[-1][0] < count):
            seen.append((count, self._written_ms))
        self._state.seen = seen

    def _time(self, index: int) -> int:
        found = (time_ms for count, time_ms in self._state.seen if index < count)
        first_ms = next(found, self._written_ms)
        if index in self._sent:
            return self._sent[index]
        before = [time_ms for number, time_ms in self._sent.items() if number < index]
        after = [time_ms for number, time_ms in self._sent.items() if number > index]
        return before[-1] if before and after and first_ms > after[0] else first_ms

    def _usages(self, batch: Batch, thread: Thread) -> None:
        answers = {str(message.message_id): message for message in thread.messages if message.usage}
        told = set()
        for entry in thread.usage_ledger.events:
            number = _described(entry, answers)
            # a later entry of the same number is about the answer of an edited thread
            identity = "" if number in told else number
            self._entry(batch, entry, identity, answers.pop(number, None))
            told.add(number)
        for index, message in enumerate(thread.messages):
            if answers.get(str(message.message_id)) is message:
                self._answer(batch, message, self._time(index))

    def _entry(self, batch: Batch, entry: Entry, number: str, answer: Message | None) -> None:
        """Take an entry; ``number`` is its message's, by which it is known without the ledger."""
        time_ms = epoch_ms(entry.timestamp) if isinstance(entry.timestamp, str) else None
        tokens = entry.tokens
        joined = answer.usage if answer is not None and answer.usage else records.Tally()
        read = tokens.cache_read_input_tokens or joined.cache_read_input_tokens or 0
        written = tokens.cache_creation_input_tokens or joined.cache_creation_input_tokens or 0
        identity = records.text(entry.id) or f"{entry.to_message_id}/{entry.timestamp}"
        kinds = tokens.input or 0, read, written, tokens.output or 0
        self._usage(
            batch,
            _identity(number, joined.timestamp) if number else f"entry/{identity}",
            time_ms or self._written_ms,
            records.text(entry.model),
            kinds,
        )

    def _answer(self, batch: Batch, message: Message, first_ms: int) -> None:
        tally = message.usage or records.Tally()
        stamp = tally.timestamp
        told = epoch_ms(stamp) if isinstance(stamp, str) else None
        kinds = (
            tally.input_tokens or 0,
            tally.cache_read_input_tokens or 0,
            tally.cache_creation_input_tokens or 0,
            tally.output_tokens or 0,
        )
        identity = _identity(str(message.message_id), stamp)
        self._usage(batch, identity, told or first_ms, records.text(tally.model), kinds)

    def _usage(
        self, batch: Batch, identity: str, time_ms: int, model: str, kinds: tuple[int, ...]
    ) -> None:
        fresh, read, written, output = kinds
        if any(kinds):
            batch.events.append(
                Usage(
                    key=event_key("amp", "usage", f"{self._session}/{identity}"),
                    session=self._session,
                    time_ms=time_ms,
                    model=model,
                    fresh=fresh,
                    cache_read=read,
                    cache_write_5m=written,
                    output=output,
                    cwd=self._cwd,
                )
            )

    def _activity(self, batch: Batch, thread: Thread) -> None:
        calls: dict[str, Block] = {}
        before = 0
        for index, message in enumerate(thread.messages):
            blocks, time_ms = records.blocks_of(message), self._time(index)
            words = records.words_of(blocks)
            if message.role == "user":
                for block in blocks:
                    if block.type == "tool_result":
                        call = calls.get(records.text(block.tool_use_id), records.Block())
                        self._result(batch, block, call, time_ms)
                if words:
                    current = wording.fingerprint(words)
                    self._prompt(batch, index, time_ms, wording.corrects(words, current, before))
                    before = current
            elif message.role == "assistant":
                calls |= {
                    records.text(block.id): block for block in blocks if block.type == "tool_use"
                }
                self._end(batch, message, index, time_ms, asked=wording.asks(words))

    def _prompt(self, batch: Batch, index: int, time_ms: int, corrects: bool) -> None:
        batch.events.append(
            Prompt(
                key=event_key("amp", "prompt", f"{self._session}/{index}"),
                session=self._session,
                time_ms=time_ms,
                human=True,
                corrects=corrects,
            )
        )

    def _end(
        self, batch: Batch, message: Message, index: int, time_ms: int, *, asked: bool
    ) -> None:
        state = message.state
        reason = _STATES.get(records.text(state.type)) or _ENDS.get(records.text(state.stop_reason))
        if reason:
            batch.events.append(
                TurnEnd(
                    key=event_key("amp", "turn", f"{self._session}/{index}"),
                    session=self._session,
                    time_ms=time_ms,
                    reason=reason,
                    asked=reason == "done" and asked,
                )
            )

    def _result(self, batch: Batch, block: Block, call: Block, time_ms: int) -> None:
        ok = _OUTCOMES.get(records.text(block.run.status))
        if ok is None:
            # still running; or a word that tells nothing known
            return
        identity = f"{self._session}/{records.text(block.tool_use_id)}"
        tool = records.text(call.name)
        batch.events.append(
            ToolResult(
                key=event_key("amp", "tool", identity),
                session=self._session,
                time_ms=time_ms,
                tool=tool,
                ok=ok,
            )
        )
        if not ok or tool not in _EDITS | _READS:
            return
        path, patch = records.file_of(call)
        paths = (absolute(path, self._cwd),) if path else patched_paths(patch, self._cwd)
        batch.events += [
            FileTouch(
                key=event_key("amp", "touch", f"{identity}/{one}"),
                session=self._session,
                time_ms=time_ms,
                edit=tool in _EDITS,
                path=one,
            )
            for one in paths
        ]


def _identity(number: str, stamp: object) -> str:
    """Return what an answer is known by; an edited thread gives numbers anew, but not times."""
    told = isinstance(stamp, str) and epoch_ms(stamp) is not None
    return f"message/{number}/{stamp if told else ''}"


def _described(entry: Entry, answers: dict[str, Message]) -> str:
    """Return the number of the answer that an entry is about, "" if there is none."""
    if entry.to_message_id is not None:
        return str(entry.to_message_id)
    same = (entry.model, entry.tokens.input, entry.tokens.output)
    for number, message in answers.items():
        tally = message.usage
        if tally and (tally.model, tally.input_tokens, tally.output_tokens) == same:
            return number
    return ""


def _load(state: bytes) -> _State:
    try:
        return msgspec.msgpack.decode(state, type=_State) if state else _State()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _State()
