"""The first calibration is made once, by itself, and told."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON
from tmux_fixtures import wait_until

from tmuxmeter.ledger.writer import Writer
from tmuxmeter.watcher.first_fit import META, FirstFit, fit_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPAN = (NOON - 40 * 86_400_000, NOON)
FOUND = {
    "fitted": True,
    "first_day": "2026-06-01",
    "last_day": "2026-07-01",
    "days": 23,
    "k_high": 2.41,
    "k_low": 1.12,
    "knee": 4_100_000.0,
}
TEXT = (
    "calibrated on your days from 2026-06-01 to 2026-07-01 (23): the speed-up falls from 2.4"
    " to 1.1 at 4.1M input tokens a day (tmuxmeter calibrate --show, --reset)"
)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path) as writer:
        yield writer


def saying(answer: object, log: Path) -> list[str]:
    """Return a program that notes that it ran and prints an answer."""
    code = f"open({str(log)!r}, 'a').write('x'); print({json.dumps(answer)!r})"
    return [sys.executable, "-c", code]


def test_it_is_made_once_and_told(writer: Writer, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    fit = FirstFit(tmp_path, saying(FOUND, ran))
    fit.start(writer, SPAN)
    fit.start(writer, SPAN)
    assert wait_until(lambda: fit.finished(writer)) == TEXT
    assert fit.finished(writer) == ""
    # neither this watcher nor the next one does it again, though the fit may have been taken back
    for again in (fit, FirstFit(tmp_path, saying(FOUND, ran))):
        again.start(writer, SPAN)
        again.close()
    assert ran.read_text() == "x"
    assert writer.meta(META) == "2026-06-01 2026-07-01"


def test_what_was_refused_is_tried_again(writer: Writer, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    fit = FirstFit(tmp_path, saying({"fitted": False, "reason": "too few hours"}, ran))
    for times in (1, 2):
        fit.start(writer, SPAN)
        wait_until(lambda times=times: ran.exists() and ran.read_text() == "x" * times)
        wait_until(lambda: fit.finished(writer) == "" and fit._child is None)
    assert writer.meta(META) is None


@pytest.mark.parametrize("span", [None, (NOON - 4 * 86_400_000, NOON)])
def test_a_short_history_is_not_tried(
    writer: Writer, tmp_path: Path, span: tuple[int, int] | None
) -> None:
    fit = FirstFit(tmp_path, saying(FOUND, tmp_path / "ran"))
    fit.start(writer, span)
    assert fit._child is None


def test_who_has_calibrated_is_left_alone(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text("{}")
    fit = FirstFit(tmp_path, saying(FOUND, tmp_path / "ran"))
    fit.start(writer, SPAN)
    assert fit._child is None


def test_a_program_that_says_nothing_is_no_fit(writer: Writer, tmp_path: Path) -> None:
    fit = FirstFit(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"])
    fit.start(writer, SPAN)
    wait_until(lambda: fit.finished(writer) == "" and fit._child is None)
    assert writer.meta(META) is None


def test_the_real_program_refuses_an_empty_ledger(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    state = home / ".local/state/tmuxmeter"
    with Writer.open(state) as writer:
        fit = FirstFit(state, fit_command(["--home", str(home)]))
        fit.start(writer, SPAN)
        wait_until(lambda: fit.finished(writer) == "" and fit._child is None)
        assert "no calibration yet: too few" in caplog.text
        assert writer.meta(META) is None
        assert not (state / "calibration.json").exists()
