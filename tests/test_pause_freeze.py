"""Freezing on real tmux: every way an agent is started, with and without a tool below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pausing import STARTS, Stage, missing, one_round

if TYPE_CHECKING:
    from pathlib import Path

    from tmux_fixtures import TmuxServer


@pytest.fixture
def stage(home: Path, tmux_server: TmuxServer) -> Stage:
    return Stage(home, tmux_server)


def check(holds: bool, what: str) -> None:
    assert holds, what


METHODS = {"bash": "tcflow", "zsh": "tcflow", "fish": "tcflow", "pane": "tcflow"}
KINDS = [(run, child) for run in (False, True) for child in (False, True)]
QUICK = {(False, True), (True, False)}
"""Every start is tried with and without a tool below, and with and without ``run``."""
ROUNDS = 2


def cases() -> list[object]:
    """Return all cases, of which some are left to the slow suite."""
    found: list[object] = []
    for name in ("claude", "opencode"):
        for how in STARTS:
            for run, child in KINDS:
                if (how, name, run) == ("pane", "opencode", False):
                    continue  # refused, see test_pause_ways.py
                known = name == "claude" and (run, child) in QUICK
                suspended = name == "opencode" and how in METHODS and not run and child
                words = [name, how, *(["run"] if run else []), *(["tool"] if child else [])]
                marks = [] if known or suspended else [pytest.mark.slow]
                found.append(pytest.param(name, how, run, child, marks=marks, id="-".join(words)))
    return found


@pytest.mark.parametrize(("name", "how", "run", "child"), cases())
def test_stands_still_and_goes_on(
    stage: Stage, name: str, how: str, run: bool, child: bool
) -> None:
    if missing(how):
        pytest.fail(missing(how))
    counted = stage.start(how, name, run=run, child=child)
    expected = "subtree" if run else METHODS.get(how, "subtree")
    if name == "opencode":
        expected = expected.replace("tcflow", "suspend")
    for _ in range(ROUNDS):
        assert one_round(stage, counted, check) == expected
