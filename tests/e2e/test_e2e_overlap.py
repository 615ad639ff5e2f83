"""Codex programs that start at once in one folder: what can't be told apart must not be guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from list_prices import bill
from play import answered

if TYPE_CHECKING:
    from meter import Meter
    from play import Played

pytestmark = pytest.mark.e2e

NAMES = ("codex-x", "codex-y", "codex-z")


def test_programs_started_at_once_never_get_each_other_s_spend(
    meter: Meter, played: Played
) -> None:
    world = played.world
    folder = world.folder / "third"
    folder.mkdir()
    for name in NAMES:
        world.open(name, f'codex -c \'projects."{folder}".trust_level="trusted"\'', folder)
    for name in NAMES:
        world.wait_screen(name, "Ask Codex")
    # Prompted in another order than started, each with another number of requests.
    for count, name in enumerate(reversed(NAMES), 1):
        world.say(name, " then ".join(["run echo on"] * (count - 1) + ["say"]))
        answered(world.openai, name, count)
    world.settle()
    report = meter.today()
    own = {world.panes[name]: bill(world.openai.of(name)) for name in NAMES}
    got = {row["pane"]: row["cost_microdollars"] for row in report["by_pane"] if row["pane"] in own}
    assert got.items() <= own.items()
    untold = sum(own.values()) - sum(got.values())
    assert report["unattributed"]["cost_microdollars"] == untold
