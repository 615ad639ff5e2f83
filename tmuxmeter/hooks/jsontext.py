"""Finding one's way in the text of a JSON file, so that it can be changed without rewriting it.

Every value is known with the span of text it takes. No maintained Python library edits JSON in
place: those for JSON with comments print the whole file anew.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

DEEPEST: Final = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENTED = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class JsonTextError(ValueError):
    """The text is no JSON. ``line`` counts from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class Node:
    """A value and the span ``text[start:end]`` it takes.

    ``members`` are an object's, in the order of the text, with where each one's key begins;
    ``items`` are an array's.
    """

    kind: str
    start: int
    end: int
    value: Any = None
    members: list[Member] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def get(self, key: str) -> Node | None:
        """Return a member's value; of a repeated key the last one, as every reader takes it."""
        found = [member for member in self.members if member.key == key]
        return found[-1].node if found else None

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where each member or item begins and ends."""
        if self.kind == "object":
            return [(member.start, member.node.end) for member in self.members]
        return [(item.start, item.end) for item in self.items]

    def plain(self) -> Any:
        """Return the value as Python has it."""
        if self.kind == "object":
            return {member.key: member.node.plain() for member in self.members}
        if self.kind == "array":
            return [item.plain() for item in self.items]
        return self.value


@dataclass(slots=True)
class Member:
    """One member of an object; ``start`` is where its key begins."""

    key: str
    start: int
    node: Node


def parse(text: str, *, comments: bool = False) -> Node:
    """Return the value that a text holds.

    Parameters
    ----------
    text : str
        Without a byte order mark.
    comments : bool
        Whether ``//`` and ``/* */`` comments are allowed.

    Raises
    ------
    JsonTextError
        It is no JSON.
    """
    return _Parser(text, _COMMENTED if comments else _SPACE).document()


class _Parser:
    def __init__(self, text: str, space: re.Pattern[str]) -> None:
        self.text = text
        self.space = space

    def document(self) -> Node:
        node = self.read(self.skip(0), 0)
        end = self.skip(node.end)
        if end < len(self.text):
            self.fail("there is more after its end", end)
        return node

    def skip(self, at: int) -> int:
        match = self.space.match(self.text, at)
        return match.end() if match else at

    def fail(self, reason: str, at: int) -> NoReturn:
        if self.text.startswith(("//", "/*"), at):
            reason = "there is a comment, which this agent's settings can't hold"
        line = self.text.count("\n", 0, at) + 1
        raise JsonTextError(reason if at < len(self.text) else "it ends too early", line)

    def read(self, at: int, depth: int) -> Node:
        if depth > DEEPEST:
            self.fail("it is nested too deeply", at)
        first = self.text[at : at + 1]
        if first == "{":
            return self.object(at, depth)
        if first == "[":
            return self.array(at, depth)
        if first == '"':
            value, end = self.string(at)
            return Node("string", at, end, value)
        match = _SCALAR.match(self.text, at)
        if match is None:
            self.fail("a value is missing or misspelt", at)
        return Node("literal", at, match.end(), json.loads(match[0]))

    def string(self, at: int) -> tuple[str, int]:
        match = _STRING.match(self.text, at)
        if match is not None:
            with contextlib.suppress(ValueError):
                return json.loads(match[0]), match.end()
        return self.fail("a text in quotes is broken", at)

    def object(self, at: int, depth: int) -> Node:
        node = Node("object", at, at)
        here = self.skip(at + 1)
        while self.text[here : here + 1] != "}" or node.members:
            if self.text[here : here + 1] != '"':
                self.fail("a key in quotes is missing", here)
            key, end = self.string(here)
            colon = self.skip(end)
            if self.text[colon : colon + 1] != ":":
                self.fail("a colon is missing", colon)
            value = self.read(self.skip(colon + 1), depth + 1)
            node.members.append(Member(key, here, value))
            here = self.skip(value.end)
            if self.text[here : here + 1] == "}":
                break
            here = self.comma(here)
        node.end = here + 1
        return node

    def array(self, at: int, depth: int) -> Node:
        node = Node("array", at, at)
        here = self.skip(at + 1)
        while self.text[here : here + 1] != "]" or node.items:
            value = self.read(here, depth + 1)
            node.items.append(value)
            here = self.skip(value.end)
            if self.text[here : here + 1] == "]":
                break
            here = self.comma(here)
        node.end = here + 1
        return node

    def comma(self, at: int) -> int:
        if self.text[at : at + 1] != ",":
            self.fail("a comma is missing", at)
        return self.skip(at + 1)
