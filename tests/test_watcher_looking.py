"""How soon panes are looked at again."""

from __future__ import annotations

import pytest
from pictures import agent, in_pane, picture

from tmuxmeter.watcher.looking import CALM_S, pause


@pytest.mark.parametrize(
    ("states", "idle", "alike_s", "expected"),
    [
        ((), 5, 0, 10),
        (("working",), 5, 0, 2),
        (("idle", "working"), 5, 2 * CALM_S, 2),
        (("working",), 1, 0, 1),
        (("idle", "waiting"), 5, CALM_S - 1, 5),
        (("idle", "waiting"), 5, CALM_S, 10),
        # what happened between looks that are further apart would count as not seen
        (("waiting",), 12, CALM_S, 15),
        (("waiting",), 60, CALM_S, 60),
    ],
)
def test_looks_are_rarer_the_less_happens(
    states: tuple[str, ...], idle: float, alike_s: float, expected: float
) -> None:
    panes = [in_pane(f"%{number}", agent("s", state)) for number, state in enumerate(states)]
    assert pause(picture(*panes), idle, alike_s=alike_s) == expected
    outside = {f"a{number}": agent("s", state) for number, state in enumerate(states)}
    assert pause(picture(**outside), idle, alike_s=alike_s) == expected
