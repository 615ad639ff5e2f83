"""The tables of a day: where it was spent, what waits, what ran overnight, what moved the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.advice import clock, weekday_clock
from tmuxmeter.reports.words import count
from tmuxmeter.status.text import money, tokens
from tmuxmeter.views.breakeven import LEVERS
from tmuxmeter.views.figures import MEASURES, group_rows, measures, row_name, server_count
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.table import Column, Paragraph, Table, aligned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tmuxmeter.views.table import Parts

Row = dict[str, Any]

MOST_PENDING = 6
HOUR_MS = 3_600_000
DOINGS = (
    Column("cost", figures=True),
    Column("input", figures=True),
    Column("cached", figures=True, rank=1),
    Column("turns", figures=True, rank=3),
    Column("hand-offs", figures=True, rank=2),
)


def spent(report: Row, by: str | None, home: str, *, running: bool) -> Parts:
    """Return where it was spent; ``by`` None: by agent and by pane, columns in line.

    While the day is ``running`` a pane's state that can't be told is shown as that.
    """
    servers = server_count(report)
    kinds = [by] if by else ["agent", "pane"]
    tables = [_table(report, kind, home, servers, "?" if running else "") for kind in kinds]
    return [*(tables if by else aligned(tables))]


def _table(report: Row, kind: str, home: str, servers: int, unknown: str) -> Table:
    """Return where it was spent; agents and panes with what was done there."""
    if kind not in {"agent", "pane"}:
        table = Table("", [Column(kind, cut=True), *MEASURES])
        table.rows += group_rows(report, kind, home, servers)
        return table
    of_panes = ("agents", "state") if kind == "pane" else ("", "")
    table = Table(
        "",
        [
            *(Column(kind, cut=True), Column(of_panes[0], cut=True, rank=4), *DOINGS),
            *(Column(of_panes[1]), Column("flags", cut=True, fold=True)),
        ],
    )
    for row in report[f"by_{kind}"]:
        cost, inputs, _, cached, _ = measures(row)
        table.rows.append(
            [
                row_name(row, kind, home, servers),
                ", ".join(row.get("agents", [])),
                *(cost, inputs, cached),
                *("" if row[key] is None else f"{row[key]:,}" for key in ("turns", "handoffs")),
                row.get("state") or (unknown if row.get("pane") else ""),
                ", ".join(row.get("flags", [])),
            ]
        )
    return table


def pending(
    rows: Sequence[Row], home: str, begin_ms: int, now_ms: int | None, zone: tzinfo | None
) -> Parts:
    """Return the hand-offs that wait, the longest first; ``now_ms`` None: the day is over."""
    if not rows:
        return []
    there = sorted((row for row in rows if not row["gone"]), key=lambda row: row["since_ms"])
    ended = len(rows) - len(there)
    words = "waits" if len(there) == 1 else "wait"
    words = f"{words} for you" if now_ms is not None else "waited when the day ended"
    columns = [Column("pane"), Column("agent"), Column("project", cut=True, rank=1)]
    table = Table(
        f"{count(len(there), 'hand-off')} {words}", [*columns, Column("since"), Column("what")]
    )
    for row in there[:MOST_PENDING]:
        what = [count(row["edits"], "edit")] if row["edits"] else []
        what += ["a question"] if row["asked"] else []
        today = row["since_ms"] >= begin_ms
        since = (clock if today else weekday_clock)(row["since_ms"], zone)
        # another machine's clock may be ahead of ours
        if today and now_ms is not None and row["since_ms"] <= now_ms:
            since += f" ({_length(now_ms - row['since_ms'])})"
        project = home_path(row["project"] or "", home) or "(unknown)"
        pane = row["pane"] or "no pane"
        table.rows.append([pane, row["agent"], project, since, " and ".join(what)])
    more = [f"{len(there) - MOST_PENDING} more"] if there[MOST_PENDING:] else []
    more += [f"{ended} in sessions that have ended"] if ended else []
    said = f"{'And' if there else 'Hand-offs wait:'} {', '.join(more)}."
    return [*([table] if there else []), *([Paragraph(said, "dim")] if more else [])]


def _length(milliseconds: int) -> str:
    hours = milliseconds / HOUR_MS
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def overnight(night: Row, home: str, zone: tzinfo | None) -> Parts:
    """Return what ran while the human was away."""
    begin, end = (clock(night[key], zone) for key in ("from_ms", "to_ms"))
    columns = [Column("pane"), Column("agent"), Column("project", cut=True)]
    columns += [Column("cost", figures=True)]
    columns += [Column(h, figures=True, rank=rank) for h, rank in (("input", 1), ("minutes", 2))]
    table = Table(f"Overnight, {begin} to {end}", [*columns, Column("ended")])
    for row in night["agents"]:
        ended = row["ended"] or "no end"
        unpriced = row["unpriced_tokens"]
        whole = row["input_tokens"] + row["output_tokens"]
        table.rows.append(
            [
                row["pane"] or "no pane",
                row["agent"],
                home_path(row["project"] or "", home) or "(unknown)",
                money(None if unpriced >= whole else row["cost_microdollars"], unpriced),
                tokens(row["input_tokens"]),
                f"{row['minutes']:.0f}" if row["minutes"] >= 0.5 else "<1",
                f"{ended}, asks" if row["asked"] else ended,
            ]
        )
    return [table]


def levers(light: Row) -> Parts:
    """Return the levers that moved against the reference, the largest first."""
    moved = [row for row in light["levers"] if row["line_tokens"]]
    if not moved:
        return []
    columns = [Column("lever"), *(Column(h, figures=True) for h in ("now", "reference"))]
    table = Table("", [*columns, Column("moves the line by", figures=True)])
    for row in moved:
        name, text = LEVERS[row["lever"]]
        amount = row["line_tokens"]
        sign = "+" if amount > 0 else "−"
        values = [text(row[key]) for key in ("today", "reference")]
        table.rows.append([name, *values, sign + tokens(abs(amount))])
    return [table]
