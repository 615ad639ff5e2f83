"""Report rows as cells: dollars, tokens, shares, places and times for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tmuxmeter.status.text import money, share, tokens
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

Row = dict[str, Any]

MEASURES = (
    Column("cost", figures=True),
    Column("input", figures=True),
    Column("output", figures=True, rank=2),
    Column("cached", figures=True, rank=1),
    Column("requests", figures=True, rank=3),
)
"""``cached`` is the share of the input that was read from the cache."""

PLACES = {
    "outside": "outside tmux",
    "without-pane": "running without a pane",
    "unattributed": "unattributed",
}


def row_money(row: Row) -> str:
    """Return a row's dollars; ``?`` where nothing in it has a price or tells any tokens."""
    unpriced, silent = row["unpriced_requests"], bool(row.get("unmetered_sessions"))
    if (unpriced or silent) and unpriced == row["requests"]:
        return money(None)
    return money(row["cost_microdollars"], row["unpriced_tokens"] or silent)


def guess(count: int) -> str:
    """Return tokens that are estimated from texts; nothing where there are none."""
    return f"~{tokens(count)}" if count else ""


def guesses(rows: Iterable[Row]) -> str:
    """Return the estimates of unmetered sessions together, in brackets; "" where there are none."""
    told = [row["estimated"] for row in rows if row["estimated"]]
    if not told:
        return ""
    given, received = (sum(row[f"{kind}_tokens"] for row in told) for kind in ("input", "output"))
    return f" (~{tokens(given)} tokens in, ~{tokens(received)} out)"


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


def group_rows(report: Row, kind: str, home: str, servers: int) -> list[list[str]]:
    """Return the cells of ``by_<kind>``; ``servers`` is how many there are to be told apart."""
    rows = report[f"by_{kind}"]
    return [[row_name(row, kind, home, servers), *measures(row)] for row in rows]


def row_name(row: Row, kind: str, home: str, servers: int) -> str:
    """Return what a row of ``by_<kind>`` is of."""
    if kind == "pane":
        return place(row, servers)
    if kind == "project":
        return home_path(row["project"], home) or "(unknown)"
    if kind == "branch":
        return f"{home_path(row['project'], home)} {row['branch'] or '(none)'}"
    return row[kind] or "(unknown)"


def server_count(report: Row) -> int:
    """Return how many tmux servers the panes of a report belong to."""
    return len({row["server"] for row in report["by_pane"] if row["where"] == "pane"})


def local(time_ms: int, zone: tzinfo | None) -> datetime:
    """Return a moment by the user's clock."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
