"""A user's machine in a folder: a home, two repositories, a tmux server, agents in its panes."""

from __future__ import annotations

import contextlib
import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slow_sum import claude_requests, codex_requests, records
from stage import START_SECONDS, Stage
from stub_anthropic import AnthropicStub
from stub_openai import OpenAIStub
from tmux_fixtures import TmuxServer, wait_until

from tmuxmeter.hooks.status import trusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs
    from slow_sum import Logged
    from stub import Served, Stub

KEY = "sk-ant-stub-key-for-the-end-to-end-tests"
CLAUDE_MODEL = "claude-sonnet-4-6"
CODEX_MODEL = "gpt-5.5"


@dataclass
class World(Stage):
    """Everything a test needs; made and taken down by :func:`world`."""

    programs: Programs
    anthropic: AnthropicStub
    openai: OpenAIStub

    @property
    def claude(self) -> Path:
        return self.home / ".claude"

    @property
    def codex(self) -> Path:
        return self.home / ".codex"

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of everything that runs here: nothing of the user's gets in."""
        return {
            **self.plain_environment,
            "ANTHROPIC_BASE_URL": self.anthropic.url,
            "ANTHROPIC_API_KEY": KEY,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "STUB_KEY": "anything",
        }

    def lay_out(self) -> None:
        """Write what the agents ask for on their first run, so that they ask nothing."""
        self.lay_out_folders()
        for folder in (self.claude, self.codex):
            folder.mkdir(parents=True)
        (self.links / "claude").symlink_to(self.programs.claude)
        (self.links / "codex").symlink_to(self.programs.codex)
        agreed = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        state = {
            "hasCompletedOnboarding": True,
            "hasSeenAutoDefaultNudge": True,
            "projects": {str(self.repo): agreed, str(self.other): agreed},
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        }
        (self.home / ".claude.json").write_text(json.dumps(state))
        settings = {
            "permissions": {"defaultMode": "default", "allow": ["Bash", "Read"]},
            "model": CLAUDE_MODEL,
        }
        (self.claude / "settings.json").write_text(json.dumps(settings))
        (self.codex / "config.toml").write_text(
            f'model = "{CODEX_MODEL}"\nmodel_provider = "stub"\n'
            'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
            "check_for_update_on_startup = false\n"
            "[tui]\nscreen_reader_detection_done = true\n"
            f'[notice.model_migrations]\n"{CODEX_MODEL}" = "gpt-6-sol"\n'
            f'[model_providers.stub]\nname = "stub"\nbase_url = "{self.openai.url}/v1"\n'
            'wire_api = "responses"\nenv_key = "STUB_KEY"\n'
            f'[projects."{self.repo}"]\ntrust_level = "trusted"\n'
            f'[projects."{self.other}"]\ntrust_level = "trusted"\n'
        )

    # --- panes

    def print_mode(self, marker: str, script: str) -> dict[str, Any]:
        """Run Claude Code without a terminal and outside tmux; return what it says about it."""
        command = [str(self.programs.claude), "-p", "--output-format", "json"]
        result = subprocess.run(
            [*command, f"[{marker}] {script}"],
            cwd=self.repo,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    # --- what the agents say and wrote

    def process(self, name: str) -> int:
        """Return the agent's process in a pane: the youngest below its shell with a terminal."""
        shell = int(self.server.format("#{pane_pid}", self.panes[name]))
        return wait_until(lambda: next(iter(children(shell)), 0))

    def live(self, name: str) -> dict[str, Any]:
        """Return Claude's ``sessions/<pid>.json`` of a pane, {} when there is none (yet)."""
        path = self.claude / "sessions" / f"{self.process(name)}.json"
        with contextlib.suppress(OSError, json.JSONDecodeError):
            content: dict[str, Any] = json.loads(path.read_text())
            return content
        return {}

    def wait_live(self, name: str, **wanted: str) -> dict[str, Any]:
        """Wait until that file has these values; return it."""

        def holds() -> dict[str, Any]:
            live = self.live(name)
            return live if all(live.get(key) == value for key, value in wanted.items()) else {}

        return wait_until(holds, START_SECONDS, 0.05)

    def allow(self, name: str) -> None:
        """Say yes to Claude's permission dialog, which ignores keys for a moment after it opens."""
        self.wait_screen(name, "Do you want to")

        def gone() -> bool:
            self.server.run("send-keys", "-t", self.panes[name], "Enter")
            return self.live(name).get("status") != "waiting"

        wait_until(gone, 20, 0.3)

    def trust_hooks(self, name: str) -> None:
        """Say to Codex that its new hooks may run."""
        self.wait_screen(name, "2. Trust all")
        self.press(name, "2", lambda: self.shows(name, "› 2. Trust all"))
        self.press(name, "Enter", lambda: trusted(self.codex))

    def logged(self) -> dict[str, Logged]:
        """Return every request that is in a log now, by its id."""
        return claude_requests(self.claude / "projects") | codex_requests(self.codex / "sessions")

    @property
    def stubs(self) -> tuple[Stub, ...]:
        return (self.anthropic, self.openai)

    def served(self) -> dict[str, Served]:
        """Return every request of both stubs that belongs in a log, by its id."""
        named = {"msg_stub": self.anthropic, "resp_stub": self.openai}
        return {
            f"{prefix}{one.number:04}": one
            for prefix, stub in named.items()
            for one in stub.served.copy()
            if one.logged
        }

    def settle(self) -> None:
        """Wait until every served request that belongs in a log stands in one."""
        wait_until(lambda: self.served().keys() <= self.logged().keys(), START_SECONDS, 0.1)

    def cost_state(self, session: str) -> float:
        """Return Claude's own dollars of a session that has ended."""
        (path,) = (self.claude / "projects").glob(f"*/{session}.jsonl")
        states = [record for record in records(path) if record["type"] == "cost-state"]
        return float(states[-1]["totalCostUSD"])


@contextmanager
def world(folder: Path, programs: Programs) -> Iterator[World]:
    """Lay a world out, run its servers, and leave nothing of it behind."""
    with AnthropicStub.running() as anthropic, OpenAIStub.running() as openai:
        server = TmuxServer(folder, "s", 150, 50)
        made = World(folder, server, programs, anthropic, openai)
        made.lay_out()
        with made.running():
            yield made


def children(pid: int) -> list[int]:
    """Return the child processes of all threads of ``pid``."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sorted(int(p) for task in tasks for p in (task / "children").read_text().split())
