"""Codex, OpenAI's command line agent: where its rollouts are, how it shows up as a process.

Sources: observed with Codex 0.169.0 in tmux; the vendor's source and documentation for older
versions. The format of a rollout is described in ``docs/formats-codex.md``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Defaults, Process, ProcessLog, Root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tmuxmeter.agents.readers import Reader

_FOLDERS = ("sessions", "archived_sessions")
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_LOG = re.compile(r"(rollout-[^/]+\.jsonl)(?:\.zst)?")
_THREAD_IN_NAME = re.compile(rf"({_UUID})\.jsonl$")
_THREAD = re.compile(_UUID)

_NATIVE = re.compile(r"codex(?:-(?:x86_64|aarch64|arm64)-[\w.-]+|-exec|-tui)?(?:\.exe)?")
_HELPER = re.compile(
    r"codex-(?:code-mode-host|voice-host|linux-sandbox|execve-wrapper|responses-api-proxy)(?:\.exe)?"
)
_RUNTIME = re.compile(r"(?:node|nodejs|bun|deno)(?:\.exe)?")
_SCRIPT = re.compile(r"codex(?:\.c?js)?")

# fmt: off
_WITH_VALUE = frozenset({
    "-c", "--config", "--enable", "--disable", "-m", "--model", "-p", "--profile", "-s",
    "--sandbox", "-C", "--cd", "-a", "--ask-for-approval", "-i", "--image", "--add-dir",
    "--local-provider", "--remote", "--remote-auth-token-env", "--color", "--output-schema", "-o",
    "--output-last-message", "--listen",
})
# fmt: on
"""Options of Codex that take the next word as their value."""

_SERVING = frozenset({"app-server"})
# fmt: off
_OTHER = frozenset({
    "login", "logout", "mcp", "mcp-server", "plugin", "remote-control", "completion", "update",
    "doctor", "sandbox", "debug", "apply", "a", "queue", "archive", "unarchive", "delete",
    "migrate-rollouts", "migrate-nfs-db", "cloud", "exec-server", "features", "help",
    "responses-api-proxy", "stdio-to-uds", "execpolicy", "generate-ts",
})
# fmt: on
"""Subcommands that hold no conversation of their own in the terminal."""


class Codex(Defaults):
    """The Codex agent. See :class:`tmuxmeter.agents.base.Agent`."""

    name = "codex"
    title = "Codex"
    provider = "openai"
    programs = ("codex",)
    meters = "turns in the terminal program, codex exec, sub-agents and the shared daemon"
    lacks = "thread titles are billed but never logged"

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:
        """Return ``$CODEX_HOME``, which replaces ``~/.codex``."""
        return (Root(self.name, Path(env.get("CODEX_HOME") or home / ".codex")),)

    def log_name(self, relative: str) -> str | None:
        """Return a rollout's base name, the same for its active, archived and compressed copy."""
        path = PurePosixPath(relative)
        match = _LOG.fullmatch(path.name)
        if match is None or path.parts[0] not in _FOLDERS:
            return None
        return match[1]

    def log_folders(self) -> tuple[str, ...]:
        """Return where rollouts are; the dates in their folders are local time and mean nothing."""
        return _FOLDERS

    def reader(self, name: str, state: bytes = b"") -> Reader:
        """Return a reader for a rollout."""
        from tmuxmeter.agents.codex_reader import CodexReader

        return CodexReader(self.session_of_log(name), state)

    def role(self, process: Process) -> str:
        """Return what a process is to Codex.

        The npm package starts the native program through a script that stays alive above it:
        the native program is the ``agent``, the script a ``helper``, so a pane counts one agent.
        ``codex app-server`` (started by the terminal program, shared by all panes) is ``daemon``.
        """
        native = _native_arguments(process)
        if native is None:
            return "helper" if _is_helper(process) else ""
        command = next(_words(native), "")
        if command in _SERVING:
            return "daemon"
        return "helper" if command in _OTHER else "agent"

    def session_in_argv(self, argv: Sequence[str]) -> str:
        """Return the thread of ``codex resume ID`` and ``codex exec resume ID``.

        The id behind ``fork`` is the parent's, so it is none.
        """
        words = _words(_arguments(argv))
        word = next(words, "")
        if word in {"exec", "e"}:
            word = next(words, "")
        if word != "resume":
            return ""
        thread = next(words, "")
        return thread.lower() if _THREAD.fullmatch(thread) else ""

    def cwd_in_argv(self, argv: Sequence[str]) -> str:
        """Return the folder of ``-C DIR`` or ``--cd DIR``, which becomes the thread's."""
        told = ""
        words = iter(_arguments(argv))
        for word in words:
            if word == "--":
                break
            if word in {"-C", "--cd"}:
                told = next(words, "")
            elif word.startswith("--cd="):
                told = word.removeprefix("--cd=")
            elif word.startswith("-C"):
                told = word.removeprefix("-C").removeprefix("=")
            elif word in _WITH_VALUE:
                next(words, "")
        return told

    def session_of_log(self, name: str) -> str:
        """Return the thread id at the end of a rollout's name."""
        match = _THREAD_IN_NAME.search(name)
        return match[1].lower() if match else ""

    def process_log(self) -> ProcessLog:
        """Return Codex's debug log, which shows programs and the daemon at both ends."""
        from tmuxmeter.agents.codex_processes import CodexProcessLog

        return CodexProcessLog()


def _base(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2]


def _native_arguments(process: Process) -> Sequence[str] | None:
    """Return the arguments of a native Codex program, None if the process is none."""
    if not process.argv:
        return () if process.name == "codex" else None
    return process.argv[1:] if _NATIVE.fullmatch(_base(process.argv[0])) else None


def _is_helper(process: Process) -> bool:
    if not process.argv:
        return False
    first = _base(process.argv[0])
    if _HELPER.fullmatch(first):
        return True
    return _script_at(process.argv) > 0


def _script_at(argv: Sequence[str]) -> int:
    """Return where in a runtime's command line the package's script stands, 0 if it doesn't."""
    if not argv or not _RUNTIME.fullmatch(_base(argv[0])):
        return 0
    for index, word in enumerate(argv[1:], 1):
        if not word.startswith("-"):
            return index if _SCRIPT.fullmatch(_base(word)) else 0
    return 0


def _arguments(argv: Sequence[str]) -> Sequence[str]:
    """Return the arguments behind ``codex`` or ``node codex.js``, none for other programs."""
    if argv and _NATIVE.fullmatch(_base(argv[0])):
        return argv[1:]
    script = _script_at(argv)
    return argv[script + 1 :] if script else ()


def _words(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments that are neither options nor their values."""
    value = False
    for argument in arguments:
        if value:
            value = False
        elif argument in _WITH_VALUE:
            value = True
        elif argument == "--":
            return
        elif not argument.startswith("-"):
            yield argument
