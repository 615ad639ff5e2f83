"""Pictures of panes for tests: one server, agents of Claude Code in its panes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ledger_data import NOON

from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.panes.locate import PaneRef
from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture
from tmuxmeter.tmux.snapshot import Client, Pane, ServerSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.ledger.writer import Writer

SOCKET = "/tmp/tmux-1/default"


def ref(pane: str) -> PaneRef:
    return PaneRef(SOCKET, 7, 1, pane, 100 + int(pane[1:]), "1")


def agent(session: str, state: str = "working", started_ms: int = NOON, pane: str = "") -> AgentNow:
    return AgentNow(
        *("claude", session, state, "", "x", 1.0, 9, started_ms, False, ref(pane) if pane else None)
    )


def in_pane(pane: str, *agents: AgentNow) -> PaneNow:
    facts = Pane(pane, 9, "", "$0", "main", "@0", 0, "w", 0, True, True, 1, False, "/w")
    return PaneNow(ref(pane), facts, agents[0] if agents else None, agents[1:])


def client(pane: str, used_ms: int, *, control: bool = False, name: str = "/dev/pts/1") -> Client:
    return Client(name, name, 5, "$0", "@0", pane, used_ms // 1000, control, 80, 24)


def picture(
    *panes: PaneNow, now_ms: int = NOON, clients: tuple[Client, ...] = (), **other: AgentNow
) -> Picture:
    server = ServerSnapshot(Path(SOCKET), 7, 1, "3.3a", (), clients)
    return Picture(now_ms, (server,), {}, panes, tuple(other.values()), ())


def bind(writer: Writer, where: Mapping[str, str], since_ms: int) -> None:
    """Bind sessions to panes."""
    for session, pane in where.items():
        at = ref(pane)
        run = PaneRun(SOCKET, 7, 1, pane, at.pid, "1")
        pane_id = writer.pane(run, since_ms)
        writer.bind("claude", session, "pane", pane_id, at.pid, "1", since_ms, "x", 1.0, since_ms)
