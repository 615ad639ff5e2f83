"""``today`` is read without Click where that reads it as Click does, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watching import tmuxmeter

from tmuxmeter.cli.plain import TodayCall, today_call
from tmuxmeter.cli.report import today_command

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("--json", "--home", "--date", "--by", "--help", "-h", "--", "--hom", "--home=/x", "--bad")
VALUES = ("/home/me", "2026-07-01", "nonsense", "today", "", "-", "-1", "ü", "--json x", "pane")


def by_click(words: list[str]) -> TodayCall | None:
    """Return what Click makes of the words, None where it refuses or is asked for more."""
    parser = today_command.make_parser(click.Context(today_command))
    try:
        values, left, _ = parser.parse_args(list(words))
    except click.UsageError:
        return None
    if left or values.get("help") or values.get("by"):
        return None
    return TodayCall(values.get("home"), values.get("day"), bool(values.get("as_json")))


@given(st.lists(st.sampled_from(WORDS + VALUES), max_size=6))
def test_what_is_read_is_what_click_reads(words: list[str]) -> None:
    call = today_call(words)
    assert call in (None, by_click(words))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--json"],
        ["--date", "2026-07-01"],
        ["--home", "/x", "--json", "--date", "2026-07-01", "--home", "/y"],
    ],
)
def test_the_usual_calls_are_read(words: list[str]) -> None:
    assert today_call(words) == by_click(words) is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--date", "soon"], "tmuxmeter: --date takes a date such as 2026-07-01, not 'soon'\n"),
        (["--home", "/no/such"], "tmuxmeter: --home /no/such: there is no such folder\n"),
    ],
)
def test_mistakes_are_the_same_with_click_and_without(
    home: Path, words: list[str], message: str
) -> None:
    for more in ([], ["--by", "pane"]):
        done = tmuxmeter("today", *words, *more, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_what_is_printed_is_the_same_with_click_and_without(home: Path) -> None:
    assert tmuxmeter("today").stdout == tmuxmeter("--home", home, "today").stdout
