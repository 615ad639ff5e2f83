"""The agents tmuxmeter can read, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.claude import Claude
from tmuxmeter.agents.codex import Codex

if TYPE_CHECKING:
    from tmuxmeter.agents.base import Agent

AGENTS: tuple[Agent, ...] = (Claude(), Codex())


def agent_named(name: str) -> Agent:
    """Return the registered agent of this name.

    Raises
    ------
    KeyError
        If no agent has that name.
    """
    for agent in AGENTS:
        if agent.name == name:
            return agent
    raise KeyError(name)
