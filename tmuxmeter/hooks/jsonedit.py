"""Changing spans of a JSON text in the style the text has: its line ends, indentation, spaces."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tmuxmeter.hooks.jsontext import Node


@dataclass(frozen=True, slots=True)
class Edit:
    """``text[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return the text with all edits made. They must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


class Style:
    """How a JSON text is laid out."""

    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        inside = text[root.start : root.end]
        self.lines = "\n" in inside or not root.spans
        self.unit = self._unit(root)
        # `{"a":1}` and `{"a": 1}` are both common in one line
        self.spaced = not re.search(r'":[^\s]', inside) or bool(re.search(r'": ', inside))

    def add(self, container: Node, values: Sequence[tuple[str, Any]]) -> Edit:
        """Return the edit that adds members (or, with keys "", items) behind the others."""
        spans = container.spans
        outer = self._line_indent(container.start)
        new = outer + self.unit if self.lines else None
        inner = self._indent_of(spans[0][0]) if spans else new
        beside = ", " if self.spaced else ","
        joint = beside if inner is None else f",{self.newline}{inner}"
        is_object = container.kind == "object"
        written = joint.join(self._write(key, value, inner, is_object) for key, value in values)
        if spans:
            return self._beside(container, written, joint)
        lead = "" if inner is None else self.newline + inner
        if self.text[container.start + 1 : container.end - 1].strip():  # a comment
            return Edit(container.start + 1, container.start + 1, lead + written)
        tail = "" if inner is None else self.newline + outer
        return Edit(container.start + 1, container.end - 1, lead + written + tail)

    def remove(self, container: Node, gone: Collection[int]) -> list[Edit]:
        """Return the edits that take members or items out, by their place in the container."""
        spans = container.spans
        if len(gone) == len(spans):
            inside = container.start + 1, container.end - 1
            first, last = spans[0][0], spans[-1][1]
            comments = self._comments(inside[0], first) + self._comments(last, inside[1])
            return [Edit(*inside, comments)]
        edits = []
        kept_before = False
        for place, (start, end) in enumerate(spans):
            if place not in gone:
                kept_before = True
            elif kept_before:
                before = spans[place - 1][1]
                edits.append(Edit(before, end, self._comments(before, start)))
            else:
                edits.append(Edit(start, spans[place + 1][0], ""))
        return edits

    def _beside(self, container: Node, written: str, joint: str) -> Edit:
        """Return the edit that adds behind the last one, or before the first.

        A comment behind the last one would end up behind the new ones.
        """
        first, last = container.spans[0][0], container.spans[-1][1]
        if "/" in self.text[last : container.end - 1]:
            return Edit(first, first, written + joint)
        return Edit(last, last, joint + written)

    def _comments(self, start: int, end: int) -> str:
        """Return what must stay of the text between two values: nothing but comments."""
        gap = self.text[start:end]
        return gap.replace(",", "", 1) if "/" in gap else ""

    def _write(self, key: str, value: Any, indent: str | None, is_object: bool) -> str:
        if indent is None:
            separators = (", ", ": ") if self.spaced else (",", ":")
            text = json.dumps(value, ensure_ascii=False, separators=separators)
            colon = separators[1]
        else:
            text = json.dumps(value, ensure_ascii=False, indent=self.unit)
            text = text.replace("\n", self.newline + indent)
            colon = ": "
        return f"{json.dumps(key, ensure_ascii=False)}{colon}{text}" if is_object else text

    def _unit(self, root: Node) -> str:
        """Return one step of indentation, as the first nested value shows it."""
        for node in (root, *(member.node for member in root.members)):
            if node.spans and (inner := self._indent_of(node.spans[0][0])) is not None:
                outer = self._line_indent(node.start)
                if inner.startswith(outer) and inner != outer:
                    return inner[len(outer) :]
        return "  "

    def _indent_of(self, at: int) -> str | None:
        """Return the indentation of what begins a line, None for what stands within one."""
        start = self.text.rfind("\n", 0, at) + 1
        before = self.text[start:at]
        return None if not start or before.strip(" \t") else before

    def _line_indent(self, at: int) -> str:
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(" \t"))]
