"""``config``: what is in force and where it comes from."""

from __future__ import annotations

from dataclasses import asdict

import click

from tmuxmeter.cli.context import Context, print_json, print_parts
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.errors import UsageError


@click.command("config")
@click.option("--path", is_flag=True, help="Only print where the file is (or would be).")
@json_option
@with_context
def config_command(context: Context, path: bool, as_json: bool) -> None:
    """Show the settings in force and where each comes from."""
    if path and as_json:
        message = "--path prints the path alone, not as JSON"
        raise UsageError(message)
    if path:
        click.echo(context.places.config_file)
        return
    from tmuxmeter.config import effective
    from tmuxmeter.views.table import Column, Table

    settings = effective(context.config())
    if as_json:
        print_json([asdict(setting) for setting in settings])
        return
    table = Table(
        f"Settings ({context.places.config_file})",
        [Column("key"), Column("value"), Column("from", cut=True), Column("meaning", fold=True)],
    )
    table.rows += [[s.key, s.value, s.origin, s.doc] for s in settings]
    print_parts([table])
