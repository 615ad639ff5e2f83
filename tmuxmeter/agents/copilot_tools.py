"""Copilot's tools that read and edit files, told from what they are called with."""

from __future__ import annotations

from typing import Any

import msgspec

from tmuxmeter.agents.codex_tools import absolute, patched_paths

_EDITS = frozenset({"apply_patch", "create", "edit", "str_replace_editor", "write"})
_READS = frozenset({"view"})


class Call(msgspec.Struct, array_like=True, gc=False):
    """A tool call that has no result yet, and the files it is about."""

    tool: str = ""
    edit: bool = False
    paths: tuple[str, ...] = ()


class _Arguments(msgspec.Struct, gc=False):
    path: Any = None
    command: Any = None
    input: Any = None
    patch: Any = None


_arguments = msgspec.json.Decoder(_Arguments | str).decode


def call_of(tool: str, arguments: bytes, cwd: str) -> Call:
    """Return a call as far as its result needs it; ``arguments`` is JSON."""
    if tool not in _EDITS | _READS:
        return Call(tool)
    try:
        told = _arguments(arguments) if arguments else ""
    except (ValueError, RecursionError):
        return Call(tool)
    if isinstance(told, str):
        return Call(tool, tool in _EDITS, patched_paths(told, cwd))
    # older versions had one tool for both
    edits = tool in _EDITS and told.command != "view"
    if isinstance(told.path, str) and told.path:
        return Call(tool, edits, (absolute(told.path, cwd),))
    return Call(tool, edits, patched_paths(told.input, cwd) or patched_paths(told.patch, cwd))
