"""Reading everything that was logged while nobody watched, on all cores where it is much."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import tmuxmeter.agents as agents_module
from tmuxmeter.errors import LedgerBusyError
from tmuxmeter.hooks.inbox import FOLDER as INBOX
from tmuxmeter.logs.databases import QUIET_NS, commit_due
from tmuxmeter.logs.discover import discover
from tmuxmeter.logs.scan import pending, scan, usable_cores
from tmuxmeter.logs.tail import SETTLED_NS, last_line_due
from tmuxmeter.watcher.freshness import Asked, changed, remember
from tmuxmeter.watcher.intake import EVENTS_TOGETHER, Intake
from tmuxmeter.watcher.reported import Reported
from tmuxmeter.watcher.roots import agent_roots, agents_in_use, known_roots
from tmuxmeter.watcher.settings import price_book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tmuxmeter.config import Config
    from tmuxmeter.events import Chunk
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.logs.discover import Catalog
    from tmuxmeter.logs.found import Entry, Problem
    from tmuxmeter.paths import Places

BATCH_S = 0.5
"""Chunks are booked together for at most this long, so that figures grow while history is read."""
FEW_EVENTS = 5_000
"""So many events are booked together while few were: a small ledger takes little memory to fill."""
GROWTH = 20
"""Of what was booked so far a twentieth is booked together, up to what :mod:`intake` does: the same
few events touch most pages of a large ledger, and each booking writes those again."""


def catch_up(
    intake: Intake, entries: Iterable[Entry], now_ns: int, workers: int
) -> Iterator[tuple[int, int]]:
    """Read what is behind the ledger's positions; yield bytes done and in all after each booking.

    May be left at any moment: what was booked stays, the rest is read the next time.

    Parameters
    ----------
    intake : Intake
        Where it goes.
    entries : iterable of Entry
        The logs that were found.
    now_ns : int
        The time in epoch nanoseconds.
    workers : int
        Processes to read with.
    """
    # those the configuration describes are among them by now
    agents = {agent.name: agent for agent in agents_module.AGENTS}
    jobs = pending(entries, agents, intake.positions(), now_ns=now_ns)
    if not jobs:
        return
    # oldest first: of several files that show a request the first one owns it
    intake.register([job.log for job in jobs])
    done = (0, sum(job.bytes_left for job in jobs))

    def progress(read: int, total: int) -> None:
        nonlocal done
        done = (read, total)

    def problem(found: Problem) -> None:
        intake.log_problems[found.path] = found.reason

    batch: list[Chunk] = []
    events = booked = 0
    due = time.monotonic() + BATCH_S
    chunks = scan(jobs, workers=workers, progress=progress, problem=problem, now_ns=now_ns)
    with contextlib.closing(chunks):
        for chunk in chunks:
            batch.append(chunk)
            events += len(chunk.events)
            together = min(max(FEW_EVENTS, booked // GROWTH), EVENTS_TOGETHER)
            if events >= together or time.monotonic() >= due:
                intake.book(batch, now_ns // 1_000_000)
                booked += events
                batch, events = [], 0
                due = time.monotonic() + BATCH_S
                yield done
    if batch:
        intake.book(batch, now_ns // 1_000_000)
    yield done


def bring_up_to_date(
    places: Places, config: Config, progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """Read what is new in all logs into the ledger; return what could not be read, and why.

    See :func:`up_to_date`.
    """
    with up_to_date(places, config, progress) as (problems, _):
        return problems


@contextlib.contextmanager
def up_to_date(
    places: Places, config: Config, progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[list[str], Reader | None]]:
    """Read what is new in all logs into the ledger.

    Does nothing where another process holds the ledger: the watcher keeps it up to date.

    Parameters
    ----------
    places, config
        Where everything is, and the settings.
    progress : callable
        Told bytes done and in all, now and then.

    Yields
    ------
    tuple
        What could not be read, and why; and a reader of everything there is, where the ledger
        can't be written and all this is only in memory, else None.

    Raises
    ------
    LedgerError
        The ledger is damaged or was written by a newer tmuxmeter.
    """
    now_ns = time.time_ns()
    now_ms = now_ns // 1_000_000
    try:
        intake = Intake(places.state, price_book(config).cost_of, now_ms, memory_ms=now_ms)
    except LedgerBusyError:
        yield [], None
        return
    with contextlib.closing(intake):
        catalog = discover(agent_roots(places, config), now_ns=now_ns)
        for done, total in catch_up(intake, catalog.entries(), now_ns, usable_cores()):
            if progress is not None:
                progress(done, total)
        inbox = places.runtime / INBOX
        inbox_changed = changed(str(inbox))
        _book_reported(intake, config, inbox, now_ms)
        if not intake.trouble and not intake.log_problems:
            more = {str(inbox): inbox_changed}
            _remember(intake, places, config, catalog, now_ns, more)
        problems = [f"{problem.path}: {problem.reason}" for problem in catalog.problems()]
        problems += intake.log_problems.values()
        if intake.trouble:
            yield [intake.trouble, *problems], intake.writer.reader()
        else:
            yield problems, None


def _book_reported(intake: Intake, config: Config, inbox: Path, now_ms: int) -> None:
    """Book what hooks told and no log does, where no watcher is there to take it."""
    agents = [agent.name for agent in agents_in_use(config)]
    reader = intake.writer.reader()
    with reader.snapshot():
        spent = Reported(inbox, agents).waiting(reader)
    if spent:
        intake.book(spent, now_ms)


def _remember(
    intake: Intake,
    places: Places,
    config: Config,
    catalog: Catalog,
    now_ns: int,
    more: Mapping[str, int],
) -> None:
    """Leave a word on what was looked at, for :func:`tmuxmeter.watcher.freshness.is_fresh`."""
    folders = dict.fromkeys(catalog.top_folders(), 0) | catalog.folder_times() | dict(more)
    asked = Asked(places.agent_env)
    roots = known_roots(replace(places, agent_env=asked), config)
    patterns = [(str(root.path.parent), root.path.name) for root in roots if root.needs]
    indexes = [str(root.path / root.index) for root in roots if root.index]
    folders |= {path: changed(path) for path in indexes}
    unfinished = [
        position.mtime_ns + rest_ns
        for position in intake.positions().values()
        for due, rest_ns in ((last_line_due, SETTLED_NS), (commit_due, QUIET_NS))
        if due(position, now_ns + rest_ns)
    ]
    logs = [entry.log.path for entry in catalog.entries() if entry.log]
    variables = sorted(asked.names)
    again_ns = min(unfinished, default=0)
    remember(intake.writer, places, variables, folders, patterns, logs, again_ns)
