"""Days for people: totals first, then where they come from, then what is missing in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from tmuxmeter.reports.words import count
from tmuxmeter.status.text import share, tokens
from tmuxmeter.views.figures import (
    MEASURES,
    group_rows,
    guesses,
    measures,
    row_money,
    server_count,
)
from tmuxmeter.views.fitting import home_path
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from datetime import date

Row = dict[str, Any]

API_EQUIVALENT = "Dollars are API list prices; on a subscription API-equivalent, not a bill."
ESTIMATED = (
    "~: estimated from what the logs show of the texts, as agents.estimate asks for; in no total,"
    " and mostly far too low, as what else is sent with each request is in no log."
)
DEMO = "DEMO: these logs are played, not yours."
MOST_MODELS = 5
MOST_ROOTS = 4
SILENT_SESSIONS = 2
"""One session without tokens may have been cut short before its first answer."""


class Circumstances(NamedTuple):
    """What a report doesn't say itself.

    Attributes
    ----------
    home : str
        The home whose paths are shown with ``~``.
    demo : bool
        Whether the figures are played.
    watching : bool
        Whether a watcher runs, without which nobody knows panes.
    reading : float or None
        The share of history read so far, 0 to 1, while the watcher still reads it.
    """

    home: str
    demo: bool = False
    watching: bool = True
    reading: float | None = None


def days_parts(data: Row, by: str, about: Circumstances) -> list[Table | Paragraph]:
    """Return several days: a row each, below it one for each agent, model … where ``by`` asks."""
    days, total = data["days"], data["total"]
    parts = marks(about)
    names = [Column(by, cut=True)] if by else []
    table = Table("", [Column("day"), *names, *MEASURES])
    for name, report in [*((day["date"], day) for day in days), ("total", total)]:
        table.rows.append([name, *[""] * len(names), *measures(report)])
        if by:
            rows = group_rows(report, by, about.home, server_count(total))
            table.rows += [["", *row] for row in rows]
    parts.append(table)
    if total["requests"]:
        parts.append(Paragraph(API_EQUIVALENT, "dim"))
    return [*parts, *day_notes(total, about)]


def summary(report: Row) -> str:
    """Return a report's sums in one line."""
    words = [
        row_money(report),
        f"{tokens(report['input_tokens']['total'])} tokens in",
        f"{tokens(report['output_tokens'])} out",
    ]
    if report["cache_hit_rate"] is not None:
        words.append(f"{share(report['cache_hit_rate'])} cached")
    words.append(count(report["requests"], "request"))
    if report["unmetered_sessions"]:
        silent = report["unmetered_sessions"]
        words.append(f"+ {len(silent)} unmetered{guesses(silent)}")
    return ", ".join(words)


def day_notes(report: Row, about: Circumstances) -> list[Paragraph]:
    """Return what is not in the figures, or not where it belongs, and what to do about it."""
    notes = []
    unpriced = [row for row in report["by_model"] if row["unpriced_requests"]]
    if unpriced:
        names = [
            f"{row['model'] or '(unknown)'} ({tokens(row['unpriced_tokens'])} tokens)"
            for row in unpriced[:MOST_MODELS]
        ]
        more = f" and {len(unpriced) - MOST_MODELS} more" if unpriced[MOST_MODELS:] else ""
        notes.append(
            f"Unpriced, so not in the dollars: {', '.join(names)}{more}."
            " `tmuxmeter prices MODEL` says why."
        )
    unmetered = Counter(row["agent"] for row in report["unmetered_sessions"])
    if unmetered:
        told = ", ".join(f"{agent} {number}" for agent, number in sorted(unmetered.items()))
        sessions = count(sum(unmetered.values()), "session")
        guessed = guesses(report["unmetered_sessions"])
        notes.append(
            f"Unmetered: {sessions} whose log tells no tokens ({told}){guessed}."
            " `tmuxmeter agents` says what each agent logs."
        )
        if guessed:
            notes.append(ESTIMATED)
        notes += _silent(report)
    notes += [
        f"Warning: {row_money(row)} was spent by sessions that went on after their pane was gone."
        " `tmuxmeter panes` shows those still running."
        for row in report["by_pane"]
        if row["where"] == "without-pane"
    ]
    nowhere = report["unattributed"]
    if nowhere["requests"]:
        why = "" if about.watching else " Only a running watcher sees panes: `tmuxmeter up`."
        notes.append(
            f"Unattributed: {row_money(nowhere)} in {count(nowhere['requests'], 'request')};"
            f" nobody saw in which pane.{why}"
        )
    return [Paragraph(note, "yellow") for note in notes]


def _silent(report: Row) -> list[str]:
    """Return a word on agents that told tokens before and tell none any more, for doubt's sake."""
    spent = {row["agent"] for row in report["by_agent"]}
    silent = Counter(
        row["agent"]
        for row in report["unmetered_sessions"]
        if row["told_before"] and row["agent"] not in spent
    )
    return [
        f"{count(number, 'session')} of {agent} without any tokens, which it told before: did its"
        " format change? `tmuxmeter doctor` tells more."
        for agent, number in sorted(silent.items())
        if number >= SILENT_SESSIONS
    ]


def nothing_at_all(roots: list[str], home: str) -> Paragraph:
    """Return what to say on a machine without any logs."""
    where = ", ".join(home_path(root, home) for root in roots[:MOST_ROOTS])
    where = where or "any folder that is read"
    if roots[MOST_ROOTS:]:
        where += f" and {len(roots) - MOST_ROOTS} other places (`tmuxmeter agents` lists them)"
    return Paragraph(
        f"No agent logs found below {where}. `tmuxmeter demo` shows what it looks like with some."
    )


def newest_elsewhere(newest: date) -> Paragraph:
    """Return where to look when the day asked for is empty."""
    return Paragraph(f"The newest request is of {newest}: `tmuxmeter today --date {newest}`.")


def marks(about: Circumstances) -> list[Table | Paragraph]:
    """Return what must be said before any figure."""
    parts: list[Table | Paragraph] = []
    if about.demo:
        parts.append(Paragraph(DEMO, "bold"))
    if about.reading is not None:
        parts.append(
            Paragraph(f"History is still being read ({share(about.reading)}): figures grow.")
        )
    return parts
