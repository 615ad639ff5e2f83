"""``week``: the shape of seven days or more."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, ascii_only, line_limit, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar, parse_day, span
from tmuxmeter.cli.fresh import complain, reader
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.cli.plotting import plot_path, save_plot

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.span import SpanFacts

WEEK = 7
MOST_WEEKS = 53


@click.command("week")
@click.option(
    "--weeks",
    type=click.IntRange(1, MOST_WEEKS),
    default=1,
    show_default=True,
    help="So many times seven days.",
)
@click.option("--date", "day", metavar="DAY", help="The last day; today if left out.")
@click.option(
    "--tasks",
    type=click.Choice(["commits", "handoffs", "done"]),
    default="commits",
    show_default=True,
    help="What counts as a task: your commits, hand-offs, or what `tmuxmeter done` marked.",
)
@click.option("--plot", metavar="FILE", help="Save the curve and its days as .png or .svg.")
@json_option
@with_context
def week_command(
    context: Context, weeks: int, day: str | None, tasks: str, plot: str | None, as_json: bool
) -> None:
    """Show the shape of the last seven days: when, what it cost, whether it paid, what was lost."""
    from tmuxmeter.breakeven.explain import explain
    from tmuxmeter.cli.measured import judge, leave_garbage, scale_in_force
    from tmuxmeter.reports.week import DayFacts, typical_day, week_report

    picture = plot_path(plot)
    config = context.config()
    calendar = Calendar.of(config)
    now = now_ms()
    last = parse_day(day, "--date") or calendar.day_of(now)
    days = span(last - timedelta(days=weeks * WEEK - 1), last)
    scale = scale_in_force(context, config)
    with reader(context) as ledger, ledger.snapshot():
        leave_garbage()
        found = ledger.spans_facts(
            [calendar.bounds(each) for each in days], config.breakeven.overlap_ms
        )
        counts = _tasks(ledger, calendar, days, found, tasks)
        facts = []
        for each, spans, count in zip(days, found, counts, strict=True):
            done = spans.activity
            moved, light = judge(spans, config, scale, now)
            total = ledger.total(done.start_ms, done.end_ms)
            facts.append(DayFacts(each, total, moved, done, light, count))
        typical = typical_day(facts)
        begin, end = found[0].activity.start_ms, found[-1].activity.end_ms
        estimated = config.agents.estimate
        unmetered = ledger.unmetered_sessions(begin, end, now, estimated=estimated)
        report = week_report(facts, explain(typical, scale) if typical else None, unmetered)
        saved = picture is not None and _saved(report, picture)
        if as_json:
            print_json(report)
            return
        from tmuxmeter.cli.circumstances import circumstances, where_to_look
        from tmuxmeter.views.week import week_parts

        parts = week_parts(
            *(report, circumstances(context), calendar.zone, tasks),
            limit=line_limit(),
            ascii_only=ascii_only(config),
        )
        if not report["total"]["requests"]:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)
    if saved:
        click.echo(f"Saved {picture}")


def _tasks(
    ledger: Reader, calendar: Calendar, days: list[date], facts: list[SpanFacts], tasks: str
) -> list[int | None]:
    """Return how many tasks were finished on each day; None: hand-offs stand for them."""
    if tasks == "done":
        return [len(each.done_marks) for each in facts]
    times: list[int] = []
    begin, end = facts[0].activity.start_ms, facts[-1].activity.end_ms
    folders = ledger.folders(begin, end) if tasks == "commits" else set()
    if folders:
        from tmuxmeter.commits import commits

        times = commits(folders, begin, end).times_ms
    if not times:
        # no commit may as well mean that the repositories are gone
        return [None] * len(days)
    counts = Counter(calendar.day_of(time) for time in times)
    return [counts[each] for each in days]


def _saved(report: dict[str, object], path: Path) -> bool:
    """Save the curve; return whether there is one."""
    from tmuxmeter.views.week import graph_of_week

    graph = graph_of_week(report)
    if graph is None:
        complain([f"--plot {path}: nothing was spent in these days, so there is no curve"])
        return False
    save_plot(graph, path)
    return True
