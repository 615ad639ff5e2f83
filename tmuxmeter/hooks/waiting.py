"""The program that waits inside an agent's hook while its session is held.

Started by ``shell/hook.sh``, only while there is a flag, as ``python -I -S waiting.py AGENT EVENT
RUNTIME TIMEOUT GRACE PIDS``: with the standard library and this package alone, whatever folder and
environment the agent works in. Whatever goes wrong, the agent goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from tmuxmeter.agents.session_names import session_name
from tmuxmeter.hooks.answers import COMPACT_EVENT, PROMPT_EVENTS, go_on, refuse
from tmuxmeter.hooks.drops import FIRST_LINE, HOLD_EVENT
from tmuxmeter.hooks.facts import (
    EXPIRED,
    HELD,
    KILLED,
    REFUSED,
    RELEASED,
    UNUSABLE,
    WATCHER_GONE,
)
from tmuxmeter.hooks.inbox import FOLDER, LIMIT_FILES
from tmuxmeter.hooks.looking import give_look_back
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.watcher.process import running_pid

if TYPE_CHECKING:
    from types import FrameType

    from tmuxmeter.pause.hold import Flag

LOOK_S = 0.1
"""Between two looks at the flag: released within that."""
WATCHER_LOOK_S = 1.0
MARGIN_S = 60.0
"""Answered that long before the agent would give the hook up (and let the call through)."""
MARGIN_SHARE = 0.2
"""The margin of short deadlines."""
INPUT_BYTES = 1 << 26
"""What an agent may tell of a tool call; a file it is about to write is in there."""


class Wait:
    """One hook of one session.

    Parameters
    ----------
    agent, event : str
        Which agent runs it, and its own word for why.
    runtime : Path
        The meter's runtime folder.
    timeout_s, grace_s : float
        After how long the agent gives the hook up, and how long a watcher may be gone (it is
        started again after an update) before nobody is left to release.
    pids : str
        The agent's process and its ancestors, as drops hold them.
    """

    def __init__(
        self, agent: str, event: str, runtime: Path, timeout_s: float, grace_s: float, pids: str
    ) -> None:
        self.agent = agent
        self.event = event
        self.runtime = runtime
        self.deadline = time.monotonic() + timeout_s - min(MARGIN_S, timeout_s * MARGIN_SHARE)
        self.grace_s = grace_s
        self.pids = pids
        self.session = ""
        self.parent = os.getppid()
        self._reports = 0
        self._flags = HoldFlags(runtime / "hold")

    def answer(self, content: bytes) -> str:
        """Wait as long as the session is held and return what the agent is to be told."""
        value = json.loads(content.decode("utf-8-sig"))
        if self.agent == "claude" and "cursor_version" in value:
            return ""  # Cursor runs Claude Code's hooks as well; it has its own for this
        session = value.get("session_id") or value.get("conversation_id")
        if not isinstance(session, str):
            return go_on(self.agent)
        self.session = session_name(self.agent, session)
        flag = self._flags.get(self.agent, self.session)
        if flag is None:
            is_set = self._flags.is_set(self.agent, self.session)
            if is_set and self._flags.get(self.agent, self.session) is None:
                self.report(UNUSABLE, "its hold flag can't be read, so it was not held")
            return go_on(self.agent)
        by_hand = self.event == COMPACT_EVENT and value.get("trigger") == "manual"
        if self.event in PROMPT_EVENTS or by_hand:
            return self._prompt(flag)
        return self._tool(flag)

    def report(self, event: str, text: str) -> None:
        """Leave word for the watcher, if the disk takes it."""
        self._reports += 1
        body = json.dumps({"session_id": self.session, "hold": event, "text": text})
        head = [FIRST_LINE, f"agent {self.agent}", f"event {HOLD_EVENT}", f"pids{self.pids}"]
        for name, variable in (("tmux", "TMUX"), ("pane", "TMUX_PANE")):
            told = os.environ.get(variable, "")
            if "\n" not in told:
                head.append(f"{name} {told}")
        inbox = self.runtime / FOLDER
        number = f"{os.getpid()}.{time.time_ns()}.{self._reports}"
        try:
            if inbox.is_symlink() or len(os.listdir(inbox)) >= LIMIT_FILES:  # noqa: PTH208
                return
            draft = inbox / f".{number}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(("\n".join(head) + "\n\n" + body).encode("utf-8", "surrogateescape"))
            draft.replace(inbox / number)
        except OSError:
            return

    def _prompt(self, flag: Flag) -> str:
        if self._watcher_gone():
            return self._let_go()
        what = "compaction" if self.event == COMPACT_EVENT else "prompt"
        self.report(REFUSED, f"a {what} was refused")
        reason = (
            f"Paused by {flag.who}: this {what} was not sent. Resume (tmuxmeter resume, or the "
            "pause key), then send it again."
        )
        return refuse(self.agent, self.event, reason)

    def _tool(self, flag: Flag) -> str:
        self.report(HELD, f"held at a tool call by {flag.who}")
        next_watcher_look = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= self.deadline:
                self.report(EXPIRED, "refused just before the hook's own deadline")
                reason = "Paused by the operator: this was not run. Try the same call again."
                return refuse(self.agent, self.event, reason)
            if now >= next_watcher_look:
                if self._watcher_gone():
                    return self._let_go()
                next_watcher_look = time.monotonic() + WATCHER_LOOK_S
            if not self._flags.is_set(self.agent, self.session):
                self.report(RELEASED, "went on")
                return go_on(self.agent)
            if os.getppid() != self.parent:
                return ""  # the agent is gone
            time.sleep(LOOK_S)

    def _watcher_gone(self) -> bool:
        """Tell whether no watcher runs, and none came back within the grace."""
        until = time.monotonic() + self.grace_s
        while running_pid(self.runtime) is None:
            now = time.monotonic()
            if now >= min(until, self.deadline):
                return True
            if not self._flags.is_set(self.agent, self.session):
                return False
            time.sleep(LOOK_S)
        return False

    def _let_go(self) -> str:
        """Go on and say so; the flag goes too, or every further call would wait for nobody.

        So does the look of what is paused, as nobody else is there to take it away.
        """
        text = "the meter isn't running any more, so nobody could resume it: the pause is over"
        try:
            self._flags.clear(self.agent, self.session)
        except OSError:
            text += " (its flag can't be deleted)"
        else:
            give_look_back(self.runtime.parent, self.agent, self.session)
        self.report(WATCHER_GONE, text)
        return go_on(self.agent, f"tmuxmeter: {text}")

    def ended(self, number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002
        """Say that this process was ended, and end as the signal would have ended it."""
        self.report(KILLED, f"its hook was ended (signal {number}) while it held")
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(1)


def main(arguments: list[str]) -> None:
    """Wait, and print the answer."""
    agent, event, runtime, timeout, grace, pids = arguments
    wait = Wait(agent, event, Path(runtime), float(timeout), float(grace), pids)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, wait.ended)
    try:
        answer = wait.answer(sys.stdin.buffer.read(INPUT_BYTES))
    except Exception as error:  # whatever it is, the agent goes on and its user is told
        wait.report(UNUSABLE, f"it could not be held: {type(error).__name__}")
        answer = go_on(agent)
    sys.stdout.write(answer)


if __name__ == "__main__":
    main(sys.argv[1:])
