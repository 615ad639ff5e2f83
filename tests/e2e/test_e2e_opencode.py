"""The real OpenCode in real panes: the meter against what the stub served."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from figures import expected, measures
from meter import Meter
from programs import install_package
from stage import Stage
from stub_chat import ChatStub
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stub import Served, Stub

pytestmark = pytest.mark.e2e

VERSION = "1.18.33"
MODEL = "gpt-5.5"
READY = "Ask anything"

MARKERS = {
    "left": ("left", "left-sub"),
    "right": ("right",),
    "far": ("far", "far-again"),
    "printed": ("printed",),
}


@dataclass
class OpenCodeStage(Stage):
    """A stage with OpenCode on it."""

    chat: ChatStub

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.plain_environment,
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        }

    @property
    def database(self) -> Path:
        return self.home / ".local/share/opencode/opencode.db"

    @property
    def stubs(self) -> tuple[Stub, ...]:
        return (self.chat,)

    def served(self) -> dict[str, Served]:
        return {f"chat{one.number:04}": one for one in self.chat.served.copy() if one.logged}

    def lay_out(self, program: Path) -> None:
        self.lay_out_folders()
        (self.links / "opencode").symlink_to(program)
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "stub",
            "options": {"baseURL": f"{self.chat.url}/v1", "apiKey": "anything"},
            "models": {MODEL: {"name": MODEL, "limit": {"context": 400_000, "output": 10_000}}},
        }
        settings = {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "model": f"stub/{MODEL}",
            "small_model": f"stub/{MODEL}",
            "permission": dict.fromkeys(("bash", "edit", "read", "task"), "allow"),
            "provider": {"stub": provider},
        }
        folder = self.home / ".config/opencode"
        folder.mkdir(parents=True)
        (folder / "opencode.json").write_text(json.dumps(settings))


def native_program() -> Path:
    """Install OpenCode; return the program of this machine's platform package."""
    modules = install_package("opencode-ai", VERSION).parent
    found = sorted(modules.glob("opencode-*/bin/opencode"))
    return next(path for path in found if "baseline" not in str(path))


@pytest.fixture(scope="module")
def stage() -> Iterator[OpenCodeStage]:
    """Three panes that ran OpenCode, one of them twice, and one that printed an answer."""
    program = native_program()
    folder = Path(tempfile.mkdtemp(prefix="tmo-", dir="/tmp"))
    try:
        with ChatStub.running() as chat:
            made = OpenCodeStage(folder, TmuxServer(folder, "s", 150, 50), chat)
            made.lay_out(program)
            with made.running():
                Meter(made).turn_on()
                play(made)
                yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(stage: OpenCodeStage) -> None:
    """Play the scenario; return when all was served."""
    stage.open("left", "opencode", stage.repo)
    stage.wait_screen("left", READY)
    stage.say("left", "run echo hello then fail then agent [left-sub] run echo sub then say")
    answered(stage, {"left": 4, "left-sub": 2})
    # In a folder of its own: nothing OpenCode writes tells two programs in one folder apart.
    part = stage.repo / "part"
    part.mkdir()
    (part / "notes.txt").write_text("some notes\n")
    stage.open("right", "opencode", part)
    stage.wait_screen("right", READY)
    stage.say("right", "read notes.txt then say")
    stage.open("far", "opencode", stage.other)
    stage.wait_screen("far", READY)
    stage.say("far", "run echo far then say")
    answered(stage, {"right": 2, "far": 2})
    wait_until(lambda: at_rest(stage, "far"), 30, 0.3)
    stage.press("far", "C-c", lambda: stage.shows("far", "opencode -s ses_"))
    screen = stage.server.capture(stage.panes["far"])
    session = screen.split("opencode -s ", 1)[1].split()[0]
    stage.server.send(stage.panes["far"], f"opencode run -s {session} '[far-again] say'")
    answered(stage, {"far-again": 1})
    # A program that is gone before anybody looked leaves nothing that tells its pane.
    stage.open("printed", "opencode run '[printed] run sleep 4 then say'", stage.other)
    answered(stage, {"printed": 2})


def at_rest(stage: OpenCodeStage, name: str) -> bool:
    """Tell whether the program has answered and no longer offers to be interrupted."""
    return stage.shows(name, "Answer") and not stage.shows(name, "esc interrupt")


def answered(stage: OpenCodeStage, wanted: dict[str, int]) -> None:
    stub = stage.chat
    try:
        stub.wait_for(lambda _: all(len(stub.of(marker)) >= n for marker, n in wanted.items()), 90)
    except BaseException:
        for name, pane in stage.panes.items():
            print(f"--- {name}", stage.server.capture(pane), sep="\n")
        raise


def test_every_pane_has_exactly_its_own_spend(stage: OpenCodeStage) -> None:
    wanted = {
        stage.panes[name]: expected(stage.chat.of(*markers)) for name, markers in MARKERS.items()
    }

    def by_pane(report: dict[str, Any]) -> dict[str, dict[str, int]]:
        return {row["pane"] or row["where"]: measures(row) for row in report["by_pane"]}

    assert by_pane(Meter(stage).today(lambda report: by_pane(report) == wanted)) == wanted


def test_it_is_opencode_in_its_folders(stage: OpenCodeStage) -> None:
    report = Meter(stage).today()
    assert {row["agent"]: measures(row) for row in report["by_agent"]} == {
        "opencode": expected(list(stage.served().values()))
    }
    projects = {row["project"]: measures(row) for row in report["by_project"]}
    assert projects[str(stage.repo)] == expected(stage.chat.of("left", "left-sub"))
    assert projects[str(stage.repo / "part")] == expected(stage.chat.of("right"))


def test_the_stub_knew_every_request(stage: OpenCodeStage) -> None:
    assert stage.chat.unknown == []
    assert {one.purpose for one in stage.chat.served if not one.logged} <= {"title"}
