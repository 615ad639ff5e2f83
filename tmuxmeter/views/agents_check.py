"""What one log was read as, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.words import count
from tmuxmeter.views.sessions import moment
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from datetime import tzinfo

    from tmuxmeter.views.table import Parts

Row = dict[str, Any]
COLUMNS = (
    Column("time"),
    Column("session", cut=True, rank=1),
    Column("event"),
    Column("what", cut=True, fold=True),
)


def check_parts(report: Row, zone: tzinfo | None, now_ms: int) -> Parts:
    """Return how many events of which kind a log holds, and the newest of them.

    Parameters
    ----------
    report : dict
        What ``agents check --json`` prints.
    zone : tzinfo or None
        For times of day, None: the system's own.
    now_ms : int
        The time.
    """
    words = ", ".join(count(number, kind) for kind, number in report["counts"].items())
    parts: Parts = [Paragraph(f"{report['path']}: {words or 'no events'}", "bold")]
    parts += [
        Paragraph(f"left out: {count(row['records'], 'record')}: {row['reason']}", "yellow")
        for row in report["left_out"]
    ]
    if report["in_no_request"]:
        parts.append(Paragraph(f"in no request: {', '.join(report['in_no_request'])}", "yellow"))
    table = Table("", COLUMNS)
    for row in report["events"]:
        when = moment(row["time_ms"], zone, now_ms)
        table.rows.append([when, row["session"], row["kind"], _what(row)])
    return [*parts, table] if table.rows else parts


def _what(row: Row) -> str:
    kind = row["kind"]
    if kind == "request":
        writes = row["cache_write_5m"] + row["cache_write_1h"]
        cached = f"{row['cache_read']:,} cache read, {writes:,} cache write"
        return (
            f"{row['model'] or '(no model)'}: {row['fresh']:,} fresh, {cached},"
            f" {row['output']:,} output ({row['reasoning']:,} reasoning)"
        )
    if kind == "estimate":
        return f"~{row['input']:,} input, ~{row['output']:,} output; in no total"
    if kind == "prompt":
        return "human" if row["human"] else "not human"
    if kind == "turn end":
        return str(row["reason"])
    if kind == "tool result":
        return f"{row['tool'] or '(unnamed)'}: {'ok' if row['ok'] else 'failed'}"
    if kind == "file":
        return f"{'edited' if row['edit'] else 'read'} {row['path']}"
    if kind == "session":
        parent = f", {'part' if row['spawned'] else 'fork'} of {row['parent']}"
        where = row["cwd"] or "(no folder)"
        return f"{row['version'] or '(no version)'} in {where}{parent if row['parent'] else ''}"
    return ""
