"""``run``: the agent below a holder behaves as if it had been started by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pausing import ROOT, Stage
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tmux_fixtures import TmuxServer

RUN = [sys.executable, "-m", "tmuxmeter", "run", "--"]


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *command],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def stage(home: Path, tmux_server: TmuxServer) -> Stage:
    tmux_server.environment["PYTHONPATH"] = str(ROOT)
    return Stage(home, tmux_server)


@pytest.mark.parametrize("code", [0, 1, 42, 127])
def test_the_exit_status_is_the_agent_s(code: int) -> None:
    assert run("sh", "-c", f"exit {code}").returncode == code


def test_death_by_a_signal_is_told_as_a_shell_tells_it() -> None:
    assert run("sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_words_and_streams_are_passed_as_they_are() -> None:
    words = ["two words", "$HOME", "*", "", "--help", "--", "-x"]
    done = run(sys.executable, "-c", "import sys; print(sys.argv[1:], sys.stdin.read())", *words)
    assert done.stdout == f"{words} \n"
    assert run("cat", stdin="hello").stdout == "hello"
    assert run("sh", "-c", "echo oops >&2").stderr == "oops\n"


def test_without_a_standard_input_there_is_nothing_to_read() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *RUN, "sh", "-c", "cat && echo end of it"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end of it\n", "")


def test_what_is_not_installed_is_said() -> None:
    done = run("no-such-agent")
    assert done.returncode == 127
    assert done.stderr == "tmuxmeter: no-such-agent is not installed, or can't be run\n"


def test_the_agent_has_the_usual_signals() -> None:
    text = "import signal as s; print(*(s.getsignal(n) == s.default_int_handler"
    text += " or s.getsignal(n) == s.SIG_DFL for n in (s.SIGINT, s.SIGQUIT, s.SIGTERM, s.SIGHUP)))"
    assert run(sys.executable, "-c", text).stdout == "True True True True\n"
    # Python itself ignores this one, and what it ignores stays ignored
    status = "import re; print(re.search('SigIgn:\\t(.*)', open('/proc/self/status').read())[1])"
    plain = subprocess.run([sys.executable, "-c", status], capture_output=True, text=True)
    assert run(sys.executable, "-c", status).stdout == plain.stdout


def test_what_was_ignored_stays_ignored() -> None:
    text = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    done = subprocess.run(
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *RUN, sys.executable, "-c", text],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout == "True\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_holder_reaches_the_agent(tmp_path: Path, number: signal.Signals) -> None:
    said = tmp_path / "said"
    agent = f"trap 'echo {number.name} >{said}; exit 5' {number.name[3:]}; echo up; "
    agent += "while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [*RUN, "sh", "-c", agent],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(20) == 5
    assert said.read_text() == f"{number.name}\n"
    process.stdout.close()


def test_keys_reach_the_agent_and_the_shell_gets_its_status(stage: Stage) -> None:
    counted = stage.start("bash", run=True)
    counted.type("abq")
    counted.got(b"abq")
    stage.server.send(counted.pane, "echo status $?")
    wait_until(lambda: "status 7" in stage.server.capture(counted.pane))


def test_control_c_reaches_the_agent_and_spares_the_holder(stage: Stage) -> None:
    pane = stage.server.window("bash --norc --noprofile -i")
    agent = "trap 'echo interrupted' INT; echo up; sleep 1; sleep 1; exit 6"
    stage.server.send(pane, f'{" ".join(RUN)} sh -c "{agent}"; echo status $?')
    wait_until(lambda: "\nup" in stage.server.capture(pane))
    stage.server.run("send-keys", "-t", pane, "C-c")
    wait_until(lambda: "\nstatus 6" in stage.server.capture(pane))
    assert "interrupted" in stage.server.capture(pane)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_control_z_and_fg_still_work(stage: Stage, shell: str) -> None:
    counted = stage.start(shell, run=True)
    before = counted.terminal()
    stage.server.run("send-keys", "-t", counted.pane, "C-z")
    wait_until(counted.stands_still)
    stage.server.send(counted.pane, "fg")
    assert counted.counts_on()
    counted.type("k")
    counted.got(b"k")
    assert counted.terminal() == before


def test_closing_the_pane_ends_agent_and_holder(stage: Stage) -> None:
    counted = stage.start("pane", run=True)
    source = stage.means.table.source
    holder = int(stage.server.format("#{pane_pid}", counted.pane))
    agent = counted.pid
    assert holder != agent
    stage.server.run("kill-pane", "-t", counted.pane)
    wait_until(lambda: source.now(holder) is None and source.now(agent) is None)
