"""The demo as somebody without agents meets it: in a real terminal, and gone without a trace."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tmux_fixtures import wait_until
from watching import data

from tmuxmeter.demo.play import write_week

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmux_fixtures import TmuxServer

PATIENCE = 40.0


@pytest.fixture
def scratch() -> Iterator[Path]:
    """The folder for temporary files, to see what is left in it; sockets need a short path."""
    folder = Path(tempfile.mkdtemp(prefix="tmd-", dir="/tmp"))
    yield folder
    for process in below(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def terminal(tmux_servers: Callable[..., TmuxServer], scratch: Path) -> TmuxServer:
    """A terminal high enough for the day, whose one pane is started with :func:`open_demo`."""
    server = tmux_servers(130, 70)
    server.environment |= {"TMPDIR": str(scratch)}
    return server


def below(folder: Path) -> list[psutil.Process]:
    """Return the processes that have to do with a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd(), process.environ().get("HOME", "")]
        except (psutil.Error, OSError):
            continue
        if any(str(folder) in word for word in words):
            found.append(process)
    return found


def call(*arguments: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tmuxmeter", *arguments],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def open_demo(terminal: TmuxServer, *arguments: str) -> None:
    terminal.start(f"exec '{sys.executable}' -m tmuxmeter {' '.join(arguments) or 'demo'}")
    terminal.run("set-option", "-g", "status", "off")


def screen(terminal: TmuxServer) -> str:
    return terminal.run("capture-pane", "-p", "-t", "main:", check=False)


def seen(terminal: TmuxServer, pattern: str) -> str:
    """Return the screen once something like ``pattern`` is on it."""

    deadline = time.monotonic() + PATIENCE
    while not re.search(pattern, text := screen(terminal), re.DOTALL):
        if time.monotonic() > deadline:
            pytest.fail(f"{pattern} never came; the screen:\n{text}")
        time.sleep(0.1)
    return text


def nothing_left(scratch: Path) -> bool:
    # what the demo makes has its name; sockets of the test's own terminal are elsewhere
    return not list(scratch.glob("tmuxmeter-demo-*")) and not below(scratch)


@pytest.mark.parametrize("arguments", [("demo", "--print"), ("up", "--demo-if-empty")])
def test_without_a_terminal_it_prints_the_day(
    arguments: tuple[str, ...], scratch: Path, home: Path
) -> None:
    answer = call(*arguments, scratch=scratch)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("DEMO: these logs are played, not yours.\n")
    for words in ("claude ", "codex ", "unattributed"):
        assert f"\n{words}" in answer.stdout
    assert "~/projects/shop" in answer.stdout
    assert nothing_left(scratch)
    assert not (home / ".local/state/tmuxmeter/ledger.db").exists()


def test_the_played_week_is_the_published_one(tmp_path: Path) -> None:
    """It pays early in the week and doesn't late; today begins green and near the line."""
    write_week(tmp_path, time.time_ns() // 1_000_000)
    week = data("week", "--home", tmp_path)["days"]
    assert [day["light"]["verdict"] for day in week] == [
        *("green", "green", "amber", "amber", "red", "red", "green"),
    ]
    assert all(0.55 < day["cache_hit_rate"] < 0.65 for day in week)
    assert [day["overlaps"] > 0 for day in week] == [*[False] * 4, True, True, False]
    light = week[-1]["light"]
    assert 0.5 < light["input_tokens"] / light["line_input_tokens"] < 0.7


def test_it_plays_in_a_terminal_and_leaves_nothing(
    terminal: TmuxServer, scratch: Path, home: Path
) -> None:
    """Three panes, each with what it spent; somebody's real agent is not in the demo's figures."""
    real = subprocess.Popen(["claude", "60"], executable=shutil.which("sleep"), cwd=home)
    try:
        open_demo(terminal)
        spent = r"\$\d+\.\d*[1-9].*"
        seen(terminal, f"Claude Code {spent}Codex {spent}Claude Code {spent} demo {spent}")
        terminal.run("send-keys", "C-n")
        text = seen(terminal, r"tmuxmeter today\n.*demo:0 %.*demo\$")
        assert "DEMO: these logs are played, not yours." in text
        terminal.run("send-keys", "-l", "clear; tmuxmeter panes; tmuxmeter status")
        terminal.run("send-keys", "Enter")
        text = seen(terminal, r"live-file.*The watcher .*runs since.*demo\$")
        assert "Outside tmux" not in text
        terminal.run("send-keys", "C-q")
        wait_until(lambda: nothing_left(scratch), PATIENCE, 0.1)
        assert not (home / ".local/state/tmuxmeter").exists()
    finally:
        real.kill()
        real.wait()


def test_a_terminal_of_80_columns_shows_each_agent_from_its_first_line_on(
    tmux_servers: Callable[..., TmuxServer], scratch: Path
) -> None:
    terminal = tmux_servers(80, 24)
    terminal.environment |= {"TMPDIR": str(scratch)}
    open_demo(terminal)
    lines = seen(terminal, r"demo: round.*demo: round.*demo: round.* demo \$").splitlines()
    assert lines[1].split("│")[0].strip() == "Claude Code (demo)  claude-sonnet-4-6"
    assert lines[1].split("│")[1].strip() == "Codex (demo)  gpt-5.5"
    # keys and both windows, beside the day's figures
    assert lines[-1].startswith(" DEMO  C-n C-q  0:agents")
    terminal.run("send-keys", "C-q")
    wait_until(lambda: nothing_left(scratch), PATIENCE, 0.1)


def detach(terminal: TmuxServer, pid: int) -> None:
    terminal.run("send-keys", "C-b", "d")


def close_terminal(terminal: TmuxServer, pid: int) -> None:
    terminal.run("kill-server")


def terminate(terminal: TmuxServer, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def last_agent_ends(terminal: TmuxServer, pid: int) -> None:
    for child in psutil.Process(pid).children():
        child.terminate()


@pytest.mark.parametrize("end", [detach, close_terminal, terminate, last_agent_ends])
def test_however_it_ends_nothing_is_left(
    terminal: TmuxServer, scratch: Path, end: Callable[[TmuxServer, int], None]
) -> None:
    open_demo(terminal, "up", "--demo-if-empty")
    seen(terminal, r" demo \$")
    assert not nothing_left(scratch)
    end(terminal, int(terminal.format("#{pane_pid}", "main:")))
    wait_until(lambda: nothing_left(scratch), PATIENCE, 0.1)


def test_nothing_of_the_users_leads_into_it(
    terminal: TmuxServer, scratch: Path, tmp_path: Path
) -> None:
    """Variables that name the user's own folders would show the user's figures as the demo's."""
    own = tmp_path / "own"
    own.mkdir()
    names = ("XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME")
    terminal.environment |= dict.fromkeys(names, str(own))
    open_demo(terminal)
    seen(terminal, r" demo \$")
    terminal.run("send-keys", "C-n")
    seen(terminal, r"DEMO: these logs are played.*unattributed.*demo\$")
    assert list(own.iterdir()) == []


def test_a_terminal_that_tmux_can_not_use_is_told_in_a_line(
    terminal: TmuxServer, scratch: Path
) -> None:
    line = f"TERM=no-such-terminal '{sys.executable}' -m tmuxmeter demo; exec cat"
    terminal.start(line)
    terminal.run("set-option", "-g", "status", "off")
    assert "Traceback" not in seen(terminal, "tmuxmeter: tmux can't open a session: ")
    wait_until(lambda: not list(scratch.glob("tmuxmeter-demo-*")), PATIENCE, 0.1)
