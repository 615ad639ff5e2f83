"""The levers of a span as plain data: a part of ``today --json`` and ``week --json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.touches import Seat, seat_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.breakeven.handoffs import Handoff
    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.breakeven.touches import ClaimCheck, Edit
    from tmuxmeter.breakeven.waste import Spent
    from tmuxmeter.ledger.activity import Activity
    from tmuxmeter.ledger.queries import RateLimitRow

EFFECTIVE_LOW, EFFECTIVE_HIGH = 0.4, 0.6
"""What is left of a token budget by the second published text: "roughly 40-60%"."""
MINUTE_MS = 60_000

Row = dict[str, Any]


class Names:
    """Names seats and sessions for people and programs."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._threads = {line.thread.id: line.thread for line in activity.timelines}

    def seat_then(self, session_id: int, time_ms: int) -> Seat:
        """Return from where a session worked at a time."""
        return seat_of(self._activity, self._threads[session_id], time_ms)

    def seat(self, seat: Seat) -> Row:
        """Return the fields that tell a pane, or the agent that is in none."""
        thread = self._threads.get(seat.root)
        return {
            "pane": seat.pane or None,
            "server": seat.socket or None,
            "server_pid": seat.server_pid or None,
            "server_started": seat.server_started or None,
            "agent": thread.agent if thread else None,
            "agent_session": thread.session if thread else None,
        }

    def session(self, session_id: int, seat: Seat | None) -> Row:
        """Return the fields that tell a session, and where it is."""
        thread = self._threads[session_id]
        return {
            **self.seat(seat or Seat("", 0, 0, "", session_id)),
            "agent": thread.agent,
            "agent_session": thread.session,
            "project": thread.project or None,
        }


def levers_report(levers: Levers, activity: Activity) -> Row:
    """Return a span's levers. Times are epoch ms, money microdollars, tokens tokens."""
    names = Names(activity)
    return {
        "work": _work(levers),
        "cache_expiry": _expiry(levers),
        "independence": _independence(levers, names),
        "handoffs": _handoffs(levers, names),
        "drift": _drift(levers, names),
        "cold_starts": {
            **spent_row(levers.waste.cold_starts),
            "shared_files": levers.waste.shared_files,
            "repeated_reads": levers.waste.repeated_reads,
        },
        "error_loops": _loops(levers, names),
        "effective_budget": {
            "share": levers.waste.effective_share,
            "expected_low": EFFECTIVE_LOW,
            "expected_high": EFFECTIVE_HIGH,
            "lost": spent_row(levers.waste.lost),
        },
    }


def spent_row(spent: Spent) -> Row:
    """Return sums of requests."""
    return {
        "requests": spent.requests,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost_microdollars": spent.cost_microdollars,
        "unpriced_tokens": spent.unpriced_tokens,
    }


def plan_windows(limits: Sequence[RateLimitRow], now_ms: int) -> list[Row]:
    """Return the plan windows that still run, and when each is full at its burn so far.

    The burn is what was used since the window began. ``full_ms`` is None where it lasts, or where
    the log doesn't say when the window ends.
    """
    rows = []
    for limit in limits:
        if limit.resets_ms and limit.resets_ms <= now_ms:
            continue
        begun = limit.resets_ms - limit.window_minutes * MINUTE_MS
        full = None
        if limit.resets_ms and limit.used_percent > 0 and limit.time_ms > begun:
            pace = limit.used_percent / (limit.time_ms - begun)
            then = limit.time_ms + round((100 - min(limit.used_percent, 100)) / pace)
            full = then if then < limit.resets_ms else None
        rows.append(
            {
                "agent": limit.agent,
                "account": limit.account,
                "limit": limit.name or None,
                "plan": limit.plan or None,
                "window_minutes": limit.window_minutes,
                "used_percent": limit.used_percent,
                "told_ms": limit.time_ms,
                "resets_ms": limit.resets_ms or None,
                "full_ms": full,
            }
        )
    return rows


def _work(levers: Levers) -> Row:
    busy = levers.busy
    return {
        "agent_minutes": busy.agent_ms / MINUTE_MS,
        "productive_minutes": busy.productive_ms / MINUTE_MS,
        "loop_minutes": busy.loop_ms / MINUTE_MS,
        "redone_minutes": busy.redone_ms / MINUTE_MS,
        "any_agent_minutes": busy.any_ms / MINUTE_MS,
        "minutes_by_agents": {str(n): ms / MINUTE_MS for n, ms in busy.levels_ms.items()},
        "most_agents": levers.day.agents,
        "parallel_share": busy.parallel_share,
        "k_busy": busy.k_busy,
        "hours_worked": levers.day.hours_worked,
    }


def _expiry(levers: Levers) -> Row:
    return {
        "times": len(levers.expiries),
        "tokens": sum(each.tokens for each in levers.expiries),
        "cost_microdollars": sum(each.cost_microdollars or 0 for each in levers.expiries),
        "unpriced_tokens": sum(
            each.tokens for each in levers.expiries if each.cost_microdollars is None
        ),
    }


def _independence(levers: Levers, names: Names) -> Row:
    apart = levers.independence
    return {
        "pool": apart.pool,
        "pool_depth": apart.pool_depth,
        "overlaps": [
            {
                "path": each.path,
                "by": [names.seat(seat) for seat in each.seats],
                "edits": each.edits,
                "first_ms": each.first_ms,
                "last_ms": each.last_ms,
            }
            for each in reversed(apart.overlaps)
        ],
        "shared_folders": [
            {"folder": folder, "by": [names.seat(seat) for seat in sorted(seats)]}
            for folder, seats in apart.shared_folders.items()
        ],
        "claims": [_claim(check, names) for check in levers.claims],
    }


def _claim(check: ClaimCheck, names: Names) -> Row:
    def edit(found: Edit | None) -> Row | None:
        if found is None:
            return None
        return {**names.seat(found.seat), "path": found.path, "time_ms": found.time_ms}

    return {
        **names.seat(check.claim.seat),
        "root": check.claim.root,
        "patterns": list(check.claim.patterns),
        "why": check.claim.why,
        "made_ms": check.claim.made_ms,
        "ended_ms": check.claim.ended_ms,
        "kept": check.kept,
        "outside": edit(check.outside),
        "intruder": edit(check.intruder),
    }


def _handoffs(levers: Levers, names: Names) -> Row:
    def row(each: Handoff) -> Row:
        # what waits over night did nothing in the span
        seat = levers.seats.get(each.session_id) or names.seat_then(each.session_id, each.since_ms)
        return {
            **names.session(each.session_id, seat),
            "since_ms": each.since_ms,
            "edits": each.edits,
            "asked": each.asked,
        }

    return {
        "count": levers.reviews.handoffs,
        "by_hand": levers.reviews.by_hand,
        "measured": levers.reviews.measured,
        "review_minutes": levers.reviews.minutes,
        "pending": [row(each) for each in levers.pending],
    }


def _drift(levers: Levers, names: Names) -> Row:
    rows = [
        {
            **names.session(session_id, levers.seats.get(session_id)),
            "age_hours": each.age_hours,
            "turns": each.turns,
            "output_slope": each.slope,
            "output_growth": each.growth,
            "corrected_share": each.corrected,
            "corrected_share_late": each.corrected_late,
            "again_tokens": each.again_tokens,
            "drifting": each.drifting,
        }
        for session_id, each in levers.drifts.items()
    ]
    rows.sort(key=lambda row: (not row["drifting"], -row["age_hours"]))
    return {**spent_row(levers.waste.drift), "sessions": rows}


def _loops(levers: Levers, names: Names) -> Row:
    return {
        **spent_row(levers.waste.loops),
        "loops": [
            {
                **names.session(each.session_id, levers.seats.get(each.session_id)),
                "first_failure_ms": each.start_ms,
                "last_failure_ms": each.last_failure_ms,
                "ended_ms": each.end_ms,
                "failures": each.failures,
                "tokens": each.tokens,
                "cost_microdollars": each.cost_microdollars,
                "unpriced_tokens": each.unpriced_tokens,
            }
            for each in levers.loops
        ],
    }
