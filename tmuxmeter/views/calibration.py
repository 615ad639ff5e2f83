"""A fit, or why there is none, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.reports.words import count
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from tmuxmeter.breakeven.model import Model

NAMES = {
    "M": ("token_multiplier", "spend per hour, several agents ÷ one"),
    "k_high": ("k_high", "speed-up before the knee"),
    "k_low": ("k_low", "speed-up beyond the knee"),
    "knee": ("knee", "input tokens a day at the knee"),
}

STALE_DAYS = 30
"""A fit whose newest day is older than this could be made anew."""


def fit_parts(data: dict[str, Any], assumed: Model) -> list[Table | Paragraph]:
    """Return a fit (``calibrate --json``) beside the settings' constants, and what it rests on."""
    columns = [Column("constant"), Column("yours", figures=True)]
    columns += [Column("90 % interval", figures=True), Column("settings", figures=True)]
    table = Table("", [*columns, Column("meaning", fold=True)])
    for key, (name, meaning) in NAMES.items():
        low, high = data["intervals"][key]
        between = f"{_figure(low)} – {_figure(high)}"
        given = _figure(getattr(assumed, name))
        table.rows.append([key, _figure(data[key]), between, given, meaning])
    one = f"{data['baseline_hours']:.0f} hours with one agent ({data['baseline_tasks']:g} tasks)"
    more = f"{data['treatment_hours']:.0f} with several ({data['treatment_tasks']:g} tasks)"
    when = f"From {data['first_day']} to {data['last_day']}, {count(data['days'], 'day')}"
    return [
        table,
        Paragraph(f"{when}: {one}, {more}."),
        Paragraph(
            f"The knee is at a hit rate of {data['reference_hit_rate']:.0%}; "
            f"your days went up to {data['x_max']:,.0f} input tokens at that rate."
        ),
    ]


def refusal_parts(data: dict[str, Any]) -> list[Table | Paragraph]:
    """Return why there is no fit."""
    return [
        Paragraph(f"No fit: {data['reason']}.", "bold"),
        Paragraph(
            f"There were {data['baseline_hours']:.1f} hours with one agent and "
            f"{data['treatment_hours']:.1f} with several, on {count(data['days'], 'day')}. "
            "What was in force stays in force."
        ),
    ]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def stale_parts(age_days: int) -> list[Paragraph]:
    """Return the suggestion to fit anew where a fit's newest day is so old."""
    if age_days <= STALE_DAYS:
        return []
    text = f"Your scale's newest day is {age_days} days old: `tmuxmeter calibrate` fits anew."
    return [Paragraph(text)]
