"""``calibrate``: the user's own curve, from the ledger or a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, ascii_only, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar, parse_day, span
from tmuxmeter.cli.fresh import complain, reader
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from tmuxmeter.breakeven.estimates import Fit, Refusal
    from tmuxmeter.breakeven.hours import Hour
    from tmuxmeter.breakeven.model import Model
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.views.table import Parts

LOOK_BACK_DAYS = 120
"""How far back hours are taken from: habits and models change."""
MOST_BYTES = 256 << 20
"""A table larger than this holds no hours."""
REFUSED = 1
"""Exit code where the hours can't carry a fit."""


@click.command("calibrate")
@click.option("--from", "table", metavar="FILE.csv", help="Fit a table instead of your ledger.")
@click.option("--since", metavar="DAY", help=f"The first day; {LOOK_BACK_DAYS} days ago.")
@click.option(
    "--tasks",
    type=click.Choice(["commits", "handoffs", "done"]),
    help="What counts as a task: your commits, hand-offs, or what `tmuxmeter done` marked."
    "  [default: commits]",
)
@click.option("--apply", "applying", is_flag=True, help="Put the fit in force.")
@click.option("--reset", is_flag=True, help="Go back to the constants of the settings.")
@click.option("--show", is_flag=True, help="Show the fit in force.")
@json_option
@with_context
def calibrate_command(
    context: Context,
    table: str | None,
    since: str | None,
    tasks: str | None,
    applying: bool,
    reset: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Fit the breakeven curve to your own hours; nothing changes without --apply.

    Hours with one agent at work are the baseline, hours with more show what parallel work brings.
    """
    of_ledger = since is not None or tasks is not None
    if reset + show + (applying or table is not None or of_ledger) > 1:
        message = "--reset, --show, and fitting anew exclude each other"
        raise UsageError(message)
    if table is not None and of_ledger:
        message = "--since and --tasks choose from your ledger; --from takes a table as it is"
        raise UsageError(message)
    if reset:
        _reset(context, as_json=as_json)
    elif show:
        _show(context, as_json=as_json)
    else:
        source = _Source(table, parse_day(since, "--since"), tasks or "commits")
        _fit(context, source, applying, as_json=as_json)


@dataclass(frozen=True)
class _Source:
    """Where hours are taken from."""

    table: str | None
    since: date | None
    tasks: str


def fit_ledger(
    context: Context, config: Config, since: date | None = None, tasks: str = "commits"
) -> Fit | Refusal:
    """Return the fit of the ledger's own hours; the day that isn't over yet is left out."""
    from tmuxmeter.breakeven.calibrate import calibrate

    calendar = Calendar.of(config)
    last = calendar.day_of(now_ms()) - timedelta(days=1)
    with reader(context) as ledger:
        recorded = ledger.request_span()
        first = since or last - timedelta(days=LOOK_BACK_DAYS - 1)
        if recorded:
            first = max(first, calendar.day_of(recorded[0]))
        days = span(first, last) if recorded and first <= last else []
        return calibrate(_hours(ledger, calendar, days, tasks), _model(config))


def _hours(ledger: Reader, calendar: Calendar, days: list[date], tasks: str) -> list[Hour]:
    from tmuxmeter.breakeven.hourly import COMMITS, hourly, projects
    from tmuxmeter.commits import commits

    facts = [(day, ledger.span_facts(*calendar.bounds(day))) for day in days]
    times: list[int] = []
    if facts and tasks == COMMITS:
        folders = {folder for _, each in facts for folder in projects(each)}
        found = commits(folders, calendar.bounds(days[0])[0], calendar.bounds(days[-1])[1])
        complain(found.problems, told_at=" like it")
        times = found.times_ms
    return [hour for day, each in facts for hour in hourly(each, day, tasks, times)]


def _fit(context: Context, source: _Source, applying: bool, *, as_json: bool) -> None:
    from tmuxmeter.breakeven.calibrate import calibrate
    from tmuxmeter.breakeven.estimates import Fit
    from tmuxmeter.breakeven.stored import as_data, refusal_data

    config = context.config()
    model = _model(config)
    if source.table is not None:
        found = calibrate(_read_table(Path(source.table)), model)
    else:
        found = fit_ledger(context, config, source.since, source.tasks)
    fitted = isinstance(found, Fit)
    data = as_data(found) if isinstance(found, Fit) else refusal_data(found)
    if isinstance(found, Fit) and applying:
        from tmuxmeter.fitfile import write_fit

        write_fit(context.places.state, found)
    data["applied"] = fitted and applying
    if as_json:
        print_json(data)
    else:
        from tmuxmeter.views.calibration import fit_parts, refusal_parts
        from tmuxmeter.views.table import Paragraph

        if fitted:
            said = "In force now." if applying else "Not in force: --apply puts it in force."
            _print([*fit_parts(data, model), Paragraph(said, "bold")], config)
        else:
            _print(refusal_parts(data), config)
    if not fitted:
        raise click.exceptions.Exit(REFUSED)


def _read_table(path: Path) -> list[Hour]:
    from tmuxmeter.breakeven.table import hours_of
    from tmuxmeter.regular import read_regular

    try:
        text = read_regular(path, MOST_BYTES, piped=True).decode("utf-8-sig")
    except OSError as error:
        message = f"--from {path}: can't be read: {error.strerror or error}"
        raise UsageError(message) from error
    except UnicodeDecodeError as error:
        message = f"--from {path}: not UTF-8 text (byte {error.start})"
        raise UsageError(message) from error
    return hours_of(text.splitlines(), str(path))


def _show(context: Context, *, as_json: bool) -> None:
    from tmuxmeter.breakeven.stored import as_data
    from tmuxmeter.fitfile import read_fit
    from tmuxmeter.views.table import Paragraph

    config = context.config()
    fit, problem = read_fit(context.places.state)
    complain([problem] if problem else [])
    if as_json:
        print_json({"fitted": False} if fit is None else as_data(fit))
    elif fit is None:
        text = "Not calibrated: the constants of the settings are in force."
        print_parts([Paragraph(text, "bold")])
    else:
        from tmuxmeter.views.calibration import fit_parts, stale_parts

        age = (Calendar.of(config).day_of(now_ms()) - fit.last_day).days
        named = sorted(key for key in config.sources if key.startswith("breakeven."))
        parts = fit_parts(as_data(fit), _model(config))
        if named:
            parts.append(Paragraph(f"Your configuration file wins for: {', '.join(named)}."))
        _print([*parts, *stale_parts(age)], config)


def _reset(context: Context, *, as_json: bool) -> None:
    from tmuxmeter.fitfile import remove_fit

    removed = remove_fit(context.places.state)
    if as_json:
        print_json({"reset": removed})
    elif removed:
        click.echo("The constants of the settings are in force again.")
    else:
        click.echo("Nothing to undo: no fit was in force.")


def _print(parts: Parts, config: Config) -> None:
    from tmuxmeter.views.ascii import in_ascii

    print_parts(in_ascii(parts) if ascii_only(config) else parts)


def _model(config: Config) -> Model:
    from tmuxmeter.breakeven.model import Model

    return Model.of(config.breakeven)
