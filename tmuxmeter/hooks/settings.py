"""Putting our hooks into the text of an agent's settings, and taking them out again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.hooks.jsonedit import Edit, Style, apply
from tmuxmeter.hooks.jsontext import JsonTextError, Node, parse
from tmuxmeter.hooks.values import HOOKS, STATUS_LINE, our_commands, same, without_ours
from tmuxmeter.hooks.wanted import COMMENTS, EVENTS, is_ours, wrapped

if TYPE_CHECKING:
    from collections.abc import Collection

    from tmuxmeter.hooks.wanted import Program

BOM: Final = "\ufeff"
ROOT: Final = "."
UNUSUAL: Final = "line 1: its layout is too unusual to be changed safely"


class SettingsError(ValueError):
    """Settings that can't be changed without a guess; they are left alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """New settings.

    ``made`` names what was not there before, so that taking our hooks out takes it out again:
    ``hooks``, ``hooks.EVENT``, ``statusLine``, or :data:`ROOT` for everything. ``status_line`` is
    the user's own status line as it stood in the text.
    """

    text: str
    made: tuple[str, ...] = ()
    status_line: str = ""


def added(text: str, agent: str, program: Program) -> Change:
    """Return settings with our hooks.

    Raises
    ------
    SettingsError
        They don't parse, or hold something else where hooks belong.
    """
    mark, text, root = _parse(text, agent)
    if root is None:
        lead: dict[str, Any] = {"version": 1} if agent == "cursor" else {}
        hooks = {event: [program.entry(agent, event)] for event in EVENTS[agent]}
        if agent == "claude":
            status = {"type": "command", "command": program.status_line("")}
            lead = {STATUS_LINE: status}
        whole = json.dumps({**lead, HOOKS: hooks}, ensure_ascii=False, indent=2)
        return Change(f"{mark}{whole}\n", (ROOT,))
    style = Style(text, root)
    edits: list[Edit] = []
    members: list[tuple[str, Any]] = []
    made: list[str] = []
    hooks_node = root.get(HOOKS)
    if hooks_node is None:
        made.append(HOOKS)
        if agent == "cursor" and root.get("version") is None:
            made.append("version")
            members.append(("version", 1))
        events = {event: [program.entry(agent, event)] for event in EVENTS[agent]}
        members.append((HOOKS, events))
    else:
        _expect(hooks_node, "object", HOOKS, text)
        fresh: list[tuple[str, Any]] = []
        for event in EVENTS[agent]:
            entry = program.entry(agent, event)
            found = hooks_node.get(event)
            if found is None:
                made.append(f"{HOOKS}.{event}")
                fresh.append((event, [entry]))
            else:
                _expect(found, "array", f"{HOOKS}.{event}", text)
                edits.append(style.add(found, [("", entry)]))
        if fresh:
            edits.append(style.add(hooks_node, fresh))
    original = ""
    if agent == "claude":
        status_node = root.get(STATUS_LINE)
        if status_node is None:
            made.append(STATUS_LINE)
            command = program.status_line("")
            members.append((STATUS_LINE, {"type": "command", "command": command}))
        elif (command_node := _command(status_node)) is not None:
            original = text[command_node.start : command_node.end]
            new = json.dumps(program.status_line(command_node.value), ensure_ascii=False)
            edits.append(Edit(command_node.start, command_node.end, new))
    if members:
        edits.append(style.add(root, members))
    result = apply(text, edits)
    return Change(mark + _checked(result, text, agent), tuple(made), original)


def removed(text: str, agent: str, made: Collection[str], status_line: str = "") -> str:
    """Return settings without our hooks; what else changed meanwhile stays as it is.

    Parameters
    ----------
    made, status_line
        As :class:`Change` told when they were added. A container that was made then and holds
        nothing any more goes too.

    Raises
    ------
    SettingsError
        They don't parse.
    """
    mark, text, root = _parse(text, agent)
    if root is None:
        return mark + text
    before = root.plain()
    whole = ROOT in made
    made = {"version", HOOKS, STATUS_LINE} if whole else set(made)
    style = Style(text, root)
    edits: list[Edit] = []
    gone_members: set[int] = set()
    hooks_node = root.get(HOOKS)
    if hooks_node is not None and hooks_node.kind == "object":
        gone_events: set[int] = set()
        for place, member in enumerate(hooks_node.members):
            ours = [n for n, item in enumerate(member.node.items) if _all_ours(item)]
            if ours and len(ours) == len(member.node.items) and _made(made, member.key):
                gone_events.add(place)
                continue
            if ours:
                edits += style.remove(member.node, ours)
            for number, item in enumerate(member.node.items):
                if number not in ours:
                    edits += _inner(style, item)
        if gone_events and len(gone_events) == len(hooks_node.members) and HOOKS in made:
            gone_members.add(_place(root, hooks_node))
        elif gone_events:
            edits += style.remove(hooks_node, gone_events)
    status_node = root.get(STATUS_LINE)
    command_node = _command(status_node) if status_node is not None else None
    if status_node is not None and command_node is not None and is_ours(command_node.value):
        own = wrapped(command_node.value)
        if own:
            edits.append(Edit(command_node.start, command_node.end, _original(own, status_line)))
        else:
            gone_members.add(_place(root, status_node))
    if hooks_node is not None and "version" in made and _place(root, hooks_node) in gone_members:
        gone_members |= {n for n, member in enumerate(root.members) if member.key == "version"}
    if gone_members:
        # a container that goes takes the edits within it along
        spans = [root.spans[place] for place in gone_members]
        edits = [e for e in edits if not any(a <= e.start and e.end <= b for a, b in spans)]
        edits += style.remove(root, gone_members)
    result = apply(text, edits)
    if whole and len(gone_members) == len(root.members):
        return ""
    try:
        unharmed = same(parse(result, comments=agent in COMMENTS).plain(), without_ours(before))
    except JsonTextError:
        unharmed = False
    if not unharmed:
        raise SettingsError(UNUSUAL)
    return mark + result


def ours_in(text: str, agent: str) -> list[str]:
    """Return the command lines of ours that settings hold; none where they don't parse."""
    try:
        _, _, root = _parse(text, agent)
    except SettingsError:
        return []
    return [] if root is None else list(our_commands(root.plain()))


def complete(text: str, agent: str, program: Program) -> bool:
    """Tell whether settings hold every hook of ours exactly as it would be added now.

    Raises
    ------
    SettingsError
        They don't parse.
    """
    _, _, root = _parse(text, agent)
    value = {} if root is None else root.plain()
    hooks = value.get(HOOKS)
    if not isinstance(hooks, dict):
        return False
    expected: list[str] = []
    for event in EVENTS[agent]:
        entry = program.entry(agent, event)
        items = hooks.get(event)
        if not isinstance(items, list) or entry not in items:
            return False
        expected += our_commands(entry)
    status = value.get(STATUS_LINE)
    if agent == "claude" and isinstance(status, dict) and status.get("type") == "command":
        command = str(status.get("command"))
        if command != program.status_line(wrapped(command)):
            return False
        expected.append(command)
    return sorted(expected) == sorted(our_commands(value))


def _parse(text: str, agent: str) -> tuple[str, str, Node | None]:
    """Return the byte order mark, the rest, and its root; None where there is only space."""
    mark = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    if not text.strip():
        return mark, text, None
    try:
        root = parse(text, comments=agent in COMMENTS)
    except JsonTextError as error:
        msg = f"line {error.line}: {error}"
        raise SettingsError(msg) from error
    if root.kind != "object":
        msg = "line 1: it holds no JSON object"
        raise SettingsError(msg)
    return mark, text, root


def _expect(node: Node, kind: str, name: str, text: str) -> None:
    if node.kind != kind:
        line = text.count("\n", 0, node.start) + 1
        msg = f"line {line}: {name} is no {'list' if kind == 'array' else 'object'}"
        raise SettingsError(msg)


def _command(node: Node) -> Node | None:
    """Return the command of a status line, None where it has a shape we don't know."""
    kind, command = node.get("type"), node.get("command")
    if kind is None or kind.value != "command" or command is None or command.kind != "string":
        return None
    return command


def _made(made: Collection[str], event: str) -> bool:
    return HOOKS in made or f"{HOOKS}.{event}" in made


def _place(root: Node, node: Node) -> int:
    return next(n for n, member in enumerate(root.members) if member.node is node)


def _all_ours(item: Node) -> bool:
    """Tell whether a list's item runs nothing but our hook."""
    command = item.get("command")
    if command is not None:
        return is_ours(command.value)
    handlers = item.get(HOOKS)
    return (
        handlers is not None
        and bool(handlers.items)
        and all((found := one.get("command")) and is_ours(found.value) for one in handlers.items)
    )


def _inner(style: Style, item: Node) -> list[Edit]:
    """Return the edits for a group in which somebody put our hook beside another."""
    handlers = item.get(HOOKS)
    if handlers is None:
        return []
    ours = [
        n
        for n, one in enumerate(handlers.items)
        if (found := one.get("command")) and is_ours(found.value)
    ]
    return style.remove(handlers, ours) if ours else []


def _original(own: str, raw: str) -> str:
    """Return the user's own status line as it stood in the text, if that says the same."""
    try:
        if raw and json.loads(raw) == own:
            return raw
    except ValueError:
        pass
    return json.dumps(own, ensure_ascii=False)


def _checked(result: str, text: str, agent: str) -> str:
    """Return the result of an edit, once it is sure that it holds what it should.

    Raises
    ------
    SettingsError
        It doesn't.
    """
    comments = agent in COMMENTS
    try:
        found = parse(result, comments=comments).plain()
    except JsonTextError as error:
        raise SettingsError(UNUSUAL) from error
    if not same(without_ours(found), parse(text, comments=comments).plain()):
        raise SettingsError(UNUSUAL)
    return result
