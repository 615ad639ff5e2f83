"""``today``, ``days`` and ``sessions``: what was spent, from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tmuxmeter.cli.circumstances import circumstances, where_to_look
from tmuxmeter.cli.context import Context, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar, parse_day, span
from tmuxmeter.cli.fresh import reader
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.session_queries import Unmetered
    from tmuxmeter.ledger.slices import Slice

Row = dict[str, Any]

LONG_SPAN_DAYS = 366
"""Of spans longer than this, the days before anything was recorded are left out."""


@click.command("today")
@click.option("--date", "day", metavar="DAY", help="Another day, such as 2026-07-01.")
@click.option(
    "--by",
    type=click.Choice(["pane", "agent", "model", "project", "branch"]),
    help="Show where it was spent by this alone; by agent and pane if left out.",
)
@json_option
@with_context
def today_command(context: Context, day: str | None, by: str | None, as_json: bool) -> None:
    """Show today: spend and budget, whether parallel work pays, what waits for you, what to do.

    Early in the day the last working day is told as well.
    """
    from tmuxmeter.cli.today import print_today

    print_today(context, parse_day(day, "--date"), by, as_json=as_json)


@click.command("days")
@click.option("--since", metavar="DAY", help="The first day; the first one recorded.")
@click.option("--until", metavar="DAY", help="The last day; today.")
@click.option(
    "--by",
    type=click.Choice(["agent", "model", "project", "pane"]),
    help="Show each day's parts as well.",
)
@json_option
@with_context
def days_command(
    context: Context, since: str | None, until: str | None, by: str | None, as_json: bool
) -> None:
    """Show what was spent day by day: all days since the first one recorded, or those you name."""
    from tmuxmeter.reports.days import days_report

    config = context.config()
    calendar = Calendar.of(config)
    now = now_ms()
    last = parse_day(until, "--until") or calendar.day_of(now)
    first = parse_day(since, "--since")
    if first and first > last:
        message = f"--since {first} is after the last day, {last}"
        raise UsageError(message)
    with reader(context) as ledger, ledger.snapshot():
        recorded = ledger.request_span()
        begin = min(calendar.day_of(recorded[0]), last) if recorded else last
        # days before anything was recorded are nothing but rows of zeros
        first = (
            max(first or begin, begin)
            if not first or (last - first).days > LONG_SPAN_DAYS
            else first
        )
        estimated = config.agents.estimate
        report = days_report(
            _day(ledger, calendar, day, now, estimated=estimated) for day in span(first, last)
        )
        if as_json:
            print_json(report)
            return
        from tmuxmeter.views.days import days_parts

        parts = days_parts(report, by or "", circumstances(context))
        if not report["total"]["requests"]:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)


@click.command("sessions")
@click.option("--since", metavar="DAY", help="Only sessions with any sign of life since this day.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)
@json_option
@with_context
def sessions_command(context: Context, since: str | None, limit: int, as_json: bool) -> None:
    """Show sessions, the newest first, with all that each of them ever spent."""
    from tmuxmeter.reports.sessions import sessions_report

    config = context.config()
    calendar = Calendar.of(config)
    day = parse_day(since, "--since")
    with reader(context) as ledger:
        stories = ledger.sessions(calendar.bounds(day)[0] if day else 0, limit)
        names = {str(context.places.expand(root)): name for root, name in config.accounts.items()}
        about = circumstances(context)
        bills = ledger.bills(story.row.id for story in stories)
        now, unmetered = now_ms(), []
        if any(not story.slices for story in stories):
            estimated = config.agents.estimate
            unmetered = ledger.unmetered_sessions(0, now + 1, now, estimated=estimated)
        report = sessions_report(
            stories, names, bills, watching=about.watching, unmetered=unmetered
        )
        if as_json:
            print_json(report)
            return
        from tmuxmeter.views.sessions import sessions_parts

        parts = sessions_parts(report, calendar.zone, about, now)
        if not stories:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)


def _day(
    ledger: Reader, calendar: Calendar, day: date, now: int, *, estimated: bool
) -> tuple[date, list[Slice], list[Unmetered]]:
    begin, end = calendar.bounds(day)
    with ledger.snapshot():
        unmetered = ledger.unmetered_sessions(begin, end, now, estimated=estimated)
        return day, ledger.slices(begin, end), unmetered
