"""Which folders the agents may log to: what each agent knows, and what the configuration adds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.agents import AGENTS, agent_named
from tmuxmeter.agents.base import Root
from tmuxmeter.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.config import Config
    from tmuxmeter.paths import Places

INDEX_BYTES = 4 << 20
"""A larger file is none that lists folders."""


def agents_in_use(config: Config) -> tuple[Agent, ...]:
    """Return the agents that the configuration doesn't switch off."""
    return tuple(agent for agent in AGENTS if agent.name not in config.agents.disabled)


def known_roots(places: Places, config: Config) -> list[Root]:
    """Return the folders and folder patterns that agents and the configuration name."""
    found: list[Root] = []
    for agent in agents_in_use(config):
        extra = config.agents.roots(agent.name)
        found += agent.roots(places.home, places.agent_env)
        found += (Root(agent.name, places.expand(text)) for text in extra)
    return found


def agent_roots(places: Places, config: Config) -> list[tuple[Agent, Root]]:
    """Return every agent with every folder it may log to, existing or not, each folder once."""
    found: dict[tuple[str, str], tuple[Agent, Root]] = {}
    known = known_roots(places, config)
    for first in known:
        for root in _existing(first):
            agent = agent_named(root.agent)
            for one in (root, *_indexed(agent, root)):
                found.setdefault((one.agent, str(one.path)), (agent, one))
    return list(found.values())


def _indexed(agent: Agent, root: Root) -> tuple[Root, ...]:
    """Return the roots that a root's index tells, none where there is none or it can't be read."""
    if not root.index:
        return ()
    from tmuxmeter.logs.source import read_small

    try:
        content = read_small(str(root.path / root.index), INDEX_BYTES)
    except LogError:
        return ()
    return agent.indexed(content) if content else ()


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
