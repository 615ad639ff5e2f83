"""A user's machine in a folder: a home, two repositories, a tmux server, real agents in its panes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stub_anthropic import AnthropicStub
from stub_openai import OpenAIStub
from tmux_fixtures import Client, TmuxServer, wait_until

if TYPE_CHECKING:
    from programs import Programs

KEY = "sk-ant-stub-key-for-the-end-to-end-tests"
CLAUDE_MODEL = "claude-sonnet-4-6"
CODEX_MODEL = "gpt-5.5"
START_SECONDS = 60


@dataclass
class World:
    """Everything a test needs; made and taken down by :func:`world`."""

    folder: Path
    programs: Programs
    anthropic: AnthropicStub
    openai: OpenAIStub
    server: TmuxServer
    panes: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def other(self) -> Path:
        return self.folder / "other"

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
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "TZ": "UTC",
            "ANTHROPIC_BASE_URL": self.anthropic.url,
            "ANTHROPIC_API_KEY": KEY,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "STUB_KEY": "anything",
        }

    def lay_out(self) -> None:
        """Write what the agents ask for on their first run, so that they ask nothing."""
        for folder in (self.home, self.repo, self.other, self.claude, self.codex):
            folder.mkdir(parents=True, exist_ok=True)
        for repo in (self.repo, self.other):
            git = ["git", "-C", str(repo), "-c", "user.name=e2e", "-c", "user.email=e2e@localhost"]
            subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
            (repo / "notes.txt").write_text("some notes\n")
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "commit", "-q", "-m", "Begin"], check=True)
        links = self.folder / "bin"
        links.mkdir()
        (links / "claude").symlink_to(self.programs.claude)
        (links / "codex").symlink_to(self.programs.codex)
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        state = {
            "hasCompletedOnboarding": True,
            "projects": {str(self.repo): trusted, str(self.other): trusted},
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
            f'[model_providers.stub]\nname = "stub"\nbase_url = "{self.openai.url}/v1"\n'
            'wire_api = "responses"\nenv_key = "STUB_KEY"\n'
            f'[projects."{self.repo}"]\ntrust_level = "trusted"\n'
            f'[projects."{self.other}"]\ntrust_level = "trusted"\n'
        )

    # --- panes

    def open(self, name: str, command: str, cwd: Path) -> str:
        """Type a command in a new window's shell, as a person does; return the pane's id."""
        pane = self.server.window(cwd=cwd)
        self.server.run("rename-window", "-t", pane, name)
        self.panes[name] = pane
        self.server.send(pane, command)
        return pane

    def wait_screen(self, name: str, *texts: str, seconds: float = START_SECONDS) -> str:
        """Wait until the pane shows every text; return its screen."""

        def shown() -> str:
            screen = self.server.capture(self.panes[name])
            return screen if all(text in screen for text in texts) else ""

        try:
            return wait_until(shown, seconds, 0.1)
        except BaseException:
            print(f"--- pane {name} wanted {texts}:\n{self.server.capture(self.panes[name])}")
            raise

    def say(self, name: str, text: str) -> None:
        """Type a prompt and send it once the agent shows it."""
        pane = self.panes[name]
        self.server.run("send-keys", "-t", pane, "-l", text)
        self.wait_screen(name, text[:30])
        self.server.run("send-keys", "-t", pane, "Enter")


@contextmanager
def world(folder: Path, socket_folder: Path, programs: Programs) -> Iterator[World]:
    """Lay a world out, run its servers, and leave nothing of it behind."""
    with AnthropicStub.running() as anthropic, OpenAIStub.running() as openai:
        server = TmuxServer(socket_folder, "s", 150, 50)
        made = World(folder, programs, anthropic, openai, server)
        made.lay_out()
        server.environment = made.environment
        server.start()
        # A login shell would read /etc/profile and with it another PATH.
        server.run("set-option", "-g", "default-command", "exec /bin/sh")
        try:
            yield made
        finally:
            server.kill()
            end_processes(made.home)


def processes_of(home: Path) -> list[int]:
    """Return the processes whose environment has this HOME: Codex's daemon leaves its pane."""
    wanted = f"HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def end_processes(home: Path) -> None:
    """End what still runs with this HOME, kindly, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes_of(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        with contextlib.suppress(BaseException):
            wait_until(lambda: not processes_of(home), 5)
            return
