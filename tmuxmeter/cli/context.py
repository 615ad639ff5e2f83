"""What every command needs first: where things are, the settings, how to print."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.cli.pretty import pretty
from tmuxmeter.errors import UsageError
from tmuxmeter.paths import DEMO_MARK, Places, places
from tmuxmeter.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.config import Config
    from tmuxmeter.views.table import Paragraph, Table


@dataclass(frozen=True)
class Context:
    """Where this call's things are, and whose figures they are."""

    places: Places
    home_given: bool

    @classmethod
    def of(cls, home: str | None) -> Context:
        """Return the context of a call; ``home`` is what ``--home`` said.

        Raises
        ------
        UsageError
            There is no such folder.
        """
        if home is not None and not (home and Path(home).is_dir()):
            message = f"--home {home or repr(home)}: there is no such folder"
            raise UsageError(message)
        return cls(places(Path(home) if home else None, os.environ), bool(home))

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


def print_json(data: object) -> None:
    """Print report data as it is."""
    print(pretty(data), flush=True)


def print_parts(parts: Sequence[Table | Paragraph]) -> None:
    """Print tables and paragraphs: drawn and fitted to a terminal, plain and whole elsewhere."""
    from tmuxmeter.views.show import fancy, show

    colours = fancy(sys.stdout, bool(os.environ.get("NO_COLOR")))
    show(parts, sys.stdout, colours=colours, limit=line_limit())


def line_limit() -> int | None:
    """Return how many terminal cells a line of output may take, None where nothing limits it."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
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
