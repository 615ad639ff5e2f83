"""Which agent is meant, and all that pausing it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tmuxmeter.panes.locate import PaneRef
    from tmuxmeter.panes.processes import Entry

WORKING, WAITING, IDLE = "working", "waiting", "idle"


@dataclass(frozen=True, slots=True)
class Target:
    """One agent in one pane.

    Attributes
    ----------
    ref : PaneRef
        The pane.
    agent, session : str
        Which agent, and its session; "" where that isn't sure. ``agent`` is the program's name
        where it is none we know.
    state : str
        ``working``, ``waiting``, ``idle``, or "" where it isn't known.
    core : Entry
        The process that does the work.
    settings : str
        The folder of its settings, "" where that can't be told.
    hooked : bool
        Whether its own hooks have told of it.
    started_ms : int
        When it was started, epoch milliseconds; 0: not known.
    daemon : Entry or None
        The shared process that makes its requests, where the pane's own one doesn't.
    last_request_ms : int
        When its last request ended, as far as it is booked; 0: not known.
    """

    ref: PaneRef
    agent: str
    session: str
    state: str
    core: Entry
    settings: str = ""
    hooked: bool = False
    started_ms: int = 0
    daemon: Entry | None = None
    last_request_ms: int = 0
