"""Processes that tests started: found by the folders they were told, and ended."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

ENDING_S = 5.0
"""How long what was told to end may take, on a busy machine."""


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that name a folder: in command line, environment or working folder."""
    us = psutil.Process()
    callers = {us, *us.parents()}
    return [
        process
        for process in psutil.process_iter()
        if process not in callers
        and any(f"{folder}/" in f"{word}/" for word in _words(process))
        and process.create_time() >= us.create_time()
    ]


def _words(process: psutil.Process) -> list[str]:
    words: list[str] = []
    for ask in (process.cmdline, lambda: process.environ().values(), lambda: [process.cwd()]):
        # another user's, or one that has just ended
        with contextlib.suppress(psutil.Error, OSError):
            words += ask()
    return words


def end(processes: list[psutil.Process]) -> None:
    """End processes, whatever they are at."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def left_behind(folder: Path) -> list[str]:
    """Return what still runs of a folder's processes after a moment, and end it."""
    deadline = time.monotonic() + ENDING_S
    while (found := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    told = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            told.append(f"{process.pid}: {' '.join(process.cmdline())} in {process.cwd()}")
    end(found)
    return told
