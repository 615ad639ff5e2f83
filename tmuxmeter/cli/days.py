"""Days as options name them, and the days of the user's own calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tmuxmeter.errors import UsageError
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from datetime import tzinfo

    from tmuxmeter.config import Config

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def parse_day(text: str | None, name: str) -> date | None:
    """Return the date an option names.

    Raises
    ------
    UsageError
        It is none, or one that no log can be of.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        message = f"{name} takes a date such as 2026-07-01, not {text!r}"
        raise UsageError(message) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"{name} takes a date from {FIRST_DAY} to {LAST_DAY}, not {day}"
        raise UsageError(message)
    return day


class Calendar(NamedTuple):
    """When the user's days begin."""

    zone: tzinfo | None
    start_minutes: int

    @classmethod
    def of(cls, config: Config) -> Calendar:
        """Return the calendar of the settings."""
        return cls(config.day.zone, config.day.start_minutes)

    def day_of(self, time_ms: int) -> date:
        """Return the day a time belongs to."""
        from tmuxmeter.reports.days import local_day_of

        return local_day_of(time_ms, self.zone, self.start_minutes)

    def bounds(self, day: date) -> tuple[int, int]:
        """Return when a day begins and the next one does, in epoch milliseconds."""
        from tmuxmeter.reports.days import local_day_bounds

        return local_day_bounds(day, self.zone, self.start_minutes)


def span(first: date, last: date) -> list[date]:
    """Return all days from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
