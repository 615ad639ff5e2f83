"""Agents for people: a block each for those that are here, one line for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.words import count, size
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.sessions import moment
from tmuxmeter.views.table import Paragraph

if TYPE_CHECKING:
    from datetime import tzinfo

Row = dict[str, Any]


def agents_parts(report: Row, zone: tzinfo | None, home: str, now_ms: int) -> list[Paragraph]:
    """Return the agents of a report."""
    parts = []
    for row in report["agents"]:
        if row["here"]:
            parts += _agent(row, zone, home, now_ms)
    others = [row for row in report["agents"] if not row["here"]]
    if others:
        names = ", ".join(f"{row['title']} ({row['agent']})" for row in others)
        parts.append(Paragraph(f"Not here, but read where it is: {names}", "dim"))
    return parts


def _agent(row: Row, zone: tzinfo | None, home: str, now_ms: int) -> list[Paragraph]:
    program = home_path(row["program"], home) if row["program"] else "no program on the PATH"
    title = f"{row['title']} ({row['agent']}): {program}"
    if row["disabled"]:
        title += "; switched off in the configuration"
    parts = [Paragraph(title, "bold", indent=2)]
    parts += [
        Paragraph(f"  logs: {_place(place, home)}", indent=8)
        for place in row["roots"]
        if place["exists"]
    ]
    if not any(place["exists"] for place in row["roots"]):
        where = ", ".join(home_path(place["path"], home) for place in row["roots"])
        parts.append(Paragraph(f"  logs: none yet; looked for in {where}", indent=8))
    if row["newest_event_ms"]:
        newest = moment(row["newest_event_ms"], zone, now_ms)
        sessions = count(row["sessions"], "session")
        unmetered = f", {row['unmetered_sessions']:,} unmetered" * bool(row["unmetered_sessions"])
        parts.append(Paragraph(f"  newest: {newest}; {sessions}{unmetered}", indent=8))
    label = "read" if row["metering"] == "unmetered" else "metered"
    if row["meters"]:
        parts.append(Paragraph(f"  {label}: {row['meters']}", indent=8))
    if row["not_metered"]:
        label = "unmetered" if row["metering"] == "unmetered" else "not metered"
        parts.append(Paragraph(f"  {label}: {row['not_metered']}", "dim", indent=8))
    parts += [
        Paragraph(f"  trouble: {home_path(trouble['path'], home)}: {trouble['reason']}", "yellow")
        for trouble in row["troubles"]
    ]
    return parts


def _place(place: Row, home: str) -> str:
    name = f"{place['name']}: " if place["name"] else ""
    words = f"{name}{home_path(place['path'], home)}: {count(place['logs'], 'log')}"
    if place["logs"]:
        words += f", {size(place['bytes'])}"
        words += f", {place['unread']:,} not read to the end" if place["unread"] else ", all read"
    return words
