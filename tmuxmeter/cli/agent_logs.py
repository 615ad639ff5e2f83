"""Looking at all agents' logs as they lie on disk, and how far the ledger knows them."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import LedgerError
from tmuxmeter.reports.doctor_data import AgentFacts

if TYPE_CHECKING:
    from tmuxmeter.agents.base import Agent, Root
    from tmuxmeter.cli.context import Context
    from tmuxmeter.config import Config
    from tmuxmeter.events import LogFile, Position
    from tmuxmeter.logs.discover import Catalog
    from tmuxmeter.logs.found import Entry, Problem


class Look(NamedTuple):
    """What was found: every agent's facts, all roots (existing or not), all logs.

    ``troubles`` tells which databases can't be read now and why, by path; ``problems`` what else
    can't; ``read`` how the ledger knows each log: size in bytes and time of change in ns.
    """

    agents: list[tuple[Agent, AgentFacts]]
    roots: list[tuple[Agent, Root]]
    catalog: Catalog
    troubles: dict[str, str]
    problems: list[Problem]
    read: dict[str, tuple[int, int]]


def is_unread(found: Look, entry: Entry) -> bool:
    """Tell whether the ledger doesn't know all of a log yet."""
    return not _is_read(found.read, entry)


def _is_read(read: dict[str, tuple[int, int]], entry: Entry) -> bool:
    return read.get(entry.path) == (entry.size, entry.mtime_ns)


def look(context: Context, config: Config) -> Look:
    """Look at the logs of every agent there is, also of those that are switched off."""
    from tmuxmeter.logs.discover import discover
    from tmuxmeter.watcher.roots import agent_roots, agents_in_use, all_agents

    roots = agent_roots(context.places, config)
    catalog = discover(roots, now_ns=time.time_ns())
    read = _read_sizes(context)
    sessions = _sessions(context)
    entries: dict[str, list[Entry]] = {}
    for entry in catalog.entries():
        if entry.log:
            entries.setdefault(entry.log.agent, []).append(entry)
    found = []
    troubles: dict[str, str] = {}
    problems = catalog.problems()
    for agent in all_agents(config):
        its = entries.get(agent.name, [])
        programs = filter(None, map(shutil.which, agent.programs))
        facts = AgentFacts(
            agent.title,
            next(programs, ""),
            disabled=agent not in agents_in_use(config),
            roots=[str(r.path) for a, r in roots if a is agent and r.path.is_dir()],
            files=len(its),
            size_bytes=sum(entry.size for entry in its),
            unread=sum(not _is_read(read, entry) for entry in its),
            newest_ms=max((entry.mtime_ns for entry in its), default=0) // 1_000_000,
            sessions=None if sessions is None else sessions.get(agent.name, 0),
        )
        found.append((agent, facts))
        troubles |= _troubles(context, agent, its)
        problems += _shut(agent, [entry for entry in its if not _is_read(read, entry)])
    return Look(found, roots, catalog, troubles, problems, read)


def _shut(agent: Agent, entries: list[Entry]) -> list[Problem]:
    """Return which of these files can't even be opened."""
    import os

    from tmuxmeter.errors import LogError
    from tmuxmeter.logs.found import Problem
    from tmuxmeter.logs.source import open_log

    shut = []
    for entry in entries:
        if entry.database:
            continue
        try:
            descriptor, _ = open_log(entry.path)
        except FileNotFoundError:
            continue
        except LogError as error:
            reason = str(error).removeprefix(f"{entry.path}: ")
            shut.append(Problem(entry.path, reason, agent.name))
        else:
            os.close(descriptor)
    return shut


def _troubles(context: Context, agent: Agent, entries: list[Entry]) -> dict[str, str]:
    databases = [entry.log for entry in entries if entry.database and entry.log]
    if not databases:
        return {}
    from tmuxmeter.logs.databases import trouble

    at = _positions(context, databases)
    told = {log.path: trouble(agent, log, at[log]) for log in databases}
    return {path: reason for path, reason in told.items() if reason}


def _positions(context: Context, logs: list[LogFile]) -> dict[LogFile, Position]:
    """Return where reading each log goes on; at its beginning if the ledger is broken."""
    from tmuxmeter.events import Position
    from tmuxmeter.ledger.reader import Reader

    try:
        with Reader.open(context.places.state) as ledger:
            return {log: ledger.position(log) for log in logs}
    except LedgerError:
        return dict.fromkeys(logs, Position())


def _read_sizes(context: Context) -> dict[str, tuple[int, int]]:
    """Return size and time of each log when it was read last; nothing if the ledger is broken."""
    from tmuxmeter.ledger.reader import Reader

    try:
        with Reader.open(context.places.state) as ledger:
            return {row.path: (row.size, row.mtime_ns) for row in ledger.files()}
    except LedgerError:
        return {}


def _sessions(context: Context) -> dict[str, int] | None:
    """Return how many sessions of each agent its logs have told; None if the ledger is broken."""
    from tmuxmeter.ledger.reader import Reader

    try:
        with Reader.open(context.places.state) as ledger:
            return ledger.logged_sessions()
    except LedgerError:
        return None
