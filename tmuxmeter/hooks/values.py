"""Settings as plain values: what in them is ours, and what is left without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.hooks.wanted import is_ours, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOKS: Final = "hooks"
STATUS_LINE: Final = "statusLine"


def our_commands(value: Any) -> Iterator[str]:
    """Yield the command lines of ours anywhere in settings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "command" and is_ours(inner):
                yield inner
            else:
                yield from our_commands(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from our_commands(inner)


def without_ours(value: Any) -> Any:
    """Return settings without anything of ours and without what holds nothing then."""
    settings = dict(value)
    hooks = settings.get(HOOKS)
    if isinstance(hooks, dict):
        settings[HOOKS] = {event: _rest(items) for event, items in hooks.items()}
    status = settings.get(STATUS_LINE)
    if isinstance(status, dict) and is_ours(status.get("command")):
        own = wrapped(status["command"])
        settings[STATUS_LINE] = {**status, "command": own} if own else {}
    return settings


def _rest(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    kept = []
    for item in items:
        if not isinstance(item, dict):
            kept.append(item)
        elif isinstance(item.get(HOOKS), list):
            handlers = [
                one
                for one in item[HOOKS]
                if not (isinstance(one, dict) and is_ours(one.get("command")))
            ]
            if handlers or not item[HOOKS]:
                kept.append({**item, HOOKS: handlers})
        elif not is_ours(item.get("command")):
            kept.append(item)
    return kept


def _pruned(value: Any) -> Any:
    """Return settings without what means the same as nothing: empty hooks, the first version."""
    settings = {k: v for k, v in value.items() if not (k == STATUS_LINE and v == {})}
    hooks = settings.pop(HOOKS, {})
    if isinstance(hooks, dict):
        hooks = {event: items for event, items in hooks.items() if items != []}
    if hooks:
        settings[HOOKS] = hooks
    if settings.get("version") == 1:
        del settings["version"]  # Cursor's, which we add where it is missing
    return settings


def same(one: Any, other: Any) -> bool:
    """Tell whether two settings mean the same, so that an edit changed nothing but ours."""
    return bool(_pruned(one) == _pruned(other))
