"""Several Codex programs in one folder: each thread to its own pane, or to none."""

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

    # Each gets its own, as soon as Codex's log tells who is who, or nothing where it can't: on a
    # slow machine even the moments it goes by can overlap.
    for report in (meter.today(), meter.today(lambda report: booked(report) == own)):
        assert booked(report).items() <= own.items()
        untold = sum(own.values()) - sum(booked(report).values())
        assert report["unattributed"]["cost_microdollars"] == untold


def test_codex_s_own_log_tells_the_threads_of_a_program_among_others(
    meter: Meter, played: Played
) -> None:
    # Beside codex-a and codex-b, either of which could have begun them.
    world = played.world
    pane = world.open("codex-c", "codex", world.repo)
    world.wait_screen("codex-c", "Ask Codex")
    world.say("codex-c", "run echo on then say")
    answered(world.openai, "codex-c", 2)
    threads = world.codex / "tui-thread-reference-capabilities"
    before = len(list(threads.iterdir()))
    # In a repository it asks where: Enter once more says here.
    world.type("codex-c", "/new", lambda: not world.shows("codex-c", "/new"))
    world.press("codex-c", "Enter", lambda: len(list(threads.iterdir())) > before)
    world.say("codex-c-new", "say", pane="codex-c")
    answered(world.openai, "codex-c-new", 1)
    world.settle()
    own = sum(bill(world.openai.of(marker)) for marker in ("codex-c", "codex-c-new"))

    def booked(report: dict[str, Any]) -> list[int]:
        return [row["cost_microdollars"] for row in report["by_pane"] if row["pane"] == pane]

    assert booked(meter.today(lambda report: booked(report) == [own])) == [own]
    (row,) = (row for row in meter.json("panes")["panes"] if row["pane"] == pane)
    assert row["evidence"] == "own-log, tree"
    assert row["agent_session"] == world.openai.of("codex-c-new")[0].thread
