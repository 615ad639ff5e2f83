"""A day for people: budget and light, who spent it, what waits, what to do about it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.light import times
from tmuxmeter.reports.advice import clock, weekday_clock, window_name
from tmuxmeter.reports.budgets import TOKENS
from tmuxmeter.reports.words import count
from tmuxmeter.status.text import money, share, tokens, verdict_sign
from tmuxmeter.views import day_tables
from tmuxmeter.views.ascii import in_ascii
from tmuxmeter.views.bars import bar
from tmuxmeter.views.breakeven import STYLES
from tmuxmeter.views.days import API_EQUIVALENT, Circumstances, day_notes, marks, summary
from tmuxmeter.views.figures import guesses, local
from tmuxmeter.views.spark import scale, sparkline
from tmuxmeter.views.table import GAP, Paragraph, joined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tmuxmeter.views.table import Parts

Row = dict[str, Any]

NARROW, WIDE = 24, 48
"""Terminal cells of a bar, and where there is more room; as many as a day has hours, or twice."""
ROOM_FOR_WIDE = 110
MARGIN = 8
"""Terminal cells for the names before bars."""
MOST_WINDOWS = 3
WORTH_A_LINE = 0.001
"""Caches that expired are told where that took more of the tokens than this."""
FAR_BEYOND = 10
"""So many times the budget, and per cent are no longer read at a glance."""
EVERY = 6
"""Hours between two marks of the scale."""


def today_parts(
    report: Row,
    about: Circumstances,
    now_ms: int,
    zone: tzinfo | None,
    *,
    by: str | None = None,
    is_today: bool = True,
    limit: int | None = None,
    ascii_only: bool = False,
) -> Parts:
    """Return one day's report in full.

    Parameters
    ----------
    report : dict
        What ``today --json`` prints.
    about : Circumstances
        What the figures have to be read with.
    now_ms : int
        The time.
    zone : tzinfo or None
        For times of day, None: the system's own.
    by : str or None
        Show where it was spent by this alone; None: by agent and pane.
    is_today : bool
        Whether the day still runs.
    limit : int or None
        Terminal cells in a line.
    ascii_only : bool
        Whether only ASCII can be shown.
    """
    spent = bool(report["requests"])
    wide = WIDE if limit is not None and limit >= ROOM_FOR_WIDE else NARROW
    head: Parts = marks(about)
    if spent:
        head.append(Paragraph(f"{report['date']}: {summary(report)}", "bold"))
        head.append(Paragraph(API_EQUIVALENT, "dim"))
        head.append(light_line(report["light"], ascii_only=ascii_only))
    else:
        words = "nothing yet today" if is_today else "nothing spent"
        if report["unmetered_sessions"]:
            silent = report["unmetered_sessions"]
            words = f"no tokens known, + {len(silent)} unmetered{guesses(silent)}"
        head.append(Paragraph(f"{report['date']}: {words}.", "bold"))
    waiting = report["levers"]["handoffs"]["pending"]
    begin = report["hours"][0]["begins_ms"]
    blocks: list[Parts] = [
        head,
        _recap(report["recap"], ascii_only=ascii_only) if report["recap"] else [],
        _budget(report["budget"], wide, limit, ascii_only=ascii_only) if spent else [],
        _hours(report["hours"], wide, limit, zone, ascii_only=ascii_only) if spent else [],
        _advice(report["advice"], ascii_only=ascii_only),
        day_tables.spent(report, by, about.home, running=is_today) if spent else [],
        day_tables.pending(waiting, about.home, begin, now_ms if is_today else None, zone),
        day_tables.overnight(report["overnight"], about.home, zone) if report["overnight"] else [],
        day_tables.levers(report["light"]) if spent else [],
        _effective(report) if spent else [],
        _windows(report["plan_windows"], zone),
        _unlogged(report["unlogged"]),
        [*day_notes(report, about)],
    ]
    return in_ascii(joined(blocks)) if ascii_only else joined(blocks)


def light_line(light: Row, *, ascii_only: bool = False) -> Paragraph:
    """Return the verdict as a sign and a word, with its reason and the line."""
    verdict = light["verdict"]
    sign = verdict_sign(verdict, calibrated=light["calibrated"], ascii_only=ascii_only)
    line = light["line_input_tokens"]
    where = f"; the line is at {tokens(line)} tokens" if line and light["believed"] else ""
    text = f"{sign} {verdict}: {light['reason']}{where}."
    return Paragraph(text, STYLES[verdict], indent=2)


def _budget(budget: Row, wide: int, limit: int | None, *, ascii_only: bool) -> Parts:
    parts: Parts = []
    wide = wide if limit is None else max(min(wide, limit - MARGIN), 1)

    def add(name: str, used: float | None, text: str) -> None:
        if used is not None:
            drawn = bar(used, wide, ascii_only=ascii_only)
            part = share(used) if used < FAR_BEYOND else times(used)
            words = f"{name:<{MARGIN - 1}} {drawn}  {part}, {text}"
            parts.append(Paragraph(words, "bold" if used >= 1 else "", indent=MARGIN))

    used, whole = budget["used_input_tokens"], budget["input_tokens"]
    add("tokens", budget["used_share"], f"{tokens(used)} of {tokens(whole)} in")
    if budget["used_cost_share"] is not None:
        whole = budget["cost_microdollars"]
        cost = money(round(budget["used_cost_share"] * whole))
        add("dollars", budget["used_cost_share"], f"{cost} of {money(whole)}")
    for row in budget["agents"]:
        if row["unit"] == TOKENS:
            text = f"{tokens(row['used'])} of {tokens(row['limit'])} in"
        else:
            text = f"{money(row['used'])} of {money(row['limit'])}"
        add(row["agent"], row["share"], text)
    return parts


def _hours(
    hours: Sequence[Row], wide: int, limit: int | None, zone: tzinfo | None, *, ascii_only: bool
) -> Parts:
    """Return the day's course: input tokens by hour; without a drawing where it doesn't fit."""
    most = max(hours, key=lambda row: row["input_tokens"])
    if not most["input_tokens"]:
        return []
    each = max(wide // len(hours), 1)
    drawn = sparkline(
        [row["input_tokens"] for row in hours],
        wide=each,
        ascii_only=ascii_only,
    )
    names = [f"{local(row['begins_ms'], zone):%H}" for row in hours]
    peak = f"most {tokens(most['input_tokens'])} at {clock(most['begins_ms'], zone)}"
    name = f"{'hours':<{MARGIN}}"
    if limit is not None and limit < MARGIN + len(drawn):
        return [Paragraph(name + peak, indent=MARGIN)]
    marks_below = Paragraph(" " * MARGIN + scale(names, EVERY, each), "dim")
    if limit is not None and limit < MARGIN + len(drawn) + GAP + len(peak):
        return [Paragraph((name + drawn).rstrip()), marks_below, Paragraph(" " * MARGIN + peak)]
    return [Paragraph(f"{name}{drawn}{' ' * GAP}{peak}"), marks_below]


def _advice(lines: Sequence[Row], *, ascii_only: bool) -> Parts:
    sign = "->" if ascii_only else "→"
    return [Paragraph(f"{sign} {row['text']}.", "bold", indent=len(sign) + 1) for row in lines]


def _effective(report: Row) -> Parts:
    """Return what was left of the tokens, what took the others, and what expired caches cost."""
    levers = report["levers"]
    budget = levers["effective_budget"]
    if budget["share"] is None:
        return []
    low, high = share(budget["expected_low"]), share(budget["expected_high"])
    text = f"Effective: {share(budget['share'])} of the tokens ({low} to {high} is expected)"
    lost = (("cold starts", "cold_starts"), ("correcting", "drift"), ("error loops", "error_loops"))
    took = [
        f"{name} {tokens(levers[key]['input_tokens'] + levers[key]['output_tokens'])}"
        for name, key in lost
        if levers[key]["requests"]
    ]
    parts: Parts = [Paragraph(text + (f"; {', '.join(took)}." if took else "."), indent=2)]
    expiry = levers["cache_expiry"]
    everything = report["input_tokens"]["total"] + report["output_tokens"]
    if expiry["tokens"] > WORTH_A_LINE * everything:
        known = expiry["tokens"] - expiry["unpriced_tokens"]
        cost = money(expiry["cost_microdollars"] if known else None, expiry["unpriced_tokens"])
        text = f"Caches expired {count(expiry['times'], 'time')}: {tokens(expiry['tokens'])} tokens"
        parts.append(Paragraph(f"{text} written again, {cost} above reading them.", indent=2))
    return parts


def _windows(windows: Sequence[Row], zone: tzinfo | None) -> Parts:
    """Return how full the plans' windows are, the fullest first."""
    parts: Parts = []
    for row in sorted(windows, key=lambda row: -row["used_percent"])[:MOST_WINDOWS]:
        # Codex's own limit is named after it, others after a model
        name = " ".join(dict.fromkeys(filter(None, (row["agent"], row["limit"]))))
        text = f"{name}: {window_name(row['window_minutes'])} window"
        text += f" {row['used_percent']:.0f} % used"
        if row["full_ms"] is not None:
            text += f", at this burn full on {weekday_clock(row['full_ms'], zone)}"
        elif row["resets_ms"] is not None:
            text += f", lasts until it begins anew on {weekday_clock(row['resets_ms'], zone)}"
        parts.append(Paragraph(text + ".", "yellow" if row["full_ms"] is not None else ""))
    return parts


def _unlogged(unlogged: Row | None) -> Parts:
    """Return what agents' own accounts bill beside, or less than, what is logged."""
    if unlogged is None:
        return []
    parts: Parts = []
    more, less = unlogged["unlogged_microdollars"], unlogged["lower_microdollars"]
    if more:
        text = f"Unlogged: {money(more)} more, billed by the agents' own accounts and in no log"
        parts.append(Paragraph(f"{text} (titles, summaries)."))
    if less:
        text = f"The agents' own accounts bill {money(less)} less than their logs at these prices"
        parts.append(Paragraph(f"{text}: `tmuxmeter prices` says whose they are.", "yellow"))
    if unlogged["unknown_sessions"]:
        sessions = count(unlogged["unknown_sessions"], "session")
        text = f"What isn't logged of {sessions} can't be told: it has requests without a price."
        parts.append(Paragraph(text, "dim"))
    return parts


def _recap(recap: Row, *, ascii_only: bool) -> Parts:
    """Return the last working day in brief."""
    day = date.fromisoformat(recap["date"])
    text = f"{count(recap['handoffs'], 'hand-off')} in {recap['hours_worked']:.1f} h of work"
    if recap["pending"]:
        text += f", {recap['pending']} waiting when the day ended"
    return [
        Paragraph(f"The last working day, {day:%A} {recap['date']}: {summary(recap)}", "bold"),
        light_line(recap["light"], ascii_only=ascii_only),
        Paragraph(text + "."),
    ]
