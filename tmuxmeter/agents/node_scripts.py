"""Agents that are scripts run by Node.js or its like: where their own arguments begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNTIME = re.compile(r"(?:node|nodejs|bun|deno)(?:\.exe)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def base(word: str) -> str:
    """Return the last part of a path."""
    return word.replace("\\", "/").rpartition("/")[2]


def arguments(
    argv: Sequence[str], program: re.Pattern[str], script: re.Pattern[str]
) -> Sequence[str] | None:
    """Return what stands behind the program, None if the command line starts another one.

    Parameters
    ----------
    argv : sequence of str
        The command line.
    program : re.Pattern
        Matches the whole base name of a native build, or of a link to the script.
    script : re.Pattern
        Found in the path of the script where a runtime is told to run it.
    """
    if not argv:
        return None
    first = base(argv[0])
    if program.fullmatch(first):
        return argv[1:]
    if not _RUNTIME.fullmatch(first):
        return None
    for index, word in enumerate(argv[1:], 1):
        if not word.startswith("-"):
            path = word.replace("\\", "/")
            is_ours = bool(program.fullmatch(base(path)) or script.search(path))
            return argv[index + 1 :] if is_ours else None
    return None


def value_of(argv: Sequence[str], *flags: str) -> str:
    """Return the value of the last of these flags, "" if there is none."""
    found = ""
    for index, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        if flag in flags:
            found = value if equals else "".join(argv[index + 1 : index + 2])
    return found


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID, as most session ids are."""
    return _UUID.fullmatch(text) is not None
