"""``--plot FILE``: a curve as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from tmuxmeter.views.curve import Graph

PLOTS = (".png", ".svg")


def plot_path(named: str | None) -> Path | None:
    """Return the file that ``--plot`` names.

    Raises
    ------
    UsageError
        Its name is none of a picture.
    """
    if named is None:
        return None
    if Path(named).suffix.lower() not in PLOTS:
        message = f"--plot takes a file named *.png or *.svg, not {named!r}"
        raise UsageError(message)
    return Path(named)


def save_plot(graph: Graph, path: Path) -> None:
    """Write a curve into a file, in the format that its name says.

    Raises
    ------
    UsageError
        It can't be written.
    """
    from tmuxmeter.views.plot import plot

    drawing = plot(graph, path.suffix.lower())
    try:
        path.write_bytes(drawing)
    except OSError as error:
        message = f"--plot {path}: can't be written: {error.strerror or error}"
        raise UsageError(message) from error
