"""Where figures are shown: the tmux servers, and the small file that shell prompts read."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.errors import TmuxError
from tmuxmeter.reports.live import Live
from tmuxmeter.status.options import OPTION_NAMES, StatusOptions, parse_options
from tmuxmeter.status.prompt import PROMPT_FILE, prompt_file
from tmuxmeter.status.values import tmux_values
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.install import install_formats, read_options
from tmuxmeter.tmux.push import Pusher
from tmuxmeter.watcher.files import replace_private

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tmuxmeter.tmux.snapshot import ServerSnapshot

PROMPT_LEASE_S = 30
"""Seconds for which the prompt file's figures hold."""
OPTIONS_EVERY_S = 60.0
"""How often the user's options are read anew, in seconds; `tmuxmeter up` reads them at once."""


class Screen:
    """One running tmux server as the meter writes to it."""

    def __init__(self, socket: Path) -> None:
        self._tmux = Tmux(socket)
        self._pusher = Pusher(self._tmux)
        self._options: StatusOptions | None = None
        self._options_due = 0.0
        self._live = Live()
        self._values: dict[str, str] | None = None
        self._clients: tuple[str, ...] = ()
        self.complaints: tuple[str, ...] = ()

    def renew(self) -> None:
        """Look at formats and options again at the next push."""
        self._options = None

    def show(self, live: Live, server: ServerSnapshot) -> None:
        """Take new figures; :meth:`push` sends them."""
        if live != self._live:
            self._live, self._values = live, None
        self._clients = tuple(client.name for client in server.clients if not client.control_mode)

    def push(self, now: float, epoch: float, *, icons: bool) -> float | None:
        """Send what changed; return the monotonic time at which the rest may go, None: all sent.

        Raises
        ------
        TmuxError
            The server is gone or refuses.
        """
        if self._options is None or now >= self._options_due:
            if self._options is None:
                install_formats(self._tmux)
            self._options_due = now + OPTIONS_EVERY_S
            options, self.complaints = parse_options(
                read_options(self._tmux, OPTION_NAMES), icons=icons
            )
            if options != self._options:
                self._options, self._values = options, None
        if self._values is None:
            self._values = tmux_values(self._live, self._options)
        return self._pusher.push(self._values, self._clients, now, epoch)

    def clear(self) -> None:
        """Take everything out of the server again; one that is gone needs nothing."""
        with contextlib.suppress(TmuxError):
            self._pusher.clear(self._clients)


class Display:
    """All running servers by identity (a restarted server is a new one), and the prompt file.

    Parameters
    ----------
    runtime : Path
        The folder of the prompt file.

    Attributes
    ----------
    problems : list of str
        What went wrong where, and what is odd about the user's options.
    """

    def __init__(self, runtime: Path) -> None:
        self._screens: dict[tuple[str, int, int], Screen] = {}
        self._prompt = runtime / PROMPT_FILE
        self._figures: dict[int, Live] = {}
        self._prompt_due = 0.0
        self.problems: list[str] = []

    def show(self, lives: Sequence[tuple[ServerSnapshot, Live]], everywhere: Live) -> None:
        """Take the figures of each running server; :meth:`push` sends them.

        ``everywhere`` are the figures for prompts where no server runs.
        """
        screens = {}
        for server, live in lives:
            key = (str(server.socket), server.server_pid, server.server_started)
            screen = self._screens.get(key) or Screen(server.socket)
            screen.show(live, server)
            screens[key] = screen
        self._screens = screens
        figures = {server.server_pid: live for server, live in lives} or {0: everywhere}
        if figures != self._figures:
            self._figures = figures
            self._prompt_due = 0.0

    def push(self, now: float, epoch: float, *, icons: bool = True) -> float | None:
        """Send what changed, as far as it may go now; return the monotonic time for the rest.

        Returns None when all is sent. Call it now and then also when nothing changed: it keeps
        the figures from looking stale.
        """
        due: list[float] = []
        self.problems = []
        for (socket, *_), screen in self._screens.items():
            try:
                later = screen.push(now, epoch, icons=icons)
            except TmuxError as error:
                self.problems.append(f"{socket}: {error}")
                continue
            self.problems += screen.complaints
            if later is not None:
                due.append(later)
        if now >= self._prompt_due:
            self._prompt_due = now + PROMPT_LEASE_S / 2
            replace_private(self._prompt, prompt_file(self._figures, int(epoch) + PROMPT_LEASE_S))
        return min(due) if due else None

    def prepare_anew(self) -> None:
        """Look at formats and options again: the user has changed them."""
        for screen in self._screens.values():
            screen.renew()

    def keep(self, sockets: Collection[Path]) -> None:
        """Take the meter out of servers that are no longer registered."""
        for key in [key for key in self._screens if Path(key[0]) not in sockets]:
            self._screens.pop(key).clear()

    def clear(self) -> None:
        """Take everything away."""
        for screen in self._screens.values():
            screen.clear()
        self._screens.clear()
        with contextlib.suppress(OSError):
            self._prompt.unlink(missing_ok=True)
