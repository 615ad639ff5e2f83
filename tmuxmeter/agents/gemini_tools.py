"""Gemini CLI's tools: which file a call is about, and whether a shell command failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tmuxmeter.agents import gemini_records as records
from tmuxmeter.agents.lines import decode

if TYPE_CHECKING:
    import msgspec

EDITS = frozenset({"replace", "write_file"})
READS = frozenset({"read_file"})
SHELL = "run_shell_command"
_EXIT = re.compile(
    r"^Exit Code: (\d+)$(?:\n(?:Error|Signal|Background PIDs|Process Group PGID): [^\n]*)*"
    r"(?:\n</untrusted_context>)?\s*\Z",
    re.MULTILINE,
)
"""How the shell tool ends what it says of a command that failed; its output stands before."""


def path_in(arguments: msgspec.Raw) -> str:
    """Return the file that a call's arguments name, "" where there is none."""
    try:
        found = decode(records.ARGUMENTS, arguments) if bytes(arguments) else None
    except (ValueError, RecursionError):
        return ""
    path = (found.file_path or found.absolute_path) if found is not None else None
    return path if isinstance(path, str) else ""


def failed(result: msgspec.Raw) -> bool:
    """Tell whether a shell command failed: its call succeeded all the same."""
    try:
        parts = decode(records.RESULT, result) if bytes(result) else []
    except (ValueError, RecursionError):
        return False
    for part in parts:
        answer = part.function_response.response if part.function_response is not None else None
        output = answer.output if answer is not None else None
        if isinstance(output, str):
            code = _EXIT.search(output[-2000:])
            if code is not None and int(code[1]):
                return True
    return False
