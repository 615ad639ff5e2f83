"""The few events every agent's log is turned into, and what carries them to the ledger.

Agent modules produce events, the log room adds where they were read, the ledger books them.
Prompt and file *contents* never appear here.

Units: tokens, epoch milliseconds (``*_ms``), minutes where named.
"""

from __future__ import annotations

from struct import Struct
from typing import TypeAlias

import msgspec

from tmuxmeter.digests import blake2b

_signed = Struct("<q").unpack


def event_key(agent: str, kind: str, identity: str) -> int:
    """Return the signed 64-bit key under which an event is booked once.

    Parameters
    ----------
    agent : str
        Registered name of the agent, such as ``"claude"``.
    kind : str
        Kind of event, such as ``"usage"``, so that equal identities of two kinds never meet.
    identity : str
        What the log itself gives the event: a message id, a call id, a record uuid.
    """
    text = f"{agent}\0{kind}\0{identity}".encode("utf-8", "surrogatepass")
    key: int = _signed(blake2b(text, digest_size=8).digest())[0]
    return key


class _Event(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    key: int
    session: str
    time_ms: int


class SoFar(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All that a session's log tells of its tokens at some time, where it tells nothing smaller.

    ``began_ms`` is when the session began where its name alone doesn't tell it from those of other
    accounts, else 0.
    """

    fresh: int
    cache_read: int
    cache_write_5m: int
    output: int
    reasoning: int
    began_ms: int = 0


class Usage(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=1):
    """Tokens of one request, in disjoint kinds (cached input is never inside ``fresh``).

    Several lines may show the same request: they share ``key``. The one with the highest
    ``output`` wins whole, a tie goes to the last; the ledger applies that rule.
    ``output`` contains ``reasoning``. ``context_window`` is 0 where the log doesn't say.

    ``so_far``: these are no request's tokens but what a total grew by since this file was read
    before, and the total now. Where other files show the same session (a copy, a folder that was
    moved), the ledger takes of it what it doesn't have yet.
    """

    model: str
    fresh: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    web_searches: int = 0
    context_window: int = 0
    tier: str = "standard"
    geo: str = ""
    cwd: str = ""
    branch: str = ""
    sidechain: bool = False
    so_far: SoFar | None = None


class Prompt(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=2):
    """Somebody asked for something. ``corrects``: it corrects or repeats the prompt before."""

    human: bool
    corrects: bool = False


class TurnEnd(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=3):
    """A turn ended. ``reason``: ``done``, ``interrupted`` or ``error``. ``asked``: with a question.

    ``duration_ms`` is -1 where the log doesn't say. A log may show the same end twice: of one key
    the greatest ``(duration_ms, time_ms, asked)`` wins whole; the ledger applies that rule.
    """

    reason: str
    duration_ms: int = -1
    asked: bool = False


class ToolResult(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=4):
    """A tool call came back. ``tool`` is empty where the result doesn't name it."""

    tool: str
    ok: bool


class FileTouch(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=5):
    """The agent read or edited a file. ``path`` as the log gives it, absolute where known."""

    edit: bool
    path: str


class RateLimit(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=6):
    """A plan window as the vendor reports it; ``resets_ms`` is 0 where unknown."""

    window_minutes: int
    used_percent: float
    resets_ms: int = 0
    limit: str = ""
    plan: str = ""


class Compaction(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=7):
    """The context was compacted. ``tokens_before`` is -1 where the log doesn't say."""

    trigger: str = ""
    tokens_before: int = -1


class SessionStart(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=8):
    """A session (or sub-agent thread) began, or its facts became known.

    ``parent`` is the session it was spawned or forked from; ``spawned`` tells a sub-agent, whose
    spend belongs to its parent's pane, from a fork, which lives a life of its own.
    """

    cwd: str = ""
    branch: str = ""
    parent: str = ""
    spawned: bool = False
    version: str = ""


class Estimate(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=10):
    """What a record that tells no tokens may have cost in tokens, by its text.

    No sum has it: it is shown where the configuration asks for it, with a ``~``. Of one key the
    larger one wins, of equal ones the later.
    """

    input: int = 0
    output: int = 0


class Skipped(_Event, frozen=True, gc=False, array_like=True, kw_only=True, tag=9):
    """Records that were left out, and why, for ``doctor``. ``key`` and ``time_ms`` are 0.

    ``offset`` is where the last one stood in its file, in bytes.
    """

    reason: str
    count: int = 1
    offset: int = 0


Event: TypeAlias = (
    Usage
    | Prompt
    | TurnEnd
    | ToolResult
    | FileTouch
    | RateLimit
    | Compaction
    | SessionStart
    | Estimate
    | Skipped
)


class LogFile(msgspec.Struct, frozen=True):
    """One log file as found on disk.

    ``name`` is its canonical name below ``root``: two files with the same name are the same log
    (archived, compressed), so it is the identity the ledger keeps positions under.
    """

    agent: str
    root: str
    name: str
    path: str


class Position(msgspec.Struct, frozen=True):
    """How far a log file has been read.

    ``offset`` is the byte after the last complete line that was read; ``mark`` is a digest of what
    stands right before it, so that a rewritten file is noticed; ``reader`` is the agent reader's
    own state.
    """

    device: int = 0
    inode: int = 0
    size: int = 0
    mtime_ns: int = 0
    offset: int = 0
    mark: bytes = b""
    reader: bytes = b""


class Chunk(msgspec.Struct, frozen=True):
    """Events read from one file and the position after them: booked together or not at all.

    ``restart`` tells that the events stand at the very beginning of the file, so that what is
    known of the records skipped in it before is void.
    """

    file: LogFile
    events: list[Event]
    position: Position
    restart: bool = False
