"""Carries claims into the ledger's bindings: who began and ended where, and when.

A process's first session begins with the process, a later one when the process was last seen with
the one before (or when the session itself began). A binding ends when its process was found gone,
because what it still logged until then was spent there.

What was bound before a restart goes on where the process (pid and start) still runs. The rest ends
at the restart: nobody saw the real end, and spend of the time in between belongs to the last place
known rather than to none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.panes.evidence import Bound, SessionFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.ledger.queries import BindingRow
    from tmuxmeter.panes.evidence import Claim
    from tmuxmeter.panes.locate import PaneRef
    from tmuxmeter.panes.runs import Daemon
    from tmuxmeter.tmux.snapshot import Pane

TOUCH_MS = 15_000
"""How often the ledger is told that all is still as it was."""


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def pane(self, run: PaneRun, now_ms: int) -> int:
        """Return a pane's id, made or brought up to date."""

    def end_pane(self, pane_id: int, end_ms: int) -> None:
        """Note that a pane is gone."""

    def open_bindings(self) -> list[BindingRow]:
        """Return the bindings without an end."""

    def bindings_of(self, agent: str, session: str) -> list[BindingRow]:
        """Return everywhere a session ever ran, in order of time."""

    def bind(
        self,
        agent: str,
        session_key: str,
        where_kind: str,
        pane_id: int | None,
        pid: int,
        pid_start: str,
        start_ms: int,
        evidence: str,
        confidence: float,
        now_ms: int,
    ) -> int:
        """Note that a session runs somewhere since a time."""

    def end_binding(self, binding_id: int, end_ms: int) -> None:
        """Note that it no longer runs there."""

    def touch_bindings(self, now_ms: int) -> None:
        """Note that all open bindings were seen alive."""


class Bookkeeper:
    """Keeps the ledger's bindings in step with the claims.

    Parameters
    ----------
    book : Book
        The ledger's writer. Its errors pass through; the next call goes on from what was booked.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._open: dict[int, BindingRow] | None = None
        self._history: dict[tuple[str, str], Sequence[BindingRow]] = {}
        self._rebound: set[tuple[str, str]] = set()
        self._panes: dict[PaneRef, int] = {}
        self._gone: dict[PaneRef, int] = {}
        self._touched_ms = 0
        self._last_ms = 0

    def open(self) -> list[BindingRow]:
        """Return the open bindings, oldest first."""
        if self._open is None:
            self._open = {row.id: row for row in self._book.open_bindings()}
        return list(self._open.values())

    def history(self, agent: str, session: str) -> Sequence[BindingRow]:
        """Return everywhere a session ever ran, in order of time."""
        key = agent, session
        if key not in self._history:
            # most sessions never ran while anybody watched: they share one empty tuple
            self._history[key] = self._book.bindings_of(agent, session) or ()
        return self._history[key]

    def take_rebound(self) -> set[tuple[str, str]]:
        """Return the sessions whose history changed since the last call."""
        rebound, self._rebound = self._rebound, set()
        return rebound

    def previous(self) -> dict[tuple[int, str], list[Bound]]:
        """Return what each process is bound to."""
        found: dict[tuple[int, str], list[Bound]] = {}
        for row in self.open():
            if row.where_kind != "without-pane":
                bound = Bound(row.session, row.evidence, row.confidence, row.start_ms)
                found.setdefault((row.pid, row.pid_start), []).append(bound)
        return found

    def write(
        self,
        panes: Mapping[PaneRef, Pane],
        claims: Sequence[Claim],
        sessions: Mapping[tuple[str, str], SessionFacts],
        running: Iterable[tuple[int, str]],
        now_ms: int,
    ) -> None:
        """Book panes and claims; ``running`` are pid and start of all runs and daemons alive."""
        self._book_panes(panes, now_ms)
        alive = set(running)
        current = {claim.run.key: claim for claim in claims if claim.current}
        going_on = {(claim.run.key, *_named(claim)) for claim in claims if not claim.until_ms}
        for claim in claims:
            known = sessions.get((claim.agent, claim.session))
            facts = known or SessionFacts(claim.agent, claim.session)
            if not claim.until_ms:
                self._book_current(claim, facts, now_ms)
            else:
                self._book_past(claim, facts, now_ms)
        for row in self.open():
            key = row.pid, row.pid_start
            claimed = current.get(key)
            moved_on = (
                claimed is not None
                and row.where_kind != "without-pane"
                and (key, row.agent, row.session) not in going_on
            )
            if key not in alive or moved_on:
                self._end(row, now_ms)
        if now_ms - self._touched_ms >= TOUCH_MS:
            self._book.touch_bindings(now_ms)
            self._touched_ms = now_ms
        self._last_ms = now_ms

    def book_without_pane(
        self, facts: SessionFacts, daemon: Daemon, evidence: str, confidence: float, now_ms: int
    ) -> None:
        """Book a session that a daemon goes on with after its pane is gone, or outside of any."""
        kind = "without-pane" if daemon.detached else "outside"
        place = kind, None, *daemon.key
        start = facts.started_ms
        for latest in self.history(facts.agent, facts.key)[-1:]:
            if latest.end_ms is None and _place(latest) == place:
                return
            start = latest.end_ms or start
        self._bind(facts.agent, facts.key, place, start, evidence, confidence, now_ms)

    def _book_panes(self, panes: Mapping[PaneRef, Pane], now_ms: int) -> None:
        known: dict[PaneRef, int] = {}
        for ref, pane in panes.items():
            run = PaneRun(
                ref.socket,
                ref.server_pid,
                ref.server_started,
                ref.pane,
                ref.pid,
                ref.pid_start,
                pane.session_name,
                pane.window_index,
                pane.window_name,
                pane.pane_index,
            )
            known[ref] = self._book.pane(run, now_ms)
        for ref, pane_id in self._panes.items():
            if ref not in known:
                self._book.end_pane(pane_id, now_ms)
                self._gone[ref] = pane_id
        self._panes = known

    def _book_current(self, claim: Claim, facts: SessionFacts, now_ms: int) -> None:
        run = claim.run
        ref = run.location.pane
        if run.below_daemon and ref is None:
            return  # where it is can't be told
        pane_id = self._panes.get(ref) if ref else None
        if ref is not None and pane_id is None:
            return  # the pane went away in between
        place = "pane" if ref else "outside", pane_id, *run.key
        # Since when at least, if the session began inside this process.
        began = max(claim.since_ms, facts.started_ms)
        began = began if began > run.started_ms else 0
        row = next((r for r in self.open() if (r.agent, r.session) == _named(claim)), None)
        before = [r for r in self.open() if (r.pid, r.pid_start) == run.key]
        if row is not None and _place(row) == place:
            first = len(self.history(*_named(claim))) == 1
            if first and 0 < began < row.start_ms:
                start = began
            elif row.evidence != claim.evidence and row.confidence <= claim.confidence:
                start = row.start_ms
            else:
                return
        elif row is not None and (row.pid, row.pid_start) == run.key:
            start = self._last_ms or row.seen_ms  # the same process in another place
        elif before:
            # A switch: when the session began, else when its process last had the one before.
            start = began or self._last_ms or max(r.seen_ms for r in before)
        else:
            start = _since(claim, facts)
        self._bind(*_named(claim), place, start, claim.evidence, claim.confidence, now_ms)

    def _book_past(self, claim: Claim, facts: SessionFacts, now_ms: int) -> None:
        """Book a session that its process has left, or that ended with it, if none knows better."""
        run = claim.run
        ref = run.location.pane
        if self.history(*_named(claim)) or (run.below_daemon and ref is None):
            return
        pane_id = None
        if ref is not None:
            pane_id = self._panes.get(ref) or self._gone.get(ref)
            if pane_id is None:
                return
        place = "pane" if ref else "outside", pane_id, *run.key
        since = _since(claim, facts)
        self._bind(*_named(claim), place, since, claim.evidence, claim.confidence, now_ms)
        for row in self.history(*_named(claim)):
            if row.end_ms is None:
                self._end(row, claim.until_ms)

    def _bind(
        self,
        agent: str,
        session: str,
        place: tuple[str, int | None, int, str],
        start_ms: int,
        evidence: str,
        confidence: float,
        now_ms: int,
    ) -> None:
        self._book.bind(agent, session, *place, start_ms, evidence, confidence, now_ms)
        self._changed(agent, session)

    def _end(self, row: BindingRow, end_ms: int) -> None:
        self._book.end_binding(row.id, end_ms)
        self._changed(row.agent, row.session)

    def _changed(self, agent: str, session: str) -> None:
        self._open = None
        self._history.pop((agent, session), None)
        self._rebound.add((agent, session))


def _named(claim: Claim) -> tuple[str, str]:
    return claim.agent, claim.session


def _since(claim: Claim, facts: SessionFacts) -> int:
    """Return when a session's time in a process begins.

    Where an agent tells whole seconds, what it did at once seems older than its process.
    """
    since, began = claim.since_ms, facts.started_ms
    return began if since - facts.blur_ms <= began < since else since


def _place(row: BindingRow) -> tuple[str, int | None, int, str]:
    return row.where_kind, row.pane_id, row.pid, row.pid_start
