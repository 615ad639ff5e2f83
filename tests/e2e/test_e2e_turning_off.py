"""The last file by name, as it ends what the others look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from meter import Meter, Screen
    from play import Played

pytestmark = pytest.mark.e2e


def test_turning_it_off_leaves_nothing_on_the_screen(
    meter: Meter, played: Played, screen: Screen
) -> None:
    result = meter.run("down", "--all")
    assert result.returncode == 0, result.stderr
    wait_until(lambda: "$" not in screen.lines()[-1], 20, 0.1)
    assert meter.run("status").returncode == 3
