"""Keys are bound where options ask for them, do what they say, and come back as they were."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until
from watching import tmuxmeter

from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.keys import bind_keys, unbind_keys

if TYPE_CHECKING:
    from tmux_fixtures import TmuxServer

HELPER = Path(__file__).parents[1] / "shell" / "key.sh"
PREFIX = b"\x02"


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A stand-in for tmuxmeter, in a folder with odd characters, that notes how it was called."""
    folder = tmp_path / "it's #{pane_id} 100%H"
    folder.mkdir()
    script = folder / "tool"
    script.write_text(
        f'#!/bin/sh\nfor word; do printf "<%s>" "$word"; done >> "{tmp_path}/log"\n'
        f'echo >> "{tmp_path}/log"\necho first; echo "paused: #(touch {tmp_path}/bad) 5%H"\n'
    )
    script.chmod(0o755)
    return script


def called(tool: Path) -> str:
    log = tool.parents[1] / "log"
    return wait_until(lambda: log.exists() and log.read_text())


def keys(server: TmuxServer) -> str:
    return server.run("list-keys")


def options(server: TmuxServer) -> str:
    return server.run("show-options", "-g")


def test_nothing_is_bound_unless_asked_for(tmux_server: TmuxServer, tool: Path) -> None:
    before = keys(tmux_server), options(tmux_server)
    assert bind_keys(Tmux(tmux_server.socket), str(HELPER), [str(tool)]) == []
    assert (keys(tmux_server), options(tmux_server)) == before


@pytest.mark.parametrize(("named", "pressed"), [("P", PREFIX + b"P"), ("-n M-p", b"\x1bp")])
def test_the_pause_key_toggles_the_active_pane(
    tmux_server: TmuxServer, tool: Path, named: str, pressed: bytes
) -> None:
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", named)
    assert bind_keys(Tmux(tmux_server.socket), str(HELPER), [str(tool), "--home", "/x y"]) == []
    pane = tmux_server.window()
    tmux_server.run("select-window", "-t", pane)
    client = tmux_server.attach(120)
    client.settle()
    client.type(pressed)
    assert called(tool) == f"<--home></x y><toggle><{pane}>\n"
    # what was answered is shown as it is, and nothing of it is expanded
    client.wait_for(f"tmuxmeter: paused: #(touch {tool.parents[1]}/bad) 5%H")
    assert not (tool.parents[1] / "bad").exists()


def test_the_menu_acts_on_its_pane(tmux_server: TmuxServer, tool: Path) -> None:
    tmux_server.run("set-option", "-g", "@tmuxmeter_menu_key", "M")
    assert bind_keys(Tmux(tmux_server.socket), str(HELPER), [str(tool)]) == []
    pane = tmux_server.split()
    tmux_server.run("select-pane", "-t", pane)
    client = tmux_server.attach(120)
    client.settle()
    client.type(PREFIX + b"M")
    client.wait_for("pause or resume")
    client.type(b"h")
    assert called(tool) == f"<handoff><--pane><{pane}>\n"
    (tool.parents[1] / "log").unlink()
    client.settle()
    since = client.count
    client.type(PREFIX + b"M")
    client.wait_for("claim files", since)
    client.type(b"c")
    client.wait_for("alone:", since)
    client.type(b'src/* "a$(touch bad)\'b;c" %1\r')
    client.wait_for("why nobody else needs them:", since)
    client.type(b'it\'s "mine"; $(touch bad) *\r')
    files, why = '<src/*><"a$(touch><bad)\'b;c"><%1>', 'it\'s "mine"; $(touch bad) *'
    assert called(tool) == f"<claim><{pane}>{files}<--why><{why}>\n"
    client.settle()
    assert "@tmuxmeter" not in tmux_server.run("show-options", "-p", "-t", pane)
    (tool.parents[1] / "log").unlink()
    since = client.count
    client.type(PREFIX + b"M")
    client.wait_for("today", since)
    client.type(b"t")
    assert called(tool) == "<today>\n"
    client.wait_for("first", since)
    client.type(b"q")


def test_what_a_key_did_before_comes_back(tmux_server: TmuxServer, tool: Path) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("bind-key", "P", "display-message", "mine; and #{pane_id}")
    before = keys(tmux_server), options(tmux_server)
    for _ in range(2):
        tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", "P")
        tmux_server.run("set-option", "-g", "@tmuxmeter_menu_key", "F12")
        bind_keys(tmux, str(HELPER), [str(tool)])
    assert keys(tmux_server) != before[0]
    unbind_keys(tmux)
    tmux_server.run("set-option", "-gu", "@tmuxmeter_pause_key")
    tmux_server.run("set-option", "-gu", "@tmuxmeter_menu_key")
    assert (keys(tmux_server), options(tmux_server)) == before


def test_a_key_the_user_bound_anew_stays_his(tmux_server: TmuxServer, tool: Path) -> None:
    tmux = Tmux(tmux_server.socket)
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", "P")
    bind_keys(tmux, str(HELPER), [str(tool)])
    tmux_server.run("bind-key", "P", "display-message", "mine")
    unbind_keys(tmux)
    assert "mine" in tmux_server.run("list-keys", "-T", "prefix", "P")


def test_another_key_frees_the_one_before(tmux_server: TmuxServer, tool: Path) -> None:
    tmux = Tmux(tmux_server.socket)
    before = keys(tmux_server)
    for key in ("P", "O"):
        tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", key)
        bind_keys(tmux, str(HELPER), [str(tool)])
    bound = keys(tmux_server)
    assert (bound.count("key.sh"), "prefix P " in before) == (1, False)
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", "")
    bind_keys(tmux, str(HELPER), [str(tool)])
    assert keys(tmux_server) == before


@pytest.mark.parametrize("odd", ["no-such-key", "P and more", "-n"])
def test_what_is_no_key_is_said(tmux_server: TmuxServer, tool: Path, odd: str) -> None:
    before = keys(tmux_server)
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", odd)
    [problem] = bind_keys(Tmux(tmux_server.socket), str(HELPER), [str(tool)])
    assert problem.startswith("@tmuxmeter_pause_key: ")
    assert keys(tmux_server) == before


def test_up_binds_and_down_gives_back(tmux_server: TmuxServer, home: Path) -> None:
    server = ("--home", home, "--socket", tmux_server.socket)
    before = keys(tmux_server), options(tmux_server)
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", "P")
    tmux_server.run("set-option", "-g", "@tmuxmeter_menu_key", "no-such-key")
    answer = tmuxmeter("up", "--quiet", *server)
    assert "@tmuxmeter_menu_key: unknown key: no-such-key" in answer.stderr
    tmux_server.run("set-option", "-g", "@tmuxmeter_menu_key", "M")
    tmuxmeter("up", "--quiet", *server)
    client = tmux_server.attach(160)
    client.settle()
    client.type(PREFIX + b"P")
    # the key calls this very tmuxmeter, for the same home
    client.wait_for("tmuxmeter: can't pause %0")
    client.type(PREFIX + b"M")
    client.wait_for("claim files")
    client.type(b"c")
    client.wait_for("alone:")
    client.type(b"src/**\r")
    client.wait_for("needs them:")
    client.type(b"the endpoints\r")
    client.wait_for("tmuxmeter: %0 claims src/** in ")
    tmuxmeter("down", *server)
    for option in ("@tmuxmeter_pause_key", "@tmuxmeter_menu_key"):
        tmux_server.run("set-option", "-gu", option)
    assert (keys(tmux_server), options(tmux_server)) == before


def test_a_key_comes_back_though_the_plugin_ran_twice_at_once(
    home: Path, tmux_server: TmuxServer
) -> None:
    tmux_server.run("set-option", "-g", "@tmuxmeter_pause_key", "P")
    tmux_server.run("bind-key", "P", "display-message", "mine")
    before = keys(tmux_server)
    here = ["--home", str(home), "--socket", str(tmux_server.socket)]
    command = [sys.executable, "-m", "tmuxmeter", "up", "--quiet", *here]
    ups = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(6)]
    assert [each.wait(60) for each in ups] == [0] * len(ups)
    assert keys(tmux_server) != before
    tmuxmeter("down", *here)
    assert keys(tmux_server) == before
