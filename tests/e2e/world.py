"""A user's machine in a folder: a home, two repositories, a tmux server, agents in its panes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slow_sum import claude_requests, codex_requests, records
from stub_anthropic import AnthropicStub
from stub_openai import OpenAIStub
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs
    from slow_sum import Logged
    from stub import Served

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
            # this checkout's tmuxmeter, whichever is installed
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "TZ": "UTC",
            "TMPDIR": str(self.folder / "tmp"),
            "ANTHROPIC_BASE_URL": self.anthropic.url,
            "ANTHROPIC_API_KEY": KEY,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "STUB_KEY": "anything",
            # Only loopback is in reach, whatever else the programs would like to call home for.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def lay_out(self) -> None:
        """Write what the agents ask for on their first run, so that they ask nothing."""
        for folder in (self.repo, self.other, self.claude, self.codex, self.folder / "tmp"):
            folder.mkdir(parents=True)
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
            "hasSeenAutoDefaultNudge": True,
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
            "check_for_update_on_startup = false\n"
            "[tui]\nscreen_reader_detection_done = true\n"
            f'[notice.model_migrations]\n"{CODEX_MODEL}" = "gpt-6-sol"\n'
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

    def type(self, name: str, text: str) -> None:
        """Type a line and send it once the agent shows it, as it takes haste for a paste."""
        pane = self.panes[name]
        self.server.run("send-keys", "-t", pane, "-l", text)
        self.wait_screen(name, text[:30])
        self.server.run("send-keys", "-t", pane, "Enter")

    def say(self, marker: str, script: str, pane: str = "") -> None:
        """Send a prompt with its marker to the pane of that name."""
        self.type(pane or marker, f"[{marker}] {script}")

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

    def logged(self) -> dict[str, Logged]:
        """Return every request that is in a log now, by its id."""
        return claude_requests(self.claude / "projects") | codex_requests(self.codex / "sessions")

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


def children(pid: int) -> list[int]:
    """Return the child processes of all threads of ``pid``."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sorted(int(p) for task in tasks for p in (task / "children").read_text().split())


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
