"""Giving memory back to the system after much was read at once."""

from __future__ import annotations

import contextlib
import sys


def give_back() -> None:
    """Let the C library hand back what it keeps of freed memory, where it can be told to."""
    if sys.platform != "linux":
        return
    import ctypes

    # musl has no such function, and keeps little
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
