"""How much room text takes on a terminal, and how it is made to take less."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"


def printable(text: str) -> str:
    r"""Return text with everything that could steer a terminal made visible as ``\xNN``.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
        for c in text
    )


def width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, limit: int) -> str:
    """Return text without its middle where it takes more than ``limit`` terminal cells.

    The end, which tells paths and models apart, keeps more than the beginning.

    >>> cut("~/work/customers/acme/shop", 16)
    '~/work…acme/shop'
    """
    if width(text) <= limit:
        return text
    room = limit - 1
    head = _first(text, room * 2 // 5)
    tail = _first(text[::-1], room - width(head))[::-1]
    return head + ELLIPSIS + tail


def wrapped(text: str, limit: int | None, indent: int = 0) -> str:
    r"""Return text broken into lines of at most ``limit`` terminal cells, at blanks where it can.

    Lines after the first begin with ``indent`` blanks.

    >>> wrapped("one two three", 8, 2)
    'one two\n  three'
    """
    if limit is None or width(text) <= limit:
        return text
    # room for one character, which may take two cells
    limit = max(limit, indent + 2)
    lines = []
    while width(text) > limit:
        piece = _first(text, limit)
        margin = len(text) - len(text.lstrip(" "))
        at = len(piece) if text[len(piece)] == " " else piece.rfind(" ", margin + 1)
        at = at if at > margin else max(len(piece), 1)
        lines.append(text[:at].rstrip())
        text = " " * indent + text[at:].lstrip(" ")
    return "\n".join([*lines, text])


def home_path(path: str, home: str) -> str:
    """Return a path with ``~`` for the home.

    >>> home_path("/home/ann/shop", "/home/ann")
    '~/shop'
    """
    home = home.rstrip("/")
    if home and (path == home or path.startswith(f"{home}/")):
        return "~" + path[len(home) :]
    return path


def _first(text: str, limit: int) -> str:
    """Return as much of a text's beginning as fits."""
    taken = 0
    for index, character in enumerate(text):
        taken += _cells(character)
        if taken > limit:
            return text[:index]
    return text
