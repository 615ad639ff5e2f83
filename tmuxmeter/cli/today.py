"""A day's report. It needs no Click, which takes as long to load as a day to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.cli.context import (
    Context,
    ascii_only,
    line_limit,
    now_ms,
    print_json,
    print_parts,
)
from tmuxmeter.cli.days import Calendar
from tmuxmeter.cli.fresh import reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tmuxmeter.cli.measured import Measured
    from tmuxmeter.config import Config
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.slices import Slice
    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.panes.picture import PauseNow
    from tmuxmeter.reports.budgets import BudgetUse

Row = dict[str, Any]


def print_today(
    context: Context, day: date | None = None, by: str | None = None, *, as_json: bool = False
) -> None:
    """Print one day's report, that of today if no other is named."""
    config = context.config()
    calendar = Calendar.of(config)
    now = now_ms()
    today = calendar.day_of(now)
    day = day or today
    with reader(context) as ledger:
        with ledger.snapshot():
            report = _today(context, config, ledger, day, now)
        if as_json:
            print_json(report)
            return
        from tmuxmeter.cli.circumstances import circumstances, where_to_look
        from tmuxmeter.views.today import today_parts

        about = circumstances(context)
        parts = today_parts(
            *(report, about, now, calendar.zone),
            by=by,
            is_today=day == today,
            limit=line_limit(),
            ascii_only=ascii_only(config),
        )
        if not report["requests"] and not report["recap"]:
            parts += where_to_look(context, ledger, calendar)
    print_parts(parts)


def _today(context: Context, config: Config, ledger: Reader, day: date, now: int) -> Row:
    """Return a day in full, and early in it the last working day in brief."""
    from tmuxmeter.cli.measured import measure, scale_in_force, token_budget
    from tmuxmeter.reports.today import is_early, recap_report, today_report
    from tmuxmeter.watcher.process import running_pid

    calendar = Calendar.of(config)
    scale = scale_in_force(context, config)

    def look(day: date) -> Measured:
        return measure(ledger, calendar, config, scale, day, now)

    found = look(day)
    report = today_report(
        *(found.day, found.slices, found.unmetered, found.levers, found.activity, found.light),
        limits=ledger.rate_limits() if day == calendar.day_of(now) else [],
        budget_tokens=token_budget(context, config, ledger, scale, day),
        budget_microdollars=round(config.budget.dollars * 1_000_000) or None,
        now_ms=now,
        zone=calendar.zone,
        billed=ledger.billed(*calendar.bounds(day)),
        pauses=_pauses(context),
        watched=running_pid(context.places.runtime) is not None,
        agent_budgets=_agent_budgets(config, found.slices),
    )
    report["recap"] = None
    last = ledger.last_request_before(calendar.bounds(day)[0]) if is_early(report) else None
    if last is not None and day == calendar.day_of(now):
        before = look(calendar.day_of(last))
        report["recap"] = recap_report(
            before.day, before.slices, before.unmetered, before.levers, before.light
        )
    return report


def _agent_budgets(config: Config, slices: Sequence[Slice]) -> list[BudgetUse]:
    """Return what is used of the budgets of single agents."""
    if not config.budget.named:
        return []
    from tmuxmeter.ledger.slices import Measures
    from tmuxmeter.reports.budgets import ALL, budget_uses

    agents: dict[str, Measures] = {}
    for piece in slices:
        agents[piece.agent] = agents.get(piece.agent, Measures()).plus(piece.measures)
    uses = budget_uses(Measures(), agents, config.budget, 0, config.breakeven.input_counts)
    return [use for use in uses if use.whose != ALL]


def _pauses(context: Context) -> Mapping[PaneName, Sequence[PauseNow]]:
    """Return what is paused now, by its pane."""
    folder = context.places.state / "pauses"
    if not any(folder.glob("*.json")):
        return {}  # the usual case, for which nothing more is loaded
    from tmuxmeter.panes.pausing import by_pane
    from tmuxmeter.pause.records import PauseStore

    return by_pane(PauseStore(folder).all())
