"""Telling the human that a budget's mark was passed: once, by tmux and whatever else is set."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.errors import LedgerUnwritableError, TmuxError
from tmuxmeter.reports.budgets import DOLLARS
from tmuxmeter.status.notices import TITLE, budget_environment, budget_text
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.message import show_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from tmuxmeter.config.settings import BudgetSettings
    from tmuxmeter.reports.budgets import BudgetUse
    from tmuxmeter.tmux.snapshot import ServerSnapshot

logger = logging.getLogger(__name__)

NOTIFIERS = (
    ("notify-send", "--app-name", TITLE, "--", TITLE),
    (
        *("osascript", "-e", "on run argv", "-e"),
        f'display notification (item 1 of argv) with title "{TITLE}"',
        *("-e", "end run"),
    ),
)
"""Desktop notifiers (freedesktop's, macOS's); the text comes last."""


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def crossed(self, day: str, budget: str, percent: int, now_ms: int) -> bool:
        """Note that a mark was passed; return False where that was noted before."""


class Notifier:
    """Tells of budgets' marks, each once a day, whatever restarts come between.

    Parameters
    ----------
    titles : mapping of str to str
        Agents' names for people.

    Attributes
    ----------
    problem : str
        Why the user's own command could not be run, "" if it could.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._passed: set[tuple[str, str, int]] = set()
        self._children: list[subprocess.Popen[bytes]] = []
        self.problem = ""

    def tell(
        self,
        uses: Iterable[BudgetUse],
        day: date,
        settings: BudgetSettings,
        servers: Sequence[ServerSnapshot],
        book: Book,
        now_ms: int,
    ) -> None:
        """Tell of the marks that were passed since the last time, the highest of each budget."""
        self._children = [child for child in self._children if child.poll() is None]
        for use in uses:
            new = [mark for mark in use.passed() if self._is_new(use, mark, day, book, now_ms)]
            if not new:
                continue
            text = budget_text(use, new[-1], self._titles.get(use.whose, use.whose))
            logger.info("%s", text)
            tell_tmux(text, servers)
            if settings.desktop:
                self._tell_desktop(text)
            if settings.command:
                self._run(settings.command, budget_environment(use, new[-1], day, text))

    def _is_new(self, use: BudgetUse, mark: int, day: date, book: Book, now_ms: int) -> bool:
        name = use.whose if use.unit != DOLLARS else f"{use.whose} {use.unit}"
        key = day.isoformat(), name, mark
        if key in self._passed:
            return False
        self._passed = {known for known in self._passed if known[0] == key[0]} | {key}
        try:
            return book.crossed(*key, now_ms)
        except LedgerUnwritableError:
            return True  # this watcher remembers it itself

    def _tell_desktop(self, text: str) -> None:
        for program, *arguments in NOTIFIERS:
            if shutil.which(program):
                self._run((program, *arguments, text), {})
                return
        self.problem = "no desktop notifications: neither notify-send nor osascript is installed"

    def _run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program and let it go its way; what it prints is nobody's."""
        try:
            self._children.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd="/",
                    env={**os.environ, **environment},
                )
            )
        except OSError as error:
            self.problem = f"budgets: {command[0]} can't be run: {error.strerror}"
            logger.warning("%s", self.problem)
        else:
            self.problem = ""


def tell_tmux(text: str, servers: Iterable[ServerSnapshot]) -> None:
    """Show one line to every client of some servers."""
    for server in servers:
        clients = [client.name for client in server.clients if not client.control_mode]
        try:
            show_message(Tmux(server.socket), f"{TITLE}: {text}", clients)
        except TmuxError as error:  # the others are told all the same
            logger.info("%s: %s", server.socket, error)
