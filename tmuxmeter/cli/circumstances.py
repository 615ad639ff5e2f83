"""What figures have to be read with, and where to look when there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tmuxmeter.cli.context import Context
    from tmuxmeter.cli.days import Calendar
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.views.days import Circumstances
    from tmuxmeter.views.table import Paragraph


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
