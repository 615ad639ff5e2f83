"""The real Copilot CLI in real panes: what starts at once, and what goes on behind another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chat_programs import COPILOT
from chat_stage import staged
from figures import expected, measures
from meter import Meter
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat_stage import ChatStage

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stage() -> Iterator[ChatStage]:
    """Two panes whose programs began in one folder at the same moment."""
    with staged(COPILOT) as made:
        for name in ("left", "right"):
            made.open(name, COPILOT.start, made.repo)
        for name in ("left", "right"):
            made.wait_screen(name, COPILOT.ready)
        yield made


def test_every_pane_has_its_own_spend_and_what_goes_on_behind_it(stage: ChatStage) -> None:
    chat = stage.chat
    chat.hold()
    stage.say("right", "say")
    stage.say("left", "run echo x then hold run echo y then say")
    stage.type("left", "/new")
    stage.wait_screen("left", "Started a new session")
    stage.say("behind", "say", pane="left")
    chat.wait_for(lambda _: len(chat.of("behind")) == 1)
    chat.release()
    chat.wait_for(lambda _: len(chat.of("left")) == 3)
    left = [*chat.of("left"), *chat.of("behind")]
    served = {
        stage.panes["left"]: expected(left),
        stage.panes["right"]: expected(chat.of("right")),
    }

    def booked() -> dict[str, dict[str, int]]:
        rows = Meter(stage).json("today")["by_pane"]
        return {row["pane"] or row["where"]: measures(row) for row in rows}

    wait_until(lambda: booked() == served, 30, 0.5)
