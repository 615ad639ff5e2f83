"""Days as plain data: what ``today --json`` and ``days --json`` print.

A day begins at its ``day_start`` by the clock on the wall, so it has 23 or 25 hours where the
clocks change. The shape is documented in ``docs/ledger.md`` and only ever gets new keys.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from tmuxmeter.ledger.slices import Measures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from tmuxmeter.ledger.session_queries import Unmetered
    from tmuxmeter.ledger.slices import Slice, Where

DAY_MINUTES = 24 * 60


class InputTokens(TypedDict):
    """Input tokens in disjoint kinds, and their sum."""

    fresh: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    total: int


class Sums(TypedDict):
    """The measures every row has. ``cache_hit_rate`` is None where nothing was put in.

    ``cost_microdollars`` leaves out what is unpriced; ``reasoning_tokens`` are among
    ``output_tokens``.
    """

    requests: int
    input_tokens: InputTokens
    output_tokens: int
    cost_microdollars: int
    unpriced_tokens: int
    unpriced_requests: int
    reasoning_tokens: int
    web_searches: int
    cache_hit_rate: float | None


Row = dict[str, Any]
"""Naming fields, such as ``agent``, followed by the measures of :class:`Sums`."""


def local_day_bounds(day: date, zone: tzinfo | None, day_start_minutes: int = 0) -> tuple[int, int]:
    """Return when a local day begins and ends, in epoch milliseconds.

    Parameters
    ----------
    day : date
        The day by its name on the calendar.
    zone : tzinfo or None
        The time zone, None for the system's own.
    day_start_minutes : int
        When the day begins, in minutes after midnight by the clock on the wall.

    Returns
    -------
    tuple of int
        The first moment of the day and that of the next.
    """
    return (
        _day_begin(day, zone, day_start_minutes),
        _day_begin(day + timedelta(days=1), zone, day_start_minutes),
    )


def local_day_of(time_ms: int, zone: tzinfo | None, day_start_minutes: int = 0) -> date:
    """Return the local day a time belongs to; ``time_ms`` in epoch milliseconds."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(zone)
    day = moment.date()
    # before the day's start it is still the day before, whatever the clocks did in between
    if time_ms < _day_begin(day, zone, day_start_minutes):
        day -= timedelta(days=1)
    return day


def day_report(
    day: date, slices: Sequence[Slice], unmetered: Sequence[Unmetered] = ()
) -> dict[str, Any]:
    """Return one day as data."""
    return {"date": day.isoformat(), **span_report(slices, unmetered)}


def days_report(
    days: Iterable[tuple[date, Sequence[Slice], Sequence[Unmetered]]],
) -> dict[str, Any]:
    """Return several days, empty ones included, and their total as data."""
    everything: list[Slice] = []
    unmetered: dict[tuple[str, str], Unmetered] = {}
    reports = []
    for day, slices, unmetered_then in days:
        reports.append(day_report(day, slices, unmetered_then))
        everything.extend(slices)
        for row in unmetered_then:
            before = unmetered.get((row.agent, row.session))
            unmetered[row.agent, row.session] = row if before is None else _more(before, row)
    rows = [row for _, row in sorted(unmetered.items())]
    return {"days": reports, "total": span_report(everything, rows)}


def _more(before: Unmetered, row: Unmetered) -> Unmetered:
    """Return what two days say of one session."""
    return row._replace(input=before.input + row.input, output=before.output + row.output)


def span_report(slices: Sequence[Slice], unmetered: Sequence[Unmetered] = ()) -> dict[str, Any]:
    """Return any span of time as data: its sums, in all and by everything."""
    total = Measures()
    nowhere = Measures()
    for piece in slices:
        total = total.plus(piece.measures)
        if piece.where.where == "unattributed":
            nowhere = nowhere.plus(piece.measures)
    return {
        **sums(total),
        "by_agent": grouped(slices, lambda piece: {"agent": piece.agent}),
        "by_model": grouped(slices, lambda piece: {"model": piece.model}),
        "by_project": grouped(slices, lambda piece: {"project": piece.project}),
        "by_pane": grouped(slices, lambda piece: place_name(piece.where)),
        "sessions": len({(piece.agent, piece.session) for piece in slices}),
        "unattributed": sums(nowhere),
        "unmetered_sessions": [
            {
                "agent": row.agent,
                "session": row.session,
                "project": row.cwd,
                "told_before": bool(row.told_before),
                "estimated": estimated(row.input, row.output),
            }
            for row in unmetered
        ],
    }


def estimated(given: int, received: int) -> Row | None:
    """Return the tokens that texts may have been, None where nothing is known or wanted of them.

    They are in no sum: shown, they have a ``~``.
    """
    if not given and not received:
        return None
    return {"input_tokens": given, "output_tokens": received}


def grouped(slices: Iterable[Slice], name: Callable[[Slice], Row]) -> list[Row]:
    """Return a row for each name: dearest first, then by tokens, then by name."""
    names: dict[object, Row] = {}
    totals: dict[object, Measures] = {}
    for piece in slices:
        fields = name(piece)
        key = tuple(fields.values())
        names.setdefault(key, fields)
        totals[key] = totals.get(key, Measures()).plus(piece.measures)
    order = sorted(
        totals,
        key=lambda key: (
            -totals[key].cost_microdollars,
            -(totals[key].input + totals[key].output),
            str(key),
        ),
    )
    return [{**names[key], **sums(totals[key])} for key in order]


def sums(measures: Measures) -> Sums:
    """Return the measures in the documented shape."""
    return {
        "requests": measures.requests,
        "input_tokens": {
            "fresh": measures.fresh,
            "cache_read": measures.cache_read,
            "cache_write_5m": measures.cache_write_5m,
            "cache_write_1h": measures.cache_write_1h,
            "total": measures.input,
        },
        "output_tokens": measures.output,
        "cost_microdollars": measures.cost_microdollars,
        "unpriced_tokens": measures.unpriced_tokens,
        "unpriced_requests": measures.unpriced_requests,
        "reasoning_tokens": measures.reasoning,
        "web_searches": measures.web_searches,
        "cache_hit_rate": measures.cache_read / measures.input if measures.input else None,
    }


def place_name(where: Where) -> Row:
    """Return the fields that say where something was spent; a pane's own are None outside one."""
    if where.where != "pane":
        return dict.fromkeys(
            ("pane", "server", "session", "window", "window_name", "server_pid", "server_started")
        ) | {"where": where.where}
    return {
        "pane": where.pane,
        "server": where.socket,
        "session": where.session_name,
        "window": where.window_index,
        "window_name": where.window_name,
        "server_pid": where.server_pid,
        "server_started": where.server_started,
        "where": "pane",
    }


def _day_begin(day: date, zone: tzinfo | None, day_start_minutes: int) -> int:
    hour, minute = divmod(day_start_minutes % DAY_MINUTES, 60)
    begin = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return int(begin.timestamp()) * 1000
