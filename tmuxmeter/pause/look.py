"""What a paused pane looks like: dimmed, and given its own look back exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.tmux.client import Tmux

DIMMED = "fg=colour243,bg=colour234"
ALARMED = "fg=colour255,bg=colour52"
"""Of a pane whose agent spends although it is paused."""
STYLES = ("window-style", "window-active-style")


def dim(tmux: Tmux, pane_id: str) -> dict[str, str | None]:
    """Dim a pane; return what it had set itself before, None for what it hadn't.

    Raises
    ------
    TmuxError
        The pane is gone, or its server doesn't answer.
    """
    before = own_styles(tmux, pane_id)
    tmux.source(f"set-option -p -t {quoted(pane_id)} {name} {quoted(DIMMED)}" for name in STYLES)
    return before


def own(before: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return a look without what a pause left behind that nobody knows of any more."""
    return {name: None if value in (DIMMED, ALARMED) else value for name, value in before.items()}


def alarm(tmux: Tmux, pane_id: str) -> None:
    """Make a paused pane red; :func:`undim` takes that away as well.

    Raises
    ------
    TmuxError
        The pane is gone, or its server doesn't answer.
    """
    tmux.source(f"set-option -p -t {quoted(pane_id)} {name} {quoted(ALARMED)}" for name in STYLES)


def undim(tmux: Tmux, pane_id: str, before: Mapping[str, Any]) -> None:
    """Give a pane its look back, unless somebody gave it another one meanwhile.

    Raises
    ------
    TmuxError
        The pane is gone, or its server doesn't answer.
    """
    now = own_styles(tmux, pane_id)
    lines = []
    for name in STYLES:
        if name in before and now[name] in (DIMMED, ALARMED):
            value = before[name]
            where = f"-t {quoted(pane_id)} {name}"
            lines.append(
                f"set-option -p {where} {quoted(value)}"
                if isinstance(value, str)
                else f"set-option -pu {where}"
            )
    tmux.source(lines)


def own_styles(tmux: Tmux, pane_id: str) -> dict[str, str | None]:
    """Return the styles set on a pane itself, None for those it has from its window."""
    found: dict[str, str | None] = dict.fromkeys(STYLES)
    # Without -v a value that is set and empty can be told from none at all.
    for line in tmux.run(["show-options", "-p", "-t", pane_id]).splitlines():
        name, _, _ = line.partition(" ")
        if name in found:
            found[name] = tmux.run(["show-options", "-pv", "-t", pane_id, name]).rstrip("\n")
    return found
