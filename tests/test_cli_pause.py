"""``pause``, ``resume``, ``toggle`` and ``hold status`` as programs, on real tmux."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from build_claude import Transcript, session_id, text
from pausing import ROOT, Counted, Stage, now_ms
from tmux_fixtures import TmuxServer, wait_until

from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.pause.records import PauseStore
from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAKE = Path(__file__).with_name("fake_agent.py")
STATE = ".local/state/tmuxmeter"


def own_id(name: str) -> str:
    """Return a session id that no suite beside this one has: a session of two is nobody's."""
    return session_id(f"{name} {os.getpid()}")


class Desk:
    """A home with a metered server, and the command line."""

    def __init__(self, home: Path, server: TmuxServer) -> None:
        self.home, self.server = home, server
        self.stage = Stage(home, server)
        self.store = PauseStore(home / STATE / "pauses")
        self.flags = HoldFlags(home / STATE / "run" / "hold")
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        Servers(home / STATE / "run").register(server.socket)

    def run(self, *arguments: str, disk_full: bool = False) -> subprocess.CompletedProcess[str]:
        # no file may grow: each write fails, as on a full disk
        limit = ["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh"] if disk_full else []
        return subprocess.run(
            [*limit, sys.executable, "-m", "tmuxmeter", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run(*arguments, "--json").stdout)
        return rows

    def did(self, *arguments: str) -> dict[str, str]:
        return {row["pane"]: row["did"] for row in self.rows(*arguments)}

    def fake(self, name: str) -> str:
        """Start a Claude that says which session it runs, below a holder; return its pane."""
        program = self.stage.program("claude")
        words = [str(program), str(FAKE), f"--live={self.home / '.claude'}"]
        words += [f"--session={own_id(name)}", "--status=busy"]
        pane = self.server.window(f"sh -c '{shlex.join(words)}; true'")
        live = self.home / ".claude" / "sessions"
        wait_until(lambda: any(own_id(name) in file.read_text() for file in live.glob("*.json")))
        return pane

    def counter(self, how: str = "wrapper", name: str = "claude") -> Counted:
        return self.stage.start(how, name)


@pytest.fixture
def desk(home: Path, tmux_server: TmuxServer) -> Iterator[Desk]:
    tmux_server.environment["HOME"] = str(home)
    tmux_server.run("set-environment", "-g", "HOME", str(home))
    desk = Desk(home, tmux_server)
    yield desk
    desk.run("resume", "--all")


def test_a_pane_is_paused_and_resumed(desk: Desk) -> None:
    counted = desk.counter()
    done = desk.run("pause", counted.pane)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"paused {counted.pane} (claude): 1 process stopped\n"
    assert counted.stands_still()
    again = desk.run("pause", counted.pane)
    assert (again.returncode, again.stdout) == (
        0,
        f"paused already: {counted.pane} (claude): 1 process stopped\n",
    )
    done = desk.run("resume", counted.pane)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"resumed {counted.pane} (claude): goes on; paused for ")
    assert counted.counts_on()
    done = desk.run("resume", counted.pane)
    assert (done.returncode, done.stdout) == (0, "Nothing is paused.\n")


def test_the_data(desk: Desk) -> None:
    counted = desk.counter()
    begin = now_ms()
    (row,) = desk.rows("pause", counted.pane)
    assert begin <= row.pop("since_ms") <= now_ms()
    assert row == {
        "pane": counted.pane,
        "server": str(desk.server.socket),
        "agent": "claude",
        "agent_session": None,
        "did": "paused",
        "way": "freeze",
        "method": "subtree",
        "seen": "1 process stopped",
        "who": "you",
    }
    (row,) = desk.rows("resume", counted.pane)
    assert (row["did"], row["method"]) == ("resumed", "subtree")
    # what is told in one sentence on a terminal is data here
    assert row["seen"] == "goes on"
    assert 0 <= row["paused_ms"] <= now_ms() - begin
    (row,) = desk.rows("pause", "%99")
    assert (row["did"], row["agent"]) == ("failed-to-pause", None)
    counted = desk.counter()
    desk.run("pause", counted.pane)
    (made,) = desk.store.all()
    desk.store.replace(replace(made, seen="", since_ms=now_ms()))
    (row,) = desk.rows("pause", counted.pane)
    assert row["did"] == "failed-to-pause"
    assert row["seen"].startswith("a pause was begun there and not finished")


def test_toggle_is_one_key(desk: Desk) -> None:
    counted = desk.counter()
    desk.environment["TMUX"] = f"{desk.server.socket},1,0"
    desk.environment["TMUX_PANE"] = counted.pane
    assert desk.did("toggle") == {counted.pane: "paused"}
    assert counted.stands_still()
    assert desk.did("toggle") == {counted.pane: "resumed"}
    assert counted.counts_on()


def at_once(desk: Desk, *arguments: str, times: int = 3) -> list[str]:
    """Run a command several times at once; return what was done, in alphabetical order."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tmuxmeter", *arguments, "--json"],
            env=desk.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        for _ in range(times)
    ]
    answers = [json.loads(each.communicate(timeout=60)[0] or b"[]") for each in running]
    return sorted(row["did"] for rows in answers for row in rows)


def test_resuming_twice_at_once_types_nothing_into_the_agent(desk: Desk) -> None:
    """Two that both found it suspended would both type `fg`, the second into the agent."""
    counted = desk.counter("bash", "opencode")
    for round_ in range(4):
        assert desk.did("pause", counted.pane) == {counted.pane: "paused"}
        at_once(desk, "resume", counted.pane, times=4)
        assert counted.counts_on()
        counted.type("!")
        # each before the next pause: what is typed at a suspended one is its shell's
        counted.got(b"!" * (round_ + 1))
    assert counted.keys() == b"!!!!"


def test_a_key_that_is_pressed_twice_pauses_and_resumes(desk: Desk) -> None:
    counted = desk.counter()
    assert at_once(desk, "toggle", counted.pane, times=2) == ["paused", "resumed"]
    assert counted.counts_on()
    assert desk.store.all() == []
    assert at_once(desk, "pause", counted.pane) == ["already-paused", "already-paused", "paused"]
    assert len(desk.store.all()) == 1


def test_without_a_pane_it_is_the_one_in_front_of_you(desk: Desk) -> None:
    other, counted = desk.counter(), desk.counter()
    done = desk.run("pause")
    assert done.returncode == 2
    assert "no client is attached" in done.stderr
    desk.server.attach()
    desk.server.run("select-window", "-t", counted.pane)
    assert desk.did("pause") == {counted.pane: "paused"}
    assert other.counts_on()


def test_typed_in_a_pane_without_an_agent_it_does_not_pause_itself(desk: Desk) -> None:
    pane = desk.server.window("bash --norc -i")
    desk.server.send(pane, f"PYTHONPATH={ROOT} {sys.executable} -m tmuxmeter pause; echo code $?")
    wait_until(lambda: "code 7" in desk.server.capture(pane))
    assert "no agent runs there" in desk.server.capture(pane)


def test_typed_at_the_agent_it_tells_what_it_did_before_all_stands_still(desk: Desk) -> None:
    program, said = desk.stage.program("claude"), desk.home / "said"
    call = f"PYTHONPATH={ROOT} exec {sys.executable} -m tmuxmeter pause >{said} 2>&1"
    pane = desk.server.window(f"sh -c '{program} {FAKE} --run=\"{call}\"; true'")
    wait_until(lambda: said.exists() and said.read_text().endswith("\n"))
    assert said.read_text().startswith(f"paused {pane} (claude): ")
    assert desk.did("resume", pane) == {pane: "resumed"}


def test_by_agent_and_all(desk: Desk) -> None:
    claude, unknown = desk.counter(), desk.counter("wrapper", "nobodys")
    shell = desk.server.window("bash --norc -i")
    assert desk.did("pause", "--agent", "codex") == {}
    assert desk.did("pause", "--agent", "claude") == {claude.pane: "paused"}
    # all agents are meant, not all programs; who is named is meant whatever it is
    assert desk.did("pause", "--all") == {claude.pane: "already-paused"}
    assert unknown.counts_on()
    assert desk.did("pause", unknown.pane, shell) == {
        unknown.pane: "paused",
        shell: "failed-to-pause",
    }
    assert desk.did("toggle", "--all") == {claude.pane: "resumed", unknown.pane: "resumed"}
    assert claude.counts_on()
    assert unknown.counts_on()


def test_an_agent_of_the_configuration(desk: Desk) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "tmuxmeter" / "config.toml"
    config.parent.mkdir(parents=True)
    lines = ('name = "mine"', 'logs = "~/.mine/*.jsonl"', 'program = "myagent"')
    fields = ('time = "at"', 'output = "out"')
    config.write_text("\n".join(("[[agents.custom]]", *lines, *fields)) + "\n")
    counted = desk.counter("wrapper", "myagent")
    assert desk.did("pause", "--agent", "mine") == {counted.pane: "paused"}
    assert counted.stands_still()
    assert desk.did("resume", "--agent", "mine") == {counted.pane: "resumed"}
    unknown = desk.run("pause", "--agent", "nobodys")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("tmuxmeter: 'nobodys' is no agent that is known: claude, ")


def test_a_broken_configuration_is_told_and_keeps_nobody_from_pausing(desk: Desk) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "tmuxmeter" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[guard]\nday_dollars = "20"\n')
    counted = desk.counter()
    done = desk.run("pause", counted.pane)
    assert (done.returncode, done.stdout.startswith("paused ")) == (0, True)
    assert counted.stands_still()
    [said] = done.stderr.splitlines()
    assert "guard.day_dollars must be" in said
    assert said.endswith("; the defaults hold here")
    assert desk.did("toggle", counted.pane) == {counted.pane: "resumed"}
    # a budget that can't be read is nobody's: who is over it can't be told
    assert desk.run("pause", "--over-budget").returncode != 0


def test_agents_over_budget(midday: None, desk: Desk) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "tmuxmeter" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[budget]\ntokens = 0\n[budget.claude]\ntokens = 100_000\n")
    now = now_ms()
    transcript = Transcript(session_id("spent"), cwd=str(desk.home), now_ms=now)
    transcript.prompt("hello")
    transcript.reply("r1", text("Done."))
    transcript.write(desk.home / ".claude")
    counted = desk.counter()
    assert desk.did("pause", "--over-budget") == {}
    config.write_text("[budget]\ntokens = 0\n[budget.claude]\ntokens = 10\n")
    assert desk.did("pause", "--over-budget") == {counted.pane: "paused"}
    assert desk.did("resume", "--over-budget") == {counted.pane: "resumed"}


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    for arguments, said in {
        ("pause", "%1;kill-server"): "is no pane",
        ("pause", "%1", "--all"): "not both",
        ("pause", "%0", "--daemon"): "--daemon goes with --how freeze",
    }.items():
        done = desk.run(*arguments)
        assert done.returncode == 2, arguments
        assert said in done.stderr


def test_what_can_t_be_done_is_said_with_the_reason(desk: Desk) -> None:
    counted = desk.counter("pane", "opencode")
    done = desk.run("pause", counted.pane, "--how", "freeze")
    assert done.returncode == 7
    assert done.stdout == ""
    assert done.stderr == (
        f"tmuxmeter: can't pause {counted.pane} (opencode): freeze: as its pane's own process it"
        " would be continued at once; started with `tmuxmeter run -- opencode` it could be frozen"
        " anywhere\n"
    )
    gone = desk.run("pause", "%99")
    assert gone.returncode == 7
    assert "there is no pane %99" in gone.stderr


def test_no_command_is_named_that_there_isn_t(desk: Desk) -> None:
    pane = desk.server.window("sleep 500")
    said = desk.run("pause", pane, "--how", "hold").stderr
    assert said.endswith("(sleep): hold: it has no hooks that could hold it\n")
    counted = desk.counter("bash", "codex")
    said = desk.run("pause", counted.pane, "--how", "hold").stderr
    assert "`tmuxmeter hooks install codex`" in said


def test_a_pause_outlives_the_program_that_made_it_and_is_undone_newest_first(desk: Desk) -> None:
    pane = desk.fake("shop")
    desk.run("pause", pane, "--how", "freeze")
    (made,) = desk.store.all()
    assert (made.session, made.way, made.who) == (own_id("shop"), "freeze", "you")
    desk.flags.set("claude", made.session, "guard", now_ms())
    assert desk.did("resume", pane) == {pane: "resumed"}


def test_hold_status(desk: Desk) -> None:
    assert desk.run("hold", "status").stdout == "Nothing is held.\n"
    desk.flags.set("claude", "abc", "guard: day limit $20.00 passed", now_ms())
    said = desk.run("hold", "status").stdout
    assert "no pane (claude): held by guard: day limit $20.00 passed since " in said
    assert "session abc" in said
    assert "No watcher runs, so the hooks let go" in said
    data = json.loads(desk.run("hold", "status", "--json").stdout)
    assert data["watching"] is False
    [row] = data["held"]
    assert (row["agent_session"], row["pane"], row["server"]) == ("abc", None, None)


def test_a_pause_that_is_over_is_not_told_as_one(desk: Desk) -> None:
    counted = desk.counter()
    desk.run("pause", counted.pane)
    # without a watcher nobody has noticed that somebody let it go on
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()
    assert desk.did("pause", counted.pane) == {counted.pane: "paused"}
    assert counted.stands_still()
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()
    assert desk.did("toggle", counted.pane) == {counted.pane: "paused"}
    assert counted.stands_still()
    assert len(desk.store.all()) == 1


def test_what_holds_nobody_any_more_is_not_shown_as_paused(desk: Desk) -> None:
    counted = desk.counter()
    desk.run("pause", counted.pane)

    def row() -> dict[str, Any]:
        panes = json.loads(desk.run("panes", "--json").stdout)["panes"]
        return next(each for each in panes if each["pane"] == counted.pane)

    assert (row()["state"], len(row()["paused"])) == ("paused", 1)
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()
    assert row()["state"] != "paused"
    assert row()["paused"] == []


def test_another_agent_in_the_same_pane_is_paused(desk: Desk) -> None:
    first = desk.counter()
    desk.run("pause", first.pane)
    words = [str(desk.stage.program("claude")), "-S", str(desk.stage.counter)]
    folder = desk.home / "second"
    folder.mkdir()
    desk.server.run("respawn-pane", "-k", "-t", first.pane, f"{shlex.join(words)} {folder}; true")
    second = Counted(desk.server, first.pane, folder)
    wait_until(lambda: second.count() > 2)
    assert desk.did("toggle", first.pane) == {first.pane: "paused"}
    assert second.stands_still()


def test_all_agents_of_one_server(desk: Desk, tmux_servers: Callable[..., TmuxServer]) -> None:
    other = tmux_servers()
    other.environment["HOME"] = str(desk.home)
    other.start()
    Servers(desk.home / STATE / "run").register(other.socket)
    here = desk.counter()
    there = Stage(desk.home, other)
    there._number = 50
    counted = there.start("wrapper")
    assert len(desk.rows("pause", "--all")) == 2
    only = ("--all", "--socket", str(desk.server.socket))
    assert [row["server"] for row in desk.rows("resume", *only)] == [str(desk.server.socket)]
    assert here.counts_on()
    assert counted.stands_still()
    assert [row["server"] for row in desk.rows("toggle", *only)] == [str(desk.server.socket)]
    assert here.stands_still()
    assert len(desk.rows("resume", "--all")) == 2
    assert counted.counts_on()


def test_a_full_disk_is_told_and_nothing_is_done(desk: Desk) -> None:
    counted = desk.counter()
    with_panes = desk.run("pause", counted.pane, disk_full=True)
    assert with_panes.returncode == 7
    assert with_panes.stderr.startswith(f"tmuxmeter: can't pause {counted.pane} (claude): ")
    assert with_panes.stderr.count("\n") == 1
    assert counted.counts_on()
    assert desk.store.all() == []
    # what was paused before can be let go all the same
    desk.run("pause", counted.pane)
    assert desk.run("resume", counted.pane, disk_full=True).returncode == 0
    assert counted.counts_on()


def test_a_record_of_a_dead_server_is_let_go(desk: Desk) -> None:
    counted = desk.counter()
    desk.run("pause", counted.pane)
    desk.server.run("kill-server")
    assert desk.did("resume", "--all") == {counted.pane: "resumed"}
    assert desk.store.all() == []
