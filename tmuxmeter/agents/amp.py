"""Amp: the threads it keeps on this machine, and how its processes look.

Sources: the vendor's documentation, and published observations of threads from 2025 and 2026. The
format is described in ``docs/formats-more.md``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.node_scripts import arguments
from tmuxmeter.agents.readers import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.agents.readers import DocumentReader

_LOG = re.compile(r"threads/(T-[^/]+)\.json")
_THREAD = re.compile(r"T-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROGRAM = re.compile(r"amp(?:\.exe)?")
_SCRIPT = re.compile(r"/@sourcegraph/amp/")
# fmt: off
_TASKS = frozenset({
    "doctor", "help", "login", "logout", "mcp", "permission", "permissions", "plugins", "review",
    "skill", "skills", "tool", "tools", "update", "usage", "version",
})
# fmt: on
_LEAVES = frozenset({"--help", "--version", "-V", "-h", "-v"})


class Amp(Defaults):
    """The Amp agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "amp"
    title = "Amp"
    provider = ""
    programs = ("amp",)
    meters = "answers of threads kept on this machine; prompts, turns, tools and files"
    lacks = (
        "newer versions keep threads on Amp's server: no file, nothing to read; sub-agents whose "
        "answers aren't in the thread; Amp bills credits: dollars are the models' list prices"
    )

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$AMP_DATA_HOME`` or ``$AMP_DATA_DIR``, else ``amp`` in the data folder."""
        told = (env.get("AMP_DATA_HOME", ""), env.get("AMP_DATA_DIR", ""))
        xdg = env.get("XDG_DATA_HOME", "")
        paths = [Path(one) for one in told if one.startswith("/")]
        if not paths:
            # on macOS the usual place counts whatever XDG_DATA_HOME says
            data = [Path(xdg)] if xdg.startswith("/") else []
            paths = [folder / "amp" for folder in (*data, home / ".local/share")]
        return tuple(Root(self.name, path) for path in dict.fromkeys(paths))

    def log_folders(self) -> tuple[str, ...]:
        """Return the folder of the threads."""
        return ("threads",)

    def walks(self, relative: str) -> bool:  # noqa: ARG002
        """Tell that nothing lies deeper."""
        return False

    def log_name(self, relative: str) -> str | None:
        """Return the path itself for threads, None for the rest."""
        return relative if _LOG.fullmatch(relative) else None

    def log_kind(self, name: str) -> str:  # noqa: ARG002
        """Tell that threads are rewritten whole."""
        return DOCUMENT

    def reader(self, name: str, state: bytes = b"") -> DocumentReader:
        """Return a reader for a thread."""
        from tmuxmeter.agents.amp_thread import AmpThread

        return AmpThread(self.session_of_log(name), state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for a conversation or ``amp -x``, ``helper`` for other uses."""
        rest = arguments(process.argv or (process.name,), _PROGRAM, _SCRIPT)
        if rest is None:
            return ""
        first = rest[0] if rest else ""
        listing = first in {"t", "thread", "threads"} and _verb(rest) not in {"c", "continue"}
        return "helper" if first in _TASKS or listing or _LEAVES.intersection(rest) else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the thread behind ``threads continue``."""
        rest = arguments(argv, _PROGRAM, _SCRIPT) or ()
        return next((word for word in rest if _THREAD.fullmatch(word)), "")

    def session_of_log(self, name: str) -> str:
        """Return the thread's id, which is the file's name."""
        found = _LOG.fullmatch(str(PurePosixPath(name)))
        return found[1] if found else ""


def _verb(rest: Sequence[str]) -> str:
    return rest[1] if len(rest) > 1 else ""
