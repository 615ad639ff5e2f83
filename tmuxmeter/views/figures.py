"""Report rows as cells: dollars, tokens, shares, places and times for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.status.text import money, share, tokens
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.table import Column, Table, aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]

MEASURES = tuple(
    Column(head, figures=True) for head in ("cost", "input", "output", "cached", "requests")
)
"""``cached`` is the share of the input that was read from the cache."""

PLACES = {
    "outside": "outside tmux",
    "without-pane": "running without a pane",
    "unattributed": "unattributed",
}


def row_money(row: Row) -> str:
    """Return a row's dollars; ``?`` where nothing in it has a price."""
    unpriced = row["unpriced_requests"]
    if unpriced and unpriced == row["requests"]:
        return money(None)
    return money(row["cost_microdollars"], row["unpriced_tokens"])


def measures(row: Row) -> list[str]:
    """Return the cells below :data:`MEASURES`."""
    rate = row["cache_hit_rate"]
    return [
        row_money(row),
        tokens(row["input_tokens"]["total"]),
        tokens(row["output_tokens"]),
        "" if rate is None else share(rate),
        f"{row['requests']:,}",
    ]


def place(row: Row, servers: int = 1) -> str:
    """Return where something was spent: ``main:1 %3``, with the server where there are several."""
    if row["where"] != "pane":
        return PLACES[row["where"]]
    name = f"{row['session']}:{row['window']} {row['pane']}"
    return name if servers < 2 else f"{name} ({server_name(row['server'])})"


def server_name(socket: str) -> str:
    """Return the last part of a socket's path, which is what ``tmux -L`` names."""
    return socket.rpartition("/")[2]


def count(number: int, thing: str) -> str:
    """Return ``1 session``, ``2 sessions``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def group_tables(report: Row, home: str) -> list[Table]:
    """Return the tables of a report: by agent, model, project and pane, in line with each other."""
    servers = len({row["server"] for row in report["by_pane"] if row["where"] == "pane"})
    kinds: Sequence[tuple[str, Callable[[Row], str]]] = [
        ("agent", lambda row: row["agent"]),
        ("model", lambda row: row["model"] or "(unknown)"),
        ("project", lambda row: home_path(row["project"], home) or "(unknown)"),
        ("pane", lambda row: place(row, servers)),
    ]
    tables = []
    for kind, name in kinds:
        table = Table("", [Column(kind, cut=True), *MEASURES])
        table.rows += [[name(row), *measures(row)] for row in report[f"by_{kind}"]]
        tables.append(table)
    return aligned(tables)


def name_of(kind: str, row: Row, home: str) -> str:
    """Return what a row of ``by_<kind>`` is about."""
    if kind == "pane":
        return place(row)
    name: str = row[kind]
    return (home_path(name, home) if kind == "project" else name) or "(unknown)"
