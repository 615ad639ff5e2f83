"""Which folders the agents may log to: what each agent knows, and what the configuration adds."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import tmuxmeter.agents as agents_module
from tmuxmeter.agents import agent_named, use_described
from tmuxmeter.agents.base import Root
from tmuxmeter.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.agents.base import Agent
    from tmuxmeter.config import Config
    from tmuxmeter.config.entries import CustomAgent
    from tmuxmeter.paths import Places

INDEX_BYTES = 4 << 20
"""A larger file is none that lists folders."""


def agents_in_use(config: Config) -> tuple[Agent, ...]:
    """Return the agents that the configuration doesn't switch off."""
    agents = all_agents(config)
    return tuple(agent for agent in agents if agent.name not in config.agents.disabled)


def all_agents(config: Config) -> tuple[Agent, ...]:
    """Return all agents there are, those that the configuration describes last."""
    use_described(map(_described, config.agents.custom))
    return agents_module.AGENTS


def _described(entry: CustomAgent) -> Agent:
    from tmuxmeter.agents.custom import Custom, Fields

    names = [field.name for field in fields(Fields)]
    return Custom(
        entry.name,
        entry.logs,
        Fields(**{name: getattr(entry, name) for name in names}),
        entry.program,
        entry.provider,
    )


def known_roots(places: Places, config: Config) -> list[Root]:
    """Return the folders and folder patterns that agents and the configuration name.

    A relative one is left out: where it is, only a process knows that runs with such a variable.
    """
    found: list[Root] = []
    for agent in agents_in_use(config):
        extra = config.agents.roots(agent.name)
        found += agent.roots(places.home, places.agent_env)
        found += (Root(agent.name, places.expand(text)) for text in extra)
    return [root for root in found if root.path.is_absolute()]


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
