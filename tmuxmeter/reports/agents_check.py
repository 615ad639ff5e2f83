"""What one log of an agent was read as, so that one can see whether it is read right."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from tmuxmeter.events import (
    Compaction,
    Estimate,
    FileTouch,
    Prompt,
    RateLimit,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tmuxmeter.events import Event

Row = dict[str, Any]

KINDS: dict[type, str] = {
    Usage: "request",
    Prompt: "prompt",
    TurnEnd: "turn end",
    ToolResult: "tool result",
    FileTouch: "file",
    RateLimit: "plan window",
    Compaction: "compaction",
    SessionStart: "session",
    Estimate: "estimate",
}


EXPECTED: tuple[tuple[str, Callable[[Usage], object]], ...] = (
    ("input tokens", lambda e: e.fresh + e.cache_read + e.cache_write_5m + e.cache_write_1h),
    ("output tokens", lambda e: e.output),
    ("a model", lambda e: e.model),
)
"""What any log that is read right tells of some of its requests."""


def check_report(agent: str, path: str, events: Sequence[Event], limit: int) -> Row:
    """Return how many events of which kind a log holds, what was left out, and the newest events.

    Parameters
    ----------
    agent, path : str
        Whose log it is, and which.
    events : sequence of Event
        All that it was read as; of those told again the last one counts.
    limit : int
        How many of the newest are shown.
    """
    told = {(type(event), event.key): event for event in events if not isinstance(event, Skipped)}
    left_out: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Skipped):
            left_out[event.reason] += event.count
    requests = [event for event in told.values() if isinstance(event, Usage)]
    newest = sorted(told.values(), key=lambda event: event.time_ms)[-limit:]
    return {
        "agent": agent,
        "path": path,
        "counts": dict(Counter(KINDS[kind] for kind, _ in told).most_common()),
        "in_no_request": [
            name for name, has in EXPECTED if requests and not any(map(has, requests))
        ],
        "left_out": [{"reason": why, "records": many} for why, many in left_out.most_common()],
        "events": [{"kind": KINDS[type(event)], **_facts(event)} for event in newest],
    }


def _facts(event: Event) -> Row:
    facts: Row = asdict(event)
    del facts["key"]
    return facts
