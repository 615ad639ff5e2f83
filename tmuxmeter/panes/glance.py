"""Looking at panes without writing anything down: what ``tmuxmeter panes`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.panes.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tmuxmeter.agents.base import Agent, Root
    from tmuxmeter.ledger.bindings import PaneRun
    from tmuxmeter.ledger.queries import BindingRow
    from tmuxmeter.panes.facts import SessionRow
    from tmuxmeter.panes.picture import Picture
    from tmuxmeter.panes.processes import ProcessTable

LOOKS = 2
"""One look alone may catch a process on its way into a pane or out of one."""


class ClosedBook:
    """Tells what is booked about panes and writes nothing.

    Parameters
    ----------
    bindings : sequence of BindingRow
        Where sessions ran lately, in order of time.
    """

    def __init__(self, bindings: Sequence[BindingRow]) -> None:
        self._bindings = list(bindings)

    def open_bindings(self) -> list[BindingRow]:
        """Return the bindings without an end."""
        return [row for row in self._bindings if row.end_ms is None]

    def bindings_of(self, agent: str, session: str) -> list[BindingRow]:
        """Return where a session ran lately, in order of time."""
        return [row for row in self._bindings if (row.agent, row.session) == (agent, session)]

    def pane(self, run: PaneRun, now_ms: int) -> int:  # noqa: ARG002
        """Return an id for a pane, good for nothing but telling it from others."""
        return -1 - hash(run) % (1 << 62)

    def end_pane(self, pane_id: int, end_ms: int) -> None:
        """Write nothing."""

    def bind(
        self,
        agent: str,  # noqa: ARG002
        session_key: str,  # noqa: ARG002
        where_kind: str,  # noqa: ARG002
        pane_id: int | None,  # noqa: ARG002
        pid: int,  # noqa: ARG002
        pid_start: str,  # noqa: ARG002
        start_ms: int,  # noqa: ARG002
        evidence: str,  # noqa: ARG002
        confidence: float,  # noqa: ARG002
        now_ms: int,  # noqa: ARG002
    ) -> int:
        """Write nothing."""
        return 0

    def end_binding(self, binding_id: int, end_ms: int) -> None:
        """Write nothing."""

    def touch_bindings(self, now_ms: int) -> None:
        """Write nothing."""


def glance(
    agents: Sequence[Agent],
    table: ProcessTable,
    sockets: Sequence[Path],
    roots: Sequence[Root],
    sessions: Iterable[SessionRow],
    bindings: Sequence[BindingRow],
    watched_since_ms: int,
    now_ms: int,
    *,
    only_roots: bool = False,
    home: Path | None = None,
) -> Picture:
    """Return who runs where at this moment.

    Parameters
    ----------
    agents : sequence of Agent
        The agents to look for.
    table : ProcessTable
        The machine's processes.
    sockets : sequence of Path
        The metered tmux servers.
    roots : sequence of Root
        Folders that may hold agents' own files about their processes.
    sessions : iterable of SessionRow
        Sessions that did anything lately.
    bindings : sequence of BindingRow
        Where they ran, as far as it is booked.
    watched_since_ms : int
        Since when a watcher has seen every program come and go; now, where none runs.
    now_ms : int
        Now, in epoch milliseconds.
    only_roots : bool
        Another home is examined: agents that log elsewhere are left out.
    home : Path or None
        The user's home: agents outside our panes that have another one are left out. None: none is.

    Raises
    ------
    MissingProgramError
        If tmux is not installed.
    """
    book = ClosedBook(bindings)
    tracker = Tracker(agents, book, table, watched_since_ms, only_roots=only_roots, home=home)
    recent = list(sessions)
    for _ in range(LOOKS):
        picture = tracker.update(sockets, roots, recent, now_ms)
    return picture
