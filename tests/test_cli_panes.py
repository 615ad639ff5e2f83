"""``panes`` on real tmux servers with real processes in them."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from build_claude import Transcript, session_id, text, tool_use
from tmux_fixtures import TmuxServer, wait_until
from watching import data, start_watcher, tmuxmeter

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = Path(__file__).with_name("fake_agent.py")
STATE = ".local/state/tmuxmeter"


class Stage:
    """A home, a metered server, and fake agents that leave the traces real ones leave."""

    def __init__(self, home: Path, server: TmuxServer) -> None:
        self.home, self.server = home, server
        self.program = home / "bin" / "claude"
        self.program.parent.mkdir()
        self.program.symlink_to(os.path.realpath(sys.executable))
        Servers(home / STATE / "run").register(server.socket)

    def command(self, name: str, **options: str) -> list[str]:
        """Return what runs a fake Claude that says it has this session."""
        said = {"live": str(self.home / ".claude"), "session": session_id(name), **options}
        words = [f"--{key.replace('_', '-')}={value}" for key, value in said.items()]
        return [str(self.program), str(FAKE), *words]

    def spend(self, name: str, replies: int = 1) -> int:
        """Let a session spend something now; return when that was, a second after the other."""
        now = round(time.time() * 1000)
        transcript = Transcript(session_id(name), cwd=str(self.home / name), now_ms=now)
        transcript.prompt("hello")
        for number in range(replies):
            transcript.reply(f"{name}{number}", text("Done."))
        transcript.write(self.home / ".claude")
        return transcript.now_ms

    def live(self, name: str) -> bool:
        """Tell whether the agent with this session has said so."""
        files = (self.home / ".claude/sessions").glob("*.json")
        return any(session_id(name) in file.read_text() for file in files)

    def panes(self) -> Any:
        return data("panes", "--home", self.home)

    def close(self) -> None:
        for file in (self.home / ".claude/sessions").glob("*.json"):
            with contextlib.suppress(OSError):
                os.kill(int(file.stem), signal.SIGKILL)


@pytest.fixture
def stage(home: Path, midday: None, tmux_server: TmuxServer) -> Iterator[Stage]:
    stage = Stage(home, tmux_server)
    yield stage
    stage.close()


def test_what_agents_do_is_seen_without_a_watcher(stage: Stage) -> None:
    stage.spend("shop")
    pane = stage.server.window(
        shlex.join(stage.command("shop", status="waiting", waiting_for="permission prompt"))
    )
    outside = subprocess.Popen(stage.command("apart", status="busy"))
    try:
        wait_until(lambda: stage.live("shop") and stage.live("apart"))
        report = stage.panes()
        words = tmuxmeter("panes", "--home", stage.home).stdout
    finally:
        outside.kill()
        outside.wait()
    assert report["watching"] is False
    assert report["booked_ms"] is None
    assert report["servers"] == [str(stage.server.socket)]
    (row,) = report["panes"]
    assert (row["pane"], row["session"], row["window"], row["pane_index"]) == (pane, "main", 1, 0)
    assert (row["agent"], row["agent_session"]) == ("claude", session_id("shop"))
    assert (row["state"], row["waiting_for"]) == ("waiting", "permission prompt")
    assert row["evidence"].startswith("live-file")
    assert row["confidence"] == 0.99
    assert row["model"] == "claude-sonnet-4-6"
    assert row["context_tokens"] == 40_903
    # nobody has booked the session to its pane yet
    assert row["requests"] == 0
    (apart,) = report["outside"]
    assert (apart["agent_session"], apart["state"]) == (session_id("apart"), "working")
    assert apart["pid"] == outside.pid
    assert f"main:1.0 {pane}" in words
    assert "waiting: permission prompt" in words
    assert "live-file" in words
    assert "0.99" in words
    assert "Outside tmux" in words
    assert "The watcher is not running" in words
    assert not (stage.home / STATE / "run/watcher.lock").exists()


def test_spend_and_leaving_with_a_watcher(stage: Stage) -> None:
    watcher = start_watcher(stage.home)
    try:
        pane = stage.server.window(shlex.join(stage.command("shop")))
        wait_until(lambda: stage.live("shop"))
        spent_ms = stage.spend("shop", replies=2)
        rows = wait_until(
            lambda: [row for row in stage.panes()["panes"] if row["requests"] == 2], 20, every=0.3
        )
        assert [row["pane"] for row in rows] == [pane]
        assert rows[0]["cost_microdollars"] == 2 * 19_209
        assert rows[0]["state"] == "idle"
        words = tmuxmeter("panes", "--home", stage.home).stdout
        assert "$0.04" in words
        assert "not running" not in words
        today = tmuxmeter("today", "--home", stage.home).stdout
        assert f"main:1 {pane} " in today
        session = data("sessions", "--home", stage.home)["sessions"][0]
        assert session["last_place"]["pane"] == pane
        assert session["last_place"]["still_there"] is True

        stage.server.run("set-option", "-g", "remain-on-exit", "on")
        # what is logged after its end isn't the pane's
        wait_until(lambda: time.time() * 1000 > spent_ms)
        stage.close()
        gone = wait_until(
            lambda: [row for row in stage.panes()["panes"] if row["state"] == "gone"], every=0.3
        )
        assert [(row["pane"], row["agent"], row["requests"]) for row in gone] == [
            (pane, "claude", 2)
        ]
        assert gone[0]["agent_session"] == session_id("shop")
    finally:
        watcher.terminate()
        watcher.wait(30)
    # a watcher that has ended leaves what it booked, and the report says how old that is
    report = stage.panes()
    assert report["booked_ms"] is not None
    assert report["panes"][0]["requests"] == 2
    assert "it is booked to panes as of 20" in tmuxmeter("panes", "--home", stage.home).stdout


def test_today_and_panes_agree_on_states(stage: Stage) -> None:
    watcher = start_watcher(stage.home)
    try:
        for name, said in (
            ("asks", {"status": "waiting", "waiting_for": "permission prompt"}),
            ("idles", {"status": "idle"}),
            ("works", {"status": "busy"}),
        ):
            stage.server.window(shlex.join(stage.command(name, **said)))
            wait_until(lambda name=name: stage.live(name))
            now = round(time.time() * 1000)
            transcript = Transcript(session_id(name), cwd=str(stage.home / name), now_ms=now)
            transcript.prompt("go on")
            edit = tool_use(f"{name}1", "Write", file_path=str(stage.home / name / "a.py"))
            transcript.reply(f"{name}a", edit, stop="tool_use")
            transcript.result(f"{name}1")
            if name == "idles":
                # work to look at and a question, though its agent says that it is idle
                transcript.reply(f"{name}b", text("Shall I go on?"))
            transcript.write(stage.home / ".claude")

        def states() -> dict[str, tuple[str, str]]:
            panes = {row["pane"]: row["state"] for row in stage.panes()["panes"]}
            rows = data("today", "--home", stage.home)["by_pane"]
            return {row["pane"]: (row["state"], panes[row["pane"]]) for row in rows if row["pane"]}

        agreed = [("waiting", "waiting"), ("idle", "idle"), ("working", "working")]
        wait_until(lambda: list(dict(sorted(states().items())).values()) == agreed, 20, every=0.3)
        waits = data("today", "--home", stage.home)["levers"]["handoffs"]["pending"]
        assert [row["agent_session"] for row in waits] == [session_id("idles")]
    finally:
        watcher.terminate()
        watcher.wait(30)


def test_a_third_agent_and_a_broken_claim_are_told(stage: Stage) -> None:
    watcher = start_watcher(stage.home)
    try:
        panes = []
        for name in ("one", "two", "three"):
            panes.append(stage.server.window(shlex.join(stage.command(name, status="busy"))))
            wait_until(lambda name=name: stage.live(name))
            stage.spend(name)
        rows = wait_until(
            lambda: [row for row in stage.panes()["panes"] if row["requests"]][2:], 20, every=0.3
        )
        assert [row["pane"] for row in rows] == panes[2:]
        report = stage.panes()
        assert [row["flags"] for row in report["panes"]] == [[], [], ["further"]]
        (line,) = report["advice"]
        assert line["about"] == "agents"
        words = tmuxmeter("panes", "--home", stage.home).stdout
        assert "3 agents at work without a claim: beyond two, say first which files" in words
        assert [line.split()[-1] for line in words.splitlines() if panes[2] in line] == ["further"]

        claim = ("claim", panes[2], "src/**", "--why", "its own")
        tmuxmeter(*claim, "--socket", stage.server.socket, "--home", stage.home)
        report = stage.panes()
        assert [row["flags"] for row in report["panes"]] == [[], [], []]
        assert report["advice"] == []
        assert " flags" not in tmuxmeter("panes", "--home", stage.home).stdout

        now = round(time.time() * 1000)
        again = Transcript(session_id("three"), cwd=str(stage.home / "three"), now_ms=now)
        again.prompt("and elsewhere")
        elsewhere = tool_use("t1", "Write", file_path=str(stage.home / "three/doc/a.md"))
        again.reply("later", elsewhere, stop="tool_use")
        again.result("t1", toolUseResult={"type": "create"})
        again.write(stage.home / ".claude")
        wait_until(lambda: stage.panes()["panes"][2]["flags"] == ["claim", "further"], every=0.3)
        words = tmuxmeter("panes", "--home", stage.home).stdout
        assert f"{panes[2]} claimed src/** but edited doc/a.md." in words
    finally:
        watcher.terminate()
        watcher.wait(30)


def test_nothing_metered_and_servers_that_are_gone(
    home: Path, tmux_server: TmuxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words() -> str:
        return tmuxmeter("panes", "--home", home).stdout

    assert words().startswith("No tmux server is metered yet: run `tmuxmeter up` inside tmux.")
    Servers(home / STATE / "run").register(tmux_server.socket)
    assert words().startswith("No agents in the panes of 1 running tmux server.")
    with monkeypatch.context() as without_tmux:
        without_tmux.setenv("PATH", str(home))
        missing = tmuxmeter("panes", "--home", home, check=False)
        assert missing.returncode == 127
        assert missing.stderr == "tmuxmeter: tmux is not installed: install tmux 3.2 or newer\n"
        assert "nothing yet today" in tmuxmeter("today", "--home", home).stdout
    tmux_server.kill()
    assert f"tmux server {tmux_server.socket.name}: " in words()
