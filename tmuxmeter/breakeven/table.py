"""Hours from a table: ``calibrate --from FILE.csv``."""

from __future__ import annotations

import csv
import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tmuxmeter.breakeven.day import price_equivalent
from tmuxmeter.breakeven.hours import Hour
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = (
    "hour",
    "agents_working",
    "hours_worked",
    "input_tokens",
    "cache_hit_rate",
    "cost_usd",
    "tasks",
)
RANGES = {
    "agents_working": (0, 1000),
    "hours_worked": (0, 1),
    "input_tokens": (0, 1e12),
    "cache_hit_rate": (0, 1),
    "cost_usd": (0, 1e6),
    "tasks": (0, 1e6),
}
COUNTED_FROM = date(1970, 1, 1)


def hours_of(lines: Iterable[str], name: str) -> list[Hour]:
    """Return the hours of a table, in the order of time.

    ``hour`` is a local time such as ``2026-07-01T09:00``, or a whole number of hours counted from
    some midnight; ``input_tokens`` and ``cost_usd`` are the hour's own, not running totals. Tokens
    count by their hit rate alone: cached ones a tenth.

    Parameters
    ----------
    lines : iterable of str
        The file's lines, a header first.
    name : str
        The file's name, for messages.

    Raises
    ------
    UsageError
        A column is missing, or a value is none that it could have.
    """
    reader = csv.DictReader(lines, skipinitialspace=True)
    head = [column.strip().lower() for column in reader.fieldnames or ()]
    reader.fieldnames = head
    missing = [column for column in COLUMNS if column not in head]
    if missing:
        message = f"{name}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"
        raise UsageError(message)
    rows: list[tuple[datetime, Hour]] = []
    try:
        for row in reader:
            where = f"{name}:{reader.line_num}"
            time = _time(row["hour"], where)
            rows.append((time, _hour(time.date(), row, where)))
    except csv.Error as error:
        message = f"{name}:{reader.line_num}: not CSV: {error}"
        raise UsageError(message) from error
    return [hour for _, hour in sorted(rows, key=lambda pair: pair[0])]


def _hour(day: date, row: dict[str, str | None], where: str) -> Hour:
    value = {column: _number(row[column], column, where) for column in RANGES}
    tokens = value["input_tokens"]
    read = tokens * value["cache_hit_rate"]
    return Hour(
        day=day,
        agents_working=value["agents_working"],
        hours_worked=value["hours_worked"],
        input_tokens=round(tokens),
        price_equivalent=price_equivalent(tokens - read, read),
        cost_microdollars=round(value["cost_usd"] * 1e6),
        tasks=value["tasks"],
    )


def _time(text: str | None, where: str) -> datetime:
    """Return the local time, without its zone: the clock on the wall cuts the days."""
    text = (text or "").strip()
    try:
        if text.isdigit() and len(text) <= 7:
            midnight = datetime.combine(COUNTED_FROM, datetime.min.time())
            return midnight + timedelta(hours=int(text))
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        message = f"{where}: hour must be a time such as 2026-07-01T09:00, not {text!r}"
        raise UsageError(message) from error


def _number(text: str | None, column: str, where: str) -> float:
    low, high = RANGES[column]
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        said = repr(text or "")
        message = f"{where}: {column} must be a number from {low:g} to {high:.15g}, not {said}"
        raise UsageError(message)
    return number
