from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.breakeven import constants
from tmuxmeter.breakeven.day import Day, price_equivalent
from tmuxmeter.breakeven.model import Bill, Model, Pace, budget, possible, reference_day
from tmuxmeter.breakeven.whatif import suppose
from tmuxmeter.config import Config

MODEL = Model()
REFERENCE = reference_day(MODEL)


def line(day: Day, model: Model = MODEL) -> float:
    found = Pace.of(model, day).line(model)
    assert found is not None
    return found


def supposed(**values: float) -> Day:
    return suppose(REFERENCE, MODEL, values)[0]


def test_reference_day_is_the_published_one() -> None:
    assert REFERENCE.input_tokens == 340_000
    assert REFERENCE.cache_hit_rate == pytest.approx(0.62)
    assert MODEL.at_reference(REFERENCE.price_equivalent) == pytest.approx(340_000)
    assert REFERENCE.spend == pytest.approx(0.45084)


def test_line_is_340_000_on_the_reference_day() -> None:
    assert line(REFERENCE) == pytest.approx(340_000, rel=0.005)


def test_line_at_20_percent_hits_is_what_the_week_says() -> None:
    assert 180_000 < line(supposed(cache_hit=0.2)) < 195_000


def test_line_moves_with_handoffs_as_the_week_says() -> None:
    assert line(supposed(handoffs=0)) > 1_000_000
    assert 320_000 < line(supposed(handoffs=16)) < 335_000


def test_speedup_is_that_of_the_week_on_both_sides_of_the_knee() -> None:
    for x in range(1_000, 280_001, 1_000):
        assert 2.3 <= MODEL.speedup(x) <= 2.8
    for x in range(400_000, 4_000_000, 10_000):
        assert MODEL.speedup(x) <= 1.15
    assert MODEL.speedup(1e300) == pytest.approx(MODEL.k_low)
    assert MODEL.speedup(0) == MODEL.k_high


def test_a_knee_less_steep_would_contradict_the_week() -> None:
    softer = replace(MODEL, steepness=20)
    # put back so that the line stays where it is
    softer = replace(softer, knee=softer.knee * 340_000 / line(REFERENCE, softer))
    assert line(REFERENCE, softer) == pytest.approx(340_000, rel=0.01)
    assert softer.speedup(280_000) < 2.3


@given(st.floats(0, 1e12))
def test_the_literal_reading_never_pays(x: float) -> None:
    """Tasks per dollar of tokens alone: k ÷ M.

    Taken by the word, the week's model compares 13.8 times the spend with at most 2.8 times the
    tasks: parallel work would lose at every N, and there would be no line to cross. The week does
    find one, so the developer's own hours must be in the bill.
    """
    assert MODEL.speedup(x) / MODEL.token_multiplier < 0.21
    # the week's own greatest figure
    assert 2.8 / constants.TOKEN_MULTIPLIER < 0.21
    # the same from the model: without hours and hand-offs only tokens are left to pay
    assert Bill(0, 5, 0).needed(MODEL.token_multiplier) == pytest.approx(13.8)


HANDOFFS = st.integers(0, 60)
RATES = st.floats(0, 1)
TOKENS = st.integers(1_000, 10_000_000)
HOURS = st.floats(0.25, 16)


@given(HANDOFFS, HANDOFFS, RATES, TOKENS, HOURS)
def test_line_never_rises_with_handoffs(
    first: int, second: int, rate: float, tokens: int, hours: float
) -> None:
    few, many = sorted((first, second))
    day = supposed(cache_hit=rate, input_tokens=tokens, hours=hours)
    assert line(replace(day, handoffs=many)) <= line(replace(day, handoffs=few)) + 1


@given(RATES, RATES, st.integers(1, 60), TOKENS, HOURS)
def test_line_never_rises_with_a_lower_hit_rate(
    first: float, second: float, handoffs: int, tokens: int, hours: float
) -> None:
    low, high = sorted((first, second))
    values = {"handoffs": handoffs, "input_tokens": tokens, "hours": hours}
    assert line(supposed(cache_hit=low, **values)) <= line(supposed(cache_hit=high, **values)) + 1


def test_line_falls_strictly_around_the_reference() -> None:
    by_handoffs = [line(supposed(handoffs=n)) for n in (4, 6, 8, 12, 16, 24)]
    by_rate = [line(supposed(cache_hit=rate)) for rate in (0.9, 0.62, 0.4, 0.2, 0)]
    assert by_handoffs == sorted(set(by_handoffs), reverse=True)
    assert by_rate == sorted(set(by_rate), reverse=True)


@given(RATES, HANDOFFS, TOKENS, HOURS, st.floats(0.01, 500))
def test_r_is_1_at_the_line_and_falls_through_it(
    rate: float, handoffs: int, tokens: int, hours: float, spend: float
) -> None:
    day = supposed(cache_hit=rate, input_tokens=tokens, handoffs=handoffs, hours=hours, spend=spend)
    pace = Pace.of(MODEL, day)
    found = line(day)
    assert pace.ratio_at(MODEL, found + 1) <= 1 + 1e-9
    if found > 2:
        assert pace.ratio_at(MODEL, found - 1) >= 1 - 1e-9


@given(RATES, HANDOFFS, TOKENS, HOURS)
def test_todays_point_has_todays_bill(
    rate: float, handoffs: int, tokens: int, hours: float
) -> None:
    day = supposed(cache_hit=rate, input_tokens=tokens, handoffs=handoffs, hours=hours)
    pace = Pace.of(MODEL, day)
    bill = pace.bill_at(tokens)
    assert bill.work == pytest.approx(hours * 30)
    assert bill.spend == pytest.approx(day.spend)
    assert bill.review == pytest.approx(handoffs * 6)


def test_line_stays_while_the_same_day_goes_on() -> None:
    """An hour with one hand-off at a time, as the reference day has them."""
    lines = [
        line(supposed(input_tokens=340_000 * hour // 8, hours=hour, handoffs=hour))
        for hour in range(1, 9)
    ]
    assert lines == pytest.approx([lines[0]] * 8, rel=1e-4)


def test_hours_end_with_the_day_but_tokens_and_handoffs_go_on() -> None:
    pace = Pace.of(MODEL, REFERENCE)
    twice = pace.bill_at(680_000)
    assert twice == pytest.approx((240, 2 * 0.45084, 96))
    half = pace.bill_at(170_000)
    assert half == pytest.approx((120, 0.45084 / 2, 24))


def test_line_is_none_where_tokens_and_handoffs_cost_nothing_and_0_where_nothing_pays() -> None:
    free = replace(REFERENCE, spend_microdollars=0, handoffs=0)
    assert Pace.of(MODEL, free).line(MODEL) is None
    assert line(replace(REFERENCE, handoffs=80)) == 0
    assert line(replace(REFERENCE, pool=1)) == 0


def test_ten_times_the_spend_moves_the_reference_line_by_half_a_percent() -> None:
    dear = replace(REFERENCE, spend_microdollars=10 * REFERENCE.spend_microdollars)
    assert line(dear) == pytest.approx(line(REFERENCE), rel=0.006)


def test_measured_review_minutes_win_over_the_default() -> None:
    measured = replace(REFERENCE, review_minutes=2 * 8 * 12.0)
    assert line(measured) == pytest.approx(line(supposed(handoffs=16)))


def test_input_may_count_only_what_missed_the_cache() -> None:
    model = replace(MODEL, input_counts=constants.UNCACHED)
    assert model.counted(REFERENCE) == 129_200
    assert line(REFERENCE, model) == pytest.approx(129_200, rel=0.005)


def test_no_more_is_possible_than_there_were_agents_tasks_and_busy_minutes() -> None:
    assert possible(Day()) is None
    assert possible(Day(agents=3)) == 3
    assert possible(Day(agents=3, k_busy=2.3)) == 2.3
    assert possible(Day(agents=3, k_busy=2.3, pool=2)) == 2
    assert possible(Day(agents=3, pool=0)) == 1


def test_model_is_that_of_the_settings() -> None:
    assert Model.of(Config().breakeven) == Model()


def test_budget_is_300_000_for_the_weeks_line() -> None:
    assert budget(340_000) == 300_000


def test_kinds_of_tokens_weigh_what_they_cost() -> None:
    assert price_equivalent(100, 100, 100, 100) == pytest.approx(100 + 10 + 125 + 200)
