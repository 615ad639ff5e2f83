"""Follows which session runs in which pane: one update looks, concludes, books and reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.panes.bookkeeping import Bookkeeper
from tmuxmeter.panes.evidence import OPEN_LOG, SAME_FOLDER, START_SLACK_MS
from tmuxmeter.panes.facts import Sessions, bound_to, facts_of
from tmuxmeter.panes.hooked import HookMemory
from tmuxmeter.panes.painter import Painter
from tmuxmeter.panes.process_logs import ProcessLogs
from tmuxmeter.panes.resolve import resolve
from tmuxmeter.panes.starts import open_questions
from tmuxmeter.panes.survey import Surveyor
from tmuxmeter.panes.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Agent, Root
    from tmuxmeter.hooks.facts import SessionReport
    from tmuxmeter.panes.bookkeeping import Book
    from tmuxmeter.panes.evidence import Claim, SessionFacts
    from tmuxmeter.panes.facts import SessionRow
    from tmuxmeter.panes.picture import Picture
    from tmuxmeter.panes.processes import ProcessTable
    from tmuxmeter.panes.runs import Run
    from tmuxmeter.panes.survey import Survey
    from tmuxmeter.panes.world import RunKey

REMEMBERED_MS = 10 * 60_000
"""A program that ended is remembered this long: its session's log may appear, or grow, later."""


class Tracker:
    """Keeps the ledger's bindings true and tells what every pane's agent does.

    An update costs one tmux call per server and one scan of the process table, a few milliseconds;
    call it every few seconds, and at once when a live file changed.

    Parameters
    ----------
    agents : sequence of Agent
        The agents to look for.
    book : Book
        The ledger's writer for panes.
    table : ProcessTable
        The machine's processes.
    started_ms : int
        When tracking began, in epoch milliseconds: before that, programs may have come and gone
        unseen.
    binary : str
        The tmux program.
    only_roots : bool
        Another home is examined: agents that log elsewhere are not its own, and are left out.
    home : Path or None
        The user's home: agents outside our panes that have another one are left out. None: none is.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        book: Book,
        table: ProcessTable,
        started_ms: int,
        binary: str = "tmux",
        *,
        only_roots: bool = False,
        home: Path | None = None,
    ) -> None:
        self._surveyor = Surveyor(agents, table, binary, only_roots=only_roots, home=home)
        self._keeper = Bookkeeper(book)
        self._logs = ProcessLogs(agents)
        self._started_ms = started_ms
        self._runs: dict[RunKey, Run] = {}
        self._ended: dict[RunKey, Run] = {}
        self._outside: set[RunKey] = set()
        self._painter = Painter()
        self._sessions = Sessions()
        self._hooks = HookMemory()

    @property
    def found_roots(self) -> frozenset[Root]:
        """Log folders that the environments of running agents name: worth following as well."""
        return self._surveyor.found_roots

    def hear(self, reports: Iterable[SessionReport]) -> None:
        """Take what agents' hooks reported, the oldest first; the next update goes by it."""
        self._hooks.hear(reports)

    def use_book(self, book: Book) -> None:
        """Go on with another ledger writer, such as one in memory while the disk is full.

        The next update is to be given all sessions.
        """
        self._keeper = Bookkeeper(book)

    def update(
        self,
        sockets: Iterable[Path],
        roots: Iterable[Root],
        sessions: Iterable[SessionRow],
        now_ms: int,
        *,
        all_sessions: bool = True,
    ) -> Picture:
        """Look at everything once, book what changed, and return the picture.

        Parameters
        ----------
        sockets : iterable of Path
            The metered tmux servers, running or not.
        roots : iterable of Root
            The agents' log folders.
        sessions : iterable of SessionRow
            Sessions that began or did anything lately, as ``Reader.recent_sessions`` gives them.
        now_ms : int
            Now, in epoch milliseconds.
        all_sessions : bool
            Whether ``sessions`` are all there are; else only those that changed since the last
            update, so that an update takes no longer after a day of thousands of sessions.

        Raises
        ------
        MissingProgramError
            If tmux is not installed.
        LedgerError
            If the ledger can't be written; a later update makes up for it.
        """
        roots = list(roots)
        survey = self._surveyor.look(sockets, roots, now_ms)
        facts = self._take(sessions, anew=all_sessions)
        runs, unsure = self._known_places(survey.runs, now_ms)
        world = World(
            runs=[*runs, *self._ended.values()],
            sessions=facts,
            live=survey.live,
            open_logs=survey.open_logs,
            previous=self._keeper.previous(),
            self_reporting=self._surveyor.self_reporting,
            watched_since_ms=self._started_ms,
            began={agent: self._logs.told(agent) for agent in self._logs.agents},
            hooked=self._hooks.place(runs, survey.daemons, now_ms),
        )
        claims = self._resolve(world, {*roots, *self.found_roots}, now_ms)
        claims = [claim for claim in claims if claim.run.key not in unsure]
        alive = {run.key for run in runs} | {daemon.key for daemon in survey.daemons}
        self._keeper.write(survey.locator.panes, claims, facts, alive, now_ms)
        self._book_daemons(survey, facts, claims, now_ms)
        shown = [run for run in runs if run.key not in unsure]
        without_pane = [row for row in self._keeper.open() if row.where_kind == "without-pane"]
        return self._painter.paint(survey, shown, claims, facts, without_pane, now_ms)

    def _take(self, sessions: Iterable[SessionRow], *, anew: bool) -> Sessions:
        history = self._keeper.history
        rebound = self._keeper.take_rebound()
        found = (facts_of(row, history(row.agent, row.session)) for row in sessions)
        if anew:
            self._sessions = Sessions(found)
            return self._sessions
        for facts in found:
            self._sessions.put(facts)
        for key in rebound & self._sessions.keys():
            self._sessions.put(bound_to(self._sessions[key], history(*key)))
        return self._sessions

    def _resolve(self, world: World, roots: Iterable[Root], now_ms: int) -> list[Claim]:
        """Conclude, after asking the agents' own logs about what can't be told without them."""
        claims = resolve(world)
        self._logs.forget_but({pid for run in world.runs for pid in run.pids})
        questions = open_questions(world, claims, self._logs.agents)
        if questions and self._logs.ask(questions, roots, now_ms):
            began = {agent: self._logs.told(agent) for agent in self._logs.agents}
            claims = resolve(replace(world, began=began))
        return claims

    def _known_places(self, runs: Iterable[Run], now_ms: int) -> tuple[list[Run], set[RunKey]]:
        """Return the runs with what was known of them before, and which have no sure place yet.

        A process may be seen before its pane, or while it or its pane vanishes: that it is outside
        is believed when it is seen there a second time, and what it had before still holds.
        """
        found: dict[RunKey, Run] = {}
        unsure = set()
        for run in runs:
            before = self._runs.get(run.key)
            if run.location.pane is None and not run.below_daemon and run.key not in self._outside:
                unsure.add(run.key)
                self._outside.add(run.key)
                run = replace(run, location=before.location) if before else run
            elif run.location.pane is not None:
                self._outside.discard(run.key)
            if before and not run.process.cwd:
                process = replace(run.process, cwd=before.process.cwd)
                run = replace(run, process=process)
            found[run.key] = run
        for key, run in self._runs.items():
            if key not in found:
                self._ended[key] = replace(run, ended_ms=now_ms)
        self._ended = {
            key: run
            for key, run in self._ended.items()
            if key not in found and now_ms - run.ended_ms <= REMEMBERED_MS
        }
        self._outside &= found.keys()
        self._runs = found
        return list(found.values()), unsure

    def _book_daemons(
        self,
        survey: Survey,
        facts: Sessions,
        claims: Sequence[Claim],
        now_ms: int,
    ) -> None:
        """Book what daemons go on with although no program shows it any more."""
        claimed = {(c.agent, c.session) for c in claims if not c.until_ms}
        for daemon in survey.daemons:
            for key in survey.open_logs.get(daemon.process.pid, ()):
                session = facts.get((daemon.agent, key))
                if session is None or session.spawned or (daemon.agent, key) in claimed:
                    continue
                if session.bound_until_ms:
                    ended = (session.bound_pid, session.bound_start) not in self._runs
                    if ended and session.last_ms > session.bound_until_ms:
                        self._keeper.book_without_pane(session, daemon, "daemon", OPEN_LOG, now_ms)
                elif not session.bound_pid and self._is_nobodys(session):
                    self._keeper.book_without_pane(session, daemon, "daemon", SAME_FOLDER, now_ms)

    def _is_nobodys(self, session: SessionFacts) -> bool:
        """Tell whether no program, running or ended lately, can have begun or resumed a session."""
        if session.last_ms < self._started_ms:
            return False
        return not any(
            run.agent == session.agent
            and run.process.cwd == session.cwd
            and run.started_ms - START_SLACK_MS <= session.last_ms
            for run in (*self._runs.values(), *self._ended.values())
        )
