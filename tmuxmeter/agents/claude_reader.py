"""Turns the lines of one Claude Code transcript into events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import claude_prompts as prompts
from tmuxmeter.agents import claude_state, wording
from tmuxmeter.agents.claude_batch import Batch
from tmuxmeter.agents.claude_records import (
    BAD_TIME,
    BrokenRecordError,
    Fork,
    Record,
    decode_record,
)
from tmuxmeter.agents.claude_usage import SYNTHETIC
from tmuxmeter.agents.file_paths import absolute
from tmuxmeter.agents.readers import unknown_type
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.digests import blake2b
from tmuxmeter.events import (
    Compaction,
    FileTouch,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    event_key,
)

if TYPE_CHECKING:
    from tmuxmeter.agents.claude_records import Block, Message
    from tmuxmeter.events import Event

_KINDS = frozenset({"assistant", "attachment", "progress", "system", "user"})
_SILENT = frozenset(
    (
        *("agent-color", "agent-name", "agent-setting", "ai-title", "api-request"),
        *("api-request-blob", "api-request-shape", "artifact-autoreact-ledger"),
        *("artifact-comment-monitor", "atis-latch", "attribution-snapshot", "bridge-session"),
        *("content-replacement", "continued-in", "cost-state", "custom-title"),
        *("file-history-delta", "file-history-snapshot", "frame-link", "last-prompt"),
        *("marble-origami-commit",),
        *("marble-origami-snapshot", "mode", "permission-mode", "pr-link", "queue-operation"),
        *("speculation-accept", "started", "result", "summary", "tag", "task-summary"),
        *("tools-used", "worktree-state"),
    )
)
"""Types that carry nothing of use, as far as any version was seen to write them."""
_EDITS = frozenset({"Edit", "MultiEdit", "NotebookEdit", "Write"})
_FILES = _EDITS | {"NotebookRead", "Read"}
_LAST_WORDS = frozenset({"end_turn", "refusal", "stop_sequence"})
_NEVER = (b"api-request", b"file-history-")
_BRACE, _P = b"{p"
_MAX_DURATION_MS = 2**40


class Reader:
    """Reader of one transcript.

    Parameters
    ----------
    session : str
        Session of records that don't name one, from the file's name.
    state : bytes
        What an earlier reader of the same file left.
    """

    def __init__(self, session: str, state: bytes = b"") -> None:
        self._session = session
        self._state = claude_state.load(state)
        self._last = ""

    def state(self) -> bytes:
        """Return what a new reader needs to go on after the last line read."""
        return claude_state.dump(self._state)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        batch = Batch()
        view = memoryview(block)
        offset -= start
        find = block.find
        while start < end:
            stop = find(b"\n", start, end)
            if stop < 0:
                stop = end
            kind = find(b'"type":"', start, stop) + 8
            if (
                not start + 8 < kind < stop
                or (block[kind] != _P and block[kind - 9] != _BRACE)
                or _matters(block, start, kind, stop)
            ):
                batch.line = view[start:stop]
                batch.offset = offset + start
                try:
                    record = decode_record(batch.line)
                    if record is not None:
                        if record.type in _KINDS:
                            self._take(batch, record)
                        elif record.type and record.type not in _SILENT:
                            reason = unknown_type(record.type, record.version or "")
                            batch.skip(reason, batch.offset)
                except BrokenRecordError as error:
                    batch.skip(str(error), batch.offset)
            start = stop + 1
        return batch.finish()

    def _take(self, batch: Batch, record: Record) -> None:
        time_ms = epoch_ms(record.timestamp or "")
        if time_ms is None:
            raise BrokenRecordError(BAD_TIME)
        batch.time_ms = time_ms
        batch.session = record.session_id or self._session
        if record.forked_from is not None:
            self._copied(batch, record)
        elif batch.session != self._last and record.cwd and not record.is_sidechain:
            # A sub-agent's records carry its parent's session, which they don't begin.
            self._start(batch, record)
        kind = record.type
        if kind == "assistant":
            self._reply(batch, record, record)
        elif kind == "user":
            self._user(batch, record)
        elif kind == "progress":
            self._progress(batch, record)
        elif kind == "attachment":
            self._attachment(batch, record)
        else:
            self._system(batch, record)

    def _copied(self, batch: Batch, record: Record) -> None:
        """Book a record that was copied into a branch where it was first written."""
        fork = record.forked_from
        origin = fork.session_id if isinstance(fork, Fork) else fork
        if origin:
            batch.session = self._state.parent = origin

    def _start(self, batch: Batch, record: Record) -> None:
        session, parent = batch.session, self._state.parent
        self._last = session
        if self._state.start(session):
            batch.events.append(
                SessionStart(
                    key=event_key("claude", "session", session),
                    session=session,
                    time_ms=batch.time_ms,
                    cwd=record.cwd or "",
                    branch=record.git_branch or "",
                    parent=parent if parent != session else "",
                    version=record.version or "",
                )
            )

    def _progress(self, batch: Batch, record: Record) -> None:
        """Take a sub-agent's reply out of its parent's file; in old builds it is nowhere else."""
        reply = record.data.message if record.data is not None else None
        if reply is not None and reply.type == "assistant":
            batch.time_ms = epoch_ms(reply.timestamp or "") or batch.time_ms
            self._reply(batch, reply, record)

    def _reply(self, batch: Batch, reply: Record, holder: Record) -> None:
        message = reply.message
        main = reply is holder and not reply.is_sidechain
        if reply.is_api_error_message:
            if main:
                self._state.open(_identity(reply))
                self._end(batch, "error")
            return
        if message is None or message.model == SYNTHETIC:
            return
        if message.usage is not None:
            # The message id: copies in other files and asides get another request id.
            identity = message.id or reply.uuid or reply.request_id
            identity = identity or blake2b(batch.line, digest_size=16).hexdigest()
            batch.reply(identity, message.usage, reply, holder)
        text = ""
        if isinstance(message.content, list):
            for part in message.content:
                if part.type == "text":
                    text = part.text or text
                elif part.type == "tool_use":
                    self._call(batch, part, holder.cwd or "", embedded=reply is not holder)
        if main:
            self._turn(batch, reply, message, text)

    def _call(self, batch: Batch, part: Block, cwd: str, *, embedded: bool) -> None:
        if not part.id or not part.name:
            return
        path = ""
        if part.input is not None and part.name in _FILES:
            path = part.input.file_path or part.input.notebook_path or ""
            path = path and absolute(path, cwd)
        if path and embedded:  # its result is nowhere
            self._touch(batch, part.id, part.name, path)
            path = ""
        self._state.call(part.id, part.name, path)

    def _touch(self, batch: Batch, call: str, tool: str, path: str) -> None:
        batch.events.append(
            FileTouch(
                key=event_key("claude", "touch", call),
                session=batch.session,
                time_ms=batch.time_ms,
                edit=tool in _EDITS,
                path=path,
            )
        )

    def _turn(self, batch: Batch, reply: Record, message: Message, text: str) -> None:
        self._state.open(message.id or _identity(reply))
        if text:
            self._state.asked = wording.asks(text)
        if message.stop_reason in _LAST_WORDS:
            self._end(batch, "done")

    def _end(self, batch: Batch, reason: str, duration_ms: int = -1) -> None:
        """Tell the turn's end, again if need be: all its signs share the last message's key."""
        self._state.reason = reason
        batch.turn(
            TurnEnd(
                key=event_key("claude", "turn", self._state.turn),
                session=batch.session,
                time_ms=batch.time_ms,
                reason=reason,
                duration_ms=duration_ms,
                asked=self._state.asked and reason == "done",
            )
        )

    def _system(self, batch: Batch, record: Record) -> None:
        if record.subtype == "turn_duration" and not record.is_sidechain:
            if not self._state.turn:
                self._state.open(_identity(record))
            told = -1 if record.duration_ms is None else record.duration_ms
            known = 0 <= told < _MAX_DURATION_MS
            self._end(batch, self._state.reason or "done", int(told) if known else -1)
            self._state.open("")
        elif record.subtype == "compact_boundary":
            facts = record.compact_metadata
            before = facts.pre_tokens if facts is not None else None
            batch.events.append(
                Compaction(
                    key=event_key("claude", "compaction", _identity(record)),
                    session=batch.session,
                    time_ms=batch.time_ms,
                    trigger=(facts.trigger or "") if facts is not None else "",
                    tokens_before=-1 if before is None else before,
                )
            )

    def _user(self, batch: Batch, record: Record) -> None:
        content = record.message.content if record.message is not None else None
        if isinstance(content, list):
            more = False
            for index, part in enumerate(content):
                if part.type == "tool_result":
                    self._result(batch, part, part.tool_use_id or f"{_identity(record)}/{index}")
                else:
                    more = True
            if not more:
                return
        words = prompts.Words(content)
        if words.text.startswith(prompts.INTERRUPTED):
            if not record.is_sidechain:
                if not self._state.turn:
                    self._state.open(_identity(record))
                self._end(batch, "interrupted")
        elif prompts.is_prompt(record, words):
            if not record.is_sidechain:
                self._state.open("")
            self._prompt(batch, record, words, human=prompts.is_human(record, words))

    def _result(self, batch: Batch, part: Block, call: str) -> None:
        """Tell a result, and the file it read or changed: one refused or failed left it alone."""
        tool, file = self._state.back(call)
        batch.events.append(
            ToolResult(
                key=event_key("claude", "tool", call),
                session=batch.session,
                time_ms=batch.time_ms,
                tool=tool,
                ok=not part.is_error,
            )
        )
        if file and not part.is_error:
            self._touch(batch, call, tool, file)

    def _attachment(self, batch: Batch, record: Record) -> None:
        attachment = record.attachment
        if attachment is None:
            return
        words = prompts.Words(attachment.prompt)
        if prompts.is_queued_prompt(attachment, words):
            human = prompts.is_queued_by_human(record, attachment, words)
            self._prompt(batch, record, words, human=human)

    def _prompt(self, batch: Batch, record: Record, words: prompts.Words, *, human: bool) -> None:
        corrects = False
        if human:
            current = wording.fingerprint(words.text)
            corrects = wording.corrects(words.text, current, self._state.prompt)
            self._state.prompt = current
        batch.events.append(
            Prompt(
                key=event_key("claude", "prompt", _identity(record)),
                session=batch.session,
                time_ms=batch.time_ms,
                human=human,
                corrects=corrects,
            )
        )


def _matters(block: bytes | bytearray, start: int, kind: int, stop: int) -> bool:
    """Tell cheaply whether a line is worth decoding: only what surely isn't is left out.

    Progress without usage, file history, attachments and debugging records are half of the lines.
    All of those name the line's first type, at ``kind``, with a P or first in their object.
    """
    if kind == start + 9 and block.startswith(_NEVER, kind):
        return False
    if (block[kind] == _P and block.startswith(b'progress"', kind)) or (
        block[kind - 9] == _BRACE
        and block.startswith(b'"attachment":', kind - 22)
        and not block.startswith(b'queued_command"', kind)
    ):
        return block.find(b'"output_tokens":', start, stop) >= 0
    return True


def _identity(record: Record) -> str:
    """Return what is the same in every copy of a record."""
    fork = record.forked_from
    if isinstance(fork, Fork) and fork.message_uuid:
        return fork.message_uuid
    return record.uuid or f"{record.session_id}/{record.timestamp}"
