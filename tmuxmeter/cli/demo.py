"""``demo``: a played week in real panes, with the real watcher, in a scratch home."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms
from tmuxmeter.cli.options import with_context
from tmuxmeter.demo.play import (
    TMUX_CONFIG,
    attach_command,
    stage_commands,
    stage_environment,
    write_week,
)
from tmuxmeter.paths import places

if TYPE_CHECKING:
    from collections.abc import Iterator

REMOVALS = 40


@click.command("demo")
@click.option("--print", "printing", is_flag=True, help="Only print `today` of the played week.")
@with_context
def demo_command(context: Context, printing: bool) -> None:
    """Play three agents for a week in a scratch home and show the meter on them.

    Nothing of yours is touched; everything is gone when you leave (Ctrl-q).
    """
    play_or_print(context, printing=printing)


def play_or_print(context: Context, *, printing: bool = False) -> None:  # noqa: ARG001
    """Play in tmux on a terminal, print ``today`` of the played week elsewhere."""
    with ending_in_order(), scratch_home() as home:
        stage = Context(places(home, os.environ), home_given=True)
        if printing or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from tmuxmeter.cli.today import print_today

            print_today(stage)
        else:
            play(stage)


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let a closed terminal or a ``kill`` end the demo the way leaving it does: cleaned up."""

    def leave(number: int, frame: object) -> None:  # noqa: ARG001
        # once is enough: what cleans up must not be cut short by the terminal's second word
        for ending in endings:
            signal.signal(ending, signal.SIG_IGN)
        raise SystemExit(128 + number)

    endings = (signal.SIGHUP, signal.SIGTERM)
    before = {ending: signal.signal(ending, leave) for ending in endings}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


@contextlib.contextmanager
def scratch_home() -> Iterator[Path]:
    """Give a home with a played week in it, and take it away again."""
    home = Path(tempfile.mkdtemp(prefix="tmuxmeter-demo-"))
    try:
        write_week(home, now_ms())
        yield home
    finally:
        remove(home)


def remove(folder: Path) -> None:
    """Remove a folder, also while processes that are just ending still write into it."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def play(stage: Context) -> None:
    """Build the panes on a tmux server of the demo's own, turn the meter on, attach, clean up."""
    from tmuxmeter.cli.fresh import bring_up_to_date
    from tmuxmeter.cli.meter import attach_meter
    from tmuxmeter.cli.session import no_session
    from tmuxmeter.watcher import process

    home = stage.places.home
    socket, config = home / "tmux", home / "tmux.conf"
    config.write_text(TMUX_CONFIG)
    environment = stage_environment(home, os.environ)
    tmux = ["tmux", "-u", "-S", str(socket), "-f", str(config)]
    # the week is there from the first look on
    bring_up_to_date(stage)
    try:
        for command in stage_commands(home, *shutil.get_terminal_size()):
            words = [*tmux, *command]
            done = subprocess.run(words, check=False, env=environment, stderr=subprocess.PIPE)
            if done.returncode:
                raise no_session(done.stderr.decode("utf-8", "replace"))
        attach_meter(stage, socket, quiet=True)
        subprocess.run([*tmux, *attach_command()], check=False, env=environment)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, env=environment, capture_output=True)
        process.stop(stage.places.runtime)
