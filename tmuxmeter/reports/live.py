"""Today's figures as the status line and the shell prompt show them, for one tmux server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.reports.words import CLAIM as CLAIM
from tmuxmeter.reports.words import DRIFT as DRIFT
from tmuxmeter.reports.words import FLAGS as FLAGS
from tmuxmeter.reports.words import FURTHER as FURTHER
from tmuxmeter.reports.words import GONE as GONE
from tmuxmeter.reports.words import IDLE as IDLE
from tmuxmeter.reports.words import LOOP as LOOP
from tmuxmeter.reports.words import OVERLAP as OVERLAP
from tmuxmeter.reports.words import PAUSED as PAUSED
from tmuxmeter.reports.words import SPENDING as SPENDING
from tmuxmeter.reports.words import WAITING as WAITING
from tmuxmeter.reports.words import WORKING as WORKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class LiveLight:
    """Whether working in parallel pays today, and the figures behind it.

    Attributes
    ----------
    verdict : str
        ``green``, ``amber``, ``red`` or ``neutral``; "" while it isn't known.
    reason : str
        One line, with its figures.
    calibrated : bool
        Whether the verdict rests on the user's own scale.
    input_tokens : int
        Today's input tokens, by what the settings count as input.
    line_tokens : float or None
        Input tokens at which parallel work stops paying at today's pace; infinite: it always
        pays, None: unknown, as far outside of what the scale was made from.
    needed : float or None
        The speed-up that would pay.
    possible : float or None
        The speed-up that was possible.
    ratio : float or None
        Work per dollar, in parallel ÷ with one agent.
    budget_share : float or None
        Used share of the fullest of today's budgets for all agents; None without any.
    handoffs, pending : int
        Hand-offs taken up today; those that wait.
    """

    verdict: str = ""
    reason: str = ""
    calibrated: bool = False
    input_tokens: int = 0
    line_tokens: float | None = None
    needed: float | None = None
    possible: float | None = None
    ratio: float | None = None
    budget_share: float | None = None
    handoffs: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class LivePane:
    """What one pane has spent today, and what the agent in it does.

    Attributes
    ----------
    pane, window, session : str
        tmux's own ids: ``%3``, ``@1``, ``$0``.
    cost_microdollars : int or None
        None where nothing of its tokens has a price.
    unpriced_tokens : int
        Tokens that are not in the cost because their model has no price.
    input_tokens, output_tokens : int
        Input is fresh, cache read and cache written together.
    cache_hit_rate : float or None
        Share of the input read from the cache, 0 to 1; None without input.
    agent, model : str
        Title of the agent and the model of its newest request, "" where unknown.
    state : str
        :data:`WORKING`, :data:`WAITING`, :data:`IDLE`, :data:`GONE`, :data:`PAUSED`, or "" where
        unknown.
    waiting_for : str
        The agent's own word for what it waits for.
    context_fill : float or None
        Share of the context window in use; None where the window's size isn't known.
    confidence : float
        How sure it is that this spend belongs to this pane, 0 to 1.
    problem : str
        What is wrong here, for people.
    flags : tuple of str
        Which of :data:`FLAGS` it has, in their order.
    paused_by, paused_since : str
        Who paused it, and the time of day since when; "" where nobody did.
    unmetered : bool
        The agent's session worked today and tells no tokens: it spent more than is known.
    estimated_input, estimated_output : int
        Tokens of such a session by its texts, 0 where that isn't wanted; in no other figure.
    """

    pane: str
    window: str
    session: str
    cost_microdollars: int | None = None
    unpriced_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_hit_rate: float | None = None
    agent: str = ""
    model: str = ""
    state: str = ""
    waiting_for: str = ""
    context_fill: float | None = None
    confidence: float = 1.0
    problem: str = ""
    flags: tuple[str, ...] = ()
    paused_by: str = ""
    paused_since: str = ""
    unmetered: bool = False
    estimated_input: int = 0
    estimated_output: int = 0


@dataclass(frozen=True, slots=True)
class LiveWindow:
    """A window's panes taken together. ``state`` is the one that asks most for attention."""

    window: str
    cost_microdollars: int | None
    unpriced_tokens: int
    input_tokens: int
    output_tokens: int
    working: int
    waiting: int
    state: str
    flags: tuple[str, ...] = ()
    paused: int = 0
    unmetered: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """Today's figures of the whole user, and the panes of one tmux server.

    Attributes
    ----------
    cost_microdollars, outside_cost_microdollars : int or None
        Of everything, and of what ran in no tmux pane; None where nothing has a price.
    working, waiting, idle, paused : int
        Agents by state.
    without_pane : int
        Agents whose pane is gone while their work goes on.
    problem : str
        What keeps the figures from being right, for people; "" when all is well.
    demo : bool
        Whether the figures are played.
    light : LiveLight
        Whether working in parallel pays.
    flags : tuple of tuple
        Which of :data:`FLAGS` agents have, and how many of them, wherever they run.
    unmetered : int
        Sessions that worked today and tell no tokens: they spent more than is known.
    """

    cost_microdollars: int | None = None
    unpriced_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_hit_rate: float | None = None
    working: int = 0
    waiting: int = 0
    idle: int = 0
    paused: int = 0
    outside_cost_microdollars: int | None = None
    outside_unpriced_tokens: int = 0
    without_pane: int = 0
    panes: tuple[LivePane, ...] = ()
    problem: str = ""
    demo: bool = False
    light: LiveLight = LiveLight()
    flags: tuple[tuple[str, int], ...] = ()
    unmetered: int = 0


def windows(panes: Iterable[LivePane]) -> tuple[LiveWindow, ...]:
    """Return the sums of ``panes`` by window, in the order their windows first appear."""
    by_window: dict[str, list[LivePane]] = {}
    for pane in panes:
        by_window.setdefault(pane.window, []).append(pane)
    return tuple(_together(window, members) for window, members in by_window.items())


def _together(window: str, panes: list[LivePane]) -> LiveWindow:
    costs = [p.cost_microdollars for p in panes if p.cost_microdollars is not None]
    states = {p.state for p in panes}
    return LiveWindow(
        window=window,
        cost_microdollars=sum(costs) if costs else None,
        unpriced_tokens=sum(p.unpriced_tokens for p in panes),
        input_tokens=sum(p.input_tokens for p in panes),
        output_tokens=sum(p.output_tokens for p in panes),
        working=sum(p.state == WORKING for p in panes),
        waiting=sum(p.state == WAITING for p in panes),
        paused=sum(p.state == PAUSED for p in panes),
        state=next((s for s in (WAITING, WORKING, PAUSED, IDLE, GONE) if s in states), ""),
        flags=tuple(flag for flag in FLAGS if any(flag in p.flags for p in panes)),
        unmetered=any(p.unmetered for p in panes),
    )
