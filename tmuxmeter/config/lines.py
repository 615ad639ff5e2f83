"""On which line of a TOML text a key stands; the standard library's parser doesn't tell."""

from __future__ import annotations

import re
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_PART = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_KEY})[ \t]*=")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line number of every table and key; items of arrays of tables have an index.

    A line of a multi-line string that looks like a key can only add an entry that nobody asks
    for, or be hidden by a real one before it.
    """
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _inside(_parts(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                found.setdefault(table, number)
                table = (*table, counts[table] - 1)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            path = (*table, *_parts(assignment[1]))
            for end in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:end], number)
    return found


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a key, or of the nearest thing around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _inside(path: KeyPath, counts: dict[KeyPath, int]) -> KeyPath:
    """Return the path with the index of the last item after each array of tables but the last."""
    real: KeyPath = ()
    for part in path[:-1]:
        real = (*real, part)
        if real in counts:
            real = (*real, counts[real] - 1)
    return (*real, path[-1])


def _parts(key: str) -> KeyPath:
    return tuple(
        part[1:-1].replace('\\"', '"').replace("\\\\", "\\") if part[0] in "\"'" else part
        for part in re.findall(_PART, key)
    )
