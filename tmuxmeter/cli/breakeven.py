"""``breakeven``: the light explained, and what it would be if."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import (
    Context,
    ascii_only,
    line_limit,
    now_ms,
    print_json,
    print_parts,
)
from tmuxmeter.cli.days import Calendar, parse_day
from tmuxmeter.cli.fresh import reader
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.cli.plotting import plot_path, save_plot
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from tmuxmeter.breakeven.day import Day
    from tmuxmeter.config import Config
    from tmuxmeter.views.table import Paragraph


@click.command("breakeven")
@click.option(
    "--what-if",
    "supposed",
    metavar="KEY=VALUE",
    multiple=True,
    help="Suppose another figure, such as cache_hit=0.2; more of them may follow.",
)
@click.argument("more", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--date", "day", metavar="DAY", help="Another day, such as 2026-07-01.")
@click.option("--reference", is_flag=True, help="The published week's day, without your ledger.")
@click.option("--plot", metavar="FILE", help="Save the curve as .png or .svg.")
@json_option
@with_context
def breakeven_command(
    context: Context,
    supposed: tuple[str, ...],
    more: tuple[str, ...],
    day: str | None,
    reference: bool,
    plot: str | None,
    as_json: bool,
) -> None:
    """Show whether working in parallel pays today, why, and where the line is.

    \b
    tmuxmeter breakeven --what-if cache_hit=0.2 handoffs=16 agents=2
    """  # noqa: D301
    from tmuxmeter.breakeven.explain import explain
    from tmuxmeter.breakeven.light import Scale
    from tmuxmeter.breakeven.model import Model, reference_day
    from tmuxmeter.breakeven.whatif import parse, suppose
    from tmuxmeter.cli.measured import scale_in_force

    if more and not supposed:
        message = f"{more[0]!r} stands alone; did you mean --what-if {more[0]}?"
        raise UsageError(message)
    picture = plot_path(plot)
    if day and reference:
        message = "--date and --reference name two different days"
        raise UsageError(message)
    chosen = parse_day(day, "--date")
    values = parse([*supposed, *more])
    config = context.config()
    if reference:
        scale = Scale.of(Model.of(config.breakeven))
        figures, burn, what = reference_day(scale.model), None, "reference"
    else:
        scale = scale_in_force(context, config)
        figures, burn = measured(context, config, chosen)
        what = day or "today"
    if values:
        burn = None
        what = "supposed"
    figures, model = suppose(figures, scale.model, values)
    data = explain(figures, scale.supposing(model), burn)
    if picture is not None:
        from tmuxmeter.views.curve import graph_of

        save_plot(graph_of(data, what), picture)
    if as_json:
        print_json(data)
        return
    from tmuxmeter.views.breakeven import breakeven_parts

    parts = breakeven_parts(data, what, line_limit(), ascii_only=ascii_only(config))
    print_parts(parts if reference else [*parts, *_stale(context, config)])
    if picture is not None:
        click.echo(f"Saved {picture}")


def measured(context: Context, config: Config, day: date | None) -> tuple[Day, float | None]:
    """Return what the ledger tells of a day, and for today the input tokens of the last hour."""
    from tmuxmeter.breakeven.levers import levers
    from tmuxmeter.cli.measured import burn_now

    calendar = Calendar.of(config)
    now = now_ms()
    begin, end = calendar.bounds(day or calendar.day_of(now))
    today = begin <= now < end
    with reader(context) as ledger:
        until = min(end, now + 1) if today else end
        facts = ledger.span_facts(begin, until, config.breakeven.overlap_ms)
    burn = burn_now(facts.activity, config, now) if today else None
    minutes = config.breakeven.minutes_per_handoff
    return levers(facts, minutes_per_handoff=minutes).day, burn


def _stale(context: Context, config: Config) -> list[Paragraph]:
    from tmuxmeter.fitfile import read_fit
    from tmuxmeter.views.calibration import stale_parts

    fit, _ = read_fit(context.places.state)
    if fit is None:
        return []
    return stale_parts((Calendar.of(config).day_of(now_ms()) - fit.last_day).days)
