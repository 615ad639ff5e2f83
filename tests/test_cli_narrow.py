"""The reports on terminals that are narrower than their tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from tmuxmeter.demo.play import write_week
from tmuxmeter.views.fitting import width

if TYPE_CHECKING:
    from pathlib import Path

YESTERDAY = (date.today() - timedelta(days=1)).isoformat()
REPORTS = (
    *(("today", "--date", YESTERDAY), ("today", "--date", YESTERDAY, "--by", "model")),
    *(("week", "--date", YESTERDAY), ("week", "--date", YESTERDAY, "--weeks", "3")),
    *(("days", "--until", YESTERDAY), ("days", "--until", YESTERDAY, "--by", "project")),
    *(("sessions",), ("agents", "check", "claude"), ("agents", "check", "codex")),
    *(("breakeven", "--date", YESTERDAY), ("breakeven", "--reference")),
    *(("prices",), ("prices", "claude-sonnet-4-6"), ("config",), ("agents",), ("panes",)),
)
AXIS = re.compile(r" {6}0[0-9kM. ]*")


def printed(home: Path, columns: int | None, *arguments: str) -> list[str]:
    limit = {} if columns is None else {"COLUMNS": str(columns)}
    done = subprocess.run(
        [sys.executable, "-m", "tmuxmeter", *arguments, "--home", str(home)],
        env={**os.environ, **limit},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def figures(lines: list[str]) -> set[str]:
    """Return the dollars, tokens, shares, times and factors that stand in lines of text."""
    # an axis has other marks where it is shorter
    words = re.findall(r"\S+", "\n".join(line for line in lines if not AXIS.fullmatch(line)))
    return {w for w in words if re.fullmatch(r"[~+−]?\$?[0-9][0-9.,:]*[kM%×]?[.,;:]?", w)}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with three agents' week in it."""
    home = tmp_path_factory.mktemp("week")
    write_week(home, time.time_ns() // 1_000_000)
    return home


@pytest.mark.parametrize("report", REPORTS, ids=" ".join)
def test_nothing_is_wider_than_the_terminal_and_no_figure_is_cut(
    week: Path, monkeypatch: pytest.MonkeyPatch, report: tuple[str, ...]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    whole = figures(printed(week, None, *report))
    assert max(map(width, printed(week, 20, *report))) <= 20
    for columns in (60, 40, 24):
        lines = printed(week, columns, *report)
        assert max(map(width, lines)) <= columns
        # a figure that is cut or broken in two is one that the wide report doesn't know
        assert figures(lines) - whole == set()
        assert len(figures(lines)) >= len(whole) // 3
