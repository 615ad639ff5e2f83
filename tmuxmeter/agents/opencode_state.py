"""What a reader of OpenCode's database remembers from look to look."""

from __future__ import annotations

import msgspec

from tmuxmeter.agents.rows import Place

_PROMPTS = 256
_ASKS = 256
_TURNS = 4


class State(msgspec.Struct, array_like=True):
    """Small and free of contents: it is stored in the ledger after every look."""

    time: int = 0
    session: str = ""
    """Time of change and id of the session that was read last."""
    messages: Place = msgspec.field(default_factory=Place)
    parts: Place = msgspec.field(default_factory=Place)
    prompts: dict[str, int] = {}
    """When the latest prompts came, by message."""
    words: dict[str, int] = {}
    """Fingerprint of the last human prompt of the latest sessions."""
    asks: dict[str, bool] = {}
    """Replies whose last words are a question; of version 2: sessions."""
    second_time: int = 0
    second_session: str = ""
    second: Place = msgspec.field(default_factory=Place)
    """The same for the tables of version 2."""
    turns: dict[str, list[tuple[int, str]]] = {}
    """Times and messages of the last prompts of version 2's latest sessions."""
    later: list[str] = []
    """Tables of later versions that were told."""

    @classmethod
    def load(cls, data: bytes) -> State:
        """Return the state from its bytes, a fresh one where they can't be understood."""
        try:
            return _decoder.decode(data) if data else cls()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return cls()

    def dump(self) -> bytes:
        """Return the state as bytes."""
        return msgspec.msgpack.encode(self)

    def prompted(self, message: str, time_ms: int) -> None:
        """Note when a prompt came."""
        self.prompts[message] = time_ms
        if len(self.prompts) > _PROMPTS:
            del self.prompts[next(iter(self.prompts))]

    def said(self, session: str, fingerprint: int) -> int:
        """Note what a human prompted; return the fingerprint of the prompt before it."""
        before = self.words.pop(session, 0)
        self.words[session] = fingerprint
        if len(self.words) > _PROMPTS:
            del self.words[next(iter(self.words))]
        return before

    def turned(self, session: str, message: str, time_ms: int) -> None:
        """Note that a prompt began a turn."""
        known = self.turns.pop(session, [])
        self.turns[session] = sorted({*known, (time_ms, message)})[-_TURNS:]
        if len(self.turns) > _PROMPTS:
            del self.turns[next(iter(self.turns))]

    def turn(self, session: str, time_ms: int) -> tuple[str, int]:
        """Return the prompt whose turn a time lies in, "" if it isn't known, and when it came."""
        begun = [(at, message) for at, message in self.turns.get(session, ()) if at <= time_ms]
        return (begun[-1][1], begun[-1][0]) if begun else ("", 0)

    def closed(self, message: str, *, asks: bool) -> None:
        """Note whether a reply's latest words are a question."""
        if not asks:
            self.asks.pop(message, None)
            return
        self.asks[message] = True
        if len(self.asks) > _ASKS:
            del self.asks[next(iter(self.asks))]


_decoder = msgspec.msgpack.Decoder(State)
