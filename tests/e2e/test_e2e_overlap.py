"""Codex programs that start at once in one folder: what can't be told apart must not be guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from list_prices import bill
from play import answered

if TYPE_CHECKING:
    from meter import Meter
    from play import Played

pytestmark = pytest.mark.e2e

NAMES = ("codex-x", "codex-y", "codex-z")


@pytest.mark.xfail(
    reason="the order of starts is believed, and threads are created in another one",
    strict=False,
)
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
    # Prompted at once in another order than started, each with another number of requests.
    scripts = {"codex-y": "say", "codex-z": "run echo on then say"}
    scripts["codex-x"] = "run echo on then run echo on then say"
    for name, script in scripts.items():
        world.say(name, script)
    for name, script in scripts.items():
        answered(world.openai, name, script.count("then") + 1)
    world.settle()
    own = {world.panes[name]: bill(world.openai.of(name)) for name in NAMES}

    def booked(report: dict[str, Any]) -> dict[str, int]:
        rows = report["by_pane"]
        return {row["pane"]: row["cost_microdollars"] for row in rows if row["pane"] in own}

    report = meter.today()
    assert booked(report).items() <= own.items()
    untold = sum(own.values()) - sum(booked(report).values())
    assert report["unattributed"]["cost_microdollars"] == untold
