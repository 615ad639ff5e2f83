"""Reading a ledger that is up to date, whether or not a watcher keeps it so."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress, TaskID

    from tmuxmeter.cli.context import Context
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.paths import Places

PATIENCE_S = 0.5
"""A scan that takes no longer than this is not worth a bar."""


@contextlib.contextmanager
def reader(context: Context) -> Iterator[Reader]:
    """Give the ledger to read; where no watcher runs, with what is new in the logs.

    Raises
    ------
    LedgerError
        The ledger is damaged or was written by a newer tmuxmeter.
    """
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.watcher.process import running_pid

    places = context.places
    with contextlib.ExitStack() as stack:
        ledger = None
        if running_pid(places.runtime) is None and _something_is_new(places):
            from tmuxmeter.watcher.catching_up import up_to_date

            # months of logs may be new
            gc.enable()
            with Bar() as bar:
                reading = up_to_date(places, context.config(), bar.update)
                problems, ledger = stack.enter_context(reading)
            complain(problems)
        yield ledger or stack.enter_context(Reader.open(places.state))


def _something_is_new(places: Places) -> bool:
    from tmuxmeter.watcher.freshness import is_fresh

    return not is_fresh(places, time.time_ns())


def bring_up_to_date(context: Context) -> list[str]:
    """Read what is new in the logs, with a bar on a terminal; return what could not be read.

    Raises
    ------
    LedgerError
        The ledger is damaged or was written by a newer tmuxmeter.
    """
    from tmuxmeter.watcher.catching_up import bring_up_to_date

    with Bar() as bar:
        return bring_up_to_date(context.places, context.config(), bar.update)


def complain(problems: list[str], *, told_at: str = ": `tmuxmeter doctor`") -> None:
    """Say on standard error what could not be read, in one line, and who tells the rest."""
    if problems:
        more = f" (and {len(problems) - 1} more{told_at})" if problems[1:] else ""
        print(f"tmuxmeter: {problems[0]}{more}", file=sys.stderr)


class Bar:
    """A progress bar on standard error, where that is a terminal, once it takes long enough."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show how many bytes of how many are read."""
        if not self._terminal or time.monotonic() - self._begun < PATIENCE_S:
            return
        if self._bar is None:
            self._bar, self._task = self._new(total)
        if self._task is not None:
            self._bar.update(self._task, completed=done, refresh=True)

    @staticmethod
    def _new(total: int) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        bar = Progress(
            TextColumn("Reading logs"),
            BarColumn(),
            DownloadColumn(),
            console=Console(stderr=True),
            transient=True,
            # without a thread of its own: worker processes are forked beside it
            auto_refresh=False,
        )
        bar.start()
        return bar, bar.add_task("", total=total)
