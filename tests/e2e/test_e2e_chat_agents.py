"""Real agents from npm in real panes: the meter against what the stub served each of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chat_programs import PROGRAMS, URL
from list_prices import bill
from meter import Meter
from programs import install_node, install_package
from stage import Stage
from stub import add_up
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat_programs import Program
    from stub import Served
    from stub_chat import ChatStub

pytestmark = pytest.mark.e2e

APART_SECONDS = 2


@dataclass
class ChatStage(Stage):
    """A stage with one of these agents on it."""

    program: Program
    chat: ChatStub

    @property
    def environment(self) -> dict[str, str]:
        told = self.program.environment.items()
        return {
            **self.plain_environment,
            **{name: text.replace(URL, self.chat.url) for name, text in told},
        }

    def served(self) -> dict[str, Served]:
        return {f"chat{one.number:04}": one for one in self.chat.served.copy() if one.logged}

    def lay_out(self, script: Path, node: Path) -> None:
        self.lay_out_folders()
        script.chmod(0o755)
        node.chmod(0o755)
        (self.links / self.program.name).symlink_to(script)
        (self.links / "node").symlink_to(node)
        for name, content in self.program.files.items():
            path = self.home / name
            path.parent.mkdir(parents=True)
            path.write_text(content.replace(URL, self.chat.url))

    def start(self, name: str, cwd: Path) -> None:
        """Start the agent in a pane, and say yes where it asks about the folder."""
        self.open(name, self.program.start, cwd)

        def ready() -> bool:
            screen = self.server.capture(self.panes[name])
            if "❯ Trust this folder" in screen:
                self.server.run("send-keys", "-t", self.panes[name], "Enter")
            return self.program.ready in screen

        wait_until(ready, 60, 0.5)
        # What starts together in one folder can't be told apart.
        time.sleep(APART_SECONDS)


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: program.name)
def stage(request: pytest.FixtureRequest) -> Iterator[ChatStage]:
    """Three panes that ran the agent, two of them in one folder."""
    program: Program = request.param
    script = install_package(program.package, program.version) / program.script
    node = install_node()
    folder = Path(tempfile.mkdtemp(prefix="tmc-", dir="/tmp"))
    try:
        with program.stub.running() as chat:
            made = ChatStage(folder, TmuxServer(folder, "s", 150, 50), program, chat)
            made.lay_out(script, node)
            with made.running():
                Meter(made).turn_on()
                play(made)
                yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
        stage.ask(stage.chat, name, script)
    wanted = {"left": 2, "right": 3, "far": 1}
    stage.chat.wait_for(lambda _: all(len(stage.chat.of(m)) >= n for m, n in wanted.items()))


def expected(served: list[Served]) -> dict[str, int]:
    tokens = add_up(served)
    return {
        "fresh": tokens.fresh,
        "cache_read": tokens.cache_read,
        "output": tokens.output,
        "cost": bill(served),
        "requests": len(served),
    }


def measures(row: dict[str, Any]) -> dict[str, int]:
    return {
        "fresh": row["input_tokens"]["fresh"],
        "cache_read": row["input_tokens"]["cache_read"],
        "output": row["output_tokens"],
        "cost": row["cost_microdollars"],
        "requests": row["requests"],
    }


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
