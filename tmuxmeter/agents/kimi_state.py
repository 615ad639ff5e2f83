"""What a Kimi reader knows of its session, and remembers from line to line."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

_CALLS = 64


@dataclass(frozen=True, slots=True)
class About:
    """What the log's path and the files beside it tell.

    ``parent`` is the session a fork was copied from; ``forked_ms`` when, in epoch ms.
    """

    session: str
    sub_agent: bool = False
    cwd: str = ""
    parent: str = ""
    forked_ms: int = 0

    def owner(self, time_ms: int) -> str:
        """Return whose record of this time it is: a fork begins with copies of its parent's."""
        return self.parent if self.parent and time_ms < self.forked_ms else self.session


class State(msgspec.Struct, array_like=True, gc=False):
    """Small and free of contents: it is stored beside the file's position after every read."""

    models: dict[str, str] = {}
    """Real names of models by the user's own name for them."""
    calls: dict[str, tuple[str, str]] = {}
    """Tool and file of the calls that have no result yet, by id."""
    prompt: int = 0
    """Fingerprint of the human prompt before."""
    turn: str = ""
    """What the turn that is open is known by."""
    asked: bool = False
    """Whether the last words of the turn were a question."""
    started: bool = False
    began_ms: int = 0
    """When the session began, as long as its folder isn't known."""

    def call(self, identity: str, tool: str, path: str) -> None:
        """Remember a call; the oldest of too many is forgotten."""
        self.calls[identity] = (tool, path)
        if len(self.calls) > _CALLS:
            del self.calls[next(iter(self.calls))]


def load(data: bytes) -> State:
    """Return the state from its bytes, a fresh one where they can't be understood."""
    try:
        return msgspec.msgpack.decode(data, type=State) if data else State()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return State()
