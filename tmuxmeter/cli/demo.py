"""``demo``: a played week in real panes, with the real watcher, in a scratch home."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms, with_context
from tmuxmeter.demo.play import TMUX_CONFIG, stage_commands, write_week
from tmuxmeter.paths import places

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("demo")
@click.option("--print", "printing", is_flag=True, help="Only print `today` of the played week.")
@with_context
def demo_command(context: Context, printing: bool) -> None:
    """Play three agents for a week in a scratch home and show the meter on them.

    Nothing of yours is touched; everything is gone when you leave (prefix + d, or exit).
    """
    play_or_print(context, printing=printing)


def play_or_print(context: Context, *, printing: bool = False) -> None:  # noqa: ARG001
    """Play in tmux on a terminal, print ``today`` of the played week elsewhere."""
    with scratch_home() as home:
        stage = Context(places(home, os.environ), home_given=True)
        if printing or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from tmuxmeter.cli.report import print_today

            print_today(stage)
        else:
            play(stage)


@contextlib.contextmanager
def scratch_home() -> Iterator[Path]:
    """Give a home with a played week in it, and take it away again."""
    home = Path(tempfile.mkdtemp(prefix="tmuxmeter-demo-"))
    try:
        write_week(home, now_ms())
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def play(stage: Context) -> None:
    """Build the panes on a tmux server of the demo's own, turn the meter on, attach, clean up."""
    from tmuxmeter.cli.meter import attach_meter
    from tmuxmeter.watcher import process

    home = stage.places.home
    socket, config = home / "tmux", home / "tmux.conf"
    config.write_text(TMUX_CONFIG)
    environment = {"HOME": str(home), "PATH": f"{Path(sys.argv[0]).parent}:{os.environ['PATH']}"}
    outer = {key: value for key, value in os.environ.items() if key not in {"TMUX", "TMUX_PANE"}}
    tmux = ["tmux", "-u", "-S", str(socket), "-f", str(config)]
    try:
        for command in stage_commands(home, environment):
            subprocess.run([*tmux, *command], check=True, env=outer)
        attach_meter(stage, socket, quiet=True)
        subprocess.run([*tmux, "attach-session", "-t", "=demo:"], check=False, env=outer)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, env=outer, capture_output=True)
        process.stop(stage.places.runtime)
