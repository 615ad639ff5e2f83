"""Times as agents write them, turned into epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_FIRST_MS = 1_420_070_400_000  # 2015-01-01, before any coding agent
_LAST_MS = 4_102_444_800_000  # 2100-01-01


def epoch_ms(text: str) -> int | None:
    """Return an ISO 8601 time as epoch milliseconds, rounded down.

    A time without an offset is UTC: every agent known here writes UTC.
    None where the text is no time, or one before 2015 or from 2100 on, which no log can mean.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    value = since.days * _DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    return value if _FIRST_MS <= value < _LAST_MS else None


def plausible_ms(value: float) -> int | None:
    """Return epoch milliseconds as a whole number, None if before 2015, from 2100 on or NaN."""
    return int(value) if _FIRST_MS <= value < _LAST_MS else None
