"""What every command needs first: where things are, the settings, how to print."""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from tmuxmeter.cli.pretty import pretty
from tmuxmeter.errors import UsageError
from tmuxmeter.paths import DEMO_MARK, Places, places
from tmuxmeter.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tmuxmeter.config import Config
    from tmuxmeter.views.table import Paragraph, Table

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Context:
    """Where this call's things are, and whose figures they are."""

    places: Places
    home_given: bool

    @property
    def demo(self) -> bool:
        """Whether the figures are played."""
        return (self.places.home / DEMO_MARK).exists()

    @property
    def home_arguments(self) -> tuple[str, ...]:
        """The options that make another tmuxmeter look at the same home."""
        return ("--home", str(self.places.home)) if self.home_given else ()

    def config(self) -> Config:
        """Return the settings.

        Raises
        ------
        ConfigError
            The file can't be read or holds a bad key or value.
        """
        from tmuxmeter.config import load

        return load(self.places.config_file, must_exist=self.places.config_named)


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


def with_context(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--home DIR``, before or after its name, and a :class:`Context`."""

    @click.option("--home", metavar="DIR", help="Read the agents' folders of another home.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(click_context: click.Context, home: str | None, *args: Any, **kwargs: Any) -> R:
        home = home or click_context.obj
        if home and not Path(home).is_dir():
            message = f"--home {home}: there is no such folder"
            raise UsageError(message)
        context = Context(places(Path(home) if home else None, os.environ), home is not None)
        return command(context, *args, **kwargs)

    return wrapped


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the data as JSON.")(command)


def print_json(data: object) -> None:
    """Print report data as it is."""
    click.echo(pretty(data))


def print_parts(parts: Sequence[Table | Paragraph]) -> None:
    """Print tables and paragraphs: drawn and fitted to a terminal, plain and whole elsewhere."""
    from tmuxmeter.views.table import fancy, show

    colours = fancy(sys.stdout, bool(os.environ.get("NO_COLOR")))
    show(parts, sys.stdout, colours=colours, limit=line_limit())


def line_limit() -> int | None:
    """Return how many terminal cells a line of output may take, None where nothing limits it."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80


def ascii_only(config: Config) -> bool:
    """Tell whether drawings must do with ASCII: the settings say so, or standard output can't."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        "█░▁→".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return True
    return not config.status.icons
