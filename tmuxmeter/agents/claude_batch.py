"""What one call to a Claude reader gathers before it is handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.claude_records import BrokenRecordError
from tmuxmeter.agents.claude_usage import tell_usage
from tmuxmeter.events import Skipped

if TYPE_CHECKING:
    from tmuxmeter.agents.claude_records import Record, Tally
    from tmuxmeter.events import Event, TurnEnd


class Batch:
    """Events of some lines, and where the line at hand stands.

    Several lines show one reply: only the best is turned into usage, which halves the work.
    """

    __slots__ = ("_replies", "_skipped", "_turns", "events", "line", "offset", "session", "time_ms")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.line = memoryview(b"")
        self.offset = 0
        self.session = ""
        self.time_ms = 0
        self._replies: dict[str, tuple[int, Record, Record, str, int, int]] = {}
        self._turns: dict[int, TurnEnd] = {}
        self._skipped: dict[str, tuple[int, int]] = {}

    def reply(self, identity: str, usage: Tally, reply: Record, holder: Record) -> None:
        """Keep the line of a reply that has the most output; a tie goes to the last."""
        output = usage.output_tokens or 0
        known = self._replies.get(identity)
        if known is None or output >= known[0]:
            at = (self.session, self.time_ms, self.offset)
            self._replies[identity] = (output, reply, holder, *at)

    def turn(self, end: TurnEnd) -> None:
        """Keep the sign of a turn's end that knows most: its duration, then the later words."""
        known = self._turns.get(end.key)
        if known is None or _knowledge(end) >= _knowledge(known):
            self._turns[end.key] = end

    def skip(self, reason: str, offset: int) -> None:
        """Count a record that was left out."""
        count, _ = self._skipped.get(reason, (0, 0))
        self._skipped[reason] = (count + 1, offset)

    def finish(self) -> list[Event]:
        """Return all events."""
        for identity, (_, reply, holder, session, time_ms, offset) in self._replies.items():
            try:
                tell_usage(self.events, identity, reply, holder, session, time_ms)
            except BrokenRecordError as error:
                self.skip(str(error), offset)
        self.events += self._turns.values()
        self.events += [
            Skipped(key=0, session="", time_ms=0, reason=reason, count=count, offset=offset)
            for reason, (count, offset) in self._skipped.items()
        ]
        return self.events


def _knowledge(end: TurnEnd) -> tuple[int, int, bool]:
    return end.duration_ms, end.time_ms, end.asked
