"""What the commands look like on a real terminal of 80 columns."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from build_claude import Transcript, session_id, text
from tmux_fixtures import TmuxServer, wait_until
from watching import tmuxmeter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = "2026-11-21"
HOSTILE = "[red]x[/red]\x1b[31m#{pane_id}#(id)"
SHOWN = "[red]x[/red]\\x1b[31m#{pane_id}#(id)"


@pytest.fixture
def screen(tmux_servers: Callable[..., TmuxServer]) -> TmuxServer:
    """Give a terminal of 80 columns, high enough for a whole report."""
    server = tmux_servers(80, 70)
    server.start()
    return server


def run_in(server: TmuxServer, *arguments: str | Path, no_color: bool = False) -> tuple[str, str]:
    """Run a command in a new window; return its text with wrapped lines joined, and with codes."""
    words = [sys.executable, "-m", "tmuxmeter", *map(str, arguments)]
    setting = "NO_COLOR=1" if no_color else "-u NO_COLOR"
    line = f"env {setting} {shlex.join(words)}; echo end of it; exec cat"
    pane = server.window(f"sh -c {shlex.quote(line)}")
    wait_until(lambda: "end of it" in server.capture(pane))
    joined = server.run("capture-pane", "-p", "-J", "-t", pane)
    coded = server.run("capture-pane", "-p", "-e", "-t", pane)
    return joined.partition("end of it")[0], coded.partition("end of it")[0]


def write(home: Path, name: str, **fields: str) -> None:
    model = fields.pop("model", "claude-sonnet-4-6")
    transcript = Transcript(session_id(name), **fields)
    transcript.prompt("hello")
    transcript.reply(name, text("Done."), model=model)
    transcript.write(home / ".claude")


def test_reports_fit_and_are_coloured(home: Path, screen: TmuxServer) -> None:
    long = "/work/customers/a-company-with-a-rather-long-name/services/payments/settlement-backend"
    write(home, "a", cwd=long)
    write(home, "b", cwd=str(home / "shop"), model="a-model/with-a-name-that/goes-on-and-on" * 2)
    write(home, "c", model=HOSTILE, branch=HOSTILE)
    for command in (["today", "--date", DAY, "--by", "project"], ["sessions"]):
        words, coded = run_in(screen, *command, "--home", home)
        lines = words.rstrip().splitlines()
        assert max(map(len, lines)) <= 80, lines
        assert any("…" in line and line.split()[-1] for line in lines)
        assert "~/shop" in words
        assert "settlement-backend" in words or "backend" in words
        assert "\x1b[" in coded
    assert "\x1b[31m" not in coded
    words, _ = run_in(screen, "today", "--date", DAY, "--by", "model", "--home", home)
    assert f"\n{SHOWN} " in words


def test_no_color_is_plain(home: Path, screen: TmuxServer) -> None:
    write(home, "a")
    words, coded = run_in(screen, "today", "--date", DAY, "--home", home, no_color=True)
    assert "neutral: one agent at a time" in words
    assert "\x1b[" not in coded


def test_a_pipe_gets_whole_lines_without_codes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "/work/" + "x" * 200
    write(home, "a", cwd=long)
    words = tmuxmeter("today", "--date", DAY, "--by", "project", "--home", home).stdout
    assert long in words
    assert "\x1b" not in words


def test_doctor_and_panes_fit(home: Path, screen: TmuxServer) -> None:
    write(home, "a")
    for command in ("doctor", "panes"):
        words, _ = run_in(screen, command, "--home", home)
        lines = words.rstrip().splitlines()
        # a path without a blank is the only thing that can't be broken at one
        assert max(map(len, lines)) <= 80, lines
        assert "Traceback" not in words


def test_up_outside_tmux_opens_a_session_that_shows_the_meter(
    home: Path, tmux_servers: Callable[..., TmuxServer]
) -> None:
    write(home, "a")
    screen, own = tmux_servers(100, 20), tmux_servers()
    folder = own.socket.parent  # a socket's path must be short
    server = ["tmux", "-S", str(folder / f"tmux-{os.getuid()}" / "default")]
    screen.start()
    words = [sys.executable, "-m", "tmuxmeter", "up", "--home", str(home)]
    line = f"env -u TMUX -u TMUX_PANE TMUX_TMPDIR={folder} TERM=%s {shlex.join(words)}; exec cat"
    screen.run("set-option", "-g", "status", "off")
    try:
        pane = screen.window(line % "no-such-terminal")
        wait_until(lambda: "tmuxmeter: tmux can't open a session: " in screen.capture(pane))
        assert "Traceback" not in screen.capture(pane)
        subprocess.run([*server, "kill-server"], check=False, capture_output=True)
        pane = screen.window(line % "screen-256color")
        wait_until(lambda: "[tmuxmeter] 0:" in screen.capture(pane))
        wait_until(lambda: screen.capture(pane).rstrip().endswith("$0.00"))
    finally:
        tmuxmeter("down", "--all", "--home", home)
        subprocess.run([*server, "kill-server"], check=False, capture_output=True)
