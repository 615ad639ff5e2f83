"""The meter against the truth: every token and every microdollar, in its pane, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from list_prices import bill
from play import MARKERS
from stub import Served, add_up
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meter import Meter, Screen
    from play import Played
    from world import World

pytestmark = pytest.mark.e2e


def truth(world: World, markers: Iterable[str]) -> list[Served]:
    """Return what the stubs served to these prompts, as far as it is logged."""
    markers = tuple(markers)
    return [*world.anthropic.of(*markers), *world.openai.of(*markers)]


def everything(world: World) -> list[Served]:
    return list(world.served().values())


def measures(row: dict[str, Any]) -> dict[str, int]:
    """Return a report row's tokens, dollars and requests."""
    keys = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "total")
    return {
        **{key: row["input_tokens"][key] for key in keys},
        "output": row["output_tokens"],
        "cost": row["cost_microdollars"],
        "requests": row["requests"],
        "unpriced": row["unpriced_tokens"],
    }


def expected(served: list[Served]) -> dict[str, int]:
    """Return the same of what the stubs served."""
    tokens = add_up(served)
    return {
        "fresh": tokens.fresh,
        "cache_read": tokens.cache_read,
        "cache_write_5m": tokens.cache_write_5m,
        "cache_write_1h": tokens.cache_write_1h,
        "total": tokens.input,
        "output": tokens.output,
        "cost": bill(served),
        "requests": len(served),
        "unpriced": 0,
    }


def rows_by_place(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of ``by_pane`` by pane id, or by what they are in place of a pane."""
    rows = report["by_pane"]
    by_place = {row["pane"] or row["where"]: row for row in rows}
    assert len(by_place) == len(rows), rows
    return by_place


def test_every_pane_has_exactly_its_own_spend(meter: Meter, played: Played) -> None:
    world = played.world
    wanted = {
        world.panes.get(name, name): expected(truth(world, markers))
        for name, markers in MARKERS.items()
    }

    def by_pane(report: dict[str, Any]) -> dict[str, dict[str, int]]:
        return {place: measures(row) for place, row in rows_by_place(report).items()}

    assert by_pane(meter.today(lambda report: by_pane(report) == wanted)) == wanted


def test_panes_are_named_with_their_server_and_window(meter: Meter, played: Played) -> None:
    world = played.world
    rows = rows_by_place(meter.today())
    for name in ("left", "far", "codex-a"):
        row = rows[world.panes[name]]
        assert row["where"] == "pane"
        assert row["server"] == str(world.server.socket)
        assert row["session"] == "main"
        assert row["window_name"] == name


def test_the_day_is_the_sum_of_everything_logged(meter: Meter, played: Played) -> None:
    report = meter.today()
    assert measures(report) == expected(everything(played.world))
    for split in ("by_agent", "by_model", "by_project", "by_pane"):
        assert sum(row["cost_microdollars"] for row in report[split]) == report["cost_microdollars"]


def test_agents_models_and_projects(meter: Meter, played: Played) -> None:
    world = played.world
    report = meter.today()
    claude, codex = (
        [s for s in everything(world) if s.model == model]
        for model in ("claude-sonnet-4-6", "gpt-5.5")
    )
    by_agent = {row["agent"]: measures(row) for row in report["by_agent"]}
    assert by_agent == {"claude": expected(claude), "codex": expected(codex)}
    by_model = {row["model"]: measures(row) for row in report["by_model"]}
    assert by_model == {"claude-sonnet-4-6": expected(claude), "gpt-5.5": expected(codex)}
    elsewhere = truth(world, (*MARKERS["far"], *MARKERS["codex-alone"]))
    by_project = {row["project"]: measures(row) for row in report["by_project"]}
    assert by_project[str(world.other)] == expected(elsewhere)


def test_dollars_are_claude_s_own_less_what_it_never_logs(meter: Meter, played: Played) -> None:
    world = played.world
    rows = rows_by_place(meter.today())
    own = round(played.outside["total_cost_usd"] * 1e6)
    assert rows["outside"]["cost_microdollars"] == own
    # The right pane's agent has left and with that told its dollars, title included.
    titles = bill(world.anthropic.of("right", logged=False))
    own = round(world.cost_state(world.anthropic.of("right")[0].session) * 1e6)
    assert rows[world.panes["right"]]["cost_microdollars"] == own - titles


def test_the_client_s_screen_shows_it(meter: Meter, played: Played, screen: Screen) -> None:
    world = played.world
    meter.today()
    total = f"total ${bill(everything(world)) / 1e6:.2f}"
    screen.wait_for(total)
    for name in ("left", "far", "codex-a", "codex-alone"):
        dollars = f"${bill(truth(world, MARKERS[name])) / 1e6:.2f}"
        screen.wait_for(f"{name}={dollars}")
        world.server.run("select-window", "-t", world.panes[name])
        # Where the evidence for the pane leaves a doubt, there is a "~" before the dollars.
        screen.wait_for(
            f"{world.panes[name]} costs {dollars}", f"{world.panes[name]} costs ~{dollars}"
        )


def test_the_screen_follows_a_prompt_within_a_moment(
    meter: Meter, played: Played, screen: Screen
) -> None:
    world = played.world
    world.server.run("select-window", "-t", world.panes["far"])
    before = len(world.anthropic.of("far"))
    world.say("far", "say")
    wait_until(lambda: len(world.anthropic.of("far")) > before, 30)
    dollars = f"${bill(truth(world, MARKERS['far'])) / 1e6:.2f}"
    screen.wait_for(f"{world.panes['far']} costs {dollars}")


def test_the_screen_tells_working_from_waiting_and_idle(
    meter: Meter, played: Played, screen: Screen
) -> None:
    world = played.world
    pane = world.panes["far"]
    world.server.run("select-window", "-t", pane)
    world.anthropic.hold()
    try:
        world.say("far", f"hold write {world.other}/asked.txt then say")
        world.wait_live("far", status="busy")
        screen.wait_for("is working.")
    finally:
        world.anthropic.release()
    world.wait_live("far", status="waiting")
    screen.wait_for("is waiting.")
    world.allow("far")
    world.wait_live("far", status="idle")
    screen.wait_for("is idle.")


def test_work_that_outlives_its_pane_is_booked_without_one(meter: Meter, played: Played) -> None:
    world = played.world
    world.openai.hold()
    try:
        world.say("codex-orphan", "hold run echo on then say", pane="codex-b")
        world.wait_screen("codex-b", "esc to interrupt")
        world.server.run("kill-pane", "-t", world.panes["codex-b"])
        # The end of a pane is noticed within seconds; only what comes later can be told.
        number = world.panes["codex-b"].removeprefix("%")
        wait_until(lambda: f"TMUXMETER_PANE_COST_{number}=" not in meter.pushed(), 20, 0.1)
    finally:
        world.openai.release()
    world.openai.wait_for(lambda _: len(world.openai.of("codex-orphan")) >= 2, 30)
    world.settle()
    wanted = expected(truth(world, ["codex-orphan"]))

    def all_is_booked(report: dict[str, Any]) -> bool:
        row = rows_by_place(report).get("without-pane")
        return row is not None and measures(row) == wanted

    rows = rows_by_place(meter.today(all_is_booked))
    assert measures(rows["without-pane"]) == wanted
    assert measures(rows[world.panes["codex-b"]]) == expected(truth(world, MARKERS["codex-b"]))
