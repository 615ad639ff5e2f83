"""Which file of which agent takes our hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tmuxmeter.agents import agent_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tmuxmeter.agents.base import Root

AGENTS: Final = ("claude", "codex", "gemini", "cursor", "opencode")
TITLES: Final = {
    "claude": "Claude Code",
    "codex": "Codex",
    "gemini": "Gemini CLI",
    "cursor": "Cursor",
    "opencode": "OpenCode",
}
_FILES = {
    "claude": "settings.json",
    "codex": "hooks.json",
    "gemini": "settings.json",
    "cursor": "hooks.json",
    "opencode": "plugins/tmuxmeter.js",
}


APART: Final = frozenset({"cursor", "opencode"})
"""Agents that keep their settings in another folder than their logs."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file of settings, whether or not it exists; ``root`` is the folder of the account."""

    agent: str
    root: Path

    @property
    def file(self) -> Path:
        """The file that takes the hooks."""
        return settings_file(self.agent, self.root)


def settings_file(agent: str, root: Path) -> Path:
    """Return the file below an account's folder that takes an agent's hooks."""
    return root / _FILES[agent]


def targets(home: Path, env: Mapping[str, str], roots: Iterable[Root]) -> list[Target]:
    """Return every account of every agent there is: those whose folder exists.

    Parameters
    ----------
    home : Path
        The user's home.
    env : Mapping[str, str]
        May hold ``GEMINI_CLI_HOME`` and ``XDG_CONFIG_HOME``.
    roots : iterable of Root
        The folders the agents log to, patterns expanded.
    """
    with_logs = set(_FILES) - APART
    found = [Target(root.agent, root.path) for root in roots if root.agent in with_logs]
    found += [
        Target(name, agent_named(name).settings_folder(home, env)) for name in ("gemini", *APART)
    ]
    return sorted(
        (target for target in dict.fromkeys(found) if target.root.is_dir()),
        key=lambda target: AGENTS.index(target.agent),
    )
