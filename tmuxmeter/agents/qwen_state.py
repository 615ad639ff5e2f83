"""What a Qwen chat's reader remembers from line to line, and across restarts."""

from __future__ import annotations

import msgspec

_CALLS = 64
_TOLD = 32
_SESSIONS = 8

Counts = tuple[int, int, int, int, int]


class State(msgspec.Struct, array_like=True, gc=False):
    """Small and free of contents: it is stored beside the file's position after every read."""

    told: list[tuple[str, Counts]] = []
    """Requests that telemetry told and no answer has shown yet, by telemetry's record."""
    calls: dict[str, str] = {}
    """Files of the tool calls that have no result yet, by id."""
    started: list[str] = []
    """Sessions whose start was told, the newest last."""
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    parent: str = ""
    """Session this chat was forked from, or that began it."""
    turn: str = ""
    """Id of the prompt that opened the turn."""
    spawned: bool = False
    """Whether another session's agent began this one and writes its prompts."""

    def tell(self, record: str, counts: Counts) -> None:
        """Note a request that an answer will repeat."""
        self.told = [*self.told, (record, counts)][-_TOLD:]

    def telling(self, counts: Counts) -> str:
        """Return telemetry's record of an answer's request, "" if there is none; only once."""
        for place, (record, told) in enumerate(self.told):
            if told == counts:
                del self.told[place]
                return record
        return ""

    def call(self, identity: str, path: str) -> None:
        """Remember the file a call is about; the oldest of too many is forgotten."""
        self.calls[identity] = path
        if len(self.calls) > _CALLS:
            del self.calls[next(iter(self.calls))]

    def start(self, session: str) -> bool:
        """Note a session's first sight; False if it was seen before."""
        if session in self.started:
            return False
        self.started = [*self.started, session][-_SESSIONS:]
        return True


def load(data: bytes) -> State:
    """Return the state from its bytes, a fresh one where they can't be understood."""
    try:
        return msgspec.msgpack.decode(data, type=State) if data else State()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return State()
