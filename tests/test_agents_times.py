from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.agents.times import epoch_ms, plausible_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-03T10:48:56.123Z", 1_785_754_136_123),
        ("2026-08-03T10:48:56.123999Z", 1_785_754_136_123),
        ("2026-08-03T10:48:56.123456789Z", 1_785_754_136_123),
        ("2026-08-03T12:48:56.123+02:00", 1_785_754_136_123),
        ("2026-08-03T10:48:56", 1_785_754_136_000),
        ("2014-12-31T23:59:59.999Z", None),
        ("2015-01-01T00:00:00Z", 1_420_070_400_000),
        ("2100-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
        ("2026-08-03T10:48:56.123\ud800", None),
    ],
)
def test_epoch_ms(text: str, expected: int | None) -> None:
    assert epoch_ms(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    result = epoch_ms(text)
    assert result is None or 1_420_070_400_000 <= result < 4_102_444_800_000


@given(
    st.datetimes(
        datetime(2015, 1, 2),
        datetime(2099, 12, 30),
        timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_a_time_is_rounded_down_to_the_millisecond(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert epoch_ms(moment.isoformat()) == since // timedelta(milliseconds=1)


def test_plausible_ms_leaves_out_what_no_log_can_mean() -> None:
    assert plausible_ms(1_785_754_136_123) == 1_785_754_136_123
    assert plausible_ms(1_785_754_136) is None
    assert plausible_ms(float("nan")) is None
    assert plausible_ms(float("inf")) is None
    assert plausible_ms(2**80) is None
