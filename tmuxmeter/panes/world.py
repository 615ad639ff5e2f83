"""What :mod:`~tmuxmeter.panes.resolve` goes by, and how it writes down what it concludes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tmuxmeter.panes.evidence import Bound, Claim, Live, SessionFacts
from tmuxmeter.panes.facts import Sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tmuxmeter.agents.base import Began
    from tmuxmeter.panes.hooked import Hooked
    from tmuxmeter.panes.runs import Run

RunKey = tuple[int, str]
SessionKey = tuple[str, str]
"""Agent and session."""


@dataclass(frozen=True)
class World:
    """Everything :func:`~tmuxmeter.panes.resolve.resolve` goes by.

    Attributes
    ----------
    runs : sequence of Run
        Agents at work, and those that ended a short while ago.
    sessions : Sessions
        Sessions that were active lately.
    live : sequence of Live
        What agents say about their processes, unchecked.
    open_logs : mapping
        Sessions whose logs a process has open, by pid.
    previous : mapping
        What each run still at work is bound to.
    self_reporting : collection of str
        Agents that say which session their processes run, and so need no guess about starts.
    watched_since_ms : int
        Since when no agent can have come and gone unseen.
    began : mapping
        What agents' own logs tell of who began what, by agent.
    hooked : mapping
        What runs' own hooks have told.
    """

    runs: Sequence[Run]
    sessions: Sessions = field(default_factory=Sessions)
    live: Sequence[Live] = ()
    open_logs: Mapping[int, Sequence[str]] = field(default_factory=dict)
    previous: Mapping[RunKey, Sequence[Bound]] = field(default_factory=dict)
    self_reporting: Collection[str] = ()
    watched_since_ms: int = 0
    began: Mapping[str, Sequence[Began]] = field(default_factory=dict)
    hooked: Mapping[RunKey, Hooked] = field(default_factory=dict)


def kind_of(evidence: str) -> str:
    """Return the evidence without where the process was found."""
    return evidence.split(",", 1)[0]


def make_claim(
    run: Run, session: str, evidence: str, confidence: float, since_ms: int = 0
) -> Claim:
    """Return a claim that a run has a session, no more believed than where the run is."""
    if run.location.how:
        evidence = f"{evidence}, {run.location.how}"
    confidence = min(confidence, run.location.confidence)
    since = max(run.started_ms, since_ms)
    return Claim(run.agent, session, run, evidence, confidence, since, until_ms=run.ended_ms)


def unbound_for(facts: SessionFacts, run: Run) -> bool:
    """Tell whether a session never ran in another process than this run's."""
    return not facts.bound_pid or (facts.bound_pid, facts.bound_start) == run.key
