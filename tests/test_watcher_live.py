"""Light, flags and budgets of a real watcher, on real clients' screens."""

from __future__ import annotations

import json
import shlex
import sqlite3
import time
from random import Random
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from test_watcher import STATE, actor, following, now_ms, status, write_turn
from tmux_fixtures import wait_until
from watching import kill_watcher, tmuxmeter

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.words import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmux_fixtures import TmuxServer


@pytest.fixture
def meter(home: Path, midday: None) -> Iterator[Path]:
    """Give a home whose watcher, if one is started, ends with the test; it is about noon there."""
    (home / "projects" / "shop").mkdir(parents=True)
    yield home
    tmuxmeter("down", "--all", "--home", home, check=False)


def configure(home: Path, text: str) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)


def up(home: Path, server: TmuxServer) -> None:
    tmuxmeter("up", "--quiet", "--home", home, "--socket", server.socket)
    following(home)


def ask(home: Path, statement: str) -> list[Any]:
    with sqlite3.connect(f"file:{home / STATE / 'ledger.db'}?mode=ro", uri=True) as connection:
        return connection.execute(statement).fetchall()


def spend(home: Path, session: ClaudeSession, tokens: int) -> None:
    """Write one request with so many input tokens."""
    at = now_ms()
    message = {
        "id": f"msg_test{at}",
        "type": "message",
        "role": "assistant",
        "model": session.model,
        "content": [{"type": "text", "text": "demo"}],
        "usage": {"input_tokens": tokens, "output_tokens": 8},
    }
    path = home / session.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        log.write(session._record(at, "assistant", requestId=f"req{at}", message=message) + "\n")


def test_light_and_gauge_are_on_the_screen_and_follow_the_logs(
    meter: Path, tmux_servers: Any
) -> None:
    server, outer = tmux_servers(160, 30), tmux_servers(160, 30)
    server.start("cat")
    outer.start()
    screen = server.show_in(outer)
    server.run("set", "-g", "status-right", "|#{tmuxmeter}|#{tmuxmeter_verdict}|")
    server.run("set", "-g", "status-right-length", "90")
    server.run("set", "-g", "@tmuxmeter_segment", "light gauge")
    server.run("set", "-g", "@tmuxmeter_icons", "off")
    # a budget's message would stand in the status line's place
    configure(meter, "[budget]\ntokens = 0\n")
    session = ClaudeSession(Random(1), "/work/shop", "main")
    write_turn(meter, session, now_ms() - 60_000)
    up(meter, server)

    # one agent alone is neither red nor green
    def segment() -> str:
        """Return what is between the bars, "" while they aren't all drawn."""
        parts = outer.capture(screen).split("|")
        return parts[-3] if len(parts) == 4 else ""

    wait_until(lambda: "|neutral|" in outer.capture(screen))
    first = wait_until(segment)
    assert first.startswith("- ")
    assert "k/" in first
    write_turn(meter, session, now_ms() - 30_000)
    wait_until(lambda: segment() not in {first, ""})


def test_each_mark_of_a_budget_is_told_once(meter: Path, tmux_server: TmuxServer) -> None:
    told = meter / "told"
    script = f"env | grep ^TMUXMETER_ | sort | tr '\\n' ';' >> {shlex.quote(str(told))}"
    script += f"; echo >> {shlex.quote(str(told))}"
    settings = f"tokens = 200000\ncommand = {json.dumps(['/bin/sh', '-c', script])}\n"
    configure(meter, f"[budget]\n{settings}")
    session = ClaudeSession(Random(2), "/work/shop", "main")
    client = tmux_server.attach()
    up(meter, tmux_server)
    spend(meter, session, 110_000)
    client.wait_for("50% of today's budget is used: ")
    lines = wait_until(lambda: told.exists() and told.read_text().splitlines())
    assert len(lines) == 1
    assert "TMUXMETER_BUDGET=all;" in lines[0]
    assert "TMUXMETER_LIMIT=200000;TMUXMETER_PERCENT=50;TMUXMETER_TEXT=50% of" in lines[0]

    # a new watcher knows what was told, and of marks passed at once tells the highest
    kill_watcher(meter)
    since = client.count
    up(meter, tmux_server)
    spend(meter, session, 120_000)
    client.wait_for("100% of today's budget is used: ", since)
    wait_until(lambda: len(told.read_text().splitlines()) > 1)
    marks = ask(meter, "SELECT budget, percent FROM crossing ORDER BY percent")
    assert marks == [("all", 50), ("all", 80), ("all", 100)]
    after = told.read_text().splitlines()[1:]
    assert [line.partition("PERCENT=")[2][:3] for line in after] == ["100"]
    assert b"50% of today" not in client.output(since)

    # a program that isn't there is said
    configure(meter, '[budget]\ntokens = 200000\ndollars = 0.001\ncommand = ["/no/such/program"]\n')
    tmuxmeter("up", "--quiet", "--home", meter, "--socket", tmux_server.socket)
    wait_until(lambda: "/no/such/program" in " ".join(status(meter)["watcher"]["problems"]))


def test_what_is_looked_at_is_noted(meter: Path, tmux_server: TmuxServer) -> None:
    pane = tmux_server.window(actor(meter, "claude"))
    tmux_server.run("select-window", "-t", pane)
    client = tmux_server.attach()
    client.type(b" ")
    up(meter, tmux_server)
    rows = "SELECT p.pane, a.end_ms - a.start_ms FROM attention a JOIN pane p ON p.id = a.pane_id"
    wait_until(lambda: any(row[0] == pane for row in ask(meter, rows)))
    tmux_server.run("select-window", "-t", "%0")
    wait_until(lambda: any(row[0] == "%0" for row in ask(meter, rows)))
    assert len(ask(meter, rows)) == 2


def failing(session: ClaudeSession, count: int) -> list[str]:
    """Return log lines of tool calls that failed, as Claude Code writes them."""
    lines = []
    for number in range(count):
        at = now_ms() + number
        result = {
            "type": "tool_result",
            "tool_use_id": f"toolu_test{at}",
            "content": "Exit code 1",
            "is_error": True,
        }
        message = {"role": "user", "content": [result]}
        lines.append(session._record(at, "user", message=message))
    return lines


def test_an_error_loop_is_flagged_on_its_pane_while_it_lasts(
    meter: Path, tmux_server: TmuxServer
) -> None:
    # below a shell: tmux lets a child of its own go on at once when it is stopped
    pane = tmux_server.window(f"{actor(meter, 'claude')}; true")
    up(meter, tmux_server)
    value = f"#{{TMUXMETER_PANE_FLAGS_{pane[1:]}}}"
    wait_until(lambda: tmux_server.format(f"#{{TMUXMETER_PANE_COST_{pane[1:]}}}"))
    # the agent stands still and the test writes its log
    [player] = psutil.Process(int(tmux_server.format("#{pane_pid}", pane))).children()
    player.suspend()
    wait_until(lambda: player.status() == psutil.STATUS_STOPPED)
    [log] = (meter / ".claude/projects").rglob("*.jsonl")
    session = ClaudeSession(Random(3), str(meter / "projects/shop"), "main", session=log.stem)
    write = [json.loads(line)["timestamp"] for line in log.read_text().splitlines()]
    wait_until(lambda: stamp(now_ms()) > max(write))
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in failing(session, 3))
    wait_until(lambda: "loop" in tmux_server.format(value))
    assert "loop" in tmux_server.format("#{TMUXMETER_FLAGS}")
    time.sleep(0.01)
    end = session._record(now_ms() + 100, "system", subtype="turn_duration", durationMs=5)
    with log.open("a") as file:
        file.write(f"{end}\n")
    wait_until(lambda: "loop" not in tmux_server.format(value))
    player.resume()
