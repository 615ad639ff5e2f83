"""Which folders the agents may log to: what each agent knows, and what the configuration adds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.agents import AGENTS, agent_named
from tmuxmeter.agents.base import Root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.config import Config
    from tmuxmeter.paths import Places


def agents_in_use(config: Config) -> tuple[Agent, ...]:
    """Return the agents that the configuration doesn't switch off."""
    return tuple(agent for agent in AGENTS if agent.name not in config.agents.disabled)


def known_roots(places: Places, config: Config) -> list[Root]:
    """Return the folders and folder patterns that agents and the configuration name."""
    found: list[Root] = []
    for agent in agents_in_use(config):
        extra = getattr(config.agents, agent.name).roots
        found += agent.roots(places.home, places.agent_env)
        found += (Root(agent.name, places.expand(text)) for text in extra)
    return found


def agent_roots(places: Places, config: Config) -> list[tuple[Agent, Root]]:
    """Return every agent with every folder it may log to, existing or not, each folder once."""
    found: dict[tuple[str, str], tuple[Agent, Root]] = {}
    for known in known_roots(places, config):
        for root in _existing(known):
            found.setdefault((root.agent, str(root.path)), (agent_named(root.agent), root))
    return list(found.values())


def _existing(root: Root) -> Iterator[Root]:
    """Yield a root, or the folders there are for one that is a pattern."""
    if not root.needs:
        yield root
        return
    for path in sorted(root.path.parent.glob(root.path.name)):
        if all((path / name).is_dir() for name in root.needs):
            yield replace(root, path=path, needs=())


def any_logs(places: Places, config: Config) -> bool:
    """Tell whether any agent has logged anything at all."""
    from tmuxmeter.logs.discover import discover

    catalog = discover(agent_roots(places, config), now_ns=0)
    return next(catalog.entries(), None) is not None
