"""What is going on now: today's pieces of the ledger and the picture of the panes, put together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.ledger.slices import Measures
from tmuxmeter.panes.pausing import is_of
from tmuxmeter.reports.advice import clock
from tmuxmeter.reports.flags import (
    PaneKey,
    Trouble,
    further_agents,
    pane_flags,
    pane_key,
)
from tmuxmeter.reports.live import (
    FLAGS,
    FURTHER,
    IDLE,
    PAUSED,
    WAITING,
    WORKING,
    Live,
    LiveLight,
    LivePane,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from tmuxmeter.ledger.session_queries import RecentSession, Unmetered
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture
    from tmuxmeter.tmux.snapshot import ServerSnapshot


class Today(NamedTuple):
    """Today's sums, in all, by pane and agent; ``outside``: what was spent in no tmux pane."""

    total: Measures
    outside: Measures
    panes: Mapping[PaneKey, Measures]
    agents: Mapping[str, Measures]


def today(slices: Iterable[Slice]) -> Today:
    """Sum a day's pieces by pane and by agent."""
    total = outside = Measures()
    panes: dict[PaneKey, Measures] = {}
    agents: dict[str, Measures] = {}
    for piece in slices:
        total = total.plus(piece.measures)
        agents[piece.agent] = agents.get(piece.agent, Measures()).plus(piece.measures)
        where = piece.where
        if where.where != "pane":
            outside = outside.plus(piece.measures)
            continue
        key = PaneKey(where.socket, where.server_pid, where.server_started, where.pane)
        panes[key] = panes.get(key, Measures()).plus(piece.measures)
    return Today(total, outside, panes, agents)


def cost(measures: Measures) -> int | None:
    """Return microdollars, None where nothing of what was spent has a price."""
    if measures.unpriced_requests and measures.unpriced_requests == measures.requests:
        return None
    return measures.cost_microdollars


def hit_rate(measures: Measures) -> float | None:
    """Return the share of the input that came from the cache, None without input."""
    return measures.cache_read / measures.input if measures.input else None


def live(
    day: Today,
    picture: Picture,
    server: ServerSnapshot | None,
    recent: Mapping[tuple[str, str], RecentSession],
    titles: Mapping[str, str],
    *,
    light: LiveLight,
    known: Trouble,
    unmetered: Mapping[tuple[str, str], Unmetered] | None = None,
    problem: str = "",
    demo: bool = False,
    zone: tzinfo | None = None,
) -> Live:
    """Return what one server's status line shows.

    Parameters
    ----------
    day : Today
        Today's sums.
    picture : Picture
        Who runs where.
    server : ServerSnapshot or None
        The server; None: only the figures that are the same everywhere.
    recent : mapping
        Sessions of late by agent and key, for models and contexts.
    titles : mapping of str to str
        Agents' names for people.
    light : LiveLight
        Whether working in parallel pays.
    known : Trouble
        What is wrong where.
    unmetered : mapping
        Today's sessions that tell no tokens, by agent and key.
    problem : str
        What keeps the figures from being right, for people.
    demo : bool
        Whether the figures are played.
    zone : tzinfo or None
        For times of day, None: the system's own.
    """
    unmetered = unmetered or {}
    agents = _agents(picture)
    further = further_agents(picture, known.claimed)
    keys = frozenset(key for key in further if key)
    flags = {
        pane_key(now): tuple(pane_flags(now, known, keys, picture.now_ms)) for now in picture.panes
    }
    counts = Counter(flag for each in flags.values() for flag in each)
    # several agents may be in one pane, and some in none
    counts[FURTHER] = len(further)
    return Live(
        cost_microdollars=None if unmetered and not day.total.requests else cost(day.total),
        unpriced_tokens=day.total.unpriced_tokens,
        input_tokens=day.total.input,
        output_tokens=day.total.output,
        cache_hit_rate=hit_rate(day.total),
        working=sum(agent.state == WORKING for agent in agents),
        waiting=sum(agent.state == WAITING for agent in agents),
        idle=sum(agent.state == IDLE for agent in agents),
        paused=sum(agent.state == PAUSED for agent in agents),
        outside_cost_microdollars=cost(day.outside),
        outside_unpriced_tokens=day.outside.unpriced_tokens,
        without_pane=len(picture.without_pane),
        panes=tuple(
            pane
            for now in picture.panes
            if _of(now, server)
            and (pane := _pane(now, day, recent, titles, flags[pane_key(now)], unmetered, zone))
        ),
        problem=problem,
        demo=demo,
        light=light,
        flags=tuple((flag, counts[flag]) for flag in FLAGS if counts[flag]),
        unmetered=len(unmetered),
    )


def _agents(picture: Picture) -> Sequence[AgentNow]:
    """Return every agent there is, a nested one with the one that started it."""
    mains = [pane.main for pane in picture.panes if pane.main]
    others = [agent for pane in picture.panes for agent in pane.others if not agent.nested]
    outside = [agent for agent in picture.outside if not agent.nested]
    return [*mains, *others, *outside, *picture.without_pane]


def _of(now: PaneNow, server: ServerSnapshot | None) -> bool:
    ref = now.ref
    return server is not None and (ref.socket, ref.server_pid, ref.server_started) == (
        str(server.socket),
        server.server_pid,
        server.server_started,
    )


def _pane(
    now: PaneNow,
    day: Today,
    recent: Mapping[tuple[str, str], RecentSession],
    titles: Mapping[str, str],
    flags: tuple[str, ...],
    unmetered: Mapping[tuple[str, str], Unmetered],
    zone: tzinfo | None,
) -> LivePane | None:
    """Return a pane's figures; None where no agent is or was today."""
    ref, agent = now.ref, now.main
    spent = day.panes.get(pane_key(now))
    if agent is None and spent is None:
        return None
    spent = spent or Measures()
    session = recent.get((agent.agent, agent.session)) if agent else None
    pause = None
    if agent and agent.state == PAUSED:
        # the agent's own, or that of whatever it stands still with
        pause = next((each for each in now.pauses if is_of(each, agent)), now.pauses[0])
    silent = unmetered.get((agent.agent, agent.session)) if agent else None
    fill = None
    if session and session.context_window:
        fill = session.context_tokens / session.context_window
    return LivePane(
        pane=ref.pane,
        window=now.pane.window_id,
        session=now.pane.session_id,
        # a session that can't be told, or tells nothing, spends something, nobody knows what
        cost_microdollars=None
        if agent and (silent or not agent.session) and not spent.requests
        else cost(spent),
        unpriced_tokens=spent.unpriced_tokens,
        input_tokens=spent.input,
        output_tokens=spent.output,
        cache_hit_rate=hit_rate(spent),
        agent=titles.get(agent.agent, agent.agent) if agent else "",
        model=session.model if session else "",
        state=agent.state if agent else "",
        waiting_for=agent.waiting_for if agent else "",
        context_fill=fill,
        confidence=agent.confidence if agent and agent.session else 1.0,
        flags=flags,
        paused_by=pause.who if pause else "",
        paused_since=clock(pause.since_ms, zone) if pause else "",
        unmetered=silent is not None,
        estimated_input=silent.input if silent else 0,
        estimated_output=silent.output if silent else 0,
    )
