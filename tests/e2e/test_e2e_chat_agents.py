"""Real agents from npm in real panes: the meter against what the stub served each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from chat_programs import PROGRAMS
from chat_stage import staged
from figures import expected, measures
from meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat_programs import Program
    from chat_stage import ChatStage

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: program.name)
def stage(request: pytest.FixtureRequest) -> Iterator[ChatStage]:
    """Three panes that ran the agent, two of them in one folder."""
    program: Program = request.param
    with staged(program) as made:
        play(made)
        yield made


def play(stage: ChatStage) -> None:
    """Play the scenario; return when all was served."""
    # Each is asked before the next one starts: a session may begin with the first prompt, and two
    # programs in one folder that wait for theirs can't be told apart.
    for name, cwd, script in (
        ("left", stage.repo, "run echo hello then say"),
        ("right", stage.repo, f"read {stage.repo}/notes.txt then run echo x then say"),
        ("far", stage.other, "say"),
    ):
        stage.start(name, cwd)
        stage.say(name, script)
    wanted = {"left": 2, "right": 3, "far": 1}
    stage.chat.wait_for(lambda _: all(len(stage.chat.of(m)) >= n for m, n in wanted.items()))


def test_every_pane_has_exactly_its_own_spend(stage: ChatStage) -> None:
    def by_pane(report: dict[str, Any]) -> dict[str, dict[str, int]]:
        return {row["pane"] or row["where"]: measures(row) for row in report["by_pane"]}

    # Side requests (memories) come when they like: a report is held against its own moment.
    booked: dict[str, dict[str, int]] = {}
    served: dict[str, dict[str, int]] = {}

    def equal(report: dict[str, Any]) -> bool:
        nonlocal booked, served
        served = {stage.panes[name]: expected(stage.chat.of(name)) for name in stage.panes}
        booked = by_pane(report)
        return booked == served

    Meter(stage).today(equal)
    assert booked == served
    assert set(booked) == set(stage.panes.values())


def test_it_is_the_agent_it_is(stage: ChatStage) -> None:
    report = Meter(stage).today()
    assert {row["agent"] for row in report["by_agent"]} == {stage.program.name}
    assert {row["model"] for row in report["by_model"]} == {stage.program.model}


def test_the_stub_knew_every_request(stage: ChatStage) -> None:
    assert set(stage.chat.unknown) <= {"GET /v1/models"}
