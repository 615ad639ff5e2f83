"""What is said when a budget's mark is passed, and when the first calibration was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.budgets import ALL, DOLLARS
from tmuxmeter.status.text import factor, money, tokens

if TYPE_CHECKING:
    from datetime import date

    from tmuxmeter.reports.budgets import BudgetUse

TITLE = "tmuxmeter"


def budget_text(use: BudgetUse, percent: int, title: str) -> str:
    """Return one line: ``80% of today's budget is used: 241k of 300k input tokens``.

    Parameters
    ----------
    percent : int
        The mark that was passed.
    title : str
        The agent's name for people, where it is an agent's budget.
    """
    whose = "today's budget" if use.whose == ALL else f"today's budget for {title}"
    if use.unit == DOLLARS:
        figures = f"{money(use.used)} of {money(use.limit)}"
    else:
        figures = f"{tokens(use.used)} of {tokens(use.limit)} input tokens"
    return f"{percent}% of {whose} is used: {figures}"


def budget_environment(use: BudgetUse, percent: int, day: date, text: str) -> dict[str, str]:
    """Return the figures as environment variables for the user's own command.

    ``TMUXMETER_USED`` and ``_LIMIT`` are tokens, or dollars with six digits.
    """

    def amount(value: int) -> str:
        if use.unit != DOLLARS:
            return str(value)
        return f"{value // 1_000_000}.{value % 1_000_000:06d}"

    return {
        "TMUXMETER_BUDGET": use.whose,
        "TMUXMETER_UNIT": use.unit,
        "TMUXMETER_PERCENT": str(percent),
        "TMUXMETER_USED": amount(use.used),
        "TMUXMETER_LIMIT": amount(use.limit),
        "TMUXMETER_DAY": day.isoformat(),
        "TMUXMETER_TEXT": text,
    }


def fit_text(found: dict[str, Any]) -> str:
    """Return one line on a fit (``calibrate --json``): what it says and from which days."""
    return (
        f"calibrated on your days from {found['first_day']} to {found['last_day']}"
        f" ({found['days']}): the speed-up falls from {factor(found['k_high'])}"
        f" to {factor(found['k_low'])} at {tokens(round(found['knee']))} input tokens a day"
        " (tmuxmeter calibrate --show, --reset)"
    )
