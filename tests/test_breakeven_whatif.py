from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.breakeven.day import Day, price_equivalent
from tmuxmeter.breakeven.effects import Effect, effects
from tmuxmeter.breakeven.model import Model, Pace, reference_day
from tmuxmeter.breakeven.whatif import KEYS, parse, suppose
from tmuxmeter.config.settings import BreakevenSettings
from tmuxmeter.errors import UsageError

MODEL = Model()
REFERENCE = reference_day(MODEL)
DAY = Day(
    fresh=1_000,
    cache_read=90_000,
    cache_write=9_000,
    output=2_000,
    price_equivalent=price_equivalent(1_000, 90_000, 9_000),
    # $3 a million for input, five times that for output
    spend_microdollars=round(3 * (price_equivalent(1_000, 90_000, 9_000) + 5 * 2_000)),
    handoffs=4,
    review_minutes=20.0,
    hours_worked=4.0,
    agents=3,
    parallel_share=0.5,
    k_busy=1.9,
    pool=3,
    drift_tokens=7_000,
)


def test_figures_may_be_written_in_short() -> None:
    assert parse(["cache_hit=20%", "input_tokens=340k", "knee = 1.2M", "spend=0.5"]) == {
        "cache_hit": pytest.approx(0.2),
        "input_tokens": 340_000,
        "knee": 1_200_000,
        "spend": 0.5,
    }


def test_every_number_among_the_settings_can_be_supposed() -> None:
    numbers = {name for name in vars(BreakevenSettings()) if name != "input_counts"}
    assert numbers <= set(KEYS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cache=0.2", ("'cache' is none", "did you mean cache_hit?")),
        ("zzzzz=1", ("it takes input_tokens, cache_hit",)),
        ("handoff", ("takes KEY=VALUE", "did you mean handoffs?")),
        ("handoffs", ("handoffs lacks its value", "handoffs=VALUE")),
        ("cache_hit=1.5", ("cache_hit takes a number from 0 to 1, not '1.5'",)),
        ("cache_hit=", ("cache_hit takes a number from 0 to 1, not ''",)),
        ("cache_hit=nan", ("not 'nan'",)),
        ("hours=inf", ("hours takes a number from 0.01 to 24",)),
        ("handoffs=-1", ("handoffs takes a whole number from 0 to 1000",)),
        ("agents=2.5", ("agents takes a whole number",)),
        ("k_high=0", ("k_high takes a number from 0.1 to 50",)),
    ],
)
def test_nonsense_is_refused_with_the_range(text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse([text])
    for part in parts:
        assert part in str(caught.value)


def test_constants_that_rule_each_other_out_are_refused() -> None:
    with pytest.raises(UsageError, match=r"k_low \(3\) can't be above k_high \(2.55\)"):
        suppose(DAY, MODEL, {"k_low": 3})


def test_supposing_nothing_changes_nothing() -> None:
    assert suppose(DAY, MODEL, {}) == (DAY, MODEL)


def test_a_hit_rate_moves_tokens_and_money() -> None:
    day, _ = suppose(DAY, MODEL, {"cache_hit": 0.2})
    assert day.input_tokens == DAY.input_tokens
    assert (day.cache_read, day.fresh, day.cache_write) == (20_000, 8_000, 72_000)
    equivalent = price_equivalent(8_000, 20_000, 72_000)
    assert day.price_equivalent == pytest.approx(equivalent)
    assert day.spend_microdollars == pytest.approx(3 * (equivalent + 5 * 2_000), abs=1)
    assert day.output == DAY.output


@given(st.floats(0, 1), st.floats(0, 1))
def test_hit_rates_can_be_undone(first: float, second: float) -> None:
    there, _ = suppose(REFERENCE, MODEL, {"cache_hit": first})
    back, _ = suppose(there, MODEL, {"cache_hit": 0.62})
    assert back.cache_read == REFERENCE.cache_read
    if there.fresh:
        assert back.price_equivalent == pytest.approx(REFERENCE.price_equivalent)
        assert back.spend_microdollars == pytest.approx(REFERENCE.spend_microdollars, abs=2)
    assert there.price_equivalent >= 0


def test_more_tokens_are_more_of_the_same() -> None:
    day, _ = suppose(DAY, MODEL, {"input_tokens": 200_000})
    assert (day.fresh, day.cache_read, day.cache_write, day.output) == (
        2_000,
        180_000,
        18_000,
        4_000,
    )
    assert day.price_equivalent == pytest.approx(2 * DAY.price_equivalent)
    assert day.spend_microdollars == 2 * DAY.spend_microdollars
    assert day.handoffs == DAY.handoffs


def test_an_empty_day_gets_fresh_tokens() -> None:
    day, _ = suppose(Day(), MODEL, {"input_tokens": 1_000_000})
    assert (day.fresh, day.price_equivalent, day.spend) == (1_000_000, 1_000_000, 3)


def test_handoffs_keep_their_minutes_unless_these_are_supposed() -> None:
    assert suppose(DAY, MODEL, {"handoffs": 8})[0].review_minutes == 40
    day, model = suppose(DAY, MODEL, {"handoffs": 8, "minutes_per_handoff": 3})
    assert (day.review_minutes, model.minutes_per_handoff) == (None, 3)


def test_what_was_possible_is_known_of_no_more_agents_than_there_were() -> None:
    assert suppose(DAY, MODEL, {"agents": 2})[0].k_busy == 1.9
    assert suppose(replace(DAY, k_busy=2.8), MODEL, {"agents": 2})[0].k_busy == 2
    assert suppose(DAY, MODEL, {"agents": 4})[0].k_busy is None
    assert suppose(DAY, MODEL, {"agents": 4, "k_busy": 3})[0].k_busy == 3
    # a day with one agent says nothing about how much of one with two would be parallel
    assert (
        suppose(replace(DAY, agents=1, parallel_share=0.0), MODEL, {"agents": 2})[0].parallel_share
        is None
    )


def test_levers_are_taken_back_one_at_a_time() -> None:
    day, _ = suppose(REFERENCE, MODEL, {"cache_hit": 0.2, "handoffs": 16, "pool": 3})
    found = {effect.lever: effect for effect in effects(day, MODEL)}
    now = Pace.of(MODEL, day).line(MODEL)
    hits = Pace.of(MODEL, suppose(day, MODEL, {"cache_hit": 0.62})[0]).line(MODEL)
    review = Pace.of(MODEL, suppose(day, MODEL, {"handoffs": 8})[0]).line(MODEL)
    assert now is not None
    assert hits is not None
    assert review is not None
    assert found["cache_hit"] == ("cache_hit", 0.2, 0.62, round(now - hits))
    assert found["verification"] == ("verification", 24, 12, round(now - review))
    assert found["pool"] == ("pool", 3, 3, 0)
    assert [effect.lever for effect in effects(day, MODEL)][:2] == ["cache_hit", "verification"]


def test_levers_of_the_reference_day_move_nothing() -> None:
    assert {effect.line_tokens for effect in effects(REFERENCE, MODEL)} == {0, None}


def test_a_pool_of_one_costs_the_whole_line_and_drift_what_it_spent() -> None:
    found = {e.lever: e for e in effects(replace(DAY, pool=1, k_busy=None), MODEL)}
    assert found["pool"].line_tokens is not None
    assert found["pool"].line_tokens < -100_000
    assert found["drift"] == Effect("drift", 7_000, 0, -7_000)


def test_unknown_levers_stay_unknown() -> None:
    found = {effect.lever: effect for effect in effects(Day(), MODEL)}
    assert found["cache_hit"] == ("cache_hit", None, 0.62, None)
    assert found["verification"].line_tokens is None
    assert found["pool"].today is None
