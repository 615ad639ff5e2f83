"""What a Codex reader remembers from line to line, and why it leaves a record out."""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.codex_lineage import Lineage, Standing
from tmuxmeter.agents.codex_prompts import Mirrored, Seen  # noqa: TC001 - msgspec looks at it at run time
from tmuxmeter.agents.codex_records import MOST_TOKENS
from tmuxmeter.agents.codex_tools import Call  # noqa: TC001 - likewise
from tmuxmeter.agents.codex_usage import Sum
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.events import Event, SessionStart, Usage, event_key

AGENT = "codex"
UNKNOWN_MODEL = "unknown"

UNMETERED = "rollout without token counts"
BROKEN = "broken record"
BAD_COUNTS = "bad token counts"
BAD_FIELD = "unreadable field"
NO_TIME = "record without a usable time"

_LONG_ID = 20
"""Ids of this length are unique by themselves; shorter ones ("call_1") only within a thread."""


class SkipRecord(Exception):  # noqa: N818 - it is no error, it ends one record
    """A record is left out for the reason given."""


class State(msgspec.Struct, array_like=True, omit_defaults=True):
    """What later lines need of earlier ones. Holds no words of prompts or outputs."""

    lineage: Lineage = msgspec.field(default_factory=Lineage)
    sum: Sum = msgspec.field(default_factory=Sum)
    started: bool = False
    legacy: bool = False
    parent: str = ""
    spawned: bool = False
    cwd: str = ""
    branch: str = ""
    version: str = ""
    model: str = ""
    tier: str = "standard"
    window: int = 0
    turn: str = ""
    recorded: bool = False
    """This turn's requests come as ``token_usage_record``; its ``token_count`` only repeat them."""
    copied_records: bool = False
    """Copied requests came as ``token_usage_record`` too; copied snapshots only repeat them."""
    unnamed: list[Usage] = []
    """Requests seen before any model was named."""
    limits: bytes = b""
    limits_ms: int = 0
    prompts: list[Seen] = []
    prompted: bool = False
    """This turn's prompts come as events; its messages to the model only repeat them."""
    mirrored: list[Mirrored] = []
    fingerprint: int = 0
    calls: dict[str, Call] = {}
    compacted: list[int] = []
    """How often a compaction was seen in each of its forms."""
    compactions: int = 0

    @property
    def session(self) -> str:
        """The thread's id."""
        return self.lineage.thread

    def tell_start(self, time_ms: int, events: list[Event]) -> None:
        """Tell the session's start, or what became known of it since."""
        events.append(
            SessionStart(
                key=self.key("start", self.session),
                session=self.session,
                time_ms=time_ms,
                cwd=self.cwd,
                branch=self.branch,
                parent=self.parent,
                spawned=self.spawned,
                version=self.version,
            )
        )

    def begin_turn(self, turn: str) -> None:
        """Go on in a turn, or begin another."""
        if not turn or turn == self.turn:
            return
        self.lineage.see_turn(turn)
        self.turn = turn
        self.recorded = False

    def see_window(self, tokens: object) -> None:
        """Take a model's context window, in tokens, if it is one."""
        if isinstance(tokens, int) and 0 < tokens <= MOST_TOKENS:
            self.window = tokens

    def use_model(self, model: str, events: list[Event]) -> None:
        """Take the model of the requests to come, and of those that came before any was named."""
        if not model:
            return
        self.model = model
        if self.unnamed:
            events.extend(msgspec.structs.replace(usage, model=model) for usage in self.unnamed)
            self.unnamed = []

    def key(self, kind: str, identity: str) -> int:
        """Return an event's key from an id that may be unique only within the thread."""
        if len(identity) < _LONG_ID:
            identity = f"{self.session}|{identity}"
        return event_key(AGENT, kind, identity)


def time_of(timestamp: str) -> int:
    """Return a record's time.

    Raises
    ------
    SkipRecord
        It has none that can be believed.
    """
    time_ms = epoch_ms(timestamp)
    if time_ms is None:
        raise SkipRecord(NO_TIME)
    return time_ms


def own_time(state: State, timestamp: str, ordinal: Any) -> int | None:
    """Return the time of a record that is the thread's own, None if it was copied."""
    time_ms = time_of(timestamp)
    return time_ms if state.lineage.standing(ordinal, time_ms) is Standing.OWN else None


def word(value: object) -> str:
    """Return a field that should be a short text, "" if it is anything else."""
    return value if isinstance(value, str) else ""
