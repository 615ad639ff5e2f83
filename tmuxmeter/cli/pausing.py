"""What the pausing commands share: the panes that are meant, and the means to act on them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tmuxmeter.cli.context import now_ms
from tmuxmeter.errors import LedgerError, TmuxError, UsageError
from tmuxmeter.pause.records import FOLDER, PauseStore
from tmuxmeter.tmux.servers import Servers, canonical_socket, socket_in_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tmuxmeter.cli.context import Context
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.panes.picture import PaneNow, Picture
    from tmuxmeter.panes.processes import ProcessTable
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.records import Pause
    from tmuxmeter.pause.target import Target

RECENT_MS = 36 * 3_600_000
_PANE = re.compile(r"%[0-9]{1,9}")


class Wanted(NamedTuple):
    """Which panes a command was told to act on; empty: the one in front."""

    panes: tuple[str, ...]
    everything: bool
    agents: tuple[str, ...]
    over_budget: bool

    @property
    def wide(self) -> bool:
        """Whether all panes count that fit, wherever they are."""
        return self.everything or bool(self.agents) or self.over_budget


def wanted(
    panes: Sequence[str], agents: Sequence[str], *, everything: bool, over_budget: bool
) -> Wanted:
    """Return what was asked for.

    Raises
    ------
    UsageError
        It contradicts itself.
    """
    for pane in panes:
        if not _PANE.fullmatch(pane):
            message = f"{pane!r} is no pane: tmux numbers them %0, %1, … (`tmuxmeter panes`)"
            raise UsageError(message)
    found = Wanted(tuple(dict.fromkeys(panes)), everything, tuple(agents), over_budget)
    if panes and found.wide:
        message = "name panes, or say which to take: not both"
        raise UsageError(message)
    return found


class Scene:
    """The tmux servers, the processes and the ledger, as the pausing commands see them."""

    def __init__(self, context: Context, socket: str | None) -> None:
        self.context = context
        runtime = context.places.runtime
        self.store = PauseStore(context.places.state / FOLDER)
        own = socket_in_environment(os.environ.get("TMUX", ""))
        self.own_socket = own[0] if own else None
        registered = Servers(runtime).registered()
        if socket is not None:
            self.socket: Path | None = canonical_socket(socket)
        else:
            self.socket = self.own_socket or (registered[0] if len(registered) == 1 else None)
        every = {*registered, *([self.own_socket] if self.own_socket else [])}
        self.one_named = socket is not None
        """Whether a server was named, and no other is meant."""
        self.sockets = [self.socket] if socket and self.socket else sorted(every)
        self.now_ms = now_ms()
        self._table: ProcessTable | None = None
        self._told = False

    def knows(self, choice: Wanted) -> None:
        """Make sure that the agents which were asked for are any.

        Raises
        ------
        UsageError
            One isn't.
        """
        if not choice.agents:
            return
        from tmuxmeter.watcher.roots import all_agents

        names = [agent.name for agent in all_agents(self.context.config())]
        for name in choice.agents:
            if name not in names:
                message = f"{name!r} is no agent that is known: {', '.join(names)}"
                raise UsageError(message)

    @property
    def table(self) -> ProcessTable:
        """The machine's processes."""
        from tmuxmeter.panes.processes import ProcessTable
        from tmuxmeter.panes.sources import default_source

        if self._table is None:
            self._table = ProcessTable(default_source())
        return self._table

    @property
    def watched(self) -> bool:
        """Whether a watcher runs."""
        from tmuxmeter.watcher.process import running_pid

        return running_pid(self.context.places.runtime) is not None

    def one_socket(self) -> Path:
        """Return the server that a pane's number belongs to.

        Raises
        ------
        UsageError
            It can't be told.
        """
        if self.socket is None:
            message = "outside tmux, say which server: --socket PATH"
            raise UsageError(message)
        return self.socket

    def pane_in_front(self) -> str:
        """Return the pane this runs in, else the one its last used client shows.

        Raises
        ------
        TmuxError, UsageError
            No pane is in front.
        """
        from tmuxmeter.tmux.client import Tmux
        from tmuxmeter.tmux.snapshot import take_snapshot

        socket = self.one_socket()
        own = os.environ.get("TMUX_PANE", "")
        if socket == self.own_socket and _PANE.fullmatch(own):
            return own
        clients = [c for c in take_snapshot(Tmux(socket)).clients if not c.control_mode]
        if not clients:
            message = "no client is attached: name a pane"
            raise UsageError(message)
        return max(clients, key=lambda client: client.activity_s).pane_id

    @contextlib.contextmanager
    def ledger(self, *, fresh: bool) -> Iterator[Reader | None]:
        """Give the ledger; ``fresh``: with what is new in the logs, even where no watcher runs.

        None where it can't be read: an agent must be paused all the same.
        """
        from tmuxmeter.ledger.reader import Reader

        with contextlib.ExitStack() as stack:
            reader = None
            with contextlib.suppress(LedgerError):
                if fresh and not self.watched:
                    from tmuxmeter.cli.fresh import reader as up_to_date

                    reader = stack.enter_context(up_to_date(self.context))
                else:
                    reader = stack.enter_context(Reader.open(self.context.places.state))
            yield reader

    def look(self, sockets: Sequence[Path], *, fresh: bool = False) -> Seen:
        """Return who runs in the panes of these servers now."""
        from tmuxmeter.panes.glance import glance
        from tmuxmeter.watcher.process import read_state
        from tmuxmeter.watcher.roots import agent_roots, agents_in_use

        context = self.context
        config = self._config()
        now = now_ms()
        with self.ledger(fresh=fresh) as ledger:
            sessions = ledger.recent_sessions(now - RECENT_MS) if ledger else []
            bindings = ledger.bindings(now - RECENT_MS, now + 1) if ledger else []
            # without a watcher the ledger may not know the newest
            last = ledger.last_requests(now - RECENT_MS) if ledger and self.watched else {}
        state = read_state(context.places.runtime)
        picture = glance(
            agents_in_use(config),
            self.table,
            sockets,
            [root for _, root in agent_roots(context.places, config)],
            sessions,
            bindings,
            state.started_ms if state else now,
            now,
            only_roots=context.places.elsewhere,
            home=context.places.home,
        )
        return Seen(picture, last)

    def _config(self) -> Config:
        """Return the settings, or the defaults: a typo there must not take the brake away."""
        from tmuxmeter.config import Config, try_load

        places = self.context.places
        config, problems = try_load(places.config_file, Config(), must_exist=places.config_named)
        if not self._told:
            for problem in problems:
                click.echo(f"tmuxmeter: {problem}; the defaults hold here", err=True)
        self._told = True
        return config

    def means(self) -> Means:
        """Return what pausing works with."""
        from tmuxmeter.hooks.targets import AGENTS as HOOKABLE
        from tmuxmeter.pause.hold import FOLDER as HOLDS
        from tmuxmeter.pause.hold import HoldFlags
        from tmuxmeter.pause.means import Means
        from tmuxmeter.tmux.client import Tmux

        # a terminal may be told something although this runs in its background
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        return Means(
            tmux=Tmux,
            table=self.table,
            store=self.store,
            flags=HoldFlags(self.context.places.runtime / HOLDS),
            watched=self.watched,
            hooks_since=self._hooks_since,
            hookable=HOOKABLE,
            state_now=self._state_now,
            own_pid=os.getpid(),
        )

    def _hooks_since(self, agent: str, settings: str) -> int | None:
        """Return since when a folder of settings has had hooks that obey this meter, or None."""
        from tmuxmeter.hooks.status import holding_since

        return holding_since(agent, settings, self.context.places.runtime)

    def _state_now(self, target: Target) -> str:
        picture = self.look([Path(target.ref.socket)], fresh=True).picture
        for pane in picture.panes:
            for agent in (pane.main, *pane.others):
                if agent is not None and agent.pid == target.core.pid:
                    return agent.state
        return ""


@dataclass(frozen=True)
class Seen:
    """Who runs where, and when the last request of each session ended."""

    picture: Picture
    last_requests: dict[tuple[str, str], int]

    def check(self, socket: Path) -> None:
        """Make sure that a server answered.

        Raises
        ------
        TmuxError
            It didn't.
        """
        if socket in self.picture.down:
            message = f"the tmux server at {socket}: {self.picture.down[socket]}"
            raise TmuxError(message)

    def pane(self, socket: Path, pane_id: str) -> PaneNow:
        """Return a pane.

        Raises
        ------
        TmuxError
            There is none, or its server doesn't answer.
        """
        self.check(socket)
        for pane in self.picture.panes:
            if (pane.ref.socket, pane.ref.pane) == (str(socket), pane_id):
                return pane
        message = f"there is no pane {pane_id} in the tmux server at {socket}"
        raise TmuxError(message)


def over_budget(scene: Scene) -> Callable[[str], bool]:
    """Return what tells whether an agent has used up its budget of today, or everybody theirs."""
    from tmuxmeter.cli.days import Calendar
    from tmuxmeter.cli.measured import scale_in_force, token_budget
    from tmuxmeter.reports.budgets import ALL, budget_uses
    from tmuxmeter.reports.now import today

    config = scene.context.config()
    calendar = Calendar.of(config)
    day = calendar.day_of(scene.now_ms)
    with scene.ledger(fresh=True) as ledger:
        if ledger is None:
            return lambda _: False
        sums = today(ledger.slices(*calendar.bounds(day)))
        scale = scale_in_force(scene.context, config)
        tokens = token_budget(scene.context, config, ledger, scale, day)
    uses = budget_uses(
        sums.total, sums.agents, config.budget, tokens, config.breakeven.input_counts
    )
    over = {use.whose for use in uses if use.share >= 1}
    return lambda agent: ALL in over or agent in over


def fits(choice: Wanted, agent: str, is_over: Callable[[str], bool]) -> bool:
    """Tell whether an agent is one of those that were asked for."""
    return choice.everything or agent in choice.agents or (choice.over_budget and is_over(agent))


def records_of(pauses: Sequence[Pause], socket: Path, pane: str) -> list[Pause]:
    """Return the pauses of a pane, the newest first, as they are undone."""
    return [p for p in reversed(pauses) if (p.socket, p.pane_id) == (str(socket), pane)]
