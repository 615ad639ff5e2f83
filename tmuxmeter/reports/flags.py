"""What is wrong with panes just now: from a day's levers and the picture of the panes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.reports.live import (
    CLAIM,
    DRIFT,
    FLAGS,
    FURTHER,
    GONE,
    LOOP,
    OVERLAP,
    SPENDING,
    WAITING,
    WORKING,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.breakeven.loops import Loop
    from tmuxmeter.breakeven.touches import Seat
    from tmuxmeter.ledger.activity import Thread
    from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture

FREE_AGENTS = 2
"""So many agents may work side by side without a claim (the week's rule: "at most two parallel
agents on independent work")."""


class PaneKey(NamedTuple):
    """A pane for a day's sums: a respawned one is still the same pane."""

    socket: str
    server_pid: int
    server_started: int
    pane: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a day's levers say of panes and sessions.

    Attributes
    ----------
    overlaps : mapping of PaneKey to int
        Panes that edited another one's files, and until when that is told (epoch ms).
    loops, drifts : frozenset
        Sessions, as agent and key, that fail again and again just now; that drift.
    failures : mapping
        Of those in a loop: since when (epoch ms), and how many failures in a row.
    broken, claimed : frozenset of PaneKey
        Panes whose claim was not kept, by whomever, and those that broke another one's; panes with
        a claim that was kept.
    """

    overlaps: Mapping[PaneKey, int] = field(default_factory=dict)
    loops: frozenset[tuple[str, str]] = frozenset()
    drifts: frozenset[tuple[str, str]] = frozenset()
    failures: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    broken: frozenset[PaneKey] = frozenset()
    claimed: frozenset[PaneKey] = frozenset()


def trouble(levers: Levers, threads: Mapping[int, Thread]) -> Trouble:
    """Return what the levers say, by pane and session.

    Parameters
    ----------
    threads : mapping
        The sessions by the ledger's id; a sub-agent's trouble is that of the one it works for.
    """
    overlaps: dict[PaneKey, int] = {}
    for overlap in levers.independence.overlaps:
        for key in _panes(overlap.seats):
            until = overlap.last_ms + levers.independence.window_ms
            overlaps[key] = max(overlaps.get(key, 0), until)
    broken: set[PaneKey] = set()
    claimed: set[PaneKey] = set()
    for check in levers.claims:
        if check.claim.ended_ms is not None:
            continue
        if check.kept:
            claimed.update(_panes([check.claim.seat]))
            continue
        intruder = [check.intruder.seat] if check.intruder else []
        broken.update(_panes([check.claim.seat, *intruder]))
    return Trouble(
        overlaps,
        _sessions((loop.session_id for loop in levers.loops if loop.end_ms is None), threads),
        _sessions((each for each, found in levers.drifts.items() if found.drifting), threads),
        _failures(levers.loops, threads),
        frozenset(broken),
        frozenset(claimed - broken),
    )


def pane_flags(now: PaneNow, known: Trouble, further: frozenset[PaneKey], now_ms: int) -> list[str]:
    """Return the flags of a pane in which an agent is, in the order of :data:`FLAGS`."""
    agent = now.main
    if agent is None or agent.state == GONE:
        return []
    key, session = pane_key(now), (agent.agent, agent.session)
    found = {
        SPENDING: any(pause.spent_after for pause in now.pauses),
        LOOP: session in known.loops,
        OVERLAP: now_ms < known.overlaps.get(key, 0),
        CLAIM: key in known.broken,
        FURTHER: key in further,
        DRIFT: session in known.drifts,
        WAITING: agent.state == WAITING,
    }
    return [flag for flag in FLAGS if found[flag]]


def further_agents(picture: Picture, claimed: frozenset[PaneKey]) -> list[PaneKey | None]:
    """Return the panes of agents at work beyond the first two without a claim; None: in no pane.

    Agents whose pane has a claim that was kept don't count: that is what claims are for. An agent
    that waits for the human in the middle of its turn is at work.
    """
    unclaimed: list[tuple[int, PaneKey | None]] = []
    for now in picture.panes:
        key = pane_key(now)
        agents = [now.main, *now.others] if now.main else list(now.others)
        if key not in claimed:
            unclaimed += [(agent.started_ms, key) for agent in agents if _at_work(agent)]
    for agent in (*picture.outside, *picture.without_pane):
        if _at_work(agent):
            unclaimed.append((agent.started_ms, None))
    unclaimed.sort(key=lambda each: (each[0], each[1] is None, each[1] or ()))
    return [key for _, key in unclaimed[FREE_AGENTS:]]


def pane_key(now: PaneNow) -> PaneKey:
    """Return a pane's key."""
    return PaneKey(now.ref.socket, now.ref.server_pid, now.ref.server_started, now.ref.pane)


def _at_work(agent: AgentNow) -> bool:
    return not agent.nested and agent.state in {WORKING, WAITING}


def _panes(seats: Iterable[Seat]) -> Iterable[PaneKey]:
    return (PaneKey(*seat[:4]) for seat in seats if seat.pane)


def _failures(
    loops: Iterable[Loop], threads: Mapping[int, Thread]
) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for loop in loops:
        if loop.end_ms is None:
            for session in _sessions([loop.session_id], threads):
                most = found.get(session, (0, 0))
                found[session] = max(most, (loop.start_ms, loop.failures), key=lambda run: run[1])
    return found


def _sessions(ids: Iterable[int], threads: Mapping[int, Thread]) -> frozenset[tuple[str, str]]:
    found = set()
    for each in ids:
        thread = threads[each]
        thread = threads.get(thread.root, thread)
        found.add((thread.agent, thread.session))
    return frozenset(found)
