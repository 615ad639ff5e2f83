"""Codex programs that start at once in one folder: each to its own pane, or to none."""

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


def test_programs_started_at_once_never_get_each_other_s_spend(
    meter: Meter, played: Played
) -> None:
    world = played.world
    folder = world.folder / "third"
    folder.mkdir()
    # Not with -c: a program with settings of its own runs without the daemon.
    with (world.codex / "config.toml").open("a") as config:
        config.write(f'[projects."{folder}"]\ntrust_level = "trusted"\n')
    for name in NAMES:
        world.open(name, "codex", folder)
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

    # Until Codex's log tells who is who, nobody gets anything.
    report = meter.today()
    assert booked(report).items() <= own.items()
    untold = sum(own.values()) - sum(booked(report).values())
    assert report["unattributed"]["cost_microdollars"] == untold
    report = meter.today(lambda report: booked(report) == own)
    assert booked(report) == own
    assert report["unattributed"]["cost_microdollars"] == 0
    rows = meter.json("panes")["panes"]
    evidence = {row["pane"]: row["evidence"] for row in rows if row["pane"] in own}
    assert evidence == dict.fromkeys(own, "own-log, tree")
