"""Which panes the human looks at, and which agents wait for him, sampled into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.reports.live import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.panes.locate import PaneRef
    from tmuxmeter.panes.picture import AgentNow, Picture
    from tmuxmeter.tmux.snapshot import Pane

IN_USE_MS = 120_000
"""A client is in use for so long after its last key or mouse event: reading takes no keys."""
SAMPLE_MS = 15_000
"""How often the ledger is told of what stays as it was."""


class Book(Protocol):
    """What is needed of the ledger's writer."""

    def pane(self, run: PaneRun, now_ms: int) -> int:
        """Return a pane's id."""

    def attention(self, pane_ids: Iterable[int], now_ms: int) -> None:
        """Note which panes are in front of a client in use."""

    def standstill(self, sessions: Iterable[tuple[str, str, str]], now_ms: int) -> None:
        """Note which sessions stand still in the middle of a turn."""


class Attention:
    """Tells the ledger what is looked at: at once when that changes, else now and then."""

    def __init__(self) -> None:
        self._looked_at: dict[PaneRef, Pane] = {}
        self._seen_ms = 0
        self._waiting: frozenset[tuple[str, str, str]] = frozenset()
        self._due_ms = 0

    def sample(self, picture: Picture, book: Book) -> None:
        """Write down what a picture shows.

        Raises
        ------
        LedgerUnwritableError
            The ledger can't be written; the next sample makes up for it.
        """
        now_ms = picture.now_ms
        in_front = panes_in_front(picture)
        waiting = standing_still(picture)
        same = in_front.keys() == self._looked_at.keys() and waiting == self._waiting
        if not same or not 0 <= self._due_ms - now_ms <= SAMPLE_MS:
            left = {ref: pane for ref, pane in self._looked_at.items() if ref not in in_front}
            self._note(left, book, self._seen_ms)
            self._note(in_front, book, now_ms)
            if ended := self._waiting - waiting:
                book.standstill(ended, self._seen_ms)
            if waiting:
                book.standstill(waiting, now_ms)
            self._due_ms = now_ms + SAMPLE_MS
        self._looked_at, self._waiting, self._seen_ms = in_front, waiting, now_ms

    def _note(self, panes: dict[PaneRef, Pane], book: Book, seen_ms: int) -> None:
        if panes:
            ids = [book.pane(_run(ref, pane), seen_ms) for ref, pane in panes.items()]
            book.attention(ids, seen_ms)


def panes_in_front(picture: Picture) -> dict[PaneRef, Pane]:
    """Return the panes in front of clients in use. Control clients show nothing to anybody."""
    shown = {
        (str(server.socket), server.server_pid, server.server_started, client.pane_id)
        for server in picture.servers
        for client in server.clients
        if not client.control_mode
        # a clock that was set back makes no client look used for hours
        and abs(picture.now_ms - client.activity_s * 1000) <= IN_USE_MS
    }
    return {
        now.ref: now.pane
        for now in picture.panes
        if (now.ref.socket, now.ref.server_pid, now.ref.server_started, now.ref.pane) in shown
    }


def standing_still(picture: Picture) -> frozenset[tuple[str, str, str]]:
    """Return the sessions that wait for the human, each with that word."""
    agents: list[AgentNow] = [*picture.outside, *picture.without_pane]
    for now in picture.panes:
        agents += [now.main, *now.others] if now.main else now.others
    return frozenset(
        (agent.agent, agent.session, WAITING)
        for agent in agents
        if agent.session and agent.state == WAITING
    )


def _run(ref: PaneRef, pane: Pane) -> PaneRun:
    return PaneRun(
        *(ref.socket, ref.server_pid, ref.server_started, ref.pane, ref.pid, ref.pid_start),
        *(pane.session_name, pane.window_index, pane.window_name, pane.pane_index),
    )
