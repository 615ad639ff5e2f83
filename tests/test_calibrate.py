from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from breakeven_data import FIRST, as_table, history

from tmuxmeter.breakeven.calibrate import calibrate
from tmuxmeter.breakeven.estimates import Fit, Refusal
from tmuxmeter.breakeven.hours import Hour
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.breakeven.stored import as_data, kept, to_keep
from tmuxmeter.breakeven.table import hours_of
from tmuxmeter.errors import FolderError, UsageError
from tmuxmeter.fitfile import NAME, read_fit, remove_fit, write_fit

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

MODEL = Model()


def fitted(hours: list[Hour], model: Model = MODEL) -> Fit:
    found = calibrate(hours, model)
    assert isinstance(found, Fit), found
    return found


@cache
def found_in(seed: int) -> Fit | Refusal:
    """Return what is found in one of the plain histories, which many tests look at."""
    return calibrate(history(seed), MODEL)


def plain(seed: int) -> Fit:
    found = found_in(seed)
    assert isinstance(found, Fit), found
    return found


def refused(hours: list[Hour]) -> str:
    found = calibrate(hours, MODEL)
    assert isinstance(found, Refusal), found
    return found.reason


@pytest.mark.parametrize(
    "truth",
    [
        {"knee": 312_000, "k_high": 2.55, "k_low": 1.1, "m": 13.8},
        {"knee": 4_000_000, "k_high": 2.0, "k_low": 0.9, "m": 4.0, "hit_rate": 0.9},
    ],
)
def test_known_constants_are_recovered(truth: dict[str, float]) -> None:
    good = 0
    for seed in range(10):
        hours = history(seed, **truth)  # type: ignore[arg-type]
        found = calibrate(hours, MODEL)
        good += (
            isinstance(found, Fit)
            and abs(found.knee.value / truth["knee"] - 1) <= 0.10
            and abs(found.k_high.value - truth["k_high"]) <= 0.15
            and abs(found.k_low.value - truth["k_low"]) <= 0.15
            and abs(found.multiplier.value / truth["m"] - 1) <= 0.15
        )
    assert good >= 9


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of 10 histories × 3 constants, 27 are expected within 90 % intervals."""
    held = 0
    for seed in range(10):
        found = plain(seed)
        for estimate, truth in ((found.knee, 312_000), (found.k_high, 2.55), (found.k_low, 1.1)):
            assert estimate.low <= estimate.value <= estimate.high
            held += estimate.low <= truth <= estimate.high
    assert held >= 22


@pytest.mark.parametrize("seed", range(10))
def test_a_history_without_a_knee_is_refused(seed: int) -> None:
    assert refused(history(seed, k_low=2.55)).startswith("no knee")
    assert refused(history(seed, k_high=1.1, k_low=1.1, noise=0.5)).startswith("no knee")
    # faster, not slower
    assert refused(history(seed, k_high=1.1, k_low=2.5)).startswith("no knee")


@pytest.mark.parametrize("seed", range(5))
def test_a_knee_that_no_day_reached_is_not_made_up(seed: int) -> None:
    assert "outside your data" in refused(history(seed, reach=0.3))
    assert "outside your data" in refused(history(seed, reach=15))


def noiseless(knee: float) -> list[Hour]:
    """Return ten days of sixteen hours that reach running totals of 320 000 to 392 000."""
    hours = []
    for number in range(10):
        day = FIRST + timedelta(days=number)
        x = 0.0
        for hour in range(16):
            alone = hour % 2 == 0
            tokens = 0 if alone else 40_000 + 1_000 * number
            x += tokens
            k = 1 if alone else 1.1 + 1.45 / (1 + (x / knee) ** 30)
            cost = 1 if alone else 5
            hours.append(Hour(day, 1 if alone else 2, 1.0, tokens, tokens * 0.442, cost, 4 * k))
    return hours


def test_noiseless_hours_give_the_constants_themselves() -> None:
    found = fitted(noiseless(150_000))
    assert found.knee.value == pytest.approx(150_000, rel=0.02)
    assert found.k_high.value == pytest.approx(2.55, abs=0.03)
    assert found.k_low.value == pytest.approx(1.1, abs=0.03)
    assert found.multiplier.value == 5


def test_a_knee_at_the_edge_of_the_data_is_refused() -> None:
    """Only the last hours of four days lie beyond it; or the first ones of few below."""
    assert refused(noiseless(362_000)).startswith("the knee lies outside the data: only")
    assert "above" in refused(noiseless(362_000))
    assert "below" in refused(noiseless(43_500))


def test_a_knee_that_could_be_anywhere_is_refused() -> None:
    """A speed-up that falls slowly all the way, on eight days."""
    reasons = [refused(history(seed, days=8, steepness=2)) for seed in (10, 13, 15)]
    assert all(reason.startswith("the knee can't be told") for reason in reasons)


def test_nothing_done_beyond_the_knee_is_a_speedup_of_0_not_less() -> None:
    for seed in range(3):
        found = fitted(history(seed, k_low=0.0))
        assert 0 <= found.k_low.low <= found.k_low.value < 0.1
        assert min(draw.k_low for draw in found.draws) >= 0


def test_a_speedup_beyond_reason_is_refused() -> None:
    assert "makes no sense" in refused(history(1, k_high=80))


def test_too_few_hours_are_refused_with_the_side_that_lacks_them() -> None:
    hours = history(1)
    assert refused([]) == "too few hours with one agent: 0.0 of at least 12"
    assert "too few hours with one agent" in refused([h for h in hours if h.agents_working != 1])
    assert "too few hours with several agents" in refused(
        [h for h in hours if h.agents_working == 1]
    )
    long_days = [replace(hour, day=hours[0].day) for hour in hours]
    assert refused(long_days) == "too few days: 1 of at least 5"


def test_no_variation_is_refused() -> None:
    hours = []
    for number, hour in enumerate(history(1)):
        # each parallel hour is the only one of its day to spend anything, and always as much
        tokens = 0 if hour.agents_working == 1 else 100_000
        day = hour.day.fromordinal(hour.day.toordinal() + 100 * (number % 8))
        hours.append(replace(hour, day=day, price_equivalent=tokens, input_tokens=tokens))
    assert refused(hours).startswith("no variation")


def test_hours_without_any_result_are_refused() -> None:
    hours = history(1)
    idle = [replace(h, tasks=0) if h.agents_working == 1 else h for h in hours]
    assert refused(idle) == "no task was finished in the hours with one agent"
    busy = [replace(h, tasks=0) if h.agents_working > 1 else h for h in hours]
    assert refused(busy) == "no task was finished in the hours with several agents"
    free = [replace(h, cost_microdollars=0) for h in hours]
    assert refused(free) == "the hours with one agent cost nothing"


def test_hours_that_are_neither_side_still_count_their_tokens() -> None:
    """x is the day's running total: tokens of nights and of hours without agents are in it."""
    hours = history(3)
    night = [
        Hour(day, 2, 0.0, 300_000, 132_600, 100_000, 0) for day in sorted({h.day for h in hours})
    ]
    moved = fitted(sorted([*night, *hours], key=lambda hour: hour.day))
    before = fitted(hours)
    assert moved.knee.value == pytest.approx(before.knee.value + 300_000, rel=0.05)
    assert moved.treatment_hours == before.treatment_hours


def test_the_same_hours_give_the_same_fit() -> None:
    assert calibrate(history(2), MODEL) == plain(2)


def test_x_is_at_the_reference_hit_rate_of_the_settings() -> None:
    other = fitted(history(2), replace(MODEL, reference_hit_rate=0.9))
    assert other.knee.value == pytest.approx(plain(2).knee.value * 0.442 / 0.19, rel=0.02)
    assert other.reference_hit_rate == 0.9


def test_a_fit_survives_the_state_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert read_fit(state) == (None, "")
    assert not remove_fit(state)
    found = plain(4)
    path = write_fit(state, found)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_fit(state) == (found, "")
    assert [each.name for each in state.iterdir()] == [NAME]
    assert Scale.of(MODEL, read_fit(state)[0]).model.knee == pytest.approx(found.knee.value)
    assert remove_fit(state)
    assert read_fit(state) == (None, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"version": 2}',
        '{"version": 1, "M": 3}',
        "\x00",
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_fit_is_named_and_not_used(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    fit, problem = read_fit(tmp_path)
    assert fit is None
    assert problem.startswith(str(tmp_path / NAME))


def test_data_without_its_parts_is_no_fit() -> None:
    data = json.loads(json.dumps(to_keep(plain(4))))
    assert kept(data)
    for key in data:
        if key != "fitted":
            with pytest.raises(ValueError, match=r"."):
                kept({name: value for name, value in data.items() if name != key})
    with pytest.raises(ValueError, match="4 numbers were expected"):
        kept(data | {"draws": [[1, 2, 3]]})


@pytest.mark.parametrize(
    "damage",
    [
        {"draws": []},
        {"draws": [[13.8, 2.5, 1.1, 0]]},
        {"draws": [[0, 2.5, 1.1, 3e5]]},
        {"knee": 0},
        {"knee": float("nan")},
        {"M": 0},
        {"M": float("inf")},
        {"k_low": 9},
        {"k_low": -1},
        {"steepness": -5},
        {"reference_hit_rate": 1},
        {"x_max": float("nan")},
    ],
)
def test_numbers_that_no_curve_has_are_no_fit(damage: dict[str, Any]) -> None:
    data = json.loads(json.dumps(to_keep(plain(4))))
    assert kept(data)
    with pytest.raises(ValueError, match="no curve has such numbers"):
        kept(data | damage)


def test_a_state_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(FolderError, match="state"):
        write_fit(tmp_path / "state", plain(4))


def test_a_table_is_read_as_the_hours_it_was_made_of() -> None:
    hours = history(5)
    read = hours_of(as_table(hours).splitlines(), "t.csv")
    assert [hour.day for hour in read] == [hour.day for hour in hours]
    assert [hour.tasks for hour in read] == [hour.tasks for hour in hours]
    assert [hour.cost_microdollars for hour in read] == [hour.cost_microdollars for hour in hours]
    assert read[0].price_equivalent == pytest.approx(hours[0].price_equivalent)
    assert as_data(fitted(read))["knee"] == pytest.approx(as_data(fitted(hours))["knee"], rel=1e-3)


HEAD = "hour,agents_working,hours_worked,input_tokens,cache_hit_rate,cost_usd,tasks"


def test_rows_may_come_in_any_order_columns_too_and_hours_may_be_counted() -> None:
    text = ["tasks, Hour ,agents_working,hours_worked,input_tokens,cache_hit_rate,cost_usd,more"]
    text += ["2,2026-03-02T10:00+02:00,3,1,100,0.5,0.25,x", "1,2026-03-01 09,1,0.5,200,0,0,"]
    first, second = hours_of(text, "t.csv")
    assert (first.day.isoformat(), first.tasks, first.agents_working) == ("2026-03-01", 1, 1)
    assert (second.day.isoformat(), second.cost_microdollars) == ("2026-03-02", 250_000)
    assert second.price_equivalent == pytest.approx(55)
    counted = hours_of([HEAD, "23,1,1,0,0,0,0", "24,1,1,0,0,0,0"], "t.csv")
    assert counted[0].day != counted[1].day


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "t.csv: lacks the columns hour, agents_working"),
        (["hour,tasks"], "t.csv: lacks the columns agents_working"),
        ([HEAD.replace(",tasks", "")], "t.csv: lacks the column tasks"),
        ([HEAD, "monday,1,1,1,0,0,0"], "t.csv:2: hour must be a time such as"),
        ([HEAD, "", "1,1,2,1,0,0,0"], "t.csv:3: hours_worked must be a number from 0 to 1"),
        ([HEAD, "1,1,1,1,1.2,0,0"], "t.csv:2: cache_hit_rate must be a number from 0 to 1"),
        ([HEAD, "1,1,1,-5,0,0,0"], "input_tokens must be a number"),
        ([HEAD, "1,1,1,nan,0,0,0"], "input_tokens must be a number"),
        ([HEAD, "1,1,1,5,0,,0"], "cost_usd must be a number from 0 to 1000000, not ''"),
        ([HEAD, "1,1,1"], "input_tokens must be a number from 0 to 1000000000000, not ''"),
    ],
)
def test_tables_that_make_no_sense_are_refused_with_line_and_column(
    lines: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        hours_of(lines, "t.csv")
    assert message in str(caught.value)
