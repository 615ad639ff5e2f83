"""The real Qwen Code, Kimi Code and Pi in real panes: the meter against what the stub served."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from list_prices import bill
from meter import Meter
from programs import install_node, install_package
from stage import Stage
from stub import add_up
from stub_chat import ChatStub
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stub import Served

pytestmark = pytest.mark.e2e

MODEL = "gpt-5.5"
APART_SECONDS = 2


class QwenStub(ChatStub):
    """Qwen Code's tools, and the one request that it never logs."""

    def is_logged(self, body: dict[str, Any]) -> bool:
        return "Reply with ONLY the suggestion" not in json.dumps(body["messages"][-1])

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("run_shell_command", {"command": rest, "is_background": False}),
            "read": ("read_file", {"file_path": rest}),
        }
        return calls.get(verb)


class KimiStub(ChatStub):
    """Kimi Code's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("Bash", {"command": rest}),
            "read": ("Read", {"path": rest}),
        }
        return calls.get(verb)


class PiStub(ChatStub):
    """Pi's tools."""

    def call(self, verb: str, rest: str) -> tuple[str, dict[str, Any]] | None:
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "run": ("bash", {"command": rest}),
            "read": ("read", {"path": rest}),
        }
        return calls.get(verb)


@dataclass(frozen=True)
class Program:
    """An agent from npm, and how it is used."""

    name: str
    package: str
    version: str
    script: str
    stub: type[ChatStub]
    start: str
    ready: str


PROGRAMS = (
    Program(
        "qwen",
        "@qwen-code/qwen-code",
        "0.24.4",
        "cli-entry.js",
        QwenStub,
        f"qwen -y -m {MODEL}",
        "Type your message",
    ),
    Program(
        "kimi",
        "@moonshot-ai/kimi-code",
        "2.1.0",
        "dist/main.mjs",
        KimiStub,
        "kimi --yolo",
        "context:",
    ),
    Program(
        "pi",
        "@earendil-works/pi-coding-agent",
        "0.87.1",
        "dist/cli.js",
        PiStub,
        f"pi --provider stub --model {MODEL}",
        "0.0%/200k",
    ),
)


@dataclass
class ChatStage(Stage):
    """A stage with one of these agents on it."""

    program: Program
    chat: ChatStub

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.plain_environment,
            "OPENAI_API_KEY": "anything",
            "OPENAI_BASE_URL": f"{self.chat.url}/v1",
            "OPENAI_MODEL": MODEL,
            "PI_OFFLINE": "1",
        }

    def served(self) -> dict[str, Served]:
        return {f"chat{one.number:04}": one for one in self.chat.served.copy() if one.logged}

    def lay_out(self, script: Path, node: Path) -> None:
        self.lay_out_folders()
        script.chmod(0o755)
        node.chmod(0o755)
        (self.links / self.program.name).symlink_to(script)
        (self.links / "node").symlink_to(node)
        url = f"{self.chat.url}/v1"
        qwen = {
            "security": {"auth": {"selectedType": "openai"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False},
        }
        model = {"id": MODEL, "name": MODEL, "input": ["text"], "contextWindow": 200_000}
        provider = {"baseUrl": url, "api": "openai-completions", "apiKey": "x", "models": [model]}
        kimi = (
            'default_model = "stub/k2"\ntelemetry = false\n'
            f'[providers."stub"]\ntype = "kimi"\nbase_url = "{url}"\napi_key = "x"\n'
            f'[models."stub/k2"]\nprovider = "stub"\nmodel = "{MODEL}"\n'
            'max_context_size = 262144\ncapabilities = ["tool_use"]\n'
        )
        files = {
            ".qwen/settings.json": json.dumps(qwen),
            ".pi/agent/models.json": json.dumps({"providers": {"stub": provider}}),
            ".kimi-code/config.toml": kimi,
        }
        for name, content in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True)
            path.write_text(content)

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
    assert {row["model"] for row in report["by_model"]} == {MODEL}


def test_the_stub_knew_every_request(stage: ChatStage) -> None:
    assert set(stage.chat.unknown) <= {"GET /v1/models"}
