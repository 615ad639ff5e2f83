"""Signals as something a loop can wait for beside files."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Wakeup:
    """Calls ``stop`` on SIGTERM and SIGINT, ``renew`` on SIGHUP, and wakes a waiting ``select``.

    Only one can be in use, and only in the main thread. :meth:`close` puts everything back.
    """

    def __init__(self, stop: Callable[[], None], renew: Callable[[], None]) -> None:
        self._read, write = os.pipe()
        self._write = write
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        self._old_descriptor = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        wanted = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: renew}
        self._old_handlers: dict[signal.Signals, Any] = {
            number: signal.signal(number, _ignoring_arguments(call))
            for number, call in wanted.items()
        }

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a signal came."""
        return self._read

    def drain(self) -> None:
        """Take note of what made the descriptor readable."""
        try:
            while os.read(self._read, 512):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Put the former handlers back."""
        signal.set_wakeup_fd(self._old_descriptor)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)


def _ignoring_arguments(call: Callable[[], None]) -> Callable[[int, object], None]:
    return lambda _number, _frame: call()
