"""``prices`` and ``reprice``: what tokens cost, and what past requests would cost now."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms, print_json, print_parts
from tmuxmeter.cli.days import parse_day
from tmuxmeter.cli.options import filled, json_option, with_context
from tmuxmeter.errors import UsageError
from tmuxmeter.prices.tables import TIERS

if TYPE_CHECKING:
    from tmuxmeter.ledger.reprice import PriceChange
    from tmuxmeter.prices.explain import Explanation


@click.command("prices")
@click.argument("model", required=False, callback=filled)
@click.option("--date", "day", metavar="DAY", help="At this day (UTC) instead of today.")
@click.option("--tier", type=click.Choice(TIERS), default="standard", show_default=True)
@json_option
@with_context
def prices_command(
    context: Context, model: str | None, day: str | None, tier: str, as_json: bool
) -> None:
    """Show what a model's tokens cost on a day, and who says so.

    Without MODEL: the models met in your logs.
    """
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.watcher.settings import price_book

    chosen = parse_day(day, "--date")
    at = now_ms()
    if chosen is not None:
        at = int(datetime.combine(chosen, time(12), UTC).timestamp() * 1000)
    book = price_book(context.config())
    if model is not None:
        found = [book.explain(model, at, tier=tier)]
    else:
        with Reader.open(context.places.state) as reader:
            names = reader.models()
        found = [book.explain(name, at, agent=agent, tier=tier) for agent, name in names]
    if as_json:
        print_json([price_data(explanation) for explanation in found])
        return
    if not found:
        click.echo("No models met in your logs yet: name one, such as claude-sonnet-4-6.")
        return
    from tmuxmeter.views.prices import price_tables

    print_parts(price_tables(found))


def price_data(explanation: Explanation) -> dict[str, object]:
    """Return an explanation as plain data; dollars are text, so that no digit is lost."""

    def dollars(value: object) -> str | None:
        return None if value is None else format(value, "f")

    return {
        "model": explanation.model,
        "tier": explanation.tier,
        "priced": explanation.priced,
        "provider": explanation.provider,
        "priced_as": explanation.priced_as,
        "dollars_per_million": [
            {
                "above_input_tokens": max(row.above, 0),
                "input": dollars(row.fresh),
                "cache_read": dollars(row.cache_read),
                "cache_write_5m": dollars(row.cache_write_5m),
                "cache_write_1h": dollars(row.cache_write_1h),
                "output": dollars(row.output),
            }
            for row in explanation.rows
        ],
        "valid_from": explanation.valid_from and explanation.valid_from.isoformat(),
        "valid_until": explanation.valid_until and explanation.valid_until.isoformat(),
        "whence": list(explanation.whence),
        "tiers": list(explanation.tiers),
    }


@click.command("reprice")
@click.option("--since", metavar="DAY", help="Only requests from this day (UTC) on.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@json_option
@with_context
def reprice_command(
    context: Context, since: str | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Price what was booked anew, show the difference, and write it when you agree."""
    from tmuxmeter.cli.meter import paused_watcher
    from tmuxmeter.ledger.writer import Writer
    from tmuxmeter.views.prices import change_table
    from tmuxmeter.watcher.settings import price_book

    day = parse_day(since, "--since")
    since_ms = int(datetime.combine(day, time(0), UTC).timestamp() * 1000) if day else 0
    book = price_book(context.config())

    def price_anew(*, apply: bool) -> list[PriceChange]:
        with paused_watcher(context), Writer.open(context.places.state) as writer:
            return writer.reprice(book.cost_of, since_ms, apply=apply)

    changes = price_anew(apply=yes and not dry_run)
    if as_json:
        print_json([change._asdict() for change in changes])
    elif not changes:
        click.echo("Nothing would change.")
    else:
        print_parts([change_table(changes)])
    if not changes or dry_run:
        return
    if not yes:
        if as_json:
            return
        # the watcher runs meanwhile: without one, agents that are held would be let go
        _agree()
        price_anew(apply=True)
    if not as_json:
        click.echo("Written.")


def _agree() -> None:
    try:
        click.confirm("Write this?", abort=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo()
        message = "not written; without a terminal: --yes"
        raise UsageError(message) from None
