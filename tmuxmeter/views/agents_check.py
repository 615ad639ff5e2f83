"""What one log was read as, for people who want to see whether it is read right."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tmuxmeter.events import (
    Compaction,
    Estimate,
    Event,
    FileTouch,
    Prompt,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.reports.words import count
from tmuxmeter.views.sessions import moment
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

COLUMNS = (Column("time"), Column("session", cut=True), Column("event"), Column("what", cut=True))
KINDS = {
    Usage: "request",
    Prompt: "prompt",
    TurnEnd: "turn end",
    ToolResult: "tool result",
    FileTouch: "file",
    Compaction: "compaction",
    SessionStart: "session",
    Estimate: "estimate",
}


def check_parts(
    path: str, events: Sequence[Event], zone: tzinfo | None, now_ms: int, limit: int
) -> list[Table | Paragraph]:
    """Return how many events of which kind a log holds, and the newest of them."""
    skipped = [event for event in events if isinstance(event, Skipped)]
    told = {(type(event), event.key): event for event in events if not isinstance(event, Skipped)}
    counts = Counter(KINDS.get(kind, kind.__name__) for kind, _ in told)
    words = ", ".join(count(number, kind) for kind, number in counts.most_common())
    parts: list[Table | Paragraph] = [Paragraph(f"{path}: {words or 'no events'}", "bold")]
    reasons: Counter[str] = Counter()
    for record in skipped:
        reasons[record.reason] += record.count
    parts += [
        Paragraph(f"left out: {count(number, 'record')}: {reason}", "yellow")
        for reason, number in reasons.most_common()
    ]
    table = Table("", COLUMNS)
    newest = sorted(told.values(), key=lambda event: event.time_ms)[-limit:]
    for event in newest:
        kind = KINDS.get(type(event), type(event).__name__)
        when = moment(event.time_ms, zone, now_ms)
        table.rows.append([when, event.session, kind, _what(event)])
    return [*parts, table] if table.rows else parts


def _what(event: Event) -> str:
    if isinstance(event, Usage):
        writes = event.cache_write_5m + event.cache_write_1h
        cached = f"{event.cache_read:,} cache read, {writes:,} cache write"
        return (
            f"{event.model or '(no model)'}: {event.fresh:,} fresh, {cached},"
            f" {event.output:,} output ({event.reasoning:,} reasoning)"
        )
    if isinstance(event, Estimate):
        return f"~{event.input:,} input, ~{event.output:,} output; in no total"
    if isinstance(event, Prompt):
        return "human" if event.human else "not human"
    if isinstance(event, TurnEnd):
        return event.reason
    if isinstance(event, ToolResult):
        return f"{event.tool or '(unnamed)'}: {'ok' if event.ok else 'failed'}"
    if isinstance(event, FileTouch):
        return f"{'edited' if event.edit else 'read'} {event.path}"
    if isinstance(event, SessionStart):
        parent = (
            f", {'part' if event.spawned else 'fork'} of {event.parent}" if event.parent else ""
        )
        return f"{event.version or '(no version)'} in {event.cwd or '(no folder)'}{parent}"
    return ""
