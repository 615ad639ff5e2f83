"""``today``, ``days`` and ``sessions``: what was spent, from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tmuxmeter.cli.context import (
    Context,
    ascii_only,
    json_option,
    line_limit,
    now_ms,
    print_json,
    print_parts,
    with_context,
)
from tmuxmeter.cli.days import Calendar, parse_day, span
from tmuxmeter.cli.fresh import reader
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tmuxmeter.cli.measured import Measured
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.queries import Unmetered
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import PauseNow
    from tmuxmeter.views.days import Circumstances
    from tmuxmeter.views.table import Paragraph

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
    print_today(context, parse_day(day, "--date"), by, as_json=as_json)


def print_today(
    context: Context, day: date | None = None, by: str | None = None, *, as_json: bool = False
) -> None:
    """Print one day's report, that of today if no other is named."""
    config = context.config()
    calendar = Calendar.of(config)
    now = now_ms()
    today = calendar.day_of(now)
    day = day or today
    with reader(context) as ledger:
        with ledger.snapshot():
            report = _today(context, config, ledger, day, now)
        if as_json:
            print_json(report)
            return
        from tmuxmeter.views.today import today_parts

        about = circumstances(context)
        parts = today_parts(
            *(report, about, now, calendar.zone),
            by=by,
            is_today=day == today,
            limit=line_limit(),
            ascii_only=ascii_only(config),
        )
        if not report["requests"] and not report["recap"]:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)


def _today(context: Context, config: Config, ledger: Reader, day: date, now: int) -> Row:
    """Return a day in full, and early in it the last working day in brief."""
    from tmuxmeter.cli.breakeven import scale_in_force
    from tmuxmeter.cli.measured import measure, token_budget
    from tmuxmeter.reports.today import is_early, recap_report, today_report

    calendar = Calendar.of(config)
    scale = scale_in_force(context, config)

    def look(day: date) -> Measured:
        return measure(ledger, calendar, config, scale, day, now)

    found = look(day)
    report = today_report(
        *(found.day, found.slices, found.unmetered, found.levers, found.activity, found.light),
        limits=ledger.rate_limits() if day == calendar.day_of(now) else [],
        budget_tokens=token_budget(context, config, ledger, scale, day),
        budget_microdollars=round(config.budget.dollars * 1_000_000) or None,
        now_ms=now,
        zone=calendar.zone,
        billed=ledger.billed(*calendar.bounds(day)),
        pauses=_pauses(context),
    )
    report["recap"] = None
    last = ledger.last_request_before(calendar.bounds(day)[0]) if is_early(report) else None
    if last is not None and day == calendar.day_of(now):
        before = look(calendar.day_of(last))
        report["recap"] = recap_report(
            before.day, before.slices, before.unmetered, before.levers, before.light
        )
    return report


def _pauses(context: Context) -> Mapping[PaneName, Sequence[PauseNow]]:
    """Return what is paused now, by its pane."""
    folder = context.places.state / "pauses"
    if not any(folder.glob("*.json")):
        return {}  # the usual case, for which nothing more is loaded
    from tmuxmeter.panes.pausing import by_pane
    from tmuxmeter.pause.records import PauseStore

    return by_pane(PauseStore(folder).all())


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
    last = parse_day(until, "--until") or calendar.day_of(now_ms())
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
            _day(ledger, calendar, day, estimated=estimated) for day in span(first, last)
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
        unmetered = (
            ledger.unmetered_sessions(0, now_ms() + 1, estimated=True)
            if config.agents.estimate
            else ()
        )
        report = sessions_report(
            stories, names, bills, watching=about.watching, unmetered=unmetered
        )
        if as_json:
            print_json(report)
            return
        from tmuxmeter.views.sessions import sessions_parts

        parts = sessions_parts(report, calendar.zone, about, now_ms())
        if not stories:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)


def circumstances(context: Context) -> Circumstances:
    """Return what the figures have to be read with."""
    from tmuxmeter.views.days import Circumstances
    from tmuxmeter.watcher.process import read_state, running_pid

    runtime = context.places.runtime
    state = read_state(runtime)
    return Circumstances(
        home=str(context.places.home),
        demo=context.demo,
        watching=running_pid(runtime) is not None,
        reading=state.progress if state and state.phase == "reading" else None,
    )


def where_to_look(context: Context, ledger: Reader, calendar: Calendar) -> list[Paragraph]:
    """Return what helps somebody who sees an empty report."""
    from tmuxmeter.views.days import newest_elsewhere, nothing_at_all

    recorded = ledger.request_span()
    if recorded:
        return [newest_elsewhere(calendar.day_of(recorded[1]))]
    if ledger.files():
        return []
    from tmuxmeter.watcher.roots import agent_roots

    roots = [str(root.path) for _, root in agent_roots(context.places, context.config())]
    return [nothing_at_all(roots, str(context.places.home))]


def _day(
    ledger: Reader, calendar: Calendar, day: date, *, estimated: bool
) -> tuple[date, list[Slice], list[Unmetered]]:
    begin, end = calendar.bounds(day)
    with ledger.snapshot():
        unmetered = ledger.unmetered_sessions(begin, end, estimated=estimated)
        return day, ledger.slices(begin, end), unmetered
