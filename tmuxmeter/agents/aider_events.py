"""Turns the lines of Aider's analytics log into events: sessions and turns, no tokens.

All runs of a user write to one log and have no ids, so a session is what follows a ``launched``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.lines import BAD_TIME, Batch, SkipRecord, decode, read_lines
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import SessionStart, TurnEnd, event_key

if TYPE_CHECKING:
    from tmuxmeter.events import Event


class _Properties(msgspec.Struct, gc=False):
    aider_version: str = ""


class _Line(msgspec.Struct, gc=False):
    event: str
    time: float
    properties: _Properties = msgspec.field(default_factory=_Properties)


_line = msgspec.json.Decoder(_Line)


class AiderEvents:
    """Reads a log. See :class:`tmuxmeter.agents.base.Reader`.

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
            batch.events.append(
                TurnEnd(
                    key=event_key("aider", "turn", raw.decode("utf-8", "replace")),
                    session=self._session,
                    time_ms=time_ms,
                    reason="done",
                )
            )
