"""A tracker over real servers, real processes and a real ledger, with fake agents to find."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tmux_fixtures import PATIENCE_S, TmuxServer, wait_until

from tmuxmeter.agents.base import Root
from tmuxmeter.agents.claude import Claude
from tmuxmeter.agents.codex import Codex
from tmuxmeter.ledger.session_queries import RecentSession
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import ProcSource
from tmuxmeter.panes.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmuxmeter.ledger.queries import BindingRow
    from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture

FAKE = Path(__file__).with_name("fake_agent.py")


def now_ms() -> int:
    return round(time.time() * 1000)


class Bench:
    """Everything a test of the panes room needs; ends the fake agents below its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claude_root = folder / "claude-root"
        self.codex_root = folder / "codex-root"
        for path in (self.claude_root / "sessions", self.codex_root / "sessions"):
            path.mkdir(parents=True)
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("claude", "codex"):
            (self.bin / name).symlink_to(os.path.realpath(sys.executable))
        self.writer = Writer.open(folder / "state")
        self.rows: dict[str, RecentSession] = {}
        # Other agents may run on this machine: only these are looked at.
        self.mine: set[str] = set()
        self.servers: list[TmuxServer] = []
        self.later_ms = 0
        self.restart()

    def restart(self, started_ms: int | None = None) -> None:
        """Begin with a new tracker over the same ledger, as after the watcher was started anew."""
        started = now_ms() if started_ms is None else started_ms
        self.table = ProcessTable(ProcSource())
        self.tracker = Tracker([Claude(), Codex()], self.writer, self.table, started)
        self.told: dict[str, RecentSession] | None = None

    def close(self) -> None:
        self.writer.close()
        table = ProcessTable(ProcSource())
        table.scan()
        for entry in table.entries.values():
            if any(word.startswith(str(self.bin)) for word in table.argv(entry)):
                os.kill(entry.pid, signal.SIGKILL)

    def claude(self, session: str = "", *options: str) -> str:
        """Return a shell command that runs a fake Claude which names its session."""
        self.mine.add(session)
        live = [f"--live={self.claude_root}", f"--session={session}"] if session else []
        return shlex.join([str(self.bin / "claude"), str(FAKE), *live, *options])

    def codex(self, *options: str) -> str:
        """Return a shell command that runs a fake Codex."""
        code = f"exec(open({str(FAKE)!r}).read())"
        home = f"CODEX_HOME={self.codex_root}"
        return shlex.join(["env", home, str(self.bin / "codex"), "-c", code, *options])

    def session(self, agent: str, key: str, cwd: Path | str = "", **facts: int | str) -> None:
        """Let the ledger know a session; times default to now."""
        now = now_ms()
        self.mine.add(key)
        values: dict[str, object] = {
            "account": str(self.claude_root if agent == "claude" else self.codex_root),
            "branch": "",
            "parent": "",
            "spawned": 0,
            "started_ms": now,
            "last_ms": now,
            "last_prompt_ms": now,
            "last_turn_end_ms": None,
            "turn_reason": "",
            "asked": 0,
            "model": "",
            "context_tokens": 0,
            "context_window": 0,
            **facts,
        }
        self.rows[key] = RecentSession(agent=agent, session=key, cwd=str(cwd), **values)  # type: ignore[arg-type]

    def tick(self) -> Picture:
        """Look once; the tracker is told what the watcher would tell it: all, then what is new."""
        roots = [Root("claude", self.claude_root), Root("codex", self.codex_root)]
        sockets = [server.socket for server in self.servers]
        told, self.told = self.told, dict(self.rows)
        new = [row for key, row in self.rows.items() if told is None or told.get(key) is not row]
        now = now_ms() + self.later_ms
        return self.tracker.update(sockets, roots, new, now, all_sessions=told is None)

    def until(self, condition: Callable[[Picture], object], timeout: float = PATIENCE_S) -> Picture:
        """Tick until the picture fulfils a condition, and return it."""
        return wait_until(lambda: p if condition(p := self.tick()) else None, timeout)

    def agents(self, picture: Picture) -> dict[str, str]:
        """Return the pane of every session shown, "outside" for those without."""
        found = {}
        for pane in picture.panes:
            for agent in (pane.main, *pane.others):
                if agent is not None and agent.state != "gone" and agent.session:
                    found[agent.session] = pane.ref.pane
        for agent in picture.outside:
            if agent.session:
                found[agent.session] = "outside"
        return {session: where for session, where in found.items() if session in self.mine}

    def open_bindings(self) -> dict[str, tuple[str, str]]:
        """Return where each session is bound to now: kind and pane id."""
        rows = (row for row in self.writer.open_bindings() if row.session in self.mine)
        return {row.session: (row.where_kind, row.pane) for row in rows}

    def history(self, agent: str, session: str) -> list[BindingRow]:
        return self.writer.bindings_of(agent, session)

    def live_file(self, session: str) -> Path:
        """Return the live file that names a session, once it is there."""

        def find() -> Path | None:
            for path in (self.claude_root / "sessions").glob("*.json"):
                if json.loads(path.read_text())["sessionId"] == session:
                    return path
            return None

        return wait_until(find)

    def rewrite_live(self, session: str, **changes: object) -> None:
        """Change what an agent says of itself, as it would."""
        path = self.live_file(session)
        self.mine.add(str(changes.get("sessionId", session)))
        facts = {**json.loads(path.read_text()), "updatedAt": now_ms(), **changes}
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(facts))
        draft.replace(path)


def pane_of(picture: Picture, pane_id: str, server: TmuxServer | None = None) -> PaneNow:
    """Return a pane of the picture."""
    for pane in picture.panes:
        if pane.ref.pane == pane_id and (server is None or pane.ref.socket == str(server.socket)):
            return pane
    message = f"{pane_id} is not in the picture"
    raise AssertionError(message)


def main_of(picture: Picture, pane_id: str) -> AgentNow | None:
    return pane_of(picture, pane_id).main


def new_id() -> str:
    return str(uuid.uuid4())
