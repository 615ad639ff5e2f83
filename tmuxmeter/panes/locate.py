"""Which pane a process is in.

No single trace is always there (measured with tmux 3.3a): ``env -i`` and sudo lose the environment,
a double fork leaves the process tree, ``setsid`` and inner terminals lose the controlling terminal.
So the tree is asked first, then the environment, then the terminal.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.tmux.servers import canonical_socket, socket_in_environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tmuxmeter.panes.processes import Entry, ProcessTable
    from tmuxmeter.tmux.snapshot import Pane, ServerSnapshot

BY_TREE = 1.0
"""The process is below the pane's own process: certain."""
BY_ENVIRONMENT = 0.9
"""Inherited from the pane it was started in; a launcher may have carried it elsewhere."""
BY_FOREIGN_ENVIRONMENT = 0.6
"""As before, but the process sits at a terminal that is no pane's (a terminal window opened from a
pane, or an inner terminal of a process that left the tree)."""
BY_TERMINAL = 0.9
"""Terminal names are reused, but a process loses its terminal when the pane closes."""
NESTED_DEPTH = 4
"""How many tmux servers inside each other are followed."""


@dataclass(frozen=True, slots=True)
class PaneRef:
    """A pane under one process: pane ids are reused by new servers and kept by a respawn.

    ``pid_start`` tells the pane's process from another with the same pid.
    """

    socket: str
    server_pid: int
    server_started: int
    pane: str
    pid: int
    pid_start: str


@dataclass(frozen=True, slots=True)
class Location:
    """Where a process is: in ``pane``, or outside all metered servers (``pane`` None)."""

    pane: PaneRef | None
    how: str
    confidence: float


OUTSIDE = Location(None, "", 1.0)


class Locator:
    """Answers for one process table and one set of server snapshots.

    Parameters
    ----------
    table : ProcessTable
        The processes at the same moment as the snapshots.
    servers : iterable of ServerSnapshot
        The metered servers.
    guests : iterable of ServerSnapshot
        Servers that run inside panes of metered ones without being metered themselves: what runs
        in them is booked to the outer pane that shows them.
    """

    def __init__(
        self,
        table: ProcessTable,
        servers: Iterable[ServerSnapshot],
        guests: Iterable[ServerSnapshot] = (),
    ) -> None:
        self._table = table
        self._servers = {snapshot.server_pid: snapshot for snapshot in servers}
        self._guests = {snapshot.server_pid: snapshot for snapshot in guests}
        self.panes: dict[PaneRef, Pane] = {}
        self._refs: dict[tuple[int, str], PaneRef] = {}
        self._by_pid: dict[int, tuple[int, str]] = {}
        self._by_tty: dict[int, tuple[int, str]] = {}
        for snapshot in (*self._guests.values(), *self._servers.values()):
            socket = str(canonical_socket(snapshot.socket))
            for pane in snapshot.panes:
                key = snapshot.server_pid, pane.pane_id
                self._refs[key] = ref = self._ref(socket, snapshot, pane)
                if not pane.dead:
                    self._by_pid[pane.pid] = key
                    device = _device_of(pane.tty)
                    if device:
                        self._by_tty[device] = key
                if snapshot.server_pid in self._servers:
                    self.panes[ref] = pane

    def locate(self, entry: Entry) -> Location:
        """Return where a process is."""
        key, how, confidence = self._trace(entry)
        for _ in range(NESTED_DEPTH):
            if key is None or key[0] in self._servers:
                break
            key, how = self._shown_in(key), "nested"
        if key is None:
            return OUTSIDE
        return Location(self._refs[key], how, confidence)

    def unknown_server(self, entry: Entry) -> Path | None:
        """Return the socket of the tmux server a process runs in, if no snapshot was given of it.

        The environment tells; where it was wiped, that of the nearest parent that still has it.
        """
        for ancestor in self._table.ancestors(entry.pid):
            if ancestor.pid in self._by_pid:
                return None
            named = socket_in_environment(self._table.environ(ancestor).get("TMUX", ""))
            if named is not None:
                socket, server_pid = named
                known = server_pid in self._servers or server_pid in self._guests
                running = self._table.get(server_pid) is not None
                return socket if running and not known else None
        return None

    def _ref(self, socket: str, snapshot: ServerSnapshot, pane: Pane) -> PaneRef:
        entry = self._table.get(pane.pid)
        return PaneRef(
            socket,
            snapshot.server_pid,
            snapshot.server_started,
            pane.pane_id,
            pane.pid,
            entry.start if entry else "",
        )

    def _trace(self, entry: Entry) -> tuple[tuple[int, str] | None, str, float]:
        for ancestor in self._table.ancestors(entry.pid):
            key = self._by_pid.get(ancestor.pid)
            if key is not None:
                return key, "tree", BY_TREE
        at_pane = self._by_tty.get(entry.tty) if entry.tty else None
        key = self._in_environment(entry)
        if key is not None and self._is_younger(entry, key):
            if entry.tty and at_pane is None:
                return key, "environment", BY_FOREIGN_ENVIRONMENT
            return key, "environment", BY_ENVIRONMENT
        if at_pane is not None and self._is_younger(entry, at_pane):
            return at_pane, "terminal", BY_TERMINAL
        return None, "", 1.0

    def _in_environment(self, entry: Entry) -> tuple[int, str] | None:
        environment = self._table.environ(entry)
        named = socket_in_environment(environment.get("TMUX", ""))
        if named is None:
            return None
        socket, server_pid = named
        snapshot = self._servers.get(server_pid) or self._guests.get(server_pid)
        if snapshot is None or canonical_socket(snapshot.socket) != socket:
            return None
        key = server_pid, environment.get("TMUX_PANE", "")
        return key if key in self._refs else None

    def _is_younger(self, entry: Entry, key: tuple[int, str]) -> bool:
        """Tell whether a process began after a pane's process did.

        If not, it comes from before a respawn, or from a pane whose terminal was reused.
        """
        owner = self._table.get(self._refs[key].pid)
        return owner is not None and owner.started_ms <= entry.started_ms

    def _shown_in(self, key: tuple[int, str]) -> tuple[int, str] | None:
        """Return the outer pane that shows a guest server's pane, by its clients' terminals."""
        server_pid, pane_id = key
        snapshot = self._guests[server_pid]
        sessions = {pane.session_id for pane in snapshot.panes if pane.pane_id == pane_id}
        # The client that shows this very session first, then whichever was used last.
        clients = sorted(
            snapshot.clients,
            key=lambda client: (client.session_id in sessions, client.activity_s),
            reverse=True,
        )
        for client in clients:
            process = self._table.get(client.pid)
            if process is not None:
                outer, _, _ = self._trace(process)
                if outer is not None and outer[0] != server_pid:
                    return outer
            outer = self._by_tty.get(_device_of(client.tty))
            if outer is not None and outer[0] != server_pid:
                return outer
        return None


def _device_of(tty: str) -> int:
    try:
        return os.stat(tty).st_rdev if tty else 0  # noqa: PTH116
    except OSError:
        return 0
