"""Budgets: what is used, which marks were passed, and what is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tmuxmeter.breakeven.day import Day
from tmuxmeter.breakeven.levers import in_fresh_tokens
from tmuxmeter.breakeven.light import Scale, light
from tmuxmeter.breakeven.model import Model
from tmuxmeter.config import parse
from tmuxmeter.config.settings import AgentBudget, BudgetSettings
from tmuxmeter.errors import ConfigError
from tmuxmeter.ledger.activity import Request
from tmuxmeter.ledger.human import UnitPrice
from tmuxmeter.ledger.slices import UNATTRIBUTED, Measures, Slice
from tmuxmeter.reports.budgets import BudgetUse, budget_uses, fullest, own_budget
from tmuxmeter.status.notices import budget_environment, budget_text

TOTAL = Measures(
    fresh=1_000, cache_read=200_000, cache_write_5m=40_000, cost_microdollars=2_000_000
)
CLAUDE = Measures(fresh=500, cache_read=100_000, cost_microdollars=500_000)


def test_only_budgets_that_are_set_count() -> None:
    settings = BudgetSettings(
        dollars=8.0, named={"claude": AgentBudget(dollars=0.5), "codex": AgentBudget(7)}
    )
    agents = {"claude": CLAUDE}
    assert budget_uses(TOTAL, agents, settings, 300_000, "all") == [
        BudgetUse("all", "tokens", 241_000, 300_000),
        BudgetUse("all", "dollars", 2_000_000, 8_000_000),
        BudgetUse("claude", "dollars", 500_000, 500_000),
    ]
    assert budget_uses(TOTAL, agents, BudgetSettings(), 0, "all") == []
    [use] = budget_uses(TOTAL, {}, BudgetSettings(), 100, "uncached")
    assert use.used == 41_000
    tiny = budget_uses(TOTAL, {}, BudgetSettings(dollars=1e-9), 0, "all")
    assert tiny[0].limit == 1


@pytest.mark.parametrize(
    ("used", "marks"),
    [
        (0, []),
        (49_999, []),
        (50_000, [50]),
        (80_000, [50, 80]),
        (99_999, [50, 80]),
        (100_000, [50, 80, 100]),
        (10**9, [50, 80, 100]),
    ],
)
def test_marks_are_passed_exactly(used: int, marks: list[int]) -> None:
    assert BudgetUse("all", "tokens", used, 100_000).passed() == marks


def test_the_fullest_budget_for_all_is_shown() -> None:
    uses = [BudgetUse("all", "tokens", 5, 10), BudgetUse("all", "dollars", 9, 10)]
    assert fullest([*uses, BudgetUse("claude", "tokens", 99, 10)]) == 0.9
    assert fullest([]) is None


def test_what_is_said() -> None:
    tokens = BudgetUse("all", "tokens", 241_000, 300_000)
    text = budget_text(tokens, 80, "all")
    assert text == "80% of today's budget is used: 241k of 300k input tokens"
    dollars = BudgetUse("claude", "dollars", 5_020_000, 10_000_000)
    said = budget_text(dollars, 50, "Claude Code")
    assert said == "50% of today's budget for Claude Code is used: $5.02 of $10.00"
    assert budget_environment(dollars, 50, date(2026, 7, 8), said) == {
        "TMUXMETER_BUDGET": "claude",
        "TMUXMETER_UNIT": "dollars",
        "TMUXMETER_PERCENT": "50",
        "TMUXMETER_USED": "5.020000",
        "TMUXMETER_LIMIT": "10.000000",
        "TMUXMETER_DAY": "2026-07-08",
        "TMUXMETER_TEXT": said,
    }
    assert budget_environment(tokens, 80, date(2026, 7, 8), text)["TMUXMETER_USED"] == "241000"


def piece(measures: Measures, model: str = "m") -> Slice:
    names = ("claude", "s", "", "", False, "/w", "", model, "")
    return Slice(*names, UNATTRIBUTED, 0, 0, measures)


def unit_price(model: str, fresh: int) -> UnitPrice:
    prices = (fresh, fresh // 10, fresh * 5 // 4, fresh * 2, fresh * 5)
    return UnitPrice(1, "claude", model, "", "", *prices)


def test_the_own_budget_weighs_models_as_the_light_does() -> None:
    prices = [unit_price("dear", 5_000_000), unit_price("cheap", 1_000_000)]
    mixed = [
        piece(Measures(fresh=20_000, cache_read=150_000, cost_microdollars=175_000), "dear"),
        piece(Measures(fresh=109_200, cache_read=60_800, cost_microdollars=115_280), "cheap"),
    ]
    scale = Scale.of(Model())
    requests = [
        Request(0, 1, 20_000, 150_000, 0, 0, 0, 0, 0),
        Request(0, 2, 109_200, 60_800, 0, 0, 0, 0, 0),
    ]
    day = Day(
        fresh=129_200,
        cache_read=210_800,
        price_equivalent=in_fresh_tokens(requests, dict(enumerate(prices, 1))),
        spend_microdollars=290_280,
        handoffs=8,
        hours_worked=8.0,
    )
    line = light(day, scale).line
    assert line is not None
    assert own_budget(scale, [mixed, mixed], prices) == pytest.approx(line * 300 / 340, rel=1e-3)


def test_the_own_budget_is_that_of_the_own_line() -> None:
    scale = Scale.of(Model())
    # the reference day's tokens, on some of the days
    day = Measures(fresh=129_200, cache_read=210_800, cost_microdollars=450_840)
    found = own_budget(scale, [[piece(day)], [], [piece(day)]])
    assert found == pytest.approx(300_000, rel=0.005)
    # more from the cache: more tokens for the same money
    cached = Measures(fresh=20_000, cache_read=320_000, cost_microdollars=156_000)
    more = own_budget(scale, [[piece(cached)]])
    assert more is not None
    assert more > 600_000
    assert own_budget(scale, [[piece(Measures())]]) is None
    never = replace(scale, model=replace(scale.model, k_high=0.5, k_low=0.4))
    assert own_budget(never, [[piece(day)]]) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tokens = -1", "budget.tokens must be a whole number from 0 to 1000000000000000, not -1"),
        ("dollars = nan", "budget.dollars must be a number of dollars from 0 to 1000000000"),
        ('command = "rm -rf"', "budget.command must be a list of strings"),
        ("claude.dollars = true", "budget.claude.dollars must be a number of dollars from 0"),
    ],
)
def test_a_bad_budget_is_told_by_its_key_and_range(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(Path("config.toml"), f"[budget]\n{line}\n")
