"""The bytes of a zstandard-compressed log. Offsets are those of the uncompressed stream."""

from __future__ import annotations

import os

from tmuxmeter.logs.source import why

SUFFIX = ".zst"

# Small bites keep what one of them unfolds to small: log text shrinks about tenfold.
_BITE = 1 << 13


class ZstSource:
    """A compressed log behind an open descriptor, which stays the caller's.

    A damaged or cut archive gives what can be read and then sets ``damage``.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seek(0)

    def seek(self, offset: int) -> None:
        """See :meth:`tmuxmeter.logs.source.Source.seek`; reads everything before ``offset``."""
        import zstandard

        self.damage = ""
        self._at = 0
        self._ready = memoryview(b"")
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._broken = zstandard.ZstdError
        self._frame = self._new_frame()
        self._begun = False
        self._pass_by(offset, 0)

    def samples(self, offset: int, size: int) -> tuple[bytes, bytes]:
        """See :meth:`tmuxmeter.logs.source.Source.samples`."""
        self.seek(0)
        return self._pass_by(offset, min(offset, size))

    def readinto(self, view: memoryview) -> int:
        """See :meth:`tmuxmeter.logs.source.Source.readinto`."""
        while not self._ready:
            unfolded = self._unfold()
            if unfolded is None:
                return 0
            self._ready = memoryview(unfolded)
        taken = min(len(view), len(self._ready))
        view[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _pass_by(self, length: int, keep: int) -> tuple[bytes, bytes]:
        scratch = memoryview(bytearray(min(length, 1 << 16)))
        head = tail = b""
        while length:
            taken = self.readinto(scratch[:length])
            if not taken:
                break
            length -= taken
            if keep:
                head += bytes(scratch[: max(0, min(taken, keep - len(head)))])
                tail = (tail + bytes(scratch[max(0, taken - keep) : taken]))[-keep:]
        return head, tail

    def _unfold(self) -> bytes | None:
        """Return the next uncompressed bytes, maybe none yet, or None at the end."""
        if self._frame.eof:
            rest = self._frame.unused_data
            self._frame = self._new_frame()
            self._begun = False
            if rest:
                return self._feed(rest)
        try:
            bite = os.pread(self._descriptor, _BITE, self._at)
        except OSError as error:
            self.damage = why(error)
            return None
        if not bite:
            if self._begun:
                self.damage = self.damage or "compressed log ends too early"
            return None
        self._at += len(bite)
        return self._feed(bite)

    def _feed(self, bite: bytes) -> bytes | None:
        self._begun = True
        try:
            return self._frame.decompress(bite)
        except self._broken:
            self.damage = "compressed log is damaged"
            # Nothing behind the damage can be trusted: the next read finds the end.
            self._at = os.fstat(self._descriptor).st_size
            return None
