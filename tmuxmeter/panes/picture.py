"""What the status line shows of panes and agents, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.ledger.activity import SILENCE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tmuxmeter.panes.evidence import SessionFacts
    from tmuxmeter.panes.locate import PaneRef
    from tmuxmeter.tmux.snapshot import Pane, ServerSnapshot


@dataclass(frozen=True, slots=True)
class PauseNow:
    """A pause in a pane: since when (epoch ms), who paused, and how, in the pause's own words.

    ``agent``, ``session`` ("" where it can't be told) and ``pid`` say whose it is. ``spent_after``
    are the tokens of requests that began after it: more than 0, it doesn't hold.
    """

    agent: str
    session: str
    pid: int
    since_ms: int
    who: str
    way: str
    seen: str = ""
    spent_after: int = 0


@dataclass(frozen=True, slots=True)
class AgentNow:
    """An agent and what it does.

    ``session`` is "" where it can't be told without a guess. ``state`` is ``working``, ``waiting``
    (for the human; ``waiting_for`` is the agent's word for what), ``idle``, ``gone``, ``paused``,
    or "" where it isn't known. ``evidence`` and ``confidence`` are those of the session.
    ``nested``: started by another agent. ``pane`` is None outside metered servers. ``pid`` 0: no
    process known.
    """

    agent: str
    session: str
    state: str
    waiting_for: str
    evidence: str
    confidence: float
    pid: int
    started_ms: int
    nested: bool
    pane: PaneRef | None


@dataclass(frozen=True, slots=True)
class PaneNow:
    """A pane, the agent that stands for it, the others in it, and what is paused there."""

    ref: PaneRef
    pane: Pane
    main: AgentNow | None
    others: tuple[AgentNow, ...] = ()
    pauses: tuple[PauseNow, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment.

    ``outside`` are agents that run outside all metered servers; ``without_pane`` are sessions whose
    turn goes on after their pane is gone: nobody sees what they spend. ``down`` are registered
    servers that don't answer, with the reason.
    """

    now_ms: int
    servers: tuple[ServerSnapshot, ...]
    down: Mapping[Path, str]
    panes: tuple[PaneNow, ...]
    outside: tuple[AgentNow, ...]
    without_pane: tuple[AgentNow, ...]


def state_from_log(facts: SessionFacts | None, now_ms: int) -> str:
    """Return what a session's log says it is doing, "" where that can't be told.

    What was logged after the last end of a turn belongs to a turn that goes on.
    """
    if facts is None:
        return ""
    if facts.last_turn_end_ms and facts.last_turn_end_ms >= max(
        facts.last_prompt_ms, facts.last_ms
    ):
        return "waiting" if facts.asked else "idle"
    if not facts.last_prompt_ms and facts.last_ms <= facts.started_ms:
        return "idle"
    return "working" if now_ms - facts.last_ms <= SILENCE_MS else ""
