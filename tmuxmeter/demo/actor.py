"""A played agent in a pane: writes its log live and shows what it pretends to do.

Run as ``python -m tmuxmeter.demo.actor KIND HOME PROJECT SEED`` with ``claude`` or ``codex`` as the
name of the process, so that it is found the way a real agent is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.screen import BOLD, DIM, PLAIN, shown
from tmuxmeter.demo.script import live_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.demo.script import Session

PAUSE_BETWEEN_TURNS_S = (6.0, 14.0)
WAIT_FOR_HUMAN_S = (4.0, 8.0)
ASKS = 0.3
"""How often a command waits for permission."""


def now_ms() -> int:
    """Return the time as the agents log it."""
    return time.time_ns() // 1_000_000


def _start_token() -> str:
    """Return this process' start mark as Claude Code writes it on Linux, "" elsewhere."""
    try:
        stat = Path("/proc/self/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


class LiveFile:
    """Claude Code's ``sessions/<pid>.json``: there while the process lives, with its state."""

    def __init__(self, home: Path, session: ClaudeSession) -> None:
        self.path = home / ".claude" / "sessions" / f"{os.getpid()}.json"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.facts: Mapping[str, object] = {
            "pid": os.getpid(),
            "sessionId": session.session,
            "cwd": session.cwd,
            "startedAt": now_ms(),
            "procStart": _start_token(),
            "version": "2.1.197",
            "kind": "interactive",
            "entrypoint": "cli",
        }

    def tell(self, status: str, waiting_for: str = "") -> None:
        """Replace the file with one that says ``status``."""
        waiting = {"waitingFor": waiting_for} if waiting_for else {}
        text = json.dumps({**self.facts, "status": status, **waiting, "updatedAt": now_ms()})
        fresh = self.path.with_suffix(".tmp")
        fresh.write_text(text)
        fresh.replace(self.path)

    def remove(self) -> None:
        """Remove it, as the real program does when it ends."""
        self.path.unlink(missing_ok=True)


def play(session: Session, home: Path, rng: Random) -> None:
    """Play turns until the pane is closed."""
    path = home / session.path
    path.parent.mkdir(parents=True, exist_ok=True)
    live = LiveFile(home, session) if isinstance(session, ClaudeSession) else None
    title = "Claude Code" if live else "Codex"
    # in half of a terminal of 80 columns that is one line
    print(f"{BOLD}{title}{PLAIN} (demo)  {session.model}", flush=True)
    try:
        with path.open("a", encoding="utf-8") as log:
            while True:
                if live:
                    live.tell("busy")
                for due, line in session.turn(now_ms()):
                    time.sleep(max(0.0, (due - now_ms()) / 1000))
                    # one write per line, as the agents do, so that a reader never sees half of two
                    log.write(line + "\n")
                    log.flush()
                    asks = show(line)
                    if live and asks and rng.random() < ASKS:
                        wait_for_human(live, rng)
                if live:
                    live.tell("idle")
                time.sleep(rng.uniform(*PAUSE_BETWEEN_TURNS_S))
    finally:
        if live:
            live.remove()


def show(line: str) -> bool:
    """Show a log line as its agent would; tell whether permission may be asked for now."""
    seen = shown(line)
    if seen is None:
        return False
    print(seen.text, flush=True)
    return seen.asks


def wait_for_human(live: LiveFile, rng: Random) -> None:
    """Play that a permission is asked for, and given."""
    live.tell("waiting", "permission prompt")
    print(f"{DIM}  Allow it? (demo: the answer comes by itself){PLAIN}", flush=True)
    time.sleep(rng.uniform(*WAIT_FOR_HUMAN_S))
    live.tell("busy")


def main() -> None:
    """Play the agent that the command line names."""
    kind, home, project, seed = sys.argv[1:]
    rng = Random(seed)  # noqa: S311 - a played agent, not a secret
    session = live_agent(kind, project, f"{home}/projects", rng, now_ms())
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        play(session, Path(home), rng)


if __name__ == "__main__":
    main()
