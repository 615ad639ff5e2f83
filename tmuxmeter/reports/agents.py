"""Every agent that is known: where its logs are, how far they are read, what they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


class Place(NamedTuple):
    """A folder of an agent's logs. ``name`` is the account's in the configuration, or ""."""

    path: str
    name: str
    exists: bool
    logs: int
    unread: int
    bytes: int


class Known(NamedTuple):
    """An agent. ``program`` is its path, "" where it isn't installed; times are epoch ms, or 0."""

    name: str
    title: str
    program: str
    disabled: bool
    places: Sequence[Place]
    meters: str
    lacks: str
    unmetered: str
    newest_log_ms: int = 0
    newest_event_ms: int = 0
    sessions: int = 0
    unmetered_sessions: int = 0
    troubles: Sequence[tuple[str, str]] = ()


def agents_report(agents: Sequence[Known]) -> Row:
    """Return the agents as data; those that are here first, each group in the registry's order."""
    rows = [_row(agent) for agent in agents]
    return {"agents": sorted(rows, key=lambda row: not row["here"])}


def _row(agent: Known) -> Row:
    logs = sum(place.logs for place in agent.places)
    return {
        "agent": agent.name,
        "title": agent.title,
        "here": bool(agent.program or logs or agent.sessions or agent.troubles),
        "program": agent.program,
        "disabled": agent.disabled,
        "metering": "unmetered" if agent.unmetered else "metered",
        "meters": agent.meters,
        "not_metered": "; also missing: ".join(filter(None, (agent.unmetered, agent.lacks))),
        "logs": logs,
        "unread_logs": sum(place.unread for place in agent.places),
        "roots": [place._asdict() for place in agent.places],
        "newest_log_ms": agent.newest_log_ms or None,
        "newest_event_ms": agent.newest_event_ms or None,
        "sessions": agent.sessions,
        "unmetered_sessions": agent.unmetered_sessions,
        "troubles": [{"path": path, "reason": reason} for path, reason in agent.troubles],
    }
