"""The guard on real Claude Code, and what its hooks tell the meter, held against the stub."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from list_prices import bill
from meter import Meter
from tmux_fixtures import wait_until
from world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs
    from stage import Stage
    from stub import Served

pytestmark = pytest.mark.e2e

QUIET_S = 5.0
STEPS = 10


@pytest.fixture(scope="module")
def meter(programs: Programs) -> Iterator[Meter]:
    """The meter in a world where Claude Code has the hooks."""
    folder = Path(tempfile.mkdtemp(prefix="tmg-", dir="/tmp"))
    try:
        with world(folder, programs) as made:
            meter = Meter(made)
            meter.turn_on()
            done = meter.run("hooks", "install", "claude", "--yes")
            assert done.returncode == 0, done.stderr or done.stdout
            try:
                yield meter
            finally:
                meter.run("resume", "--all")
                meter.run("down", "--all")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def configure(world: Stage, **guard: Any) -> None:
    """Set limits; the watcher reads them at its next look."""
    file = world.home / ".config/tmuxmeter/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in guard.items())
    file.write_text(f"[guard]\n{lines}")


def row_of(meter: Meter, name: str) -> dict[str, Any]:
    rows = meter.json("panes")["panes"]
    found: dict[str, Any] = next(row for row in rows if row["pane"] == meter.world.panes[name])
    return found


def used(served: list[Served]) -> int:
    return sum(one.tokens.input for one in served)


def test_the_hook_tells_the_session_and_the_unlogged_part(meter: Meter) -> None:
    made = meter.world
    made.open("told", "claude", made.repo)
    made.wait_live("told", status="idle")
    made.wait_screen("told", "❯")
    live = made.live("told")
    made.say("told", "run echo hi then say")
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("told")) == 2)
    made.wait_live("told", status="idle")
    row = wait_until(lambda: (r := row_of(meter, "told"))["agent_session"] and r, 20, 0.2)
    assert (row["agent_session"], row["evidence"]) == (live["sessionId"], "hook, tree")
    titles = bill(made.anthropic.of("told", logged=False))
    assert titles

    def unlogged() -> Any:
        return meter.json("today")["unlogged"]

    wait_until(lambda: (u := unlogged()) and u["unlogged_microdollars"] == titles, 30, 0.3)
    [session] = unlogged()["sessions"]
    assert session["session"] == live["sessionId"]
    assert "Unlogged: $" in meter.run("today").stdout
    [row] = [
        row for row in meter.json("sessions")["sessions"] if row["session"] == live["sessionId"]
    ]
    assert row["unlogged_microdollars"] == titles


def test_the_request_after_the_limit_is_the_last_one(meter: Meter) -> None:
    made = meter.world
    stub = made.anthropic
    made.open("limited", "claude", made.other)
    made.wait_live("limited", status="idle")
    made.wait_screen("limited", "❯")
    # a turn of many tool calls; the limit is passed in the middle of it
    limit = 3 * used(stub.of("told")) // 2
    configure(made, action="hold", pane_tokens=limit, grace_seconds=0)
    time.sleep(6)
    script = " then ".join(f"run sleep 0.5; echo {n} >> n.txt" for n in range(STEPS))
    made.say("limited", script)
    row = wait_until(lambda: (r := row_of(meter, "limited"))["paused"] and r, 40, 0.1)
    assert (row["state"], row["paused"][0]["way"]) == ("paused", "hold")
    assert row["paused"][0]["who"].startswith("guard: ")
    stub.wait_for(lambda _: used(stub.of("limited")) >= limit)
    # the request that passed the limit, and the one that its tool call may already have begun
    time.sleep(2)
    served = stub.of("limited")
    passed = next(n for n in range(len(served) + 1) if used(served[:n]) >= limit)
    assert len(served) <= passed + 1
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert len(stub.of("limited")) == len(served)
        time.sleep(0.1)
    assert row_of(meter, "limited")["paused"][0]["spent_after"] == 0
    assert row_of(meter, "told")["paused"] == []

    # raising the limit lets it go on, and nothing was lost or done twice
    configure(made, action="hold", pane_tokens=1000 * limit, grace_seconds=0)
    stub.wait_for(lambda _: len(stub.of("limited")) == STEPS + 1)
    made.wait_live("limited", status="idle")
    assert (made.other / "n.txt").read_text().split() == [str(n) for n in range(STEPS)]
    wait_until(lambda: row_of(meter, "limited")["paused"] == [], 20, 0.2)


def test_a_turn_is_ended_where_that_is_asked_for(meter: Meter) -> None:
    made = meter.world
    stub = made.anthropic
    configure(made)
    made.open("ended", "claude", made.repo)
    made.wait_live("ended", status="idle")
    made.wait_screen("ended", "❯")
    script = " then ".join(f"run sleep 1; echo {n}" for n in range(STEPS))
    made.say("ended", script)
    stub.wait_for(lambda _: len(stub.of("ended")) >= 2)
    configure(made, action="interrupt", pane_tokens=1000, grace_seconds=0)
    row = wait_until(lambda: (r := row_of(meter, "ended"))["paused"] and r, 40, 0.1)
    assert (row["state"], row["paused"][0]["way"]) == ("paused", "interrupt")
    made.wait_live("ended", status="idle")
    assert made.server.format("#{pane_input_off}", made.panes["ended"]) == "1"
    served = len(stub.of("ended"))
    time.sleep(QUIET_S)
    assert len(stub.of("ended")) == served < STEPS
    configure(made)
    wait_until(lambda: row_of(meter, "ended")["paused"] == [], 20, 0.2)
    assert made.server.format("#{pane_input_off}", made.panes["ended"]) == "0"


def test_a_nested_agent_s_hook_doesn_t_take_the_pane(meter: Meter) -> None:
    made = meter.world
    (made.repo / "nested.sh").write_text("claude -p '[inner] run sleep 4 then say' >/dev/null\n")
    session = made.live("told")["sessionId"]
    made.say("outer", "run sh nested.sh then say", pane="told")
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("inner")) >= 1)
    inner = made.anthropic.of("inner")[0].session
    assert inner != session

    def others() -> dict[str, str]:
        row = row_of(meter, "told")
        assert row["agent_session"] == session
        return {each["agent_session"]: each["evidence"] for each in row["others"]}

    # both report with the same TMUX_PANE
    wait_until(lambda: others().get(inner) == "hook, tree", 20, 0.2)
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("outer")) == 2)
    made.wait_live("told", status="idle")
    row = row_of(meter, "told")
    assert (row["agent_session"], row["evidence"]) == (session, "hook, tree")
