from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.status.text import clean, for_tmux, money, share, tokens


@pytest.mark.parametrize(
    ("microdollars", "text"),
    [
        (None, "?"),
        (0, "$0.00"),
        (1, "<$0.001"),
        (499, "<$0.001"),
        (500, "$0.001"),
        (4_000, "$0.004"),
        (9_499, "$0.009"),
        (9_500, "$0.01"),
        (1_200_000, "$1.20"),
        (1_005_000, "$1.01"),
        (99_994_999, "$99.99"),
        (99_995_000, "$100.0"),
        (123_449_000, "$123.4"),
        (999_950_000, "$1000"),
        (9_999_500_000, "$10.0k"),
        (12_345_000_000, "$12.3k"),
        (999_950_000_000, "$1.0M"),
        (-1_200_000, "-$1.20"),
    ],
)
def test_money_is_short_and_rounds_once(microdollars: int | None, text: str) -> None:
    assert money(microdollars) == text


def test_money_says_that_some_tokens_have_no_price() -> None:
    assert money(1_200_000, unknown=1) == "$1.20+?"
    assert money(0, unknown=1) == "$0.00+?"
    assert money(None, unknown=1) == "?"


@given(st.integers(min_value=0, max_value=10**15))
def test_money_and_tokens_stay_short(number: int) -> None:
    assert len(money(number)) <= 8
    assert len(tokens(number)) <= 7


@given(st.integers(min_value=500, max_value=10**12))
def test_money_is_within_half_a_unit_of_its_last_digit(number: int) -> None:
    text = money(number)
    unit = {"k": 10**9, "M": 10**12}.get(text[-1], 10**6)
    digits = text.lstrip("$").rstrip("kM")
    decimals = len(digits.partition(".")[2])
    assert abs(float(digits) * unit - number) <= unit / 10**decimals / 2 * 1.000001


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (212_000, "212k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (1_200_000, "1.2M"),
        (212_000_000, "212M"),
        (3_400_000_000, "3.4G"),
        (-1_200, "-1.2k"),
    ],
)
def test_tokens_have_two_or_three_digits(count: int, text: str) -> None:
    assert tokens(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "?"),
        (math.nan, "?"),
        (0.0, "0%"),
        (0.0001, "1%"),
        (0.615, "62%"),
        (0.9999, "99%"),
        (1.0, "100%"),
        (1.04, "104%"),
    ],
)
def test_share_is_all_or_nothing_only_when_it_is(value: float | None, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("a\nb\r\nc\td", "a b c d"),
        ("\x1b[31mred\x07\x7f", "[31mred"),
        ("a\u202eb\u2066c\u200bd\ufeff", "a b c d"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("x\ud800y\ue000z", "x y z"),
        ("e\u0301\u0301\u0301\u0301!", "e\u0301!"),
        ("   ", ""),
        ("#(touch x) #{pane_id} %H $(y) `z`", "#(touch x) #{pane_id} %H $(y) `z`"),
    ],
)
def test_clean_keeps_what_can_be_seen(text: str, cleaned: str) -> None:
    assert clean(text, 40) == cleaned


def test_clean_bounds_the_length() -> None:
    assert clean("m" * 40, 40) == "m" * 40
    assert clean("m" * 41, 40) == "m" * 39 + "…"
    assert clean("m" * 10_000_000, 40, ascii_only=True) == "m" * 37 + "..."


@given(st.text(), st.integers(min_value=4, max_value=60), st.booleans())
def test_clean_is_one_printable_line_whatever_comes(
    text: str, length: int, ascii_only: bool
) -> None:
    cleaned = clean(text, length, ascii_only=ascii_only)
    assert len(cleaned) <= length
    assert cleaned == cleaned.strip()
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode("ascii" if ascii_only else "utf-8")
    assert not any(ord(character) < 32 for character in cleaned)


def test_for_tmux_doubles_every_hash() -> None:
    assert for_tmux("#[fg=red]#(x)##") == "##[fg=red]##(x)####"
