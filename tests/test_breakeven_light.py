from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.breakeven.day import Day, price_equivalent
from tmuxmeter.breakeven.estimates import Draw, Estimate, Fit
from tmuxmeter.breakeven.light import (
    AMBER,
    GREEN,
    NEUTRAL,
    ONE_AGENT,
    RED,
    Light,
    Scale,
    light,
    times,
)
from tmuxmeter.breakeven.model import Model, reference_day
from tmuxmeter.breakeven.whatif import suppose
from tmuxmeter.status.text import verdict_sign

MODEL = Model()
SCALE = Scale.of(MODEL)
REFERENCE = reference_day(MODEL)


def lit(scale: Scale = SCALE, **values: float) -> Light:
    return light(suppose(REFERENCE, MODEL, values)[0], scale)


def heavy(
    tokens: int = 100_000_000,
    spend: float = 90.0,
    k_busy: float | None = 2.3,
    hours: float = 8,
    handoffs: int = 20,
) -> Day:
    """A real heavy day: a hundred million input tokens, 96 % of them from the cache."""
    read = tokens * 96 // 100
    written = tokens * 3 // 100
    fresh = tokens - read - written
    return Day(
        fresh=fresh,
        cache_read=read,
        cache_write=written,
        output=tokens // 200,
        price_equivalent=price_equivalent(fresh, read, written),
        spend_microdollars=round(spend * 1e6),
        handoffs=handoffs,
        hours_worked=hours,
        agents=4,
        parallel_share=0.7,
        k_busy=k_busy,
        pool=3,
    )


def fit(knee: float = 60e6, spread: float = 0.05, x_max: float = 150e6) -> Fit:
    factors = [1 + spread * (n - 10) / 10 for n in range(21)]
    draws = tuple(Draw(5.0, 2.4, 1.1, knee * factor) for factor in factors)
    return Fit(
        multiplier=Estimate(5.0, 5.0, 5.0),
        k_high=Estimate(2.4, 2.4, 2.4),
        k_low=Estimate(1.1, 1.1, 1.1),
        knee=Estimate(knee, knee * (1 - spread), knee * (1 + spread)),
        steepness=20,
        draws=draws,
        x_max=x_max,
        baseline_hours=100,
        treatment_hours=200,
        baseline_tasks=300,
        treatment_tasks=900,
        days=40,
        first_day=date(2026, 1, 1),
        last_day=date(2026, 2, 9),
        evidence=50,
        reference_hit_rate=0.62,
    )


def test_green_well_below_the_line_red_well_above_amber_around_it() -> None:
    assert lit(input_tokens=150_000).verdict == GREEN
    assert lit(input_tokens=340_000).verdict == AMBER
    assert lit(input_tokens=700_000).verdict == RED


def test_uncalibrated_band_is_30_percent_of_the_line() -> None:
    """Where the day's hours are not full yet, hand-offs stay in proportion and the line stays."""

    def at(share: float) -> str:
        hours = 8 * share
        return lit(input_tokens=round(340_000 * share), hours=hours, handoffs=8 * share).verdict

    assert (at(0.68), at(0.72)) == (GREEN, AMBER)
    assert lit(input_tokens=430_000, handoffs=10).verdict == AMBER
    assert lit(input_tokens=450_000, handoffs=10).verdict == RED
    assert lit(Scale.of(replace(MODEL, uncertainty=0.1)), input_tokens=290_000).verdict == GREEN


def test_line_has_an_interval() -> None:
    found = lit()
    assert found.line == pytest.approx(340_000, rel=0.005)
    assert found.line_low == pytest.approx(0.7 * 340_000, rel=0.01)
    assert found.line_high is not None
    assert found.line_high > 1.2 * 340_000


@given(st.integers(1_000, 300_000_000), st.floats(0, 1), st.integers(0, 50))
def test_one_agent_alone_is_neither_red_nor_green(tokens: int, rate: float, handoffs: int) -> None:
    found = lit(agents=1, input_tokens=tokens, cache_hit=rate, handoffs=handoffs)
    assert found.verdict == NEUTRAL


@given(st.integers(1_000, 300_000_000), st.integers(0, 1), st.floats(0, 1))
def test_a_pool_of_one_task_gives_one_agent_whatever_n_is(
    tokens: int, pool: int, rate: float
) -> None:
    found = lit(pool=pool, input_tokens=tokens, cache_hit=rate)
    assert found.advice == ONE_AGENT
    assert found.verdict == RED
    assert found.reason.endswith("one independent task between them")
    assert found.speedup <= 1


def test_less_possible_than_needed_is_red_whatever_the_curve_says() -> None:
    found = lit(input_tokens=100_000, k_busy=1.1)
    assert found.needed > 1.1
    assert (found.verdict, found.advice) == (RED, ONE_AGENT)
    assert lit(input_tokens=100_000, k_busy=2.0).verdict == GREEN


def test_needed_and_possible_stand_beside_the_light() -> None:
    found = lit(k_busy=2.3)
    assert found.needed == pytest.approx((240 + 0.45084 + 48) / (240 + 0.45084 / 13.8))
    assert found.possible == 2.3
    for tokens, verdict in ((100_000, GREEN), (330_000, AMBER), (480_000, RED)):
        found = lit(input_tokens=tokens, k_busy=2.3)
        assert found.verdict == verdict
        assert found.reason.startswith("needs 1.2×, gets ")
        assert ", up to 2.3× possible" in found.reason


def test_a_real_heavy_day_is_amber_with_the_reason_not_red_by_a_foreign_curve() -> None:
    found = light(heavy(), SCALE)
    assert not found.believed
    assert found.verdict == AMBER
    assert found.reason == "needs 1.8×, up to 2.3× possible; your scale is not calibrated"


@given(
    st.integers(5_000_000, 400_000_000),
    st.floats(1, 600),
    st.one_of(st.none(), st.floats(0.5, 4)),
    st.floats(0.5, 14),
    st.integers(0, 80),
)
def test_far_outside_its_data_the_curve_decides_nothing(
    tokens: int, spend: float, k_busy: float | None, hours: float, handoffs: int
) -> None:
    found = light(heavy(tokens, spend, k_busy, hours, handoffs), SCALE)
    assert not found.believed
    too_little = found.possible is not None and found.possible < found.needed
    assert found.verdict == (RED if too_little else AMBER)


def test_a_heavy_users_month_is_not_all_red() -> None:
    """Days of 20 to 140 million tokens, of which 1.4 to 3.2 agents were busy on average."""
    verdicts = [
        light(heavy(20_000_000 + n * 4_000_000, 20 + 4.0 * n, 1.4 + 0.06 * n), SCALE).verdict
        for n in range(30)
    ]
    assert set(verdicts) <= {RED, AMBER}
    assert verdicts.count(AMBER) > verdicts.count(RED)


def test_three_times_the_line_is_where_the_uncalibrated_curve_ends() -> None:
    inside = lit(input_tokens=930_000, handoffs=22)
    outside = lit(input_tokens=990_000, handoffs=22)
    assert inside.line is not None
    assert outside.line is not None
    assert inside.tokens < 3 * inside.line
    assert outside.tokens > 3 * outside.line
    assert (inside.believed, inside.verdict) == (True, RED)
    assert (outside.believed, outside.verdict) == (False, AMBER)


def test_a_line_far_out_makes_nothing_green_that_far_out() -> None:
    found = lit(handoffs=0, input_tokens=5_000_000)
    assert found.ratio > 1
    assert not found.believed
    assert found.verdict == AMBER


def test_own_scale_is_believed_as_far_as_its_days_went() -> None:
    scale = Scale.of(MODEL, fit())
    green = light(heavy(40_000_000, 30, 2.6), scale)
    assert (green.verdict, green.calibrated, green.believed) == (GREEN, True, True)
    assert light(heavy(300_000_000, 90, 2.6), scale).verdict == RED
    beyond = light(heavy(600_000_000, 90, 2.6), scale)
    assert (beyond.verdict, beyond.believed) == (AMBER, False)
    assert "beyond all days" in beyond.reason


def test_calibrated_interval_spanning_the_line_is_amber() -> None:
    sure = Scale.of(MODEL, fit(spread=0.001, knee=19e6))
    unsure = Scale.of(MODEL, fit(spread=0.3, knee=19e6))
    # x of this day is a little below the knee
    day = heavy(58_000_000, 30, 2.6)
    assert MODEL.at_reference(day.price_equivalent) == pytest.approx(19e6, rel=0.1)
    assert light(day, sure).verdict != AMBER
    assert light(day, unsure).verdict == AMBER


@pytest.mark.parametrize(("name", "value"), [("k_low", 2.9), ("k_high", 0.9)])
def test_a_named_constant_beyond_the_fits_other_one_wins(name: str, value: float) -> None:
    settings = replace(MODEL, **{"k_low": min(value, 1.1), name: value})
    scale = Scale.of(settings, fit(), fixed={name})
    assert (scale.model.k_low, scale.model.k_high) == (value, value)
    assert all(each.k_low <= each.k_high for each in scale.variants)
    # and supposing nothing is no mistake
    suppose(REFERENCE, scale.model, {})


def test_constants_that_the_user_named_are_not_changed_by_a_fit() -> None:
    scale = Scale.of(replace(MODEL, knee=1e6), fit(), fixed={"knee"})
    assert scale.model.knee == 1e6
    assert {variant.knee for variant in scale.variants} == {1e6}
    assert scale.model.token_multiplier == 5


def test_a_fit_made_at_another_hit_rate_means_the_same_money() -> None:
    other = replace(MODEL, reference_hit_rate=0.9)
    own = Scale.of(MODEL, fit())
    moved = Scale.of(other, fit())
    day = heavy(150_000_000, 60, 2.6)
    assert light(day, moved).ratio == pytest.approx(light(day, own).ratio)
    assert moved.model.knee == pytest.approx(60e6 * 0.442 / 0.19)


def test_days_with_nothing_to_judge_are_neutral_and_say_why() -> None:
    assert light(Day(), SCALE).reason == "nothing spent yet"
    assert light(Day(), SCALE).line == pytest.approx(340_000, rel=0.005)
    alone = replace(heavy(), hours_worked=0.0)
    one = suppose(REFERENCE, MODEL, {"input_tokens": 100_000, "agents": 1})[0]
    for day, why in (
        (alone, "the agents worked without you"),
        (replace(heavy(100_000), hours_worked=0.1), "too early to tell"),
        (replace(heavy(), parallel_share=0.04), "one agent at a time but for 4% of the work"),
        (one, "one agent at a time"),
    ):
        found = light(day, SCALE)
        assert found.verdict == NEUTRAL
        # what was needed and what was possible stand beside every light
        needs = f"parallel work needs {times(found.needed)}"
        most = f", up to {times(found.possible)} possible" if day.k_busy is not None else ""
        assert found.reason == f"{why}; {needs}{most}"


@given(
    st.integers(0, 300_000_000),
    st.integers(1, 4),
    st.none() | st.integers(1, 3),
    st.none() | st.floats(1, 3),
    st.sampled_from([0.0, 0.1, 6.0]),
    st.booleans(),
)
def test_needed_and_possible_stand_beside_every_light(
    tokens: int, agents: int, pool: int | None, busy: float | None, hours: float, unpriced: bool
) -> None:
    supposed = suppose(REFERENCE, MODEL, {"input_tokens": tokens, "agents": agents})[0]
    day = replace(supposed, pool=pool, k_busy=busy, hours_worked=hours)
    if unpriced:
        day = replace(day, unpriced_tokens=tokens)
    found = light(day, SCALE)
    if not found.tokens:
        assert found.reason == "nothing spent yet"
        return
    assert f"needs {times(found.needed)}" in found.reason
    if busy is not None:
        assert found.possible is not None
        assert times(found.possible) in found.reason.partition("needs ")[2].partition(", ")[2]
        assert "possible" in found.reason


def test_tokens_without_a_price_make_nothing_green() -> None:
    day = suppose(REFERENCE, MODEL, {"input_tokens": 100_000})[0]
    assert light(day, SCALE).verdict == GREEN
    assert light(replace(day, unpriced_tokens=5_000), SCALE).verdict == GREEN
    assert light(replace(day, unpriced_tokens=50_000), SCALE).verdict == AMBER
    # what would be missing from the bill could only make it redder
    assert light(replace(day, unpriced_tokens=50_000, k_busy=1.0), SCALE).verdict == RED


def test_light_can_be_told_without_colour_and_uncalibrated_ones_are_marked() -> None:
    def sign(seen: Light) -> str:
        return verdict_sign(seen.verdict, calibrated=seen.calibrated)

    assert sign(lit(input_tokens=100_000)) == "▲?"
    assert sign(lit(input_tokens=700_000)) == "▼?"
    assert sign(lit(agents=1)) == "–"
    assert sign(light(heavy(40_000_000, 30, 2.6), Scale.of(MODEL, fit()))) == "▲"
    shown = {
        verdict_sign(verdict, calibrated=True, ascii_only=True) for verdict in (GREEN, AMBER, RED)
    }
    assert len(shown) == 3
    assert all(glyph.isascii() for glyph in shown)


@given(st.floats(0.01, 50))
def test_a_factor_is_never_shown_as_1_unless_it_nearly_is(factor: float) -> None:
    if abs(factor - 1) > 0.0005:
        assert times(factor) != "1×"


@given(
    st.integers(0, 10**12),
    st.floats(0, 1),
    st.integers(0, 1000),
    st.floats(0.01, 24),
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(0, 30)),
    st.one_of(st.none(), st.floats(0, 30)),
    st.floats(0, 1e5),
)
def test_any_day_has_a_light(
    tokens: int,
    rate: float,
    handoffs: int,
    hours: float,
    agents: int,
    pool: int | None,
    k_busy: float | None,
    spend: float,
) -> None:
    values = {"input_tokens": tokens, "cache_hit": rate, "spend": spend, "hours": hours}
    day = suppose(REFERENCE, MODEL, values | {"handoffs": handoffs, "agents": agents})[0]
    found = light(replace(day, pool=pool, k_busy=k_busy), SCALE)
    assert found.verdict in {GREEN, AMBER, RED, NEUTRAL}
    assert found.reason
    assert found.ratio >= 0
