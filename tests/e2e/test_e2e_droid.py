"""The real ``droid exec`` in real panes: the meter against what the stub served.

Its terminal program wants an account.
"""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

import pytest
from chat_programs import DROID
from chat_stage import APART_SECONDS, staged
from figures import expected, measures
from meter import Meter
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chat_stage import ChatStage

pytestmark = pytest.mark.e2e

WANTED = {"left": 2, "right": 3, "far": 1}


@pytest.fixture(scope="module")
def stage() -> Iterator[ChatStage]:
    """Three panes that ran the agent, two of them at the same time in one folder."""
    with staged(DROID) as made:
        play(made)
        yield made


def play(stage: ChatStage) -> None:
    """Play the scenario; return when all was served."""
    chat = stage.chat
    chat.hold()
    execute(stage, "left", stage.repo, "run echo hello then hold say")
    chat.wait_for(lambda _: len(chat.of("left")) == 1)
    # What starts together in one folder can't be told apart.
    time.sleep(APART_SECONDS)
    notes = stage.repo / "notes.txt"
    execute(stage, "right", stage.repo, f"read {notes} then run echo x then say")
    execute(stage, "far", stage.other, "say")
    chat.wait_for(lambda _: all(len(chat.of(m)) == WANTED[m] for m in ("right", "far")))
    chat.release()
    chat.wait_for(lambda _: len(chat.of("left")) == WANTED["left"])


def execute(stage: ChatStage, name: str, cwd: Path, script: str) -> None:
    """Run the agent's one-shot command in a pane's shell."""
    stage.open(name, f"{DROID.start} {shlex.quote(f'[{name}] {script}')}", cwd)


def test_every_pane_has_exactly_its_own_spend(stage: ChatStage) -> None:
    # What totals grew by between two looks is one booking: requests can't be compared.
    def spend(row: dict[str, int]) -> dict[str, int]:
        return {kind: count for kind, count in row.items() if kind != "requests"}

    served = {pane: spend(expected(stage.chat.of(name))) for name, pane in stage.panes.items()}
    booked: dict[str, Any] = {}

    def equal() -> bool:
        nonlocal booked
        rows = Meter(stage).json("today")["by_pane"]
        booked = {row["pane"] or row["where"]: spend(measures(row)) for row in rows}
        return booked == served

    try:
        wait_until(equal, 30, 0.2)
    finally:
        print(Meter(stage).run("sessions").stdout, Meter(stage).run("panes").stdout, sep="\n")
        print(booked, served, sep="\n")


def test_it_is_the_agent_it_is(stage: ChatStage) -> None:
    report = Meter(stage).json("today")
    assert {row["agent"] for row in report["by_agent"]} == {"droid"}
    assert {row["model"] for row in report["by_model"]} == {DROID.model}


def test_every_request_was_for_a_pane_and_known(stage: ChatStage) -> None:
    assert {one.marker for one in stage.chat.served} == set(WANTED)
    assert stage.chat.unknown == []
