"""Agents among the processes: one *run* per agent at work, however many processes it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from tmuxmeter.panes.folders import real_path
from tmuxmeter.panes.locate import Location

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tmuxmeter.agents.base import Agent, Process, Root
    from tmuxmeter.panes.locate import Locator
    from tmuxmeter.panes.processes import Entry, ProcessTable

INTERPRETERS = frozenset({"node", "bun", "deno", "python", "sh", "bash"})
"""Programs whose first argument is the program that really runs."""

BELOW_DAEMON = Location(None, "below-daemon", 0.0)
"""Started by a daemon that serves several panes: its environment names whichever pane happened to
start the daemon (seen with Codex 0.169), so where it belongs isn't known."""


@dataclass(frozen=True, slots=True)
class Run:
    """One agent at work.

    ``pid``, ``start`` and ``started_ms`` are those of its first process, which stays while
    wrappers such as ``node codex.js`` come up; ``process`` is the one below them that does the
    work. ``pids`` are all of them. ``accounts`` are the log folders it may write to, empty where
    its environment can't be read. ``parent_pid`` is the run that started this one, 0 if none did;
    ``below_daemon`` names the agent whose shared daemon started it, "" if none did.
    ``ended_ms`` is 0 while it runs.
    """

    agent: str
    pid: int
    start: str
    started_ms: int
    process: Process
    pids: tuple[int, ...]
    location: Location
    accounts: frozenset[str] = frozenset()
    parent_pid: int = 0
    below_daemon: str = ""
    foreground: bool = False
    argv_session: str = ""
    ended_ms: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """What tells this run from all others."""
        return self.pid, self.start


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that does the work of several panes' agents."""

    agent: str
    process: Process
    start: str
    detached: bool

    @property
    def key(self) -> tuple[int, str]:
        """Pid and start."""
        return self.process.pid, self.start


class Detector:
    """Finds runs and daemons. Asks the agent modules once per process and program.

    Parameters
    ----------
    agents : sequence of Agent
        The agents to look for.
    home : Path or None
        Only agents with this home name folders to follow: another one (a sandbox's, a test's) is
        another life. None: whatever their home.
    """

    def __init__(self, agents: Sequence[Agent], home: Path | None = None) -> None:
        self._home = home
        self._agents = {agent.name: agent for agent in agents}
        self._roles: dict[tuple[int, str, str], tuple[str, str]] = {}
        self._roots: dict[tuple[int, str, str], tuple[tuple[Root, ...], bool]] = {}
        self.roots: set[Root] = set()
        """The log folders that the runs of the last :meth:`find` may write to."""

    def find(
        self, table: ProcessTable, locator: Locator, named: Collection[int] = ()
    ) -> tuple[list[Run], list[Daemon]]:
        """Return the agents at work and the daemons among the processes of ``table``.

        ``named`` are the pids for which an agent itself says which session they run: each of them
        is a run of its own, whatever started it.
        """
        roles: dict[int, tuple[str, str]] = {}
        known: dict[tuple[int, str, str], tuple[str, str]] = {}
        for entry in table.entries.values():
            key = entry.pid, entry.start, entry.program
            role = self._roles.get(key)
            if role is None:
                if not table.argv(entry) and not table.is_settled(entry):
                    continue
                role = self._role(table.process(entry))
            known[key] = role
            if role[1] and self._concerns_us(table, locator, entry):
                roles[entry.pid] = role
        self._roles = known
        self._roots = {key: roots for key, roots in self._roots.items() if key in known}
        self.roots = set()
        heads, members = _group(table, {p: a for p, (a, r) in roles.items() if r == "agent"}, named)
        runs = [
            self._run(table, locator, roles[head][0], head, pids, heads, roles)
            for head, pids in members.items()
        ]
        daemons = [
            self._daemon(table, roles[pid][0], table.entries[pid])
            for pid, (_, role) in roles.items()
            if role == "daemon"
        ]
        return runs, daemons

    def _concerns_us(self, table: ProcessTable, locator: Locator, entry: Entry) -> bool:
        """Tell our own processes, and what sudo started in a pane, from those of other users.

        Root can read what the others' environments say, but it is none of our business.
        """
        return table.source.is_ours(entry.pid) or locator.locate(entry).how == "tree"

    def _role(self, process: Process) -> tuple[str, str]:
        for agent in self._agents.values():
            role = agent.role(process)
            if role:
                return agent.name, role
        return "", ""

    def _run(
        self,
        table: ProcessTable,
        locator: Locator,
        agent: str,
        head: int,
        pids: list[int],
        heads: dict[int, int],
        roles: dict[int, tuple[str, str]],
    ) -> Run:
        first, main = table.entries[head], table.entries[pids[-1]]
        above = [entry.pid for entry in table.ancestors(head)][1:]
        parent = next((heads[pid] for pid in above if pid in heads), 0)
        servers = (roles[pid][0] for pid in above if pid in roles and roles[pid][1] == "daemon")
        below_daemon = next(servers, "")
        location = BELOW_DAEMON if below_daemon else locator.locate(first)
        process = table.process(main, with_cwd=True)
        argv_session = ""
        for pid in pids:
            argv = table.argv(table.entries[pid])
            argv_session = argv_session or self._agents[agent].session_in_argv(argv)
        told = self._agents[agent].cwd_in_argv(process.argv)
        if told and process.cwd:
            process = replace(process, cwd=real_path(str(Path(process.cwd, told))))
        return Run(
            agent=agent,
            pid=head,
            start=first.start,
            started_ms=first.started_ms,
            process=process,
            pids=tuple(pids),
            location=location,
            accounts=self._accounts(table, agent, main),
            parent_pid=parent,
            below_daemon=below_daemon,
            foreground=bool(main.foreground) and main.group == main.foreground,
            argv_session=argv_session,
        )

    def _accounts(self, table: ProcessTable, agent: str, entry: Entry) -> frozenset[str]:
        key = entry.pid, entry.start, entry.program
        known = self._roots.get(key)
        if known is None:
            environment = table.environ(entry)
            home = environment.get("HOME", "")
            roots: tuple[Root, ...] = ()
            if home.startswith("/"):
                cwd = table.source.cwd(entry.pid)
                roots = tuple(
                    replace(root, path=Path(cwd, root.path))
                    for root in self._agents[agent].roots(Path(home), environment)
                    if cwd or root.path.is_absolute()
                )
            of_home = self._home is None or real_path(home) == real_path(str(self._home))
            known = self._roots[key] = roots, of_home
        roots, of_home = known
        if of_home and table.source.is_ours(entry.pid):
            self.roots.update(roots)
        # Patterns stand for accounts that a variable of this environment would have named.
        return frozenset(str(root.path) for root in roots if not root.needs)

    def _daemon(self, table: ProcessTable, agent: str, entry: Entry) -> Daemon:
        # A shared daemon leads a session of its own; an editor's own server is the editor's child.
        detached = entry.session == entry.pid or entry.ppid <= 1
        return Daemon(agent, table.process(entry), entry.start, detached)


def _group(
    table: ProcessTable, agents: dict[int, str], named: Collection[int]
) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Return each agent process's run (named by its first pid) and the pids of each run.

    A run's pids go from its first wrapper down to the process that does the work, the worker.
    """
    heads: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for pid in sorted(agents, key=lambda pid: sum(1 for _ in table.ancestors(pid))):
        entry = table.entries[pid]
        parent = table.get(entry.ppid)
        head = pid
        if parent is not None and agents.get(parent.pid) == agents[pid]:
            same_argv = table.argv(parent) == table.argv(entry)
            if pid not in named and parent.program == entry.program and same_argv:
                # The same program image: a fork that hasn't become anything else, no worker.
                heads[pid] = heads[parent.pid]
                continue
            if parent.pid not in named and _hands_on(table.argv(parent), table.argv(entry)):
                head = heads[parent.pid]
        heads[pid] = head
        members.setdefault(head, []).append(pid)
    return heads, members


def _hands_on(parent: Sequence[str], child: Sequence[str]) -> bool:
    """Tell a wrapper, which hands its own arguments on, from an agent that starts another one."""
    return _arguments(parent) == _arguments(child)


def _arguments(argv: Sequence[str]) -> tuple[str, ...]:
    if argv and PurePath(argv[0]).name.rstrip("0123456789.") in INTERPRETERS:
        script = next((i for i, a in enumerate(argv[1:], 1) if not a.startswith("-")), len(argv))
        return tuple(argv[script + 1 :])
    return tuple(argv[1:])
