"""What agents' hooks report, as typed facts. Times are epoch milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

START: Final = "start"
END: Final = "end"

HELD: Final = "held"
"""The agent waits at a tool call now."""
RELEASED: Final = "released"
"""Its flag was cleared; it goes on."""
REFUSED: Final = "refused"
"""A prompt was refused because its session is held."""
EXPIRED: Final = "expired"
"""The hook's own deadline came: the call was refused with the advice to try again."""
WATCHER_GONE: Final = "watcher-gone"
"""Nobody was left who could release it: it was let go, and its flag deleted."""
KILLED: Final = "killed"
"""Somebody ended the waiting hook (the agent itself does, when its user interrupts the turn)."""
UNUSABLE: Final = "unusable"
"""A flag is there that can't be used, or nothing that could wait: the agent went on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A process and its start mark: field 22 of ``/proc/<pid>/stat`` on Linux.

    ``start`` is "" on systems without one, so that only the number and the time of the report tell.
    """

    pid: int
    start: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a report comes from.

    Attributes
    ----------
    pids : tuple[Mark, ...]
        The process that ran the hook (the agent, or a shell of its), then its ancestors upwards.
    tmux, pane : str
        ``TMUX`` and ``TMUX_PANE`` as the hook found them. Under Codex's shared daemon they are
        those of the pane that happened to start the daemon, so they count only where the pane's
        own process is among ``pids``.
    time_ms : int
        When the report was written.
    """

    pids: tuple[Mark, ...]
    tmux: str
    pane: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class SessionReport:
    """A session began, was gone on with, or ended in a process.

    Attributes
    ----------
    event : str
        :data:`START` or :data:`END`.
    source : str
        Why, in the agent's own word: ``startup``, ``resume``, ``clear``, ``compact``, ``fork``;
        at an end such as ``clear``, ``logout``, ``prompt_input_exit``; "" where it doesn't say.
    cwd, transcript, model : str
        As the agent tells them, "" where it doesn't.
    """

    agent: str
    session: str
    event: str
    source: str
    cwd: str
    transcript: str
    model: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class PlanWindow:
    """A window of the account's plan. ``resets_at_ms`` is 0 where it isn't told."""

    minutes: int
    used_share: float
    resets_at_ms: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """What the agent itself says its process has cost so far (Claude Code's statusLine).

    ``total_cost_microdollars`` counts everything the agent was billed for, also requests that no
    transcript holds. It is cumulative, so only growth counts: ``/clear`` and ``/branch`` begin at
    0, ``--resume`` goes on with the session's own figure, and ``--fork-session`` begins with its
    parent's (observed with Claude Code 2.1.330; builds before 2.1.211 are reported to go on
    counting over ``/clear``). None where the agent doesn't say.
    """

    agent: str
    session: str
    total_cost_microdollars: int | None
    model: str
    version: str
    windows: tuple[PlanWindow, ...]
    cwd: str
    transcript: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class TokensReport:
    """What one turn took (Cursor's ``stop``), in disjoint kinds of tokens.

    ``turn`` is the agent's id of the turn, so that a repeated report counts once. ``inclusive``
    tells that the agent's input held the cache tokens, which were taken out of ``fresh``.
    """

    agent: str
    session: str
    turn: str
    model: str
    status: str
    fresh: int
    cache_read: int
    cache_write: int
    output: int
    inclusive: bool
    transcript: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class HoldReport:
    """What became of a hold: ``event`` is one of the words above, ``text`` a line for people.

    ``session`` is "" where a hook couldn't tell, or where no session is concerned.
    """

    agent: str
    session: str
    event: str
    text: str
    origin: Origin


Report: TypeAlias = SessionReport | CostReport | TokensReport | HoldReport
