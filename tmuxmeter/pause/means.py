"""What pausing needs from outside: tmux, the processes, and where things are written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tmuxmeter.panes.processes import ProcessTable
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.pause.records import PauseStore
    from tmuxmeter.pause.target import Target
    from tmuxmeter.tmux.client import Tmux


@dataclass(frozen=True)
class Means:
    """Everything the ways to pause work with.

    Attributes
    ----------
    tmux : Callable[[str], Tmux]
        Gives the tmux server at a socket.
    table : ProcessTable
        The machine's processes.
    store : PauseStore
        Where pauses are written down before anything is done.
    flags : HoldFlags
        The flags the agents' hooks wait on.
    watched : bool
        Whether a watcher runs, which lets go what must not stay held.
    hooks_since : Callable[[str, str], int | None]
        Since when, at the latest, an agent's folder of settings has had the hooks that hold, epoch
        milliseconds; None: it hasn't.
    hookable : Collection[str]
        Agents that can be given hooks which hold them.
    state_now : Callable[[Target], str]
        What an agent does by now: ``working``, ``waiting``, ``idle``, or "" if it can't be told.
    own_pid : int
        This process, which must not stop itself.
    """

    tmux: Callable[[str], Tmux]
    table: ProcessTable
    store: PauseStore
    flags: HoldFlags
    watched: bool
    hooks_since: Callable[[str, str], int | None]
    hookable: Collection[str]
    state_now: Callable[[Target], str]
    own_pid: int
