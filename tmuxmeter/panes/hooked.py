"""Which process an agent's hook reported from, and with that which session it runs.

A hook inherits ``TMUX_PANE`` from wherever its agent was started: an agent that another one starts
has the pane of that one, and a shared daemon that of whoever happened to start the daemon. So the
variable is not looked at. What counts is the chain of processes above the hook, each with its start
mark: the first agent in it is the one that reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.hooks.facts import START
from tmuxmeter.panes.evidence import START_SLACK_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tmuxmeter.hooks.facts import Mark, SessionReport
    from tmuxmeter.panes.runs import Daemon, Run
    from tmuxmeter.panes.world import RunKey

UNPLACED_MS = 60_000
"""A report whose process was never seen for so long is of one that came and went unseen."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """The session that a run's own hook named last, and when (epoch ms)."""

    session: str
    time_ms: int


class HookMemory:
    """What hooks have told about the processes that run."""

    def __init__(self) -> None:
        self._waiting: list[SessionReport] = []
        self._known: dict[RunKey, Hooked] = {}

    def hear(self, reports: Iterable[SessionReport]) -> None:
        """Take new reports, the oldest first."""
        self._waiting += reports

    def place(
        self, runs: Sequence[Run], daemons: Sequence[Daemon], now_ms: int
    ) -> dict[RunKey, Hooked]:
        """Return what is known of these runs, after finding out whose the new reports are."""
        members = {pid: run for run in runs for pid in run.pids}
        servers = {daemon.process.pid for daemon in daemons}
        left = []
        for report in self._waiting:
            run = _reporter(report, members, servers)
            if run is None:
                if not any(mark.pid in servers for mark in report.origin.pids):
                    left.append(report)
                continue
            known = self._known.get(run.key)
            if report.event == START:
                if known is None or known.time_ms <= report.origin.time_ms:
                    self._known[run.key] = Hooked(report.session, report.origin.time_ms)
            elif known is not None and known.session == report.session:
                del self._known[run.key]
        self._waiting = [each for each in left if now_ms - each.origin.time_ms <= UNPLACED_MS]
        keys = {run.key for run in runs}
        self._known = {key: known for key, known in self._known.items() if key in keys}
        return dict(self._known)


def _reporter(report: SessionReport, members: dict[int, Run], servers: set[int]) -> Run | None:
    """Return the run that reported: the first of its agent in the chain, but for daemons."""
    for mark in report.origin.pids:
        if mark.pid in servers:
            return None
        run = members.get(mark.pid)
        if run is not None:
            return run if run.agent == report.agent and _is_same(mark, run, report) else None
    return None


def _is_same(mark: Mark, run: Run, report: SessionReport) -> bool:
    """Tell whether a process is the one of a report: its pid may be another's by now."""
    if run.below_daemon:
        return False
    if mark.start and mark.pid == run.pid:
        return mark.start == run.start
    if mark.start and mark.pid == run.process.pid and run.process.start_token:
        return mark.start == run.process.start_token
    return run.started_ms - START_SLACK_MS <= report.origin.time_ms
