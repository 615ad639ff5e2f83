"""A stage with one agent that asks the Chat Completions API, and what the meter is held against."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chat_programs import URL
from meter import Meter
from programs import install_node, install_package
from stage import Stage
from tmux_fixtures import TmuxServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat_programs import Program
    from stub import Served, Stub
    from stub_chat import ChatStub

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

    @property
    def stubs(self) -> tuple[Stub, ...]:
        return (self.chat,)

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
            if self.shows(name, "❯ Trust this folder"):
                self.server.run("send-keys", "-t", self.panes[name], "Enter")
            return self.shows(name, self.program.ready)

        wait_until(ready, 60, 0.5)
        # What starts together in one folder can't be told apart.
        time.sleep(APART_SECONDS)


@contextmanager
def staged(program: Program) -> Iterator[ChatStage]:
    """Set up a stage with the program on it and the meter on."""
    script = install_package(program.package, program.version) / program.script
    node = install_node()
    folder = Path(tempfile.mkdtemp(prefix="tmc-", dir="/tmp"))
    try:
        with program.stub.running() as chat:
            made = ChatStage(folder, TmuxServer(folder, "s", 150, 50), program, chat)
            made.lay_out(script, node)
            with made.running():
                Meter(made).turn_on()
                yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
