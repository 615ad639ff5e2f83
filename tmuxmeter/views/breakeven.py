"""The light explained for people: verdict, figures, the curve, the levers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.light import times
from tmuxmeter.status.text import money, share, tokens, verdict_sign
from tmuxmeter.views.ascii import in_ascii
from tmuxmeter.views.curve import AXES, drawn, graph_of
from tmuxmeter.views.table import Column, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Callable

STYLES = {"green": "bold green", "amber": "bold yellow", "red": "bold red", "neutral": "bold"}
LEVERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "cache_hit": ("cache hit rate", share),
    "pool": ("independent tasks", lambda value: f"{value:g}"),
    "verification": ("review per hour", lambda value: f"{value:.0f} min"),
    "drift": ("drift", lambda value: tokens(round(value))),
}


def breakeven_parts(
    data: dict[str, Any], what: str, limit: int | None, *, ascii_only: bool = False
) -> list[Table | Paragraph]:
    """Return an explained day (``explain``) as tables and paragraphs.

    Parameters
    ----------
    data : dict
        What ``breakeven --json`` prints.
    what : str
        What day it is: "today".
    limit : int or None
        Terminal cells in a line.
    ascii_only : bool
        Draw with what any terminal can show.
    """
    verdict = data["verdict"]
    sign = verdict_sign(verdict, calibrated=data["calibrated"], ascii_only=ascii_only)
    parts: list[Table | Paragraph] = [
        Paragraph(f"{sign} {verdict}: {data['reason']}", STYLES[verdict])
    ]
    if data["advice"]:
        parts.append(Paragraph(f"Advice: {data['advice']}."))
    parts.append(_figures(data, what))
    # a day without tokens has no point, a day that never or always pays has no line
    legend = [f"● {what}"] if data["input_tokens"] else []
    if data["line_input_tokens"]:
        legend.append(f"│ the line {tokens(data['line_input_tokens'])}, ░ where it may lie")
    lines = drawn(graph_of(data, what), limit)
    if lines:
        named = [", ".join(legend) + "."] if legend else []
        parts += [Paragraph(line) for line in [*lines, AXES, *named]]
    parts.append(_levers(data))
    if not data["calibrated"]:
        text = "Not calibrated: the scale is one published week's (`tmuxmeter calibrate`)."
        parts.append(Paragraph(text, "dim"))
    return in_ascii(parts) if ascii_only else parts


def _figures(data: dict[str, Any], what: str) -> Table:
    """Return what the light rests on, a figure a row."""
    table = Table("", [Column("figure"), Column(what, figures=True), Column("", fold=True)])
    if not data["input_tokens"]:
        # the line is that of the published day, and there is nothing to hold against it
        table.rows += [["input tokens", "0", ""], ["the line", _line(data), _distance(data)]]
        return table
    rate = data["cache_hit_rate"]
    table.rows += [
        [
            "input tokens",
            f"{data['input_tokens']:,}",
            "" if rate is None else f"{share(rate)} cached",
        ],
        ["the line", _line(data), _distance(data)],
        ["speed-up needed", times(data["needed_speedup"], 2), _bill(data)],
        ["speed-up by the curve", times(data["speedup"], 2), _possible(data)],
        ["work per dollar", times(data["ratio"], 2), _between(data)],
        ["hand-offs", f"{data['handoffs']:g}", f"in {data['hours_worked']:.1f} h of work"],
    ]
    return table


def _line(data: dict[str, Any]) -> str:
    line = data["line_input_tokens"]
    if line is None:
        return "none"
    return f"{line:,}"


def _distance(data: dict[str, Any]) -> str:
    room = data["tokens_to_line"]
    if room is None:
        return "it always pays"
    if data["line_input_tokens"] == 0:
        return "it pays at no number of tokens"
    if room <= 0:
        return f"{tokens(-room)} beyond it"
    hours = data["hours_to_line"]
    pace = "" if hours is None else f", {_span(hours)} at this burn"
    return f"{tokens(room)} left{pace}"


def _span(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _bill(data: dict[str, Any]) -> str:
    work, spend, review = (round(data["dollars"][key] * 1e6) for key in ("work", "spend", "review"))
    unpriced = data["unpriced_tokens"]
    known = None if unpriced and not spend else spend
    return f"time {money(work)}, tokens {money(known, unpriced)}, review {money(review)}"


def _possible(data: dict[str, Any]) -> str:
    most = data["possible_speedup"]
    return "" if most is None else f"no more than {times(most)} possible"


def _between(data: dict[str, Any]) -> str:
    if not data["believed"]:
        return "outside the curve's data: not believed"
    return f"{times(data['ratio_low'])} to {times(data['ratio_high'])}"


def _levers(data: dict[str, Any]) -> Table:
    """Return each lever's value, the reference's, and what it does to the line."""
    columns = [Column("lever"), Column("now", figures=True), Column("reference", figures=True)]
    table = Table("", [*columns, Column("moves the line by", figures=True)])
    for effect in data["levers"]:
        name, text = LEVERS[effect["lever"]]
        table.rows.append(
            [
                name,
                *(_value(effect[key], text) for key in ("today", "reference")),
                _moves(effect["line_tokens"]),
            ]
        )
    return table


def _value(value: float | None, text: Callable[[float], str]) -> str:
    return "unknown" if value is None else text(value)


def _moves(amount: int | None) -> str:
    if amount is None:
        return "unknown"
    if not amount:
        return "0"
    return ("+" if amount > 0 else "−") + tokens(abs(amount))
