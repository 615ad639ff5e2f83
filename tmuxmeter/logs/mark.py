"""What a position remembers of the bytes already read, so that a rewritten file is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from tmuxmeter.digests import blake2b

SAMPLE = 256

_LAYOUT = Struct("<8s8sQ?")


def _digest(sample: bytes) -> bytes:
    return blake2b(sample, digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Mark:
    """Digests of the first and of the last bytes before an offset, and what is known behind it.

    ``searched`` bytes from the offset on are known to hold no newline: the unfinished last line,
    which is not searched again when it grows. ``last_line`` tells that this unfinished line was
    read all the same, because its file had come to rest.
    """

    head: bytes = b""
    tail: bytes = b""
    searched: int = 0
    last_line: bool = False

    @classmethod
    def of(cls, head: bytes, tail: bytes, searched: int = 0, *, last_line: bool = False) -> Mark:
        """Return the mark for these first and last bytes (up to :data:`SAMPLE` of each)."""
        return cls(_digest(head), _digest(tail), searched, last_line)

    @classmethod
    def parse(cls, content: bytes) -> Mark:
        """Return the mark stored as ``content``; an unknown form matches no file."""
        return cls(*_LAYOUT.unpack(content)) if len(content) == _LAYOUT.size else cls()

    def pack(self) -> bytes:
        """Return the form to be stored."""
        return _LAYOUT.pack(self.head, self.tail, self.searched, self.last_line)

    def matches(self, head: bytes, tail: bytes) -> bool:
        """Tell whether these bytes are the ones the mark was made of."""
        return self.head == _digest(head) and self.tail == _digest(tail)
