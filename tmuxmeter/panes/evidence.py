"""What is known about which session an agent's process runs, and how far each trace is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tmuxmeter.agents.base import LiveSession, Process
    from tmuxmeter.panes.runs import Run

HOOK = 0.995
"""The agent's own hook, run by this very process, named the session when it began, went on with it
or was cleared: told at every such moment, where a live file is only said to be rewritten."""
LIVE_FILE = 0.99
"""The agent itself names the session of this process, and the process's start mark agrees (matched
14 of 14 in the wild). Not 1: builds are reported that keep the old name after ``/clear``."""
LIVE_FILE_UNCHECKED = 0.9
"""The same without a start mark to compare (older builds, systems without one)."""
LIVE_FILE_DOUBTED = 0.5
"""The same, but a newer session of the folder goes on while the named one is silent, and more than
one process could be running it."""
NEWER_SESSION = 0.7
"""The only newer session of the folder, under a live file that still names the one before."""
OPEN_LOG = 0.95
"""The process has exactly one session's log open for writing."""
OPEN_LOGS = 0.8
"""The newest of several open logs: an agent may keep the log of the session before open a while."""
ARGV = 0.85
"""The command line names the session; a switch inside the program leaves it behind."""
OWN_LOG = 0.9
"""The agent's own log shows this process at the other end when the session began. The log is the
agent's internal matter: its form may change."""
OWN_START = 0.85
"""The only session begun right after this program's start, and the only program it can belong to
(Codex creates its thread 0.3 to 18 s after its terminal program starts)."""
SHARED_START = 0.7
"""As before, but somebody else in the folder could have begun it as a later session of theirs."""
SWITCHED = 0.6
"""A session begun later in a folder where only this program could have begun it."""
ELIMINATED = 0.55
"""As before, because every other program there went on with the session it had."""
SAME_FOLDER = 0.5
"""The only session prompted in the folder since the program started, and the only program there
without better evidence."""

START_SLACK_MS = 1_500
"""Clocks of agent and kernel may differ, and older marks are whole seconds."""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the ledger knows of a session that was active lately. Times are epoch ms, 0: never.

    ``account`` is the log folder it is under. ``last_prompt_ms`` is the last prompt by a human.
    ``bound_pid``, ``bound_start`` and ``bound_until_ms`` tell its latest binding: to which process,
    and until when (0 while open, or never bound). ``blur_ms`` is how much later than
    ``started_ms`` it may have begun, where the agent tells whole seconds.
    """

    agent: str
    key: str
    account: str = ""
    cwd: str = ""
    parent: str = ""
    spawned: bool = False
    started_ms: int = 0
    last_ms: int = 0
    last_prompt_ms: int = 0
    last_turn_end_ms: int = 0
    asked: bool = False
    bound_pid: int = 0
    bound_start: str = ""
    bound_until_ms: int = 0
    blur_ms: int = 0


@dataclass(frozen=True, slots=True)
class Live:
    """A live file as found: which agent and account wrote it, and what it says."""

    agent: str
    account: str
    session: LiveSession


@dataclass(frozen=True, slots=True)
class Bound:
    """What a run was bound to before."""

    session: str
    evidence: str
    confidence: float
    start_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A session runs (or ran, until ``until_ms``) in a run's process.

    ``since_ms`` is the earliest time this can be true: when the process or the session began.
    ``current`` is False for sessions the process has left for another, and for those that it still
    has open behind another.
    """

    agent: str
    session: str
    run: Run
    evidence: str
    confidence: float
    since_ms: int
    until_ms: int = 0
    current: bool = True


def trust(live: LiveSession, process: Process) -> float:
    """Return how far a live file is believed about a running process, 0 if not at all.

    The file of a program that crashed stays, and its pid is used again: so the start mark must
    agree, or else the file must be from after the process began.
    """
    if live.pid != process.pid or not live.session:
        return 0.0
    if live.start_token and process.start_token:
        return LIVE_FILE if live.start_token == process.start_token else 0.0
    written = max(live.started_ms, live.updated_ms)
    return LIVE_FILE_UNCHECKED if written >= process.started_ms - START_SLACK_MS else 0.0
