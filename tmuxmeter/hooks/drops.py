"""Reading a drop: the small file in which a hook leaves what the agent told it.

Lines of ``name value``, an empty line, then the agent's own JSON, as ``shell/hook.sh`` and the
OpenCode plugin write them. Nothing in a drop is believed further than its type.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.agents.session_names import session_name
from tmuxmeter.hooks.facts import (
    END,
    EXPIRED,
    HELD,
    KILLED,
    REFUSED,
    RELEASED,
    START,
    UNUSABLE,
    WATCHER_GONE,
    CostReport,
    HoldReport,
    Mark,
    Origin,
    PlanWindow,
    Report,
    SessionReport,
    TokensReport,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_LINE: Final = "tmuxmeter-hook 1"
HOLD_EVENT: Final = "Hold"
_MOST_PIDS = 32
_SESSION_EVENTS = {
    "SessionStart": START,
    "sessionStart": START,
    "SessionEnd": END,
    "sessionEnd": END,
}
_HOLD_EVENTS = frozenset({EXPIRED, HELD, KILLED, REFUSED, RELEASED, UNUSABLE, WATCHER_GONE})
_WINDOWS = {"five_hour": 300, "seven_day": 10_080}


def parse(content: bytes, time_ms: int) -> Report | None:
    """Return what a drop tells, None where it is another program's or says nothing of use.

    Cursor runs the hooks of Claude Code's settings as well; what it says there is left out, as it
    says the same through its own hooks.

    Parameters
    ----------
    content : bytes
        The file.
    time_ms : int
        When it was written, epoch milliseconds.

    Raises
    ------
    ValueError
        It is no drop.
    """
    head, _, body = content.decode("utf-8").partition("\n\n")
    first, *lines = head.split("\n")
    if first != FIRST_LINE:
        msg = "it doesn't begin as a drop does"
        raise ValueError(msg)
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        told.setdefault(name, value)
    try:
        value = json.loads(body.removeprefix("\ufeff"))
    except RecursionError as error:
        msg = "it is nested too deeply"
        raise ValueError(msg) from error
    if not isinstance(value, dict):
        msg = "it holds no JSON object"
        raise ValueError(msg)  # noqa: TRY004 - a drop's content is data, not an argument
    agent, event = told.get("agent", ""), told.get("event", "")
    if not agent or not event:
        msg = "it doesn't say whose it is"
        raise ValueError(msg)
    if agent == "claude" and "cursor_version" in value:
        return None
    origin = Origin(
        _marks(told.get("pids", "")), told.get("tmux", ""), told.get("pane", ""), time_ms
    )
    if event in _SESSION_EVENTS:
        return _session(agent, _SESSION_EVENTS[event], value, origin)
    if event == "statusLine":
        return _cost(agent, value, origin)
    if event == "stop":
        return _tokens(agent, value, origin)
    if event == HOLD_EVENT:
        return _hold(agent, value, origin)
    msg = f"it reports {event!r}"
    raise ValueError(msg)


def _marks(text: str) -> tuple[Mark, ...]:
    """Return the processes of ``pid:start pid:start``; what is no number ends the chain."""
    marks = []
    for word in text.split()[:_MOST_PIDS]:
        pid, _, start = word.partition(":")
        if not (pid.isascii() and pid.isdigit() and len(pid) < 10):
            break
        marks.append(Mark(int(pid), start if start.isascii() and start.isdigit() else ""))
    return tuple(marks)


def _session(
    agent: str, event: str, value: Mapping[str, Any], origin: Origin
) -> SessionReport | None:
    session = _session_id(agent, value)
    if not session:
        return None
    return SessionReport(
        agent=agent,
        session=session,
        event=event,
        source=_text(value, "source") or _text(value, "reason") or _text(value, "trigger"),
        cwd=_text(value, "cwd") or _first_text(value.get("workspace_roots")),
        transcript=_text(value, "transcript_path"),
        model=_text(value, "model"),
        origin=origin,
    )


def _cost(agent: str, value: Mapping[str, Any], origin: Origin) -> CostReport | None:
    session = _session_id(agent, value)
    if not session:
        return None
    dollars = _number(_object(value, "cost"), "total_cost_usd")
    limits = _object(value, "rate_limits")
    windows = []
    for name, minutes in _WINDOWS.items():
        window = _object(limits, name)
        used = _number(window, "used_percentage")
        if used is not None:
            resets = _number(window, "resets_at") or 0
            windows.append(PlanWindow(minutes, used / 100, round(resets * 1000)))
    return CostReport(
        agent=agent,
        session=session,
        total_cost_microdollars=None if dollars is None else round(dollars * 1_000_000),
        model=_text(_object(value, "model"), "id"),
        version=_text(value, "version"),
        windows=tuple(windows),
        cwd=_text(value, "cwd"),
        transcript=_text(value, "transcript_path"),
        origin=origin,
    )


def _tokens(agent: str, value: Mapping[str, Any], origin: Origin) -> TokensReport | None:
    """Return a turn's tokens.

    Cursor 3.10.17 was seen to count the cache inside its input (input 1 947 096 = cache read
    1 506 478 + cache write 440 604 + 14). An input smaller than its cache can't be counted so.
    """
    session = _session_id(agent, value)
    counts = [
        _number(value, f"{name}_tokens")
        for name in ("input", "output", "cache_read", "cache_write")
    ]
    if not session or counts[0] is None or counts[1] is None:
        return None
    given, output, read, write = (int(count or 0) for count in counts)
    inclusive = given >= read + write
    return TokensReport(
        agent=agent,
        session=session,
        turn=_text(value, "generation_id"),
        model=_text(value, "model_id") or _text(value, "model"),
        status=_text(value, "status"),
        fresh=given - read - write if inclusive else given,
        cache_read=read,
        cache_write=write,
        output=output,
        inclusive=inclusive,
        transcript=_text(value, "transcript_path"),
        origin=origin,
    )


def _hold(agent: str, value: Mapping[str, Any], origin: Origin) -> HoldReport:
    event = _text(value, "hold")
    if event not in _HOLD_EVENTS:
        msg = f"it reports a hold that is {event!r}"
        raise ValueError(msg)
    return HoldReport(agent, _session_id(agent, value), event, _text(value, "text"), origin)


def _session_id(agent: str, value: Mapping[str, Any]) -> str:
    return session_name(agent, _text(value, "session_id") or _text(value, "conversation_id"))


def _object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _first_text(value: object) -> str:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _number(value: Mapping[str, Any], key: str) -> float | None:
    """Return a count or an amount; nothing a meter could book is negative or endless."""
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if 0 <= found < 1e15 else None
