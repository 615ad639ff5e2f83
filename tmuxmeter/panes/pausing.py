"""Which agents in a picture are paused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from tmuxmeter.panes.picture import PauseNow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture
    from tmuxmeter.pause.records import Pause

PAUSED = "paused"
PaneName: TypeAlias = tuple[str, int, str]
"""A running server's socket and pid, and the pane's id: what a pause names its pane by."""


def by_pane(pauses: Iterable[Pause]) -> dict[PaneName, list[PauseNow]]:
    """Return pauses by the pane they are in, as a picture shows them."""
    found: dict[PaneName, list[PauseNow]] = {}
    for pause in pauses:
        if not pause.seen:
            continue  # not paused yet: somebody is at it
        now = PauseNow(
            *(pause.agent, pause.session, pause.pid, pause.since_ms, pause.who, pause.way),
            *(pause.told, pause.spent_after),
        )
        found.setdefault((pause.socket, pause.server_pid, pause.pane_id), []).append(now)
    return found


def with_pauses(picture: Picture, pauses: Mapping[PaneName, Sequence[PauseNow]]) -> Picture:
    """Return a picture in which paused agents are neither at work nor waiting.

    An agent that has ended stays ``gone``: nothing is held there any more.
    """
    if not pauses:
        return picture
    return replace(picture, panes=tuple(_paused(now, pauses) for now in picture.panes))


def _paused(now: PaneNow, pauses: Mapping[PaneName, Sequence[PauseNow]]) -> PaneNow:
    found = pauses.get((now.ref.socket, now.ref.server_pid, now.ref.pane))
    if not found:
        return now
    return replace(
        now,
        main=now.main and _held(now.main, found),
        others=tuple(_held(agent, found) for agent in now.others),
        pauses=tuple(found),
    )


def _held(agent: AgentNow, pauses: Sequence[PauseNow]) -> AgentNow:
    # whatever an agent started stands still with it
    concerned = agent.nested or any(is_of(pause, agent) for pause in pauses)
    if not concerned or agent.state == "gone":
        return agent
    return replace(agent, state=PAUSED, waiting_for="")


def is_of(pause: PauseNow, agent: AgentNow) -> bool:
    """Tell whether a pause is this agent's: by its process, or by its session."""
    if pause.agent != agent.agent:
        return False
    return pause.pid == agent.pid or bool(pause.session and pause.session == agent.session)
