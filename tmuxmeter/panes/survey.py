"""One look at everything outside the ledger: servers, processes, agents' own files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Root
from tmuxmeter.errors import TmuxError
from tmuxmeter.panes.evidence import Live, trust
from tmuxmeter.panes.folders import ANYWHERE, is_played, path_below, real_path
from tmuxmeter.panes.live import LiveFiles
from tmuxmeter.panes.locate import Locator
from tmuxmeter.panes.runs import Daemon, Detector, Run
from tmuxmeter.tmux.client import TIMEOUT_SECONDS, Tmux
from tmuxmeter.tmux.snapshot import ServerSnapshot, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.panes.processes import Entry, ProcessTable

GUEST_RETRY_MS = 10_000
"""How often an unmetered tmux server that agents run in is asked again after it didn't answer."""


@dataclass(frozen=True)
class Survey:
    """What was seen at one moment.

    ``down`` are metered servers that don't answer, with the reason. ``open_logs`` are the sessions
    whose logs an agent's process has open, by pid; only looked at for agents that don't say
    themselves what their processes do.
    """

    servers: tuple[ServerSnapshot, ...]
    down: Mapping[Path, str]
    locator: Locator
    runs: tuple[Run, ...]
    daemons: tuple[Daemon, ...]
    live: tuple[Live, ...]
    open_logs: Mapping[int, tuple[str, ...]]


class Surveyor:
    """Looks at servers and processes.

    Parameters
    ----------
    agents : sequence of Agent
        The agents to look for.
    table : ProcessTable
        Read anew by every :meth:`look`.
    binary : str
        The tmux program.
    timeout : float
        Seconds after which a tmux server counts as not answering.
    only_roots : bool
        Another home is examined: agents that log elsewhere are not its own, and are left out.
    home : Path or None
        The user's home: agents outside our panes that have another one are left out. None: none is.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        table: ProcessTable,
        binary: str = "tmux",
        timeout: float = TIMEOUT_SECONDS,
        *,
        only_roots: bool = False,
        home: Path | None = None,
    ) -> None:
        self._only_roots = only_roots
        self.table = table
        self._agents = {agent.name: agent for agent in agents}
        self._detector = Detector(agents, home)
        self._live = LiveFiles(agents)
        self._binary = binary
        self._timeout = timeout
        self._guests: dict[Path, int] = {}
        self._last: dict[Path, tuple[ServerSnapshot, Entry | None]] = {}
        self.found_roots: frozenset[Root] = frozenset()
        """Log folders named by the environments of running agents."""

    @property
    def self_reporting(self) -> frozenset[str]:
        """Names of the agents that say themselves what their processes do."""
        return self._live.agents

    def look(self, sockets: Iterable[Path], roots: Iterable[Root], now_ms: int) -> Survey:
        """Look at these servers, at all processes, and at live files below these folders.

        Raises
        ------
        MissingProgramError
            If tmux is not installed.
        """
        # Processes first: then no process is seen whose pane isn't known yet.
        self.table.scan()
        servers: list[ServerSnapshot] = []
        down: dict[Path, str] = {}
        for socket in sockets:
            snapshot = self._snapshot(socket)
            if isinstance(snapshot, ServerSnapshot):
                self._last[socket] = snapshot, self.table.get(snapshot.server_pid)
                servers.append(snapshot)
                continue
            down[socket] = snapshot
            last, process = self._last.get(socket, (None, None))
            if last is not None and process is not None:
                still = self.table.get(process.pid)
                if still is not None and still.start == process.start:
                    # Stopped or overloaded, not gone: its panes are where they were.
                    servers.append(last)
        named_roots = _folders(roots)
        folders = _folders({*named_roots, *self.found_roots})
        live = [item for item in self._live.read(folders) if self._is_true(item)]
        named = {item.session.pid for item in live}
        guests = self._guest_snapshots(servers, now_ms)
        locator = Locator(self.table, servers, guests)
        runs, daemons = self._find(locator, named, named_roots)
        if self._meet_guests(runs, locator):
            guests = self._guest_snapshots(servers, now_ms)
            locator = Locator(self.table, servers, guests)
            runs, daemons = self._find(locator, named, named_roots)
        return Survey(
            servers=tuple(servers),
            down=down,
            locator=locator,
            runs=tuple(runs),
            daemons=tuple(daemons),
            live=tuple(live),
            open_logs=self._open_logs(runs, daemons, folders),
        )

    def _find(
        self, locator: Locator, named: Collection[int], roots: Sequence[Root]
    ) -> tuple[list[Run], list[Daemon]]:
        """Return the agents at work that are to be metered; note the folders they log to.

        ``roots`` are the folders we were told of: what is played in them is what we are to meter.
        """
        own = _real(str(root.path) for root in roots)
        found, daemons = self._detector.find(self.table, locator, named)
        runs = [replace(self._placed(run), accounts=self._accounts(run, roots)) for run in found]
        if self._only_roots:
            return [run for run in runs if _is_of(run, own)], daemons
        self.found_roots = frozenset(
            root
            for root in self._detector.roots
            if real_path(str(root.path)) in own or not is_played(str(root.path))
        )
        known = own | _real(str(root.path) for root in self.found_roots)
        return [
            run
            for run in runs
            if not _is_played(run, own)
            and (run.location.pane is not None or not run.accounts or _is_of(run, known))
        ], daemons

    def _placed(self, run: Run) -> Run:
        """Return a run in the folder in which its sessions are sought."""
        if self._agents[run.agent].tells_folders:
            return run
        return replace(run, process=replace(run.process, cwd=ANYWHERE))

    def _accounts(self, run: Run, roots: Iterable[Root]) -> frozenset[str]:
        """Return a run's log folders, and those whose logs are the same ones by a link."""
        relatives = self._agents[run.agent].log_folders()

        def logs_of(account: str) -> frozenset[str]:
            return _real(f"{account}/{relative}" if relative else account for relative in relatives)

        logs = frozenset[str]().union(*map(logs_of, run.accounts))
        shared = (
            str(root.path)
            for root in roots
            if root.agent == run.agent and not logs.isdisjoint(logs_of(str(root.path)))
        )
        return _real((*run.accounts, *shared))

    def _snapshot(self, socket: Path) -> ServerSnapshot | str:
        if not os.path.exists(socket):  # noqa: PTH110 - Path.exists raises for a closed folder
            return "not running"
        try:
            return take_snapshot(Tmux(socket, self._binary, self._timeout))
        except TmuxError as error:
            return str(error)

    def _is_true(self, live: Live) -> bool:
        entry = self.table.get(live.session.pid)
        return entry is not None and trust(live.session, self.table.process(entry)) > 0

    def _meet_guests(self, runs: Sequence[Run], locator: Locator) -> bool:
        """Take note of servers that agents run in and nobody registered; say if any is new."""
        new = False
        for run in runs:
            entry = self.table.get(run.pid)
            if entry is not None and run.location.pane is None and not run.below_daemon:
                socket = locator.unknown_server(entry)
                if socket is not None and socket not in self._guests:
                    self._guests[socket] = 0
                    new = True
        return new

    def _guest_snapshots(
        self, servers: Sequence[ServerSnapshot], now_ms: int
    ) -> list[ServerSnapshot]:
        metered = {snapshot.socket for snapshot in servers}
        found = []
        for socket, retry_ms in list(self._guests.items()):
            if socket in metered:
                del self._guests[socket]
            elif retry_ms <= now_ms:
                snapshot = self._snapshot(socket)
                if isinstance(snapshot, ServerSnapshot):
                    found.append(snapshot)
                elif os.path.exists(socket):  # noqa: PTH110
                    self._guests[socket] = now_ms + GUEST_RETRY_MS
                else:
                    del self._guests[socket]
        return found

    def _open_logs(
        self, runs: Sequence[Run], daemons: Sequence[Daemon], roots: Sequence[Root]
    ) -> dict[int, tuple[str, ...]]:
        found = {}
        pids = [(run.agent, pid) for run in runs for pid in run.pids]
        pids += [(daemon.agent, daemon.process.pid) for daemon in daemons]
        for name, pid in pids:
            if name in self._live.agents:
                continue
            sessions = {
                session
                for path in self.table.source.open_files(pid)
                if (session := self._session_of(self._agents[name], path, roots))
            }
            if sessions:
                found[pid] = tuple(sorted(sessions))
        return found

    def _session_of(self, agent: Agent, path: str, roots: Sequence[Root]) -> str:
        for root in roots:
            if root.agent == agent.name and (below := path_below(agent, str(root.path), path)):
                return agent.session_of_open_file(below)
        return ""


def _is_of(run: Run, folders: frozenset[str]) -> bool:
    """Tell whether a run logs below these folders; one that can't be asked, by being in a pane."""
    if not run.accounts:
        return run.location.pane is not None
    return not run.accounts.isdisjoint(folders)


def _is_played(run: Run, own: frozenset[str]) -> bool:
    """Tell whether a run belongs to a demo elsewhere."""
    return run.accounts.isdisjoint(own) and any(map(is_played, run.accounts))


def _real(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(map(real_path, paths))


def _folders(roots: Iterable[Root]) -> list[Root]:
    """Return these log folders, with those that are patterns replaced by what matches them."""
    found: dict[tuple[str, Path], Root] = {}
    for root in roots:
        paths = [root.path]
        if root.needs:
            paths = [
                path
                for path in root.path.parent.glob(root.path.name)
                if all(os.path.isdir(path / need) for need in root.needs)  # noqa: PTH112
            ]
        for path in paths:
            found[root.agent, path] = Root(root.agent, path)
    return sorted(found.values(), key=lambda root: (root.agent, str(root.path)))
