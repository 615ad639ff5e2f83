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


@pytest.mark.parametrize("child", [False, True], ids=["alone", "tool"])
@pytest.mark.parametrize("run", [False, True], ids=["plain", "run"])
@pytest.mark.parametrize("how", STARTS)
def test_claude(stage: Stage, how: str, run: bool, child: bool) -> None:
    if missing(how):
        pytest.fail(missing(how))
    counted = stage.start(how, run=run, child=child)
    expected = "subtree" if run else METHODS.get(how, "subtree")
    for _ in range(2):
        assert one_round(stage, counted, check) == expected


@pytest.mark.parametrize("child", [False, True], ids=["alone", "tool"])
@pytest.mark.parametrize("run", [False, True], ids=["plain", "run"])
@pytest.mark.parametrize("how", [how for how in STARTS if how != "pane"])
def test_an_agent_we_do_not_know(stage: Stage, how: str, run: bool, child: bool) -> None:
    counted = stage.start(how, "opencode", run=run, child=child)
    expected = "subtree" if run else METHODS.get(how, "subtree").replace("tcflow", "suspend")
    for _ in range(2):
        assert one_round(stage, counted, check) == expected
