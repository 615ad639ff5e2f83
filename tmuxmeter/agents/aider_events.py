"""Turns the lines of Aider's analytics log into events: sessions and turns, tokens as an estimate.

All runs of a user write to one log and have no ids, so a session is what follows a ``launched``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.lines import BAD_TIME, MOST_TOKENS, Batch, SkipRecord, decode, read_lines
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import Estimate, SessionStart, TurnEnd, event_key

if TYPE_CHECKING:
    from tmuxmeter.events import Event


class _Properties(msgspec.Struct, gc=False):
    aider_version: str = ""
    prompt_tokens: object = 0
    completion_tokens: object = 0


class _Line(msgspec.Struct, gc=False):
    event: str
    time: float
    properties: _Properties = msgspec.field(default_factory=_Properties)


_line = msgspec.json.Decoder(_Line)


class AiderEvents:
    """Reads a log. See :class:`tmuxmeter.agents.readers.Reader`.

    Parameters
    ----------
    name : str
        The log's name: lines before the first ``launched`` belong to a session of that name.
    state : bytes
        The session that :meth:`state` of another reader of this file returned.
    """

    def __init__(self, name: str, state: bytes = b"") -> None:
        self._session = state.decode("utf-8", "replace") or name

    def state(self) -> bytes:
        """Return the session at hand."""
        return self._session.encode("utf-8", "replace")

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._line, block, start, end, offset)

    def _line(self, batch: Batch, raw: bytes) -> None:
        line = decode(_line, raw)
        time_ms = plausible_ms(line.time * 1000)
        if time_ms is None:
            raise SkipRecord(BAD_TIME)
        # what else is there counts commands and settings, under ever new names
        if line.event == "launched":
            self._session = f"aider-{time_ms // 1000}"
            batch.events.append(
                SessionStart(
                    key=event_key("aider", "session", self._session),
                    session=self._session,
                    time_ms=time_ms,
                    version=line.properties.aider_version,
                )
            )
        elif line.event == "message_send":
            # the figures in it tell lines of one second apart; they are counted nowhere
            identity = raw.decode("utf-8", "replace")
            batch.events.append(
                TurnEnd(
                    key=event_key("aider", "turn", identity),
                    session=self._session,
                    time_ms=time_ms,
                    reason="done",
                )
            )
            told = line.properties
            batch.events.append(
                Estimate(
                    key=event_key("aider", "estimate", identity),
                    session=self._session,
                    time_ms=time_ms,
                    input=_count(told.prompt_tokens),
                    output=_count(told.completion_tokens),
                )
            )


def _count(value: object) -> int:
    """Return Aider's own figure, 0 where it makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value < MOST_TOKENS else 0
