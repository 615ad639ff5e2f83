"""``panes``: who runs in which pane right now, how that is known, and what it spent today."""

from __future__ import annotations

import click

from tmuxmeter.cli.circumstances import circumstances
from tmuxmeter.cli.context import Context, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar
from tmuxmeter.cli.fresh import reader
from tmuxmeter.cli.options import json_option, with_context


@click.command("panes")
@json_option
@with_context
def panes_command(context: Context, as_json: bool) -> None:
    """Show the agents in your panes: what they do, what they spent today, and how that is known."""
    from tmuxmeter.breakeven.levers import levers
    from tmuxmeter.panes.glance import glance
    from tmuxmeter.panes.pausing import by_pane, with_pauses
    from tmuxmeter.panes.processes import ProcessTable
    from tmuxmeter.panes.sources import default_source
    from tmuxmeter.pause.hold import FOLDER as HOLDS
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.pause.records import FOLDER, PauseStore
    from tmuxmeter.pause.tend import goes_on
    from tmuxmeter.reports.flags import trouble
    from tmuxmeter.reports.levers import levers_report
    from tmuxmeter.reports.panes import panes_report
    from tmuxmeter.tmux.servers import Servers
    from tmuxmeter.views.panes import panes_parts
    from tmuxmeter.watcher.looking import RECENT_MS
    from tmuxmeter.watcher.process import read_state
    from tmuxmeter.watcher.roots import agent_roots, agents_in_use

    config = context.config()
    calendar = Calendar.of(config)
    with reader(context) as ledger, ledger.snapshot():
        now = now_ms()
        bounds = calendar.bounds(calendar.day_of(now))
        slices = ledger.slices(*bounds)
        unmetered = ledger.unmetered_sessions(*bounds, now, estimated=config.agents.estimate)
        recent = {(row.agent, row.session): row for row in ledger.recent_sessions(now - RECENT_MS)}
        bindings = ledger.bindings(now - RECENT_MS, now + 1)
        facts = ledger.span_facts(*bounds, config.breakeven.overlap_ms)
    minutes = config.breakeven.minutes_per_handoff
    found = levers(facts, minutes_per_handoff=minutes)
    threads = {line.thread.id: line.thread for line in facts.activity.timelines}
    watcher = read_state(context.places.runtime)
    agents = agents_in_use(config)
    source = default_source()
    picture = glance(
        agents,
        ProcessTable(source),
        Servers(context.places.runtime).registered(),
        [root for _, root in agent_roots(context.places, config)],
        recent.values(),
        bindings,
        watcher.started_ms if watcher else now,
        now,
        only_roots=context.places.elsewhere,
        home=context.places.home,
    )
    flags = HoldFlags(context.places.runtime / HOLDS)
    records = PauseStore(context.places.state / FOLDER).all()
    # where no watcher has ended them yet, some may hold nobody any more
    pauses = by_pane(each for each in records if not goes_on(source, flags, each))
    report = panes_report(
        with_pauses(picture, pauses),
        slices,
        recent,
        watching=watcher is not None,
        booked_ms=max((row.seen_ms for row in bindings), default=None),
        own_home=not context.home_given,
        unmetered={(row.agent, row.session): row for row in unmetered},
        known=trouble(found, threads),
        claims=levers_report(found, facts.activity)["independence"]["claims"],
    )
    if as_json:
        print_json(report)
    else:
        print_parts(panes_parts(report, calendar.zone, circumstances(context)))
