"""The day in full: what ``today --json`` prints. The day's own sums come first, as in ``days``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.intervals import common, length, union
from tmuxmeter.breakeven.touches import Seat, seat_of
from tmuxmeter.breakeven.waste import spent
from tmuxmeter.breakeven.work import Signs, pauses
from tmuxmeter.ledger.activity import within
from tmuxmeter.ledger.slices import UNATTRIBUTED
from tmuxmeter.reports.advice import advice
from tmuxmeter.reports.days import day_report, grouped, place_name
from tmuxmeter.reports.levers import MINUTE_MS, Names, levers_report, plan_windows, spent_row
from tmuxmeter.reports.pauses import pause_row
from tmuxmeter.reports.states import is_gone, seat_states
from tmuxmeter.reports.unlogged import unlogged_report
from tmuxmeter.reports.words import (
    CLAIM,
    DRIFT,
    FLAGS,
    GONE,
    LOOP,
    OVERLAP,
    PAUSED,
    SPENDING,
    WAITING,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, tzinfo

    from tmuxmeter.breakeven.levers import Levers
    from tmuxmeter.ledger.activity import Activity, Request, Timeline
    from tmuxmeter.ledger.bills import Billed
    from tmuxmeter.ledger.queries import RateLimitRow
    from tmuxmeter.ledger.session_queries import Unmetered
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import PauseNow
    from tmuxmeter.reports.budgets import BudgetUse

HOUR_MS = 3_600_000
NIGHT_MS = 4 * HOUR_MS
"""The human is away for at least so long before what runs ran overnight."""
EARLY_HOURS = 0.25
"""With less work than this a day says nothing yet, and the last working day is told as well."""

Row = dict[str, Any]


def today_report(
    day: date,
    slices: Sequence[Slice],
    unmetered: Sequence[Unmetered],
    levers: Levers,
    activity: Activity,
    light: Row,
    *,
    limits: Sequence[RateLimitRow],
    budget_tokens: int,
    budget_microdollars: int | None,
    now_ms: int,
    zone: tzinfo | None,
    billed: Sequence[Billed] = (),
    pauses: Mapping[PaneName, Sequence[PauseNow]] | None = None,
    watched: bool = False,
    agent_budgets: Iterable[BudgetUse] = (),
) -> Row:
    """Return a day in full.

    Parameters
    ----------
    day : date
        Its name.
    slices, unmetered
        What was spent in it.
    levers, activity
        Its levers and what they were computed from.
    light : dict
        The light as data, without its curve.
    limits : sequence of RateLimitRow
        The plan windows.
    budget_tokens : int
        Input tokens the day may take.
    budget_microdollars : int or None
        What it may cost, None: no such budget.
    now_ms : int
        The time.
    zone : tzinfo or None
        For times of day in words.
    billed : sequence of Billed
        What agents' own accounts say of the day.
    pauses : mapping, optional
        What is paused now, by pane.
    watched : bool
        Whether a watcher looks at the panes.
    agent_budgets : iterable of BudgetUse
        Budgets of single agents that spent anything.
    """
    report = day_report(day, slices, unmetered)
    used, cost = light["input_tokens"], report["cost_microdollars"]
    report |= {
        "by_branch": grouped(
            slices, lambda piece: {"project": piece.project, "branch": piece.branch or None}
        ),
        "budget": {
            "input_tokens": budget_tokens,
            "used_input_tokens": used,
            "used_share": used / budget_tokens if budget_tokens else None,
            "cost_microdollars": budget_microdollars,
            "used_cost_share": cost / budget_microdollars if budget_microdollars else None,
            "agents": [
                {
                    "agent": use.whose,
                    "unit": use.unit,
                    "used": use.used,
                    "limit": use.limit,
                    "share": use.share,
                }
                for use in agent_budgets
            ],
        },
        "light": {key: value for key, value in light.items() if key != "curve"},
        "hours": hours(activity),
        "levers": levers_report(levers, activity),
        "plan_windows": plan_windows(limits, now_ms),
        "overnight": overnight(activity, now_ms),
        "unlogged": unlogged_report(billed),
    }
    running = activity.start_ms <= now_ms < activity.end_ms
    _add_doings(report, levers, activity, now_ms if running else None)
    _add_agents(report, slices)
    states = seat_states(activity, levers.seats, now_ms, watched=watched) if running else {}
    _add_states(report, states)
    _add_pauses(report, pauses if pauses and running else {})
    _add_ends(report["levers"], activity if running else None)
    report["advice"] = advice(report, zone, running=running)
    return report


def recap_report(
    day: date, slices: Sequence[Slice], unmetered: Sequence[Unmetered], levers: Levers, light: Row
) -> Row:
    """Return the last working day in brief: its sums, its light, its hand-offs."""
    return {
        **day_report(day, slices, unmetered),
        "light": {key: value for key, value in light.items() if key != "curve"},
        "handoffs": levers.reviews.handoffs,
        "pending": len(levers.pending),
        "hours_worked": levers.day.hours_worked,
        "effective_share": levers.waste.effective_share,
    }


def is_early(report: Row) -> bool:
    """Tell whether a day says too little yet to stand alone."""
    return bool(report["levers"]["work"]["hours_worked"] < EARLY_HOURS)


def hours(activity: Activity) -> list[Row]:
    """Return every hour of the span, empty ones too: 23 or 25 where the clocks change."""
    begin, end = activity.start_ms, activity.end_ms
    cells: list[list[Request]] = [[] for _ in range(-(-(end - begin) // HOUR_MS))]
    for line in activity.timelines:
        left = within(line.requests, begin, end)
        while left:
            number = (left[0].time_ms - begin) // HOUR_MS
            hour = within(left, 0, begin + (number + 1) * HOUR_MS)
            cells[number] += hour
            left = left[len(hour) :]
    rows = []
    for number, requests in enumerate(cells):
        total, read = spent(requests), sum([request.cache_read for request in requests])
        rows.append(
            {
                "begins_ms": begin + number * HOUR_MS,
                "requests": total.requests,
                "input_tokens": total.input_tokens,
                "output_tokens": total.output_tokens,
                "cost_microdollars": total.cost_microdollars,
                "cache_hit_rate": read / total.input_tokens if total.input_tokens else None,
            }
        )
    return rows


def overnight(activity: Activity, now_ms: int) -> Row | None:
    """Return what agents did between the last human prompt before the first of the day, and it.

    None where the human wasn't away for :data:`NIGHT_MS`, or nothing ran. The night reaches back
    as far as the sessions that ran in it were asked within a day.
    """
    prompts = sorted(
        row.time_ms for line in activity.timelines for row in line.prompts if row.human
    )
    begin, until = activity.start_ms, min(activity.end_ms, now_ms)
    morning = next((time for time in prompts if begin <= time < until), until)
    evening = max((time for time in prompts if time < morning), default=None)
    if evening is None or morning - evening < NIGHT_MS:
        return None
    names, held = Names(activity), pauses(activity)
    agents: dict[int, list[Timeline]] = {}
    for line in activity.timelines:
        agents.setdefault(line.thread.root, []).append(line)
    rows = []
    for root, lines in agents.items():
        requests = [
            row for line in lines for row in line.requests if evening <= row.time_ms < morning
        ]
        main = next((line for line in lines if line.thread.id == root), None)
        if not requests or main is None:
            continue
        last = max(row.time_ms for row in requests)
        ends = [row for row in main.ends if last <= row.time_ms < morning]
        night = [(evening, morning)]
        # what a sub-agent did beside its agent is no minute more
        worked = union(each for line in lines for each in Signs(line, held[line.thread.id]).at_work)
        rows.append(
            {
                **names.session(root, seat_of(activity, main.thread, last)),
                **spent_row(spent(requests)),
                "minutes": length(common(worked, night)) / MINUTE_MS,
                "last_ms": last,
                "ended": ends[-1].reason if ends else None,
                "asked": bool(ends and ends[-1].asked),
            }
        )
    if not rows:
        return None
    rows.sort(key=lambda row: (-row["cost_microdollars"], -row["input_tokens"], str(row)))
    return {"from_ms": evening, "to_ms": morning, "agents": rows}


def _add_doings(report: Row, levers: Levers, activity: Activity, now_ms: int | None) -> None:
    """Add turns, hand-offs and what waits to the rows of agents and panes, and flags to panes."""
    doings = _doings(levers, activity)
    agents = {line.thread.id: line.thread.agent for line in activity.timelines}
    for row in report["by_agent"]:
        mine = [found for (each, _), found in doings.items() if agents[each] == row["agent"]]
        row["turns"], row["handoffs"], row["pending"] = _added(mine)
    flags = _pane_flags(levers, activity, now_ms)
    for row in report["by_pane"]:
        if not row["pane"]:
            # what ran in no pane has no seats of its own to tell apart
            row["turns"] = row["handoffs"] = row["pending"] = None
            row["flags"] = []
            continue
        key = _seat(row)
        mine = [found for (_, seat), found in doings.items() if seat == key]
        row["turns"], row["handoffs"], row["pending"] = _added(mine)
        # those logged by hand name a pane, and no agent
        row["handoffs"] += sum(each.seat == key for each in levers.by_hand)
        row["flags"] = [flag for flag in FLAGS if flag in flags.get(key, ())]


def _added(counts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sum(each[number] for each in counts) for number in range(3))


def _add_agents(report: Row, slices: Sequence[Slice]) -> None:
    """Add to the rows of panes which agents spent there."""
    names: dict[tuple[object, ...], set[str]] = {}
    for piece in slices:
        names.setdefault(tuple(place_name(piece.where).values()), set()).add(piece.agent)
    for row in report["by_pane"]:
        row["agents"] = sorted(names[tuple(row[field] for field in place_name(UNATTRIBUTED))])


def _add_states(report: Row, states: Mapping[Seat, str]) -> None:
    """Add what agents do to the rows of panes: None on a day that is over, and where unknown."""
    for row in report["by_pane"]:
        row["state"] = states.get(_seat(row)) or None if row["pane"] else None
        if row["state"] == WAITING:
            row["flags"].append(WAITING)


def _add_pauses(report: Row, pauses: Mapping[PaneName, Sequence[PauseNow]]) -> None:
    """Add what is paused to the rows of panes: neither at work nor waiting, whatever logs say."""
    for row in report["by_pane"]:
        found = pauses.get((row["server"], row["server_pid"], row["pane"]))
        row["paused"] = pause_row(found[0]) if found else None
        if not found or row["state"] == GONE:
            continue
        row["state"] = PAUSED
        row["flags"] = [flag for flag in row["flags"] if flag != WAITING]
        if any(pause.spent_after for pause in found):
            row["flags"].insert(0, SPENDING)


def _add_ends(levers: Row, activity: Activity | None) -> None:
    """Add to what waits, loops or drifts whether its session has ended; None: the day is over."""
    gone: dict[tuple[str, str], bool | None] = {}
    for line in activity.timelines if activity else ():
        each = line.thread
        gone[each.agent, each.session] = is_gone(activity, each.id) if activity else None
    pending, loops = levers["handoffs"]["pending"], levers["error_loops"]["loops"]
    for row in (*pending, *loops, *levers["drift"]["sessions"]):
        row["gone"] = gone.get((row["agent"], row["agent_session"]))


def _seat(row: Row) -> Seat:
    return Seat(row["server"], row["server_pid"], row["server_started"], row["pane"], 0)


def _doings(levers: Levers, activity: Activity) -> dict[tuple[int, Seat], list[int]]:
    """Return turns ended, hand-offs taken and hand-offs waiting, by session and seat."""
    threads = {line.thread.id: line.thread for line in activity.timelines}
    found: dict[tuple[int, Seat], list[int]] = {}

    def add(session_id: int, time_ms: int, what: int) -> None:
        seat = seat_of(activity, threads[session_id], time_ms)
        found.setdefault((session_id, seat), [0, 0, 0])[what] += 1

    for line in activity.timelines:
        if line.thread.spawned:
            continue
        for end in line.ends:
            if activity.start_ms <= end.time_ms < activity.end_ms:
                add(line.thread.id, end.time_ms, 0)
    for each in levers.taken:
        add(each.session_id, each.taken_ms or each.since_ms, 1)
    for each in levers.pending:
        add(each.session_id, each.since_ms, 2)
    return found


def _pane_flags(levers: Levers, activity: Activity, now_ms: int | None) -> dict[Seat, set[str]]:
    """Return what there is to say of each seat, by the names of :data:`FLAGS`.

    While the day runs (``now_ms``) that of this moment, as the status line has it: a session that
    has ended is no trouble any more. Of a day that is over, all that was.
    """
    found: dict[Seat, set[str]] = {}
    for overlap in levers.independence.overlaps:
        if now_ms is None or now_ms - overlap.last_ms < levers.independence.window_ms:
            for seat in overlap.seats:
                found.setdefault(seat, set()).add(OVERLAP)
    for session_id, flag in (
        *((loop.session_id, LOOP) for loop in levers.loops if loop.end_ms is None),
        *((each, DRIFT) for each, course in levers.drifts.items() if course.drifting),
    ):
        over = now_ms is not None and is_gone(activity, session_id)
        if session_id in levers.seats and not over:
            found.setdefault(levers.seats[session_id], set()).add(flag)
    for check in levers.claims:
        if check.claim.ended_ms is None and not check.kept:
            intruder = [check.intruder.seat] if check.intruder else []
            for seat in (check.claim.seat, *intruder):
                found.setdefault(seat, set()).add(CLAIM)
    return found
