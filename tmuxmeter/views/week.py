"""The shape of a week for people: a row a day, early against late, a heat map, the curve."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.light import times
from tmuxmeter.reports.words import count
from tmuxmeter.status.text import money, share, tokens, verdict_sign
from tmuxmeter.views.ascii import in_ascii
from tmuxmeter.views.curve import AXES, Graph, Mark, drawn
from tmuxmeter.views.days import API_EQUIVALENT, Circumstances, marks
from tmuxmeter.views.figures import guesses, local, row_money
from tmuxmeter.views.heat import heat_map, steps
from tmuxmeter.views.table import Column, Paragraph, Table, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from tmuxmeter.views.table import Parts

Row = dict[str, Any]

WEEK = 7
MOST_DAYS = 2 * WEEK
"""More days than this are shown by week and by weekday."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TASKS = {"commits": "commits", "done": "tasks", "handoffs": "hand-offs"}


def week_parts(
    report: Row,
    about: Circumstances,
    zone: tzinfo | None,
    tasks: str,
    *,
    limit: int | None = None,
    ascii_only: bool = False,
) -> Parts:
    """Return the shape of some days.

    Parameters
    ----------
    report : dict
        What ``week --json`` prints.
    about : Circumstances
        What the figures have to be read with.
    zone : tzinfo or None
        For hours of the day, None: the system's own.
    tasks : str
        What was counted as a task: a key of :data:`TASKS`.
    limit : int or None
        Terminal cells in a line.
    ascii_only : bool
        Whether only ASCII can be shown.
    """
    days, total = report["days"], report["total"]
    if total["tasks_are"] == "handoffs":
        tasks = "handoffs"
    head = marks(about)
    words = _summary(total, report["unmetered_sessions"], guesses([report]))
    head.append(Paragraph(f"{days[0]['date']} to {days[-1]['date']}: {words}", "bold"))
    if not total["requests"]:
        return head
    head.append(Paragraph(API_EQUIVALENT, "dim"))
    several = len(days) > MOST_DAYS
    table = _weeks(report, tasks) if several else _days(report, tasks, ascii_only=ascii_only)
    parts = joined(
        [
            head,
            [table],
            _productivity(report, TASKS[tasks]),
            _over(report, several=several),
            _heat(days, zone, limit, several=several, ascii_only=ascii_only),
            _curve(report, limit),
        ]
    )
    return in_ascii(parts) if ascii_only else parts


def graph_of_week(report: Row) -> Graph | None:
    """Return the curve of a typical day with a point for each day; None where nothing was spent."""
    light = report["typical"]
    if light is None:
        return None
    points = [(point["input_tokens"], point["ratio"]) for point in report["curve"]]
    dots = [
        Mark(point["input_tokens"], point["ratio"], _day_name(point["date"]))
        for point in report["points"]
    ]
    low, high = light["line_low"], light["line_high"]
    band = None if low is None else (low, points[-1][0] if high is None else high)
    return Graph(points, light["line_input_tokens"], band, dots)


def _summary(total: Row, unmetered: int, guessed: str) -> str:
    if not total["requests"]:
        silent = f"no tokens known, + {unmetered} unmetered{guessed}."
        return silent if unmetered else "nothing spent."
    words = [
        row_money(total),
        f"{tokens(total['input_tokens'])} tokens in",
        count(total["days"], "day"),
        f"{total['hours_worked']:.1f} h of work",
    ]
    if unmetered:
        words.append(f"+ {unmetered} unmetered{guessed}")
    return ", ".join(words)


def _days(report: Row, tasks: str, *, ascii_only: bool) -> Table:
    heads = ["cost", "input", *([] if tasks == "handoffs" else [TASKS[tasks]]), "k", "cached"]
    ranks = {TASKS[tasks]: 1, "cached": 2, "hand-offs": 3, "loops": 4, "drift": 5}
    columns = [Column("day")]
    columns += [
        Column(head, figures=True, rank=ranks.get(head, 0))
        for head in [*heads, "hand-offs", "loops", "drift"]
    ]
    table = Table("", [*columns, Column("light")])
    for row in report["days"]:
        name = _day_name(row["date"])
        if not row["requests"]:
            table.rows.append([name, *[""] * len(heads), "", "", "", ""])
            continue
        k, rate = row["k_busy"], row["cache_hit_rate"]
        cells = [name, row_money(row), tokens(row["input_tokens"]["total"])]
        cells += [] if tasks == "handoffs" else [f"{row['tasks'] or 0:,}"]
        cells += ["" if k is None else times(k), "" if rate is None else share(rate)]
        cells += [f"{row['handoffs']:,}", _lost(row["error_loops"]), _lost(row["drift"])]
        table.rows.append([*cells, _sign(row["light"], ascii_only=ascii_only)])
    return table


def _weeks(report: Row, tasks: str) -> Table:
    heads = ("days", "cost", "input", "cached", "hours", TASKS[tasks], "an hour", "lost")
    ranks = {"days": 5, "cached": 4, "hours": 3, TASKS[tasks]: 2, "an hour": 1}
    columns = [Column(head, figures=True, rank=ranks.get(head, 0)) for head in heads]
    table = Table("", [Column("week to"), *columns])
    for row in report["weeks"]:
        name = _day_name(row["last"])
        if not row["requests"]:
            table.rows.append([name, *[""] * len(heads)])
            continue
        inputs, pace = row["input_tokens"], row["tasks_per_hour"]
        table.rows.append(
            [
                *(name, f"{row['days']}", row_money(row), tokens(inputs)),
                share(row["cache_read_tokens"] / inputs) if inputs else "",
                f"{row['hours_worked']:.1f}",
                f"{row['tasks']:,}",
                "" if pace is None else f"{pace:.2f}",
                _lost_money(row),
            ]
        )
    return table


def _productivity(report: Row, tasks: str) -> Parts:
    """Return how early days compare with late ones."""
    early, late = report["early"], report["late"]
    if early["tasks_per_hour"] is None or late["tasks_per_hour"] is None:
        return []

    before, after = early["tasks_per_hour"], late["tasks_per_hour"]
    change = f" ({(after - before) / before:+.0%})".replace("-", "−") if before else ""
    tasks = tasks.capitalize()
    text = f"{tasks} an hour: {before:.2f} early in the week, {after:.2f} late{change}."
    worse = bool(before) and after < before
    parts: Parts = [Paragraph(text, "yellow" if worse else "", indent=2)]
    if early["tasks_per_dollar"] is not None and late["tasks_per_dollar"] is not None:
        text = f"{tasks} a dollar: {early['tasks_per_dollar']:.3f} early, "
        parts.append(Paragraph(text + f"{late['tasks_per_dollar']:.3f} late.", indent=2))
    lost = f"Error loops and drift: {_lost_money(early)} early, {_lost_money(late)} late."
    return [*parts, Paragraph(lost, indent=2)]


def _over(report: Row, *, several: bool) -> Parts:
    over, beyond = report["over_line"], report["beyond_scale"]
    whole = report["total"]["days"]

    def names(days: Sequence[str]) -> str:
        if several or len(days) == whole:
            return f"{len(days)} of {count(whole, 'day')}"
        return ", ".join(map(_day_name, days))

    parts: Parts = []
    if over:
        parts.append(Paragraph(f"Over the line: {names(over)}.", "yellow", indent=2))
    if beyond:
        text = f"Too far outside the scale's data to have a line: {names(beyond)}."
        parts.append(Paragraph(text, indent=2))
    return parts or [Paragraph("No day with agents side by side was over its line.")]


def _heat(
    days: Sequence[Row],
    zone: tzinfo | None,
    limit: int | None,
    *,
    several: bool,
    ascii_only: bool,
) -> Parts:
    """Return when it was spent: input tokens by day, or weekday, and by the hour on the clock.

    Nothing on a terminal that is too narrow for the hours of a day.
    """
    rows: dict[str, Counter[int]] = {name: Counter() for name in WEEKDAYS} if several else {}
    columns: dict[int, None] = {}
    for day in days:
        name = _day_name(day["date"])
        values = rows.setdefault(name[:3] if several else name, Counter())
        for cell in day["hours"]:
            hour = local(cell["begins_ms"], zone).hour
            columns.setdefault(hour)
            values[hour] += cell["input_tokens"]
    shown: list[tuple[str, Mapping[int, float]]] = list(rows.items())
    lines = heat_map(shown, list(columns), limit, ascii_only=ascii_only)
    if not lines:
        return []
    most = max(value for values in rows.values() for value in values.values())
    (least, _), *others = steps(most, ascii_only=ascii_only)
    legend = ", ".join(f"{sign} {tokens(round(low))}" for sign, low in others)
    legend = f"{least} less, from {legend}"
    return [
        *(Paragraph(line) for line in lines),
        Paragraph(f"Input tokens by hour: {legend}.", "dim", indent=2),
    ]


def _curve(report: Row, limit: int | None) -> Parts:
    graph = graph_of_week(report)
    if graph is None:
        return []
    legend = "● a day"
    if graph.line:
        legend += f", │ the line of a typical one {tokens(graph.line)}, ░ where it may lie"
    parts: Parts = [Paragraph(line) for line in drawn(graph, limit)]
    parts += [Paragraph(AXES, "dim"), Paragraph(legend + ".", "dim")] if parts else []
    if not report["typical"]["calibrated"]:
        text = "Not calibrated: the scale is that of one published week (`tmuxmeter calibrate`)."
        parts.append(Paragraph(text, "dim"))
    return parts


def _sign(light: Row, *, ascii_only: bool) -> str:
    verdict = light["verdict"]
    sign = verdict_sign(verdict, calibrated=light["calibrated"], ascii_only=ascii_only)
    return f"{sign} {verdict}"


def _lost_money(together: Row) -> str:
    return _known(together["lost_cost_microdollars"], together["lost_unpriced_tokens"])


def _lost(spent: Row) -> str:
    return _known(spent["cost_microdollars"], spent["unpriced_tokens"]) if spent["requests"] else ""


def _known(cost: int, unpriced: int) -> str:
    """Return dollars, "?" where nothing of what was spent has a price."""
    return money(cost if cost or not unpriced else None, unpriced)


def _day_name(text: str) -> str:
    """Return a day in short.

    >>> _day_name("2026-11-16")
    'Mon 16 Nov'
    """
    return f"{date.fromisoformat(text):%a %d %b}"
