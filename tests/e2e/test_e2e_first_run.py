"""The real ``goose run`` as an agent's very first run: over in a moment, its folder never seen."""

from __future__ import annotations

import pytest
from chat_programs import GOOSE
from chat_stage import staged
from figures import expected, measures
from meter import Meter
from tmux_fixtures import wait_until

pytestmark = pytest.mark.e2e


def test_the_first_run_on_a_machine_has_its_pane() -> None:
    with staged(GOOSE) as stage:
        meter = Meter(stage)
        # until then it is busy with its own start
        wait_until(lambda: (meter.json("status")["watcher"] or {}).get("phase") == "following")
        assert not (stage.home / ".local/share/goose").exists()
        pane = stage.open("first", "goose run -t '[first] say'", stage.repo)
        stage.chat.wait_for(lambda _: len(stage.chat.of("first")) == 1)
        served = {pane: expected(stage.chat.of("first"))}

        def booked() -> dict[str, dict[str, int]]:
            rows = meter.json("today")["by_pane"]
            return {row["pane"] or row["where"]: measures(row) for row in rows}

        wait_until(lambda: booked() == served, 30, 0.2)
