"""What a Claude transcript's reader remembers from line to line, and across restarts."""

from __future__ import annotations

import msgspec

_TOOLS = 64
_SESSIONS = 8


class State(msgspec.Struct, array_like=True, gc=False):
    """Small and free of contents: it is stored beside the file's position after every read."""

    turn: str = ""
    """Identity of the turn that is open or just ended: its last message id."""
    reason: str = ""
    """How that turn ended, "" while it is open."""
    asked: bool = False
    """Whether the turn's last words were a question."""
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    parent: str = ""
    """Session this file was branched from."""
    started: list[str] = []
    """Sessions whose start was told, the newest last."""
    tools: dict[str, str] = {}
    """Names of the tool calls that have no result yet, by id."""
    files: dict[str, str] = {}
    """Absolute paths of the files that those of them read or edit, by the call's id."""

    def call(self, identity: str, tool: str, file: str = "") -> None:
        """Remember which tool and file a call went to; the oldest of too many is forgotten."""
        self.tools[identity] = tool
        if file:
            self.files[identity] = file
        if len(self.tools) > _TOOLS:
            self.back(next(iter(self.tools)))

    def back(self, identity: str) -> tuple[str, str]:
        """Forget a call and return its tool and file, "" each where not known."""
        return self.tools.pop(identity, ""), self.files.pop(identity, "")

    def start(self, session: str) -> bool:
        """Note a session's first sight; False if it was seen before."""
        if session in self.started:
            return False
        self.started = [*self.started, session][-_SESSIONS:]
        return True

    def open(self, turn: str) -> None:
        """Go on to another reply (or, with "", to whatever a prompt will bring)."""
        if turn != self.turn or not turn:
            self.turn, self.reason, self.asked = turn, "", False


_decoder = msgspec.msgpack.Decoder(State)


def dump(state: State) -> bytes:
    """Return the state as bytes."""
    return msgspec.msgpack.encode(state)


def load(data: bytes) -> State:
    """Return the state from its bytes, a fresh one where they can't be understood."""
    try:
        return _decoder.decode(data) if data else State()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return State()
