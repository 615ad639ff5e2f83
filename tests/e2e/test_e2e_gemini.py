"""The real Gemini CLI in real panes: the meter against what the stub served."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from figures import expected, measures
from meter import Meter
from programs import install_package
from stage import Stage
from stub_google import GoogleStub
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stub import Served, Stub

pytestmark = pytest.mark.e2e

VERSION = "0.61.0"
MODEL = "gemini-2.5-pro"
START = f"gemini --skip-trust -m {MODEL} --approval-mode yolo"

APART_SECONDS = 1

MARKERS = {
    "left": ("left",),
    "right": ("right", "right-sub"),
    "far": ("far", "far-cleared"),
}


@dataclass
class GeminiStage(Stage):
    """A stage with Gemini CLI on it."""

    google: GoogleStub

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.plain_environment,
            "GEMINI_API_KEY": "anything",
            "GOOGLE_GEMINI_BASE_URL": self.google.url,
        }

    @property
    def stubs(self) -> tuple[Stub, ...]:
        return (self.google,)

    def served(self) -> dict[str, Served]:
        return {f"goog{one.number:04}": one for one in self.google.served.copy() if one.logged}

    def lay_out(self, script: Path) -> None:
        self.lay_out_folders()
        script.chmod(0o755)
        (self.links / "gemini").symlink_to(script)
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"enableAutoUpdate": False},
            "privacy": {"usageStatisticsEnabled": False},
        }
        (self.home / ".gemini").mkdir()
        (self.home / ".gemini" / "settings.json").write_text(json.dumps(settings))

    def chats(self) -> list[Path]:
        return sorted((self.home / ".gemini" / "tmp").glob("*/chats/**/*.jsonl"))


@pytest.fixture(scope="module")
def stage() -> Iterator[GeminiStage]:
    """Three panes that ran Gemini CLI, one of them two sessions and one a sub-agent."""
    script = install_package("@google/gemini-cli", VERSION) / "bundle" / "gemini.js"
    folder = Path(tempfile.mkdtemp(prefix="tmg-", dir="/tmp"))
    try:
        with GoogleStub.running() as google:
            made = GeminiStage(folder, TmuxServer(folder, "s", 150, 50), google)
            made.lay_out(script)
            with made.running():
                Meter(made).turn_on()
                play(made)
                yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(stage: GeminiStage) -> None:
    """Play the scenario; return when all was served."""
    for name, cwd in (("left", stage.repo), ("right", stage.repo), ("far", stage.other)):
        before = set(stage.chats())
        stage.open(name, START, cwd)
        stage.wait_screen(name, "Type your message")
        # Starts that overlap in one folder can't be told apart: nothing ties a chat to a process.
        wait_until(lambda known=before: set(stage.chats()) - known, 20, 0.1)
        time.sleep(APART_SECONDS)
    stage.say("left", "run echo hello then fail then tell read notes.txt then say")
    stage.say("right", "agent [right-sub] read notes.txt then say")
    stage.say("far", f"write {stage.other}/new.txt then say")
    answered(stage.google, {"left": 4, "right": 2, "right-sub": 2, "far": 2})
    stage.wait_screen("far", "Answer")
    # its first Enter may only pick a suggestion
    stage.type("far", "/clear", lambda: cleared(stage, "far"))
    stage.say("far-cleared", "say", pane="far")
    answered(stage.google, {"far-cleared": 1})


def cleared(stage: GeminiStage, name: str) -> bool:
    return not stage.shows(name, "Answer") and not stage.shows(name, "/clear")


def answered(stub: GoogleStub, wanted: dict[str, int]) -> None:
    stub.wait_for(lambda _: all(len(stub.of(marker)) >= n for marker, n in wanted.items()))


def test_every_pane_has_exactly_its_own_spend(stage: GeminiStage) -> None:
    wanted = {
        stage.panes[name]: expected(stage.google.of(*markers)) for name, markers in MARKERS.items()
    }

    def by_pane(report: dict[str, Any]) -> dict[str, dict[str, int]]:
        return {row["pane"] or row["where"]: measures(row) for row in report["by_pane"]}

    assert by_pane(Meter(stage).today(lambda report: by_pane(report) == wanted)) == wanted


def test_it_is_gemini_in_its_folders(stage: GeminiStage) -> None:
    report = Meter(stage).today()
    everything = list(stage.served().values())
    assert {row["agent"]: measures(row) for row in report["by_agent"]} == {
        "gemini": expected(everything)
    }
    projects = {row["project"]: measures(row) for row in report["by_project"]}
    assert projects[str(stage.other)] == expected(stage.google.of(*MARKERS["far"]))


def test_the_stub_knew_every_request(stage: GeminiStage) -> None:
    assert stage.google.unknown == []
    assert {one.purpose for one in stage.google.served if not one.logged} <= {"generateContent"}
    assert len(stage.chats()) >= 5
