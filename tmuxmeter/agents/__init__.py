"""The agents tmuxmeter can read, one module each.

Importing this package loads none of them: who only needs their names (the configuration) pays
nothing for their decoders.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.agents.base import Agent

    AGENTS: tuple[Agent, ...]


class Registered(NamedTuple):
    """An agent's registered name, and its class in the module of that name."""

    name: str
    kind: str


REGISTRY = (
    Registered("claude", "Claude"),
    Registered("codex", "Codex"),
    Registered("cursor", "Cursor"),
    Registered("opencode", "OpenCode"),
    Registered("gemini", "Gemini"),
    Registered("goose", "Goose"),
    Registered("crush", "Crush"),
    Registered("qwen", "Qwen"),
    Registered("kimi", "Kimi"),
    Registered("pi", "Pi"),
    Registered("copilot", "Copilot"),
    Registered("droid", "Droid"),
    Registered("amp", "Amp"),
    Registered("aider", "Aider"),
)
"""All agents, in the order in which they are listed. Adding one adds a line here."""

NAMES = tuple(registered.name for registered in REGISTRY)


_described: dict[str, Agent] = {}


def use_described(agents: Iterable[Agent]) -> None:
    """Let these, which a configuration describes, be among the agents of this process."""
    wanted = {agent.name: agent for agent in agents}
    if wanted != _described:
        _described.clear()
        _described.update(wanted)


def agent_named(name: str) -> Agent:
    """Return the registered agent of this name.

    Raises
    ------
    KeyError
        If no agent has that name.
    """
    return _described.get(name) or _agents()[name]


def tells_tokens(name: str) -> bool:
    """Tell whether the logs of the agent of this name tell tokens, as those of most do."""
    try:
        return not agent_named(name).unmetered
    except KeyError:  # the configuration described it once
        return True


@cache
def _agents() -> dict[str, Agent]:
    return {
        name: getattr(import_module(f"tmuxmeter.agents.{name}"), kind)() for name, kind in REGISTRY
    }


def __getattr__(name: str) -> object:
    if name == "AGENTS":
        return (*_agents().values(), *_described.values())
    raise AttributeError(name)
