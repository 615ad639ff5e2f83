"""What the reader of a Copilot session's events remembers from record to record."""

from __future__ import annotations

import msgspec

from tmuxmeter.agents.copilot_tools import Call  # noqa: TC001 - msgspec reads the annotations
from tmuxmeter.agents.totals import Totals

_KEPT = 64


class State(msgspec.Struct, array_like=True):
    """Stored beside the file's position after every read."""

    session: str = ""
    cwd: str = ""
    branch: str = ""
    version: str = ""
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    turn: str = ""
    """Id of the prompt that opened the turn."""
    last: bool = False
    """Whether the newest answer called no tools: the end of its part ends the turn."""
    asked: bool = False
    calls: dict[str, Call] = {}
    """Tool calls that have no result yet, by id."""
    totals: Totals = msgspec.field(default_factory=Totals)
    shutdowns: list[str] = []
    """Those that were counted, the newest last."""
    begun_ms: int = 0
    """When the session began: what is older was copied from the one it was forked from."""
    told: bool = False
    """Whether the session tells its requests one by one."""

    def call(self, identity: str, call: Call) -> None:
        """Remember a call; the oldest of too many is forgotten."""
        self.calls[identity] = call
        if len(self.calls) > _KEPT:
            del self.calls[next(iter(self.calls))]

    def shut_down(self, identity: str) -> bool:
        """Note a shutdown; False if it was counted before."""
        if identity and identity in self.shutdowns:
            return False
        self.shutdowns = [*self.shutdowns, identity][-_KEPT:]
        return True


def load(state: bytes) -> State | None:
    """Return the state from its bytes, None where there are none or they can't be understood."""
    try:
        return msgspec.msgpack.decode(state, type=State) if state else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
