"""Sessions for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.words import count
from tmuxmeter.status.text import money, tokens
from tmuxmeter.views.days import API_EQUIVALENT, ESTIMATED, marks
from tmuxmeter.views.figures import guess, local, place, row_money
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tmuxmeter.views.days import Circumstances

Row = dict[str, Any]

COLUMNS = (
    Column("last"),
    Column("started", rank=8),
    Column("agent"),
    Column("session", rank=2),
    Column("project", cut=True),
    Column("branch", cut=True, rank=7),
    Column("model", cut=True, rank=3),
    Column("cost", figures=True),
    Column("input", figures=True, rank=4),
    Column("output", figures=True, rank=5),
    Column("requests", figures=True, rank=6),
    Column("pane", cut=True, rank=1),
    Column("version", cut=True, rank=9),
)
SHORT = 8


def sessions_parts(
    report: Row, zone: tzinfo | None, about: Circumstances, now_ms: int
) -> list[Table | Paragraph]:
    """Return the sessions of a report as a table, the newest first."""
    rows = report["sessions"]
    if not rows:
        return [*marks(about), Paragraph("No sessions.", "bold")]
    accounts = {(row["agent"], row["account"]) for row in rows}
    several = len(accounts) > len({agent for agent, _ in accounts})
    unlogged = any(row["unlogged_microdollars"] is not None for row in rows)
    table = Table(
        "",
        [
            *COLUMNS,
            *([Column("unlogged", figures=True, rank=6)] if unlogged else []),
            *([Column("account", cut=True, rank=10)] if several else []),
        ],
    )
    for row, name in zip(rows, short_names([row["session"] for row in rows]), strict=True):
        model = row["model"]
        if len(row["models"]) > 1:
            model += f" +{len(row['models']) - 1}"
        table.rows.append(
            [
                moment(row["last_ms"], zone, now_ms),
                moment(row["started_ms"], zone, now_ms),
                row["agent"],
                f"{name} (sub)" if row["spawned"] else name,
                home_path(row["project"], about.home),
                row["branch"],
                model,
                row_money(row) if row["requests"] else "",
                tokens(row["input_tokens"]["total"]) if row["requests"] else _unmetered(row),
                tokens(row["output_tokens"]) if row["requests"] else _guess(row, "output"),
                f"{row['requests']:,}" if row["requests"] else _turns(row),
                place(row["last_place"]),
                row["version"],
                *([_unlogged(row["unlogged_microdollars"])] * unlogged),
                *([row["account_name"] or home_path(row["account"], about.home)] * several),
            ]
        )
    notes = [Paragraph(ESTIMATED, "yellow")] if any(row["estimated"] for row in rows) else []
    return [*marks(about), table, *notes, Paragraph(API_EQUIVALENT, "dim")]


def _unmetered(row: Row) -> str:
    """Return the word for a session without tokens, with its estimate where one is wanted."""
    return f"unmetered {_guess(row, 'input')}".strip() if row["unmetered"] else ""


def _guess(row: Row, kind: str) -> str:
    return guess(row["estimated"][f"{kind}_tokens"]) if row["estimated"] else ""


def _unlogged(microdollars: int | None) -> str:
    return "" if microdollars is None else money(microdollars)


def _turns(row: Row) -> str:
    """Return how much a session without any request did: its turns that ended, else its prompts."""
    if row["turns"]:
        return count(row["turns"], "turn")
    return count(row["prompts"], "prompt") if row["prompts"] else ""


def short_names(sessions: Sequence[str]) -> list[str]:
    """Return the shortest beginnings, eight characters at least, that tell sessions apart.

    Ids that begin with their time are alike at the beginning, so these keep their end instead.
    """
    for length in range(SHORT, max(map(len, sessions), default=SHORT) + 1):
        for names in ([s[:length] for s in sessions], [s[-length:] for s in sessions]):
            if len(set(names)) == len(set(sessions)):
                return names
    return list(sessions)


def moment(time_ms: int | None, zone: tzinfo | None, now_ms: int) -> str:
    """Return a time as briefly as it stays clear: that of day, with month and day, or year."""
    if time_ms is None:
        return ""
    then, now = local(time_ms, zone), local(now_ms, zone)
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then:%m-%d %H:%M}" if then.year == now.year else f"{then:%Y-%m-%d}"
