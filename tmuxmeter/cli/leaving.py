"""What ``down`` does about what is paused, once no watcher runs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.pausing import Scene
from tmuxmeter.errors import TmuxmeterError
from tmuxmeter.hooks.looking import give_look_back
from tmuxmeter.reports.guard import WHO

if TYPE_CHECKING:
    from tmuxmeter.cli.context import Context
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.records import Pause

HELD = "holding takes a watcher, so it goes on"


def leave_paused(context: Context) -> None:
    """Let go who is held, give panes whose pause is over their look back; say what stays paused.

    A hook without a watcher lets go in a few seconds anyway, or at the next prompt only; nothing
    looks paused meanwhile that isn't.
    """
    scene = Scene(context, None)
    pauses = scene.store.all()
    if not pauses:
        return
    means = scene.means()
    still = []
    for pause in pauses:
        name = f"{pause.pane_id} ({pause.agent})"
        try:
            if pause.is_hold and pause.who.startswith(f"{WHO}:"):
                means.flags.clear(pause.agent, pause.session)
                # written down it stays: gone, the next guard would take it for a human's wish
                give_look_back(context.places.state, pause.agent, pause.session)
                why = HELD
            else:
                with means.store.alone(pause.socket, pause.pane_id):
                    why = _let_go(means, pause, scene.now_ms)
        except (TmuxmeterError, OSError) as error:
            click.echo(f"{name}: {error}", err=True)
            continue
        if why:
            click.echo(f"Not paused any more: {name}: {why}.")
        else:
            still.append(name)
    if still:
        click.echo(f"Still paused: {', '.join(still)}. `tmuxmeter resume --all` lets them go on.")


def _let_go(means: Means, pause: Pause, now_ms: int) -> str:
    """Return why a pause is over now, "" where it stays."""
    from tmuxmeter.pause.tend import end_if_over
    from tmuxmeter.pause.ways import resume

    known = means.store.fresh(pause)
    if known is None:
        return "somebody let it go on"
    why = end_if_over(means, known, now_ms)
    if why or not known.is_hold:
        return why
    resume(means, known)
    return HELD
