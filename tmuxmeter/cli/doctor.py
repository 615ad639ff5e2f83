"""``doctor``: looks at everything the meter depends on and says what to do about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms, print_json, print_parts
from tmuxmeter.cli.days import Calendar
from tmuxmeter.cli.doctor_folders import folder_checks
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.config import Config, try_load
from tmuxmeter.errors import LedgerError, MissingProgramError, TmuxError
from tmuxmeter.reports import doctor, doctor_data
from tmuxmeter.reports.doctor import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.session_queries import Tokenless

UNHEALTHY = 1
"""Exit code where something is bad."""

TOKENLESS_MS = 7 * 86_400_000
"""How far back prompts without any tokens, and requests without input, are looked for."""


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Check the ledger's whole file as well.")
@json_option
@with_context
def doctor_command(context: Context, deep: bool, as_json: bool) -> None:
    """Check everything the meter depends on; changes nothing."""
    report = doctor.doctor_report(list(_checks(context, deep=deep)))
    if as_json:
        print_json(report)
    else:
        from tmuxmeter.views.doctor import doctor_parts

        print_parts(doctor_parts(report))
    if report["status"] == doctor.BAD:
        raise click.exceptions.Exit(UNHEALTHY)


def _checks(context: Context, *, deep: bool) -> Iterator[Check]:
    places = context.places
    yield _python()
    yield _tmux()
    config, problems = try_load(places.config_file, Config(), must_exist=places.config_named)
    yield from _configuration(places.config_file, problems)
    yield from folder_checks(places)
    servers = _servers(places.runtime)
    watcher = _watcher(context, config)
    watching = watcher.pid is not None
    yield from doctor.watcher_checks(watcher, wanted=bool(servers))
    yield from doctor.server_checks(servers, watcher)
    yield from _logs(context, config)
    yield from _ledger(context, config, deep=deep, watching=watching)
    yield from _calibration(places.state)
    yield from _stopping(context, config, watching=watching)
    now = datetime.now(config.day.zone).astimezone(config.day.zone)
    yield doctor.day_check(config.day.zone, config.day.start, f"{now:%Y-%m-%d %H:%M %Z}")
    if context.demo:
        hint = "leave the demo, or --home, to see your own"
        yield Check("demo", doctor.NOTE, "the logs of this home are played", hint)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", doctor.OK, f"{version} ({sys.executable})")


def _tmux() -> Check:
    from tmuxmeter.tmux.client import installed_version, require_version

    hint = "install tmux 3.2 or newer"
    try:
        version = installed_version()
        require_version(version)
    except MissingProgramError:
        return Check("tmux", doctor.BAD, "not installed", hint)
    except TmuxError as error:
        return Check("tmux", doctor.BAD, str(error), hint)
    return Check("tmux", doctor.OK, f"{version} ({shutil.which('tmux')})")


def _configuration(path: Path, problems: Sequence[str]) -> Iterator[Check]:
    for problem in problems:
        hint = "until then the defaults hold here, the settings before in a running watcher"
        yield Check("configuration", doctor.BAD, problem, hint)
    if not problems:
        text = f"{path}" if path.exists() else f"{path}: not there, so defaults hold"
        yield Check("configuration", doctor.OK, text)


def _watcher(context: Context, config: Config) -> doctor.WatcherFacts:
    from tmuxmeter.cli.meter import LOG_NAME, is_outdated
    from tmuxmeter.watcher.process import STATE_FILE, read_state, running_pid

    runtime = context.places.runtime
    log = str(context.places.state / LOG_NAME)
    pid = running_pid(runtime)
    state = read_state(runtime)
    if pid is None or state is None:
        return doctor.WatcherFacts(pid, log, left_behind=os.path.lexists(runtime / STATE_FILE))
    since = datetime.fromtimestamp(state.started_ms / 1000).astimezone(config.day.zone)
    return doctor.WatcherFacts(
        pid,
        log,
        since=f"{since:%Y-%m-%d %H:%M}",
        phase=state.phase,
        progress=state.progress,
        following=state.following,
        problems=state.problems,
        silent_s=max(0, (now_ms() - state.updated_ms) // 1000),
        outdated=is_outdated(context),
    )


def _servers(runtime: Path) -> list[doctor.ServerFacts]:
    from tmuxmeter.tmux.servers import Servers

    servers = Servers(runtime)
    return [_server(socket, servers.since(socket)) for socket in servers.registered()]


def _server(socket: Path, since: float) -> doctor.ServerFacts:
    from tmuxmeter.tmux.client import Tmux
    from tmuxmeter.tmux.formats import LEASE
    from tmuxmeter.tmux.install import look_at_formats
    from tmuxmeter.tmux.snapshot import take_snapshot

    if not os.path.lexists(socket):
        return doctor.ServerFacts(str(socket), running=False, reason="not running")
    tmux = Tmux(socket)
    try:
        panes = len(take_snapshot(tmux).panes)
        formats = look_at_formats(tmux)
        values = dict(
            line.partition("=")[::2] for line in tmux.run(["show-environment", "-gh"]).splitlines()
        )
    except (TmuxError, MissingProgramError) as error:
        # a killed server leaves its socket; what tmux then says depends on its version
        gone = str(error).startswith(("no server running", "error connecting", "server exited"))
        return doctor.ServerFacts(str(socket), running=not gone, reason=str(error))
    until = values.get(LEASE, "")
    return doctor.ServerFacts(
        str(socket),
        panes=panes,
        in_place=formats.in_place,
        waiting=formats.waiting,
        unknown=formats.unknown,
        lease_s=int(until) - int(time.time()) if until.isdecimal() else None,
        registered_s=max(0, int(time.time() - since)),
    )


def _logs(context: Context, config: Config) -> Iterator[Check]:
    from tmuxmeter.cli.agent_logs import look

    found = look(context, config)
    here = [facts for _, facts in found.agents if facts.program or facts.roots or facts.disabled]
    for facts in here:
        yield doctor_data.agent_check(facts, now_ms())
    yield doctor_data.absent_check([facts.title for _, facts in found.agents if facts not in here])
    problems = [(problem.path, problem.reason) for problem in found.problems]
    yield doctor_data.unreadable_check(problems)
    yield from doctor_data.database_checks(found.troubles)
    yield doctor_data.watches_check(
        len(found.catalog.folders()),
        _most_watches(),
        'watch.poll is "always"' if config.watch.poll == "always" else "",
    )


def _most_watches() -> int | None:
    try:
        return int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    except (OSError, ValueError):
        return None


def _ledger(context: Context, config: Config, *, deep: bool, watching: bool) -> Iterator[Check]:
    from tmuxmeter.ledger.database import LEDGER_NAME
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.schema import SCHEMA_VERSION

    path = context.places.state / LEDGER_NAME
    facts = doctor_data.LedgerFacts(str(path), os.path.lexists(path), schema=SCHEMA_VERSION)
    try:
        with Reader.open(context.places.state) as ledger:
            yield doctor_data.ledger_check(
                facts._replace(
                    exists=not ledger.missing,
                    size_bytes=_size_of(path),
                    counts=ledger.counts(),
                    damage=ledger.damage() if deep else None,
                )
            )
            yield from _figures(ledger, Calendar.of(config), watching=watching)
    except LedgerError as error:
        yield doctor_data.ledger_check(facts._replace(error=str(error)))


def _calibration(state: Path) -> Iterator[Check]:
    """Tell of a fit that is there and can't be used; the published week's scale holds then."""
    from tmuxmeter.fitfile import read_fit

    _, problem = read_fit(state)
    if problem:
        hint = "until then the scale is the settings' own"
        yield Check("calibration", doctor.WARN, problem, hint)


def _figures(ledger: Reader, calendar: Calendar, *, watching: bool) -> Iterator[Check]:
    from tmuxmeter.reports.days import span_report

    now = now_ms()
    today = span_report(ledger.slices(*calendar.bounds(calendar.day_of(now))))
    yield doctor_data.skipped_check(ledger.skipped())
    yield doctor_data.unpriced_check(ledger.unpriced_models())
    yield doctor_data.unmetered_check(ledger.unmetered_sessions(0, now + 1, now))
    yield from doctor_data.tokenless_checks(_tokenless(ledger, now))
    yield from doctor_data.inputless_checks(ledger.inputless(now - TOKENLESS_MS, now + 1))
    yield doctor_data.unattributed_check(today, watching=watching)


def _tokenless(ledger: Reader, now: int) -> list[Tokenless]:
    """Return what tells no tokens although it could."""
    from tmuxmeter.agents import tells_tokens
    from tmuxmeter.ledger.session_queries import ANSWERED_MS

    rows = ledger.tokenless(now - TOKENLESS_MS, now - ANSWERED_MS)
    return [row for row in rows if tells_tokens(row.agent)]


def _stopping(context: Context, config: Config, *, watching: bool) -> Iterator[Check]:
    """Look at what stops agents: pauses, hooks, the guard."""
    from tmuxmeter.cli.hooks import hook_states
    from tmuxmeter.hooks.status import UNUSABLE
    from tmuxmeter.panes.sources import default_source
    from tmuxmeter.pause.hold import FOLDER as HOLDS
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.pause.records import FOLDER, PauseStore
    from tmuxmeter.pause.tend import goes_on
    from tmuxmeter.reports import doctor_stops

    store = PauseStore(context.places.state / FOLDER)
    source = default_source()
    flags = HoldFlags(context.places.runtime / HOLDS)
    pauses = [
        doctor_stops.PauseFacts(
            *(each.pane_id, each.agent, each.way, each.who, each.spent_after),
            over=goes_on(source, flags, each),
        )
        for each in store.all()
    ]
    yield doctor_stops.pauses_check(pauses, store.broken, watching=watching)
    yield doctor_stops.hooks_check(
        [
            doctor_stops.HookFacts(
                state.agent,
                state.state,
                f"{state.file}: {state.detail}" if state.state == UNUSABLE else state.detail,
                state.hint,
            )
            for state in hook_states(context, config)
        ]
    )
    yield doctor_stops.guard_check(config.guard, watching=watching)


def _size_of(path: Path) -> int:
    """Return the bytes of the ledger with its journal, which may go away any moment."""
    total = 0
    for file in path.parent.glob(f"{path.name}*"):
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total
