"""``hold``: which sessions are held by their own hooks."""

from __future__ import annotations

from typing import Any

import click

from tmuxmeter.cli.context import Context, print_json
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.cli.pausing import Scene
from tmuxmeter.pause.records import HOLD


@click.group("hold")
def hold_command() -> None:
    """Hold agents by their own hooks: who is held now."""


@hold_command.command("status")
@json_option
@with_context
def hold_status_command(context: Context, as_json: bool) -> None:
    """Show which sessions are held, since when and by whom, and whether a watcher runs."""
    from datetime import datetime

    from tmuxmeter.pause.hold import FOLDER, HoldFlags

    scene = Scene(context, None)
    flags = HoldFlags(context.places.runtime / FOLDER).active()
    panes = {(p.agent, p.session): p for p in scene.store.all() if p.way == HOLD}
    rows: list[dict[str, Any]] = [
        {
            "agent": flag.agent,
            "agent_session": flag.session,
            "who": flag.who,
            "since_ms": flag.since_ms,
            "pane": pause.pane_id if (pause := panes.get((flag.agent, flag.session))) else None,
            "server": pause.socket if pause else None,
        }
        for flag in flags
    ]
    if as_json:
        print_json({"watching": scene.watched, "held": rows})
        return
    for row in rows:
        since = datetime.fromtimestamp(row["since_ms"] / 1000).astimezone()
        where = row["pane"] or "no pane"
        click.echo(
            f"{where} ({row['agent']}): held by {row['who']} since {since:%H:%M:%S},"
            f" session {row['agent_session']}"
        )
    if not rows:
        click.echo("Nothing is held.")
    elif not scene.watched:
        click.echo("No watcher runs, so the hooks let go: `tmuxmeter up` starts one.")
