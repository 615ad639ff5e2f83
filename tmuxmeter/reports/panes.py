"""Panes and the agents in them as plain data: what ``panes --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.ledger.slices import Measures
from tmuxmeter.reports.advice import AGENTS, BEYOND_TWO, claim_lines
from tmuxmeter.reports.days import estimated, sums
from tmuxmeter.reports.flags import (
    FREE_AGENTS,
    PaneKey,
    Trouble,
    further_agents,
    pane_flags,
    pane_key,
)
from tmuxmeter.reports.live import GONE
from tmuxmeter.reports.now import today
from tmuxmeter.reports.pauses import pause_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.ledger.session_queries import RecentSession, Unmetered
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture

Row = dict[str, Any]
SessionKey = tuple[str, str]
AGENT_FIELDS = (
    *("agent", "agent_session", "model", "state", "waiting_for", "evidence", "confidence"),
    *("pid", "nested", "project", "context_tokens", "context_window", "context_fill"),
    *("unmetered", "estimated"),
)


def panes_report(
    picture: Picture,
    slices: Sequence[Slice],
    recent: Mapping[SessionKey, RecentSession],
    *,
    watching: bool,
    booked_ms: int | None,
    own_home: bool,
    unmetered: Mapping[SessionKey, Unmetered] | None = None,
    known: Trouble | None = None,
    claims: Sequence[Row] = (),
) -> Row:
    """Return every pane with an agent or with spend today, and the agents in no pane.

    Parameters
    ----------
    picture : Picture
        Who runs where at this moment.
    slices : sequence of Slice
        What was spent today.
    recent : mapping
        Sessions of late by agent and key, for models and contexts.
    watching : bool
        Whether a watcher runs.
    booked_ms : int or None
        When it was last booked which session runs where, in epoch milliseconds.
    own_home : bool
        Whether it is the user's own home. An agent outside tmux whose session isn't known may
        belong to any home, so it is only counted to that one.
    unmetered : mapping
        Today's sessions that tell no tokens, by agent and key.
    known : Trouble or None
        What today's levers say of panes and sessions.
    claims : sequence of dict
        Today's claims as data, and what became of them.
    """
    unmetered, known = unmetered or {}, known or Trouble()
    further = further_agents(picture, known.claimed)
    beyond = frozenset(key for key in further if key)
    by_pane = today(slices).panes
    last: dict[PaneKey, Slice] = {}
    by_session: dict[SessionKey, Measures] = {}
    for piece in sorted(slices, key=lambda piece: piece.last_ms):
        where = piece.where
        if where.where == "pane":
            last[PaneKey(where.socket, where.server_pid, where.server_started, where.pane)] = piece
        session = piece.agent, piece.session
        by_session[session] = by_session.get(session, Measures()).plus(piece.measures)

    def no_pane(agents: Sequence[AgentNow]) -> list[Row]:
        return [
            {
                **_agent(agent, recent, unmetered),
                **sums(by_session.get((agent.agent, agent.session), Measures())),
            }
            for agent in agents
        ]

    panes = []
    for now in picture.panes:
        key = pane_key(now)
        if now.main or key in by_pane:
            spent = by_pane.get(key, Measures())
            row = _pane(now, spent, last.get(key), recent, unmetered)
            panes.append({**row, "flags": pane_flags(now, known, beyond, picture.now_ms)})
    advice = claim_lines(list(claims))
    if further:
        at_work = len(further) + FREE_AGENTS
        advice.append((AGENTS, f"{at_work} agents at work without a claim: {BEYOND_TWO}"))
    return {
        "watching": watching,
        "booked_ms": booked_ms,
        "servers": [str(server.socket) for server in picture.servers],
        "servers_down": [
            {"server": str(socket), "reason": reason} for socket, reason in picture.down.items()
        ],
        "panes": panes,
        "outside": no_pane([agent for agent in picture.outside if own_home or agent.session]),
        "without_pane": no_pane(picture.without_pane),
        "unmetered_sessions": len(unmetered),
        "advice": [{"about": about, "text": text} for about, text in advice],
    }


def _pane(
    now: PaneNow,
    spent: Measures,
    last: Slice | None,
    recent: Mapping[SessionKey, RecentSession],
    unmetered: Mapping[SessionKey, Unmetered],
) -> Row:
    pane = now.pane
    place = {
        "pane": pane.pane_id,
        "server": now.ref.socket,
        "session": pane.session_name,
        "window": pane.window_index,
        "window_name": pane.window_name,
        "pane_index": pane.pane_index,
    }
    if now.main is not None:
        agent = _agent(now.main, recent, unmetered)
    elif last is not None:
        agent = _gone(last)
    else:
        agent = dict.fromkeys(AGENT_FIELDS)
    others = [_agent(other, recent, unmetered) for other in now.others]
    paused = [pause_row(pause) for pause in now.pauses]
    return {**place, **agent, "others": others, "paused": paused, **sums(spent)}


def _agent(
    agent: AgentNow,
    recent: Mapping[SessionKey, RecentSession],
    unmetered: Mapping[SessionKey, Unmetered],
) -> Row:
    """Return what an agent does; None where something isn't known."""
    key = agent.agent, agent.session
    session, silent = recent.get(key), unmetered.get(key)
    window = session.context_window if session else 0
    return {
        "agent": agent.agent,
        "agent_session": agent.session or None,
        "model": (session.model if session else "") or None,
        "state": agent.state or None,
        "waiting_for": agent.waiting_for or None,
        "evidence": agent.evidence or None,
        "confidence": agent.confidence if agent.session else None,
        "pid": agent.pid or None,
        "nested": agent.nested,
        "project": (session.cwd if session else "") or None,
        "context_tokens": (session.context_tokens if session else 0) or None,
        "context_window": window or None,
        "context_fill": session.context_tokens / window if session and window else None,
        "unmetered": silent is not None,
        "estimated": estimated(silent.input, silent.output) if silent else None,
    }


def _gone(last: Slice) -> Row:
    """Return what is known of an agent that spent here today and runs no more."""
    return {
        **dict.fromkeys(AGENT_FIELDS),
        "agent": last.agent,
        "agent_session": last.session,
        "model": last.model or None,
        "state": GONE,
        "nested": False,
        "unmetered": False,
        "project": last.project or None,
    }
