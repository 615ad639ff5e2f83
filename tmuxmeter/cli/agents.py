"""``agents``: which agents are known, what is read of them and what isn't; ``agents check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.cli.agent_logs import Look
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.session_queries import AgentRow
    from tmuxmeter.logs.found import Entry
    from tmuxmeter.reports.agents import Known, Place


@click.group("agents", invoke_without_command=True)
@json_option
@with_context
@click.pass_context
def agents_command(click_context: click.Context, context: Context, as_json: bool) -> None:
    """Show every known agent: its logs, how far they are read, what is metered and what isn't."""
    if click_context.invoked_subcommand is not None:
        return
    from tmuxmeter.cli.agent_logs import look
    from tmuxmeter.reports.agents import agents_report

    config = context.config()
    report = agents_report(_known(context, config, look(context, config)))
    if as_json:
        print_json(report)
        return
    from tmuxmeter.views.agents import agents_parts

    zone = Calendar.of(config).zone
    print_parts(agents_parts(report, zone, str(context.places.home), now_ms()))


def _known(context: Context, config: Config, found: Look) -> list[Known]:
    from tmuxmeter.reports.agents import Known

    seen, unmetered = _ledger(context)
    names = {str(context.places.expand(root)): name for root, name in config.accounts.items()}
    known = []
    for agent, facts in found.agents:
        row = seen.get(agent.name)
        known.append(
            Known(
                agent.name,
                agent.title,
                facts.program,
                facts.disabled,
                _places(found, agent, names),
                agent.meters,
                agent.lacks,
                agent.unmetered,
                newest_log_ms=facts.newest_ms,
                newest_event_ms=row.last_ms if row else 0,
                sessions=row.sessions if row else 0,
                unmetered_sessions=unmetered.get(agent.name, 0),
                troubles=[
                    *(
                        (entry.path, found.troubles[entry.path])
                        for entry in _entries(found, agent)
                        if entry.path in found.troubles
                    ),
                    *(
                        (each.path, each.reason)
                        for each in found.problems
                        if each.agent == agent.name
                    ),
                ],
            )
        )
    return known


def _ledger(context: Context) -> tuple[dict[str, AgentRow], Mapping[str, int]]:
    """Return what the ledger holds of each agent; nothing if it is broken."""
    from collections import Counter

    from tmuxmeter.ledger.reader import Reader

    try:
        with Reader.open(context.places.state) as ledger:
            seen = {row.agent: row for row in ledger.agents()}
            now = now_ms()
            rows = ledger.unmetered_sessions(0, now + 1, now)
    except LedgerError:
        return {}, {}
    return seen, Counter(row.agent for row in rows)


def _entries(found: Look, agent: Agent) -> list[Entry]:
    entries = found.catalog.entries()
    return [entry for entry in entries if entry.log and entry.log.agent == agent.name]


def _places(found: Look, agent: Agent, names: Mapping[str, str]) -> list[Place]:
    from tmuxmeter.cli.agent_logs import is_unread
    from tmuxmeter.reports.agents import Place

    places = []
    for its_agent, root in found.roots:
        if its_agent is not agent:
            continue
        path = str(root.path)
        its = [e for e in _entries(found, agent) if e.log and e.log.root == path]
        places.append(
            Place(
                path,
                names.get(path, ""),
                root.path.is_dir(),
                len(its),
                sum(is_unread(found, entry) for entry in its),
                sum(entry.size for entry in its),
            )
        )
    return places


@agents_command.command("check")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)
@json_option
@with_context
def check_command(context: Context, name: str, limit: int, as_json: bool) -> None:
    """Read the newest log of one agent from its beginning and show what came of it.

    Nothing is booked: what is shown is what the log says now.
    """
    from tmuxmeter.cli.agent_logs import look

    config = context.config()
    found = look(context, config)
    agent = next((agent for agent, _ in found.agents if agent.name == name), None)
    if agent is None:
        names = ", ".join(its.name for its, _ in found.agents)
        message = f"there is no agent {name!r}; known are {names}"
        raise UsageError(message)
    entries = sorted(_entries(found, agent), key=lambda entry: entry.mtime_ns)
    if not entries or entries[-1].log is None:
        where = ", ".join(str(root.path) for its, root in found.roots if its is agent)
        message = f"{agent.title} has no log yet below {where}"
        raise UsageError(message)
    from tmuxmeter.events import Position
    from tmuxmeter.logs.reading import read_log
    from tmuxmeter.reports.agents_check import check_report

    log = entries[-1].log
    chunks = read_log(agent, log, Position(), now_ns=now_ms() * 1_000_000)
    events = [event for chunk in chunks for event in chunk.events]
    report = check_report(agent.name, log.path, events, limit)
    if as_json:
        print_json(report)
        return
    from tmuxmeter.views.agents_check import check_parts

    print_parts(check_parts(report, Calendar.of(config).zone, now_ms()))
