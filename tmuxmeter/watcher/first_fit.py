"""The first calibration: made by itself, once, as soon as the history can carry one.

It runs in a process of its own, so that figures go on meanwhile. What it found is told; whoever
goes back to the settings' constants (``tmuxmeter calibrate --reset``) is not calibrated again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.breakeven.calibrate import LEAST_DAYS
from tmuxmeter.errors import LedgerUnwritableError
from tmuxmeter.fitfile import NAME
from tmuxmeter.status.notices import fit_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

META = "first_fit"
"""The ledger remembers under this name that the first calibration was made."""
DAY_MS = 86_400_000


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def meta(self, name: str) -> str | None:
        """Return a value kept under a name."""

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value under a name."""


def fit_command(home_arguments: Sequence[str]) -> list[str]:
    """Return the command that fits the ledger's own hours and puts the fit in force."""
    return [sys.executable, "-m", "tmuxmeter", "calibrate", "--apply", "--json", *home_arguments]


class FirstFit:
    """Starts the first calibration and tells what came of it.

    Parameters
    ----------
    state : Path
        The state folder.
    command : sequence of str
        What :func:`fit_command` returns.
    """

    def __init__(self, state: Path, command: Sequence[str]) -> None:
        self._state = state
        self._command = command
        self._child: subprocess.Popen[str] | None = None

    def start(self, book: Book, span: tuple[int, int] | None) -> None:
        """Start where nothing was fitted yet and there is enough to try; once a day is enough.

        Parameters
        ----------
        span : tuple of int or None
            When the first and the last request were made, in epoch milliseconds.
        """
        if self._child is not None or span is None or span[1] - span[0] < LEAST_DAYS * DAY_MS:
            return
        if (self._state / NAME).exists() or book.meta(META) is not None:
            return
        with contextlib.suppress(OSError):
            self._child = subprocess.Popen(
                ["nice", "-n", "19", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd="/",
            )

    def finished(self, book: Book) -> str:
        """Return one line on the fit that was found since the last call, "" if none was."""
        if self._child is None or self._child.poll() is None:
            return ""
        # a fit as JSON is far smaller than a pipe, so its writer never waited for this
        answer, _ = self._child.communicate()
        self._child = None
        try:
            found = json.loads(answer)
        except ValueError:
            logger.warning("the first calibration ended without an answer")
            return ""
        if not found["fitted"]:
            logger.info("no calibration yet: %s", found["reason"])
            return ""
        with contextlib.suppress(LedgerUnwritableError):
            book.set_meta(META, f"{found['first_day']} {found['last_day']}")
        text = fit_text(found)
        logger.info("%s", text)
        return text

    def close(self) -> None:
        """End what still runs."""
        if self._child is not None:
            self._child.terminate()
            self._child.communicate()
            self._child = None
