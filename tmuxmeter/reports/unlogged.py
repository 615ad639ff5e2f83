"""What agents' own accounts bill and their logs don't hold, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.ledger.bills import Bill, Billed

Row = dict[str, Any]


def gap(bill: Bill) -> int | None:
    """Return microdollars billed beyond what is logged, less than 0: more is logged than billed.

    None where it can't be told, because requests of the session have no price. Each request is
    rounded to a whole microdollar, so a difference below their number is none.
    """
    if bill.unpriced_requests:
        return None
    found = max(bill.billed - bill.logged, 0) or min(bill.billed - bill.settled, 0)
    return 0 if abs(found) <= bill.requests else found


def unlogged_report(rows: Sequence[Billed]) -> Row | None:
    """Return the unlogged part of a span, None where no agent reports its own account.

    ``unlogged_microdollars`` and ``lower_microdollars`` (accounts that bill less than the price
    list) are kept apart: one must not hide in the other. ``unknown_sessions`` have requests
    without a price.
    """
    if not rows:
        return None
    sessions: list[Row] = []
    for row in rows:
        now = gap(row.bill)
        before = gap(row.before) if row.before else 0
        part = None if now is None or before is None else now - before
        sessions.append(
            {
                "agent": row.agent,
                "session": row.session,
                "project": row.project or None,
                "unlogged_microdollars": part,
                "billed_microdollars": row.bill.billed - (row.before.billed if row.before else 0),
                "told_ms": row.bill.time_ms,
            }
        )
    known = [each["unlogged_microdollars"] for each in sessions]
    return {
        "unlogged_microdollars": sum(part for part in known if part is not None and part > 0),
        "lower_microdollars": -sum(part for part in known if part is not None and part < 0),
        "unknown_sessions": known.count(None),
        "billed_microdollars": sum(each["billed_microdollars"] for each in sessions),
        "sessions": sessions,
    }
