"""Aider: its analytics log, and how its processes look.

Aider tells no tokens that could be booked. What it prints and writes to a repository's
``.aider.chat.history.md`` is rounded ("12k sent"). The analytics log has whole numbers, but where
an answer is streamed, which is usual, they are its own tokenizer's estimate, without a mark that
tells them from the API's; cached input is never told. So its sessions are unmetered; who wants
Aider's own figures even so describes the log as an agent of their own (``docs/formats-more.md``).

Sources: the program's source, version 0.86.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.agents.readers import Reader

_LOG = re.compile(r"[^/]*(?:aider|analytics)[^/]*\.jsonl")
_PYTHON = re.compile(r"python[\d.]*(?:\.exe)?")
_LEAVES = frozenset(
    {"--exit", "--help", "--list-models", "--models", "--upgrade", "--version", "-h"}
)


class Aider(Defaults):
    """The Aider agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "aider"
    title = "Aider"
    provider = ""
    programs = ("aider",)
    meters = "turns and time, where it writes an analytics log"
    lacks = (
        "prompts, tools, files, and the folder, so no pane is known; runs without --analytics-log "
        "leave nothing to read but rounded figures; of two runs at once into one log, turns go to "
        "the one begun last"
    )
    unmetered = (
        "its tokens are its own estimate where answers are streamed, and rounded in its history"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return the folder of ``$AIDER_ANALYTICS_LOG``, and ``~/.aider``."""
        told = env.get("AIDER_ANALYTICS_LOG", "")
        paths = [Path(told).parent] if told.startswith("/") else []
        return tuple(Root(self.name, path) for path in dict.fromkeys([*paths, home / ".aider"]))

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself."""
        return ("",)

    def walks(self, relative: str) -> bool:  # noqa: ARG002
        """Tell that nothing lies deeper."""
        return False

    def log_name(self, relative: str) -> str | None:
        """Return the name of an analytics log: it has ``analytics`` or ``aider`` in it."""
        return relative if _LOG.fullmatch(relative) else None

    def reader(self, name: str, state: bytes = b"") -> Reader:
        """Return a reader for an analytics log."""
        from tmuxmeter.agents.aider_events import AiderEvents

        return AiderEvents(name, state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation; Aider is a Python program."""
        rest = _own(process.argv or (process.name,))
        if rest is None:
            return ""
        return "helper" if _LEAVES.intersection(rest) else "agent"


def _own(argv: Sequence[str]) -> Sequence[str] | None:
    """Return Aider's own arguments, None for another program."""
    words = argv
    if words and _PYTHON.fullmatch(base(words[0])):
        words = words[1:]
        if words[:1] == ("-m",):
            words = words[1:]
    if words and base(words[0]).removesuffix(".exe") == "aider":
        return words[1:]
    return None
