"""Panes and agents for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.advice import clock
from tmuxmeter.reports.words import SPENDING, WAITING, count
from tmuxmeter.status.text import share, tokens
from tmuxmeter.views.days import API_EQUIVALENT, ESTIMATED, marks
from tmuxmeter.views.figures import guess, local, row_money, server_name
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.sessions import short_names
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tmuxmeter.views.days import Circumstances

Row = dict[str, Any]

COLUMNS = (
    Column("agent"),
    Column("model", cut=True, rank=1),
    Column("state", cut=True),
    Column("today", figures=True),
    Column("input", figures=True, rank=4),
    Column("context", figures=True, rank=2),
    Column("session", rank=5),
    Column("known by", rank=3),
)


IN_THE_STATE = (SPENDING, WAITING)
"""Flags that the state tells already."""


def panes_parts(report: Row, zone: tzinfo | None, about: Circumstances) -> list[Table | Paragraph]:
    """Return the panes of a report, the agents in none, and what is wrong."""
    parts = marks(about)
    everybody = [*report["panes"], *report["outside"], *report["without_pane"]]
    known = [row["agent_session"] for row in everybody if row["agent_session"]]
    names = dict(zip(known, short_names(known), strict=True))
    if report["panes"]:
        parts.append(_panes(report["panes"], names, zone))
    else:
        parts.append(Paragraph(_nothing(report), "bold"))
    for key, title in (
        ("outside", "Outside tmux"),
        ("without_pane", "Running without a pane: nobody sees what these do"),
    ):
        if report[key]:
            table = Table(title, [Column("project", cut=True), *COLUMNS])
            for row in report[key]:
                project = home_path(row["project"] or "", about.home)
                table.rows.append([project or f"process {row['pid']}", *_cells(row, names, zone)])
            parts.append(table)
    if report["unmetered_sessions"]:
        sessions = count(report["unmetered_sessions"], "session")
        parts.append(
            Paragraph(f"+ {sessions} today unmetered: no log tells their tokens.", "yellow")
        )
    if any(row["estimated"] for row in everybody):
        parts.append(Paragraph(ESTIMATED, "yellow"))
    if any(row["requests"] for row in everybody):
        parts.append(Paragraph(API_EQUIVALENT, "dim"))
    parts += [Paragraph(f"{row['text']}.", "bold") for row in report["advice"]]
    return [*parts, *_notes(report, zone)]


def _panes(rows: Sequence[Row], names: dict[str, str], zone: tzinfo | None) -> Table:
    """Return a row for each agent of each pane; flags only where there are any."""
    servers = len({row["server"] for row in rows})
    flags = [", ".join(flag for flag in row["flags"] if flag not in IN_THE_STATE) for row in rows]
    more = [Column("flags", cut=True)] if any(flags) else []
    table = Table("", [Column("pane", cut=True), *COLUMNS, *more])
    for row, said in zip(rows, flags, strict=True):
        cells = [_place(row, servers), *_cells(row, names, zone), said]
        table.rows.append(cells[: len(table.columns)])
        for other in row["others"]:
            table.rows.append(["", *_cells(other, names, zone), ""][: len(table.columns)])
    return table


def _nothing(report: Row) -> str:
    if report["servers"] or report["servers_down"]:
        return f"No agents in the panes of {count(len(report['servers']), 'running tmux server')}."
    return "No tmux server is metered yet: run `tmuxmeter up` inside tmux."


def _notes(report: Row, zone: tzinfo | None) -> list[Paragraph]:
    notes = [
        f"tmux server {server_name(row['server'])}: {row['reason']}."
        for row in report["servers_down"]
    ]
    if not report["watching"]:
        since = "none is booked to panes"
        if report["booked_ms"] is not None:
            since = f"it is booked to panes as of {local(report['booked_ms'], zone):%Y-%m-%d %H:%M}"
        notes.append(
            f"The watcher is not running (`tmuxmeter up`): states are of now; spend: {since}."
        )
    return [Paragraph(note, "yellow") for note in notes]


def _place(row: Row, servers: int) -> str:
    name = f"{row['session']}:{row['window']}.{row['pane_index']} {row['pane']}"
    return name if servers < 2 else f"{name} ({server_name(row['server'])})"


def _guess(row: Row) -> str:
    return guess(row["estimated"]["input_tokens"]) if row["estimated"] else ""


def _cells(row: Row, names: dict[str, str], zone: tzinfo | None) -> list[str]:
    state = row["state"] or ("?" if row["agent"] else "")
    if row["waiting_for"]:
        state += f": {row['waiting_for']}"
    for pause in row.get("paused", ())[:1]:
        state += f" by {pause['who']} since {clock(pause['since_ms'], zone)}"
        state += f" ({pause['way']})"
        if pause["spent_after"]:
            state = f"STILL SPENDING ({tokens(pause['spent_after'])} tokens), {state}"
    if row["nested"]:
        state += " (nested)"
    context = "" if row["context_fill"] is None else share(row["context_fill"])
    if not context and row["context_tokens"]:
        context = tokens(row["context_tokens"])
    spent = row.get("requests", 0)
    evidence = ""
    if row["evidence"]:
        kind = row["evidence"].partition(",")[0]
        evidence = f"{kind} {row['confidence']:.2f}"
    return [
        row["agent"] or "",
        row["model"] or "",
        state,
        (row_money(row) if spent else "") or ("unmetered" if row["unmetered"] else ""),
        tokens(row["input_tokens"]["total"]) if spent else _guess(row),
        context,
        names.get(row["agent_session"], "?" if row["agent"] else ""),
        evidence,
    ]
