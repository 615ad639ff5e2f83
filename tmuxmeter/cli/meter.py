"""``up``, ``down``, ``status``, ``watch`` and ``scan``: the meter itself."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, print_json
from tmuxmeter.cli.files import find
from tmuxmeter.cli.options import json_option, socket_option, with_context
from tmuxmeter.errors import TmuxmeterError, UsageError
from tmuxmeter.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_NAME = "watcher.log"
LOG_BYTES = 1 << 20
NOT_RUNNING = 3
"""Exit code of ``status`` where no watcher runs, as service managers use it."""


def start_watcher(context: Context) -> int:
    """Start the watcher where none runs; return its process id."""
    from tmuxmeter.watcher import process

    runtime, state = context.places.runtime, context.places.state
    private_folder(runtime)
    log = log_file(context)
    with contextlib.suppress(OSError):
        private_folder(state)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return process.start(context.home_arguments, runtime, log)


def is_outdated(context: Context) -> bool:
    """Tell whether the watcher runs other code than what is installed, as after an update."""
    from tmuxmeter.watcher.build import build
    from tmuxmeter.watcher.process import read_state

    state = read_state(context.places.runtime)
    return state is not None and state.build != build()


def log_file(context: Context) -> Path:
    """Return where the watcher's words go: the state folder, or the runtime one if that refuses."""
    state = context.places.state
    with contextlib.suppress(TmuxmeterError):
        private_folder(state)
        if os.access(state, os.W_OK):
            return state / LOG_NAME
    return context.places.runtime / LOG_NAME


@contextlib.contextmanager
def paused_watcher(context: Context) -> Iterator[None]:
    """Take the ledger from a running watcher for a while; it starts again afterwards."""
    from tmuxmeter.watcher import process

    ran = process.stop(context.places.runtime)
    try:
        yield
    finally:
        if ran:
            start_watcher(context)


def own_command(context: Context) -> list[str]:
    """Return how another program calls this very tmuxmeter, for the same home."""
    script = Path(sys.argv[0])
    if script.name == "tmuxmeter" and os.access(script, os.X_OK):
        return [str(script.absolute()), *context.home_arguments]
    return [sys.executable, "-m", "tmuxmeter", *context.home_arguments]


def own_socket() -> Path | None:
    """Return the socket of the tmux server this runs in, None outside tmux."""
    from tmuxmeter.tmux.servers import socket_in_environment

    found = socket_in_environment(os.environ.get("TMUX", ""))
    return found[0] if found else None


@click.command("up")
@socket_option
@click.option("--quiet", is_flag=True, help="Say nothing when all is well.")
@click.option("--demo-if-empty", is_flag=True, help="Without any agent logs, play the demo.")
@with_context
def up_command(context: Context, socket: str | None, quiet: bool, demo_if_empty: bool) -> None:
    """Turn the meter on: in this tmux server, or in a new tmux session outside one.

    Without a terminal and outside tmux it brings the ledger up to date and prints `today`.
    """
    from tmuxmeter.tmux.client import installed_version, require_version
    from tmuxmeter.watcher.roots import any_logs

    require_version(installed_version())
    if demo_if_empty and not any_logs(context.places, context.config()):
        from tmuxmeter.cli.demo import play_or_print

        play_or_print(context)
        return
    target = Path(socket) if socket else own_socket()
    if target is not None:
        attach_meter(context, target, quiet=quiet)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        from tmuxmeter.cli.session import open_session

        open_session(context)
    else:
        from tmuxmeter.cli.today import print_today

        print_today(context)


def attach_meter(context: Context, socket: Path, *, quiet: bool) -> None:
    """Register a tmux server, put the formats in place and make sure that a watcher runs."""
    from tmuxmeter.tmux.client import Tmux
    from tmuxmeter.tmux.install import install_formats, look_at_formats
    from tmuxmeter.tmux.keys import bind_keys
    from tmuxmeter.tmux.servers import Servers, one_at_a_time
    from tmuxmeter.watcher import process

    context.config()
    private_folder(context.places.runtime)
    with one_at_a_time(context.places.runtime):
        holding = install_formats(Tmux(socket))
        problems = [*look_at_formats(Tmux(socket)).unknown]
        problems += bind_keys(Tmux(socket), str(find("shell/key.sh")), own_command(context))
        Servers(context.places.runtime).register(socket)
        if is_outdated(context):
            process.stop(context.places.runtime)
        running = process.running_pid(context.places.runtime)
        if running is not None:
            # a watcher that was stopped goes on with it
            os.kill(running, signal.SIGHUP)
            os.kill(running, signal.SIGCONT)
        else:
            # a second one that comes too late would take the first one's place after `down`
            start_watcher(context)
    for problem in problems:
        click.echo(f"tmuxmeter: {problem}", err=True)
    if quiet:
        return
    click.echo(f"The meter is on for the tmux server at {socket}.")
    if not holding:
        click.echo(
            "No format shows it yet. Add a placeholder, for example:\n"
            "  tmux set -ag status-right ' #{tmuxmeter}'\n"
            "and run `tmuxmeter up` again; `tmuxmeter doctor` says what is shown where."
        )


@click.command("down")
@socket_option
@click.option("--all", "everywhere", is_flag=True, help="In all tmux servers.")
@with_context
def down_command(context: Context, socket: str | None, everywhere: bool) -> None:
    """Turn the meter off: in this tmux server, or everywhere; your formats come back as they were.

    The watcher ends with the last server.
    """
    from tmuxmeter.errors import TmuxError, TmuxSilentError
    from tmuxmeter.tmux.client import Tmux
    from tmuxmeter.tmux.install import remove_formats
    from tmuxmeter.tmux.keys import unbind_keys
    from tmuxmeter.tmux.push import Pusher
    from tmuxmeter.tmux.servers import Servers, canonical_socket, one_at_a_time
    from tmuxmeter.watcher import process

    servers = Servers(context.places.runtime)
    registered = servers.registered()
    chosen = Path(socket) if socket else own_socket()
    if chosen is None and not everywhere:
        if len(registered) > 1:
            message = "outside tmux, say which server: --socket PATH or --all"
            raise UsageError(message)
        everywhere = True
    targets = registered if everywhere or chosen is None else (canonical_socket(chosen),)
    for target in targets:
        # of a name that is mistyped nobody must hear that all is off
        if not servers.forget(target) and socket and not os.path.lexists(target):
            message = f"there is no tmux server at {target}, and none was metered there"
            raise TmuxError(message)
    stopped = False
    if not servers.registered():
        stopped = process.stop(context.places.runtime)
    silent = []
    for target in targets:
        # a server that is gone has nothing to give back
        with contextlib.suppress(TmuxError), one_at_a_time(context.places.runtime):
            tmux = Tmux(target)
            try:
                remove_formats(tmux)
                unbind_keys(tmux)
                Pusher(tmux).clear()
            except TmuxSilentError as error:
                silent.append(f"{target}: {error}, so its formats and keys are still ours there:")
                continue
        click.echo(f"The meter is off for the tmux server at {target}.")
    if stopped:
        click.echo("The watcher has ended.")
    elif not targets:
        click.echo("The meter was not on.")
    if process.running_pid(context.places.runtime) is None:
        from tmuxmeter.cli.leaving import leave_paused

        leave_paused(context)
    if silent:
        hint = "run `tmuxmeter down --socket` with it again once it answers"
        raise TmuxError("\n".join(f"{text} {hint}" for text in silent))


@click.command("status")
@json_option
@with_context
def status_command(context: Context, as_json: bool) -> None:
    """Tell whether the watcher runs, since when, and what it is doing."""
    from dataclasses import asdict
    from datetime import datetime

    from tmuxmeter.tmux.servers import Servers
    from tmuxmeter.watcher import process

    runtime = context.places.runtime
    pid = process.running_pid(runtime)
    state = process.read_state(runtime)
    registered = [str(socket) for socket in Servers(runtime).registered()]
    if as_json:
        print_json(
            {
                "running": pid is not None,
                "pid": pid,
                "registered_servers": registered,
                "watcher": asdict(state) if state else None,
            }
        )
    elif pid is None:
        click.echo("The watcher is not running. `tmuxmeter up` starts it.")
    elif state is None:
        click.echo(f"The watcher (process {pid}) runs, but can't say what it does in {runtime}.")
        click.echo("If that disk isn't full, it has only just started.")
    else:
        since = datetime.fromtimestamp(state.started_ms / 1000).astimezone()
        click.echo(
            f"The watcher (process {state.pid}, version {state.version})"
            f" runs since {since:%Y-%m-%d %H:%M:%S}."
        )
        reading = f", {state.progress:.0%} done" if state.phase == "reading" else ""
        click.echo(f"It is {state.phase}{reading}; logs are noticed by {state.following}.")
        for socket in registered:
            running = "running" if socket in state.servers else "not running now"
            click.echo(f"tmux server {socket}: {running}")
        for problem in state.problems:
            click.echo(f"Problem: {problem}")
    if pid is None:
        raise click.exceptions.Exit(NOT_RUNNING)


@click.command("watch")
@click.option("--verbose", is_flag=True, help="Say more.")
@with_context
def watch_command(context: Context, verbose: bool) -> None:
    """Run the watcher in the foreground; it says what it does on standard error."""
    import logging

    from tmuxmeter.watcher.loop import Watcher

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    Watcher(context.places).run()


@click.command("scan")
@with_context
def scan_command(context: Context) -> None:
    """Read everything that is new in the agents' logs into the ledger, once."""
    from tmuxmeter.cli.fresh import bring_up_to_date

    for problem in bring_up_to_date(context):
        click.echo(f"tmuxmeter: {problem}", err=True)
