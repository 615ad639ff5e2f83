"""Today's figures for every running tmux server, from the ledger and the picture of the panes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.agents import AGENTS
from tmuxmeter.reports.days import local_day_bounds, local_day_of
from tmuxmeter.reports.now import live, today

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.config import Config
    from tmuxmeter.ledger.queries import RecentSession
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.panes.picture import Picture
    from tmuxmeter.reports.live import Live
    from tmuxmeter.tmux.snapshot import ServerSnapshot

TITLES = {agent.name: agent.title for agent in AGENTS}


class Figures(NamedTuple):
    """What to show where.

    ``everywhere`` is without any server's panes; ``day_end_ms`` is when today ends.
    """

    lives: list[tuple[ServerSnapshot, Live]]
    everywhere: Live
    day_end_ms: int


def figures(
    reader: Reader,
    config: Config,
    picture: Picture,
    recent: Mapping[tuple[str, str], RecentSession],
    now_ms: int,
    *,
    problem: str,
    demo: bool,
) -> Figures:
    """Return today's figures for all servers in the picture."""
    zone, start = config.day.zone, config.day.start_minutes
    begin, end = local_day_bounds(local_day_of(now_ms, zone, start), zone, start)
    day = today(reader.slices(begin, end))

    def of(server: ServerSnapshot | None) -> Live:
        return live(day, picture, server, recent, TITLES, problem=problem, demo=demo)

    return Figures([(server, of(server)) for server in picture.servers], of(None), end)
