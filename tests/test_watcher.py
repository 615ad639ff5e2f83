"""The real watcher on real logs, real panes and real clients."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tmux_fixtures import wait_until
from watching import data, kill_watcher, start_watcher, tmuxmeter

from tmuxmeter.demo.claude import ClaudeSession
from tmuxmeter.demo.play import actor_command, write_week

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmux_fixtures import TmuxServer

STATE = ".local/state/tmuxmeter"


@pytest.fixture
def meter(home: Path, midday: None) -> Iterator[Path]:
    """Give a home whose watcher, if one is started, ends with the test; it is about noon there."""
    (home / "projects" / "shop").mkdir(parents=True)
    yield home
    tmuxmeter("down", "--all", "--home", home, check=False)


def status(home: Path) -> Any:
    """Return what ``status --json`` says, whether or not a watcher runs."""
    return json.loads(tmuxmeter("status", "--json", "--home", home, check=False).stdout)


def following(home: Path) -> Any:
    """Wait until the watcher has read everything there is; return what it says."""
    return wait_until(
        lambda: (s := status(home))["watcher"] and s["watcher"]["phase"] == "following" and s
    )


OFTEN = "[watch]\nlook_seconds = 1\n"
"""A watcher that looks at its settings, its disk and the panes every other second."""


def configured(home: Path, text: str) -> Path:
    """Write a home's settings; return their file."""
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)
    return config


def write_turn(home: Path, session: ClaudeSession, start_ms: int) -> int:
    """Append one turn to a session's log; return when it ends."""
    path = home / session.path
    path.parent.mkdir(parents=True, exist_ok=True)
    end = start_ms
    with path.open("a") as log:
        for end, line in session.turn(start_ms):  # noqa: B007
            log.write(line + "\n")
    return end


def actor(home: Path, kind: str) -> str:
    """Return a shell command that plays an agent; only bash can give a process another name."""
    return f"bash -c {shlex.quote(actor_command(home, kind, 'shop'))}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def today(home: Path) -> Any:
    return data("today", "--home", home)


def test_spend_of_a_pane_is_on_the_clients_screen(meter: Path, tmux_servers: Any) -> None:
    server: TmuxServer = tmux_servers(160, 30)
    server.start(actor(meter, "claude"))
    other = server.window(actor(meter, "codex"))
    outer: TmuxServer = tmux_servers(160, 30)
    outer.start()
    screen = server.show_in(outer)
    server.run("set", "-g", "status-right", "TOTAL=#{tmuxmeter_total} ")
    server.run("set", "-g", "status-right-length", "60")
    server.run("set", "-g", "pane-border-status", "top")
    server.run(
        "set", "-g", "pane-border-format", "PANE=#{tmuxmeter_pane_cost} #{tmuxmeter_pane_state} "
    )
    tmuxmeter("up", "--home", meter, "--socket", server.socket)

    def costs() -> dict[str, int]:
        return {
            row["pane"]: row["cost_microdollars"]
            for row in today(meter)["by_pane"]
            if row["where"] == "pane"
        }

    wait_until(lambda: {"%0", other} <= costs().keys())
    shown = wait_until(lambda: (c := outer.capture(screen)).count("=$") == 2 and c)
    assert "PANE=$" in shown
    assert "TOTAL=$" in shown
    server.run("select-window", "-t", "main:1")
    # Codex tells its state by its log alone
    wait_until(lambda: "idle" in outer.capture(screen) or "working" in outer.capture(screen))
    report = today(meter)
    assert sum(row["cost_microdollars"] for row in report["by_pane"]) == report["cost_microdollars"]

    # the watcher is killed: the figures go stale by themselves, the next one takes them up again
    kill_watcher(meter)
    server.run("set", "-g", "status-interval", "1")
    assert not status(meter)["running"]
    tmuxmeter("up", "--home", meter, "--socket", server.socket)
    following(meter)
    wait_until(lambda: "TOTAL=$" in outer.capture(screen))

    # down: nothing is left of it
    tmuxmeter("down", "--home", meter, "--socket", server.socket)
    assert server.run("show", "-gv", "status-right") == "TOTAL=#{tmuxmeter_total} \n"
    assert "TMUXMETER" not in server.run("show-environment", "-gh")
    assert "kept" not in server.run("show", "-g")
    assert not status(meter)["running"]
    wait_until(lambda: "TOTAL=$" not in outer.capture(screen))


def test_a_log_line_moves_the_total_at_once(meter: Path, tmux_servers: Any) -> None:
    server, outer = tmux_servers(), tmux_servers()
    server.start("cat")
    outer.start()
    screen = server.show_in(outer)
    server.run("set", "-g", "status-right", "T=#{tmuxmeter_total}|")
    # a budget's message would stand in the status line's place for some seconds
    configured(meter, "[budget]\ntokens = 0\n")
    # what tmux draws by itself doesn't count
    server.run("set", "-g", "status-interval", "3600")
    tmuxmeter("up", "--home", meter, "--socket", server.socket)
    following(meter)
    session = ClaudeSession(Random(1), "/work/shop", "main")

    def total() -> str:
        found = re.search(r"T=(\$[\d.]+)\|", outer.capture(screen))
        return found[1] if found else ""

    before = wait_until(total)
    for _ in range(3):
        write_turn(meter, session, now_ms() - 60_000)
        before = wait_until(lambda before=before: total() not in {before, ""} and total())
        wait_until(lambda: total() == server.format("#{TMUXMETER_TOTAL}"))


def test_a_second_watcher_says_so_and_leaves(meter: Path) -> None:
    first = start_watcher(meter)
    following(meter)
    second = tmuxmeter("watch", "--home", meter, check=False)
    assert second.returncode == 6
    assert f"another watcher (process {first.pid})" in second.stderr
    assert first.poll() is None
    first.terminate()
    assert first.wait(timeout=30) == 0


@pytest.mark.parametrize("gone", ["", "run", "run/watcher.lock"])
def test_a_watcher_that_nobody_finds_any_more_ends(meter: Path, gone: str) -> None:
    config = meter / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[watch]\nlook_seconds = 1\n")
    first = start_watcher(meter)
    following(meter)
    folder = meter / STATE / gone
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.unlink()
    assert first.wait(timeout=30) == 0
    # it is in nobody's way
    second = start_watcher(meter)
    following(meter)
    second.terminate()
    assert second.wait(timeout=30) == 0


def test_deleted_logs_stay_booked(meter: Path) -> None:
    write_week(meter, now_ms())
    before = data("days", "--home", meter)
    assert before["total"]["requests"] > 0
    for folder in (".claude", ".codex"):
        shutil.rmtree(meter / folder)
    assert data("days", "--home", meter) == before
    watcher = start_watcher(meter)
    following(meter)
    assert data("days", "--home", meter) == before
    watcher.terminate()
    watcher.wait(timeout=30)


def test_everything_it_keeps_is_private(meter: Path, tmux_server: TmuxServer) -> None:
    write_week(meter, now_ms())
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    following(meter)
    state = meter / STATE
    found = [state, *state.rglob("*")]
    assert len(found) > 5
    for path in found:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.fixture
def small_disk(meter: Path) -> Iterator[Path]:
    """Put the state folder on a disk of four megabytes."""
    state = meter / STATE
    state.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount the small disk this needs")
    try:
        yield state
        tmuxmeter("down", "--all", "--home", meter, check=False)
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_is_said_and_nothing_is_lost(
    meter: Path, small_disk: Path, tmux_server: TmuxServer
) -> None:
    session = ClaudeSession(Random(2), "/work/shop", "main")
    configured(meter, OFTEN)
    tmux_server.run("set", "-g", "status-right", "#{tmuxmeter}")
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    following(meter)
    ballast = small_disk / "ballast"
    fill(ballast)
    # enough to need new pages
    time_ms = now_ms() - 3_600_000
    for _ in range(60):
        time_ms = write_turn(meter, session, time_ms)
    total = wait_until(lambda: "not saved" in tmux_server.format("#{TMUXMETER_PROBLEM}"))
    # reading goes on: the total still moves
    before = tmux_server.format("#{TMUXMETER_TOTAL}")
    for _ in range(20):
        time_ms = write_turn(meter, session, time_ms)
    wait_until(lambda: tmux_server.format("#{TMUXMETER_TOTAL}") != before)
    ballast.unlink()
    wait_until(lambda: "not saved" not in tmux_server.format("#{TMUXMETER_PROBLEM}"), 40)
    tmuxmeter("down", "--all", "--home", meter)
    kept = data("days", "--home", meter)["total"]
    once = meter / "once"
    shutil.copytree(meter / ".claude", once / ".claude")
    fresh = data("days", "--home", once)["total"]
    assert total
    assert kept["requests"] > 0
    assert {k: v for k, v in kept.items() if k != "by_pane"} == {
        k: v for k, v in fresh.items() if k != "by_pane"
    }


def test_settings_are_read_anew_and_a_bad_file_is_said(
    meter: Path, tmux_server: TmuxServer
) -> None:
    model = "my-own-model"
    session = ClaudeSession(Random(3), "/work/shop", "main", model=model)
    write_turn(meter, session, now_ms() - 60_000)
    config = configured(meter, OFTEN)
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    following(meter)
    wait_until(lambda: tmux_server.format("#{TMUXMETER_TOTAL}") == "?")
    assert today(meter)["unpriced_tokens"] > 0
    config.write_text(f'{OFTEN}[[prices."{model}"]]\ninput = 1\noutput = 2\n')
    tmuxmeter("up", "--quiet", "--home", meter, "--socket", tmux_server.socket)
    write_turn(meter, session, now_ms() - 50_000)
    wait_until(lambda: today(meter)["cost_microdollars"] > 0)
    # what was booked before has no price until it is asked for
    assert today(meter)["unpriced_tokens"] > 0
    change = json.loads(tmuxmeter("reprice", "--json", "--yes", "--home", meter).stdout)
    assert change[0]["before_unpriced"] > change[0]["after_unpriced"] == 0
    assert today(meter)["unpriced_tokens"] == 0
    config.write_text(f"{OFTEN}[day]\nstrat = 5\n")
    wait_until(lambda: "strat" in " ".join(following(meter)["watcher"]["problems"]))
    assert "config.toml:4" in following(meter)["watcher"]["problems"][0]


def test_the_watcher_runs_while_reprice_waits_for_an_answer(
    meter: Path, tmux_server: TmuxServer
) -> None:
    write_turn(meter, ClaudeSession(Random(4), "/work/shop", "main", model="mine"), now_ms())
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    following(meter)
    wait_until(lambda: today(meter)["unpriced_tokens"] > 0)
    configured(meter, '[[prices."mine"]]\ninput = 1\noutput = 2\n')
    command = [sys.executable, "-m", "tmuxmeter", "reprice", "--home", str(meter)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as asking:
        assert asking.stdin is not None
        assert asking.stdout is not None
        told = ""
        while "Write this?" not in told:
            told += asking.stdout.read(1)
        assert status(meter)["running"]
        asking.stdin.close()
        assert asking.wait(30) == 2
        assert asking.stderr is not None
        assert asking.stderr.read() == "tmuxmeter: not written; without a terminal: --yes\n"
    assert today(meter)["unpriced_tokens"] > 0
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, check=True)
    assert done.stdout.endswith("Written.\n")
    assert today(meter)["unpriced_tokens"] == 0
    assert status(meter)["running"]


def test_agents_of_another_home_are_not_shown(
    meter: Path, tmp_path: Path, tmux_server: TmuxServer
) -> None:
    stranger = tmp_path / "stranger"
    (stranger / "projects/shop").mkdir(parents=True)
    tmux_server.window(f"HOME={stranger} XDG_CONFIG_HOME={stranger} {actor(stranger, 'claude')}")
    own = tmux_server.window(f"HOME={meter} {actor(meter, 'claude')}")
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    wait_until(lambda: any(row["pane"] == own for row in today(meter)["by_pane"]))
    wait_until(lambda: list((stranger / ".claude/projects").rglob("*.jsonl")))
    assert [row["pane"] for row in data("panes", "--home", meter)["panes"]] == [own]
    counts = "#{TMUXMETER_WORKING}#{TMUXMETER_IDLE}"
    wait_until(lambda: tmux_server.format(counts) in {"10", "01", "1"})


def test_agents_with_another_home_are_another_life(
    meter: Path, tmp_path: Path, tmux_server: TmuxServer
) -> None:
    stranger = tmp_path / "stranger"
    (stranger / "projects/shop").mkdir(parents=True)
    elsewhere = f"HOME={stranger} XDG_CONFIG_HOME={stranger}"
    outside = subprocess.Popen(
        ["bash", "-c", f"{elsewhere} {actor(stranger, 'claude')}"], stdout=subprocess.DEVNULL
    )
    pane = tmux_server.window(f"HOME={meter} {actor(meter, 'claude')}")
    sandbox = tmux_server.window(f"{elsewhere} {actor(stranger, 'claude')}")
    # as a user would, by HOME alone
    tmuxmeter("up", "--socket", tmux_server.socket)
    try:
        wait_until(lambda: any(row["pane"] == pane for row in data("today")["by_pane"]))
        wait_until(lambda: list((stranger / ".claude/projects").rglob("*.jsonl")))
        # its pane is ours: it is shown there, and what it spends isn't known
        cost = "#{TMUXMETER_PANE_COST_" + sandbox[1:] + "}"
        wait_until(lambda: tmux_server.format(cost) == "?")
        shown = data("panes")
        assert not shown["outside"]
        assert {row["pane"] for row in shown["panes"]} == {pane, sandbox}
        assert {Path(row["project"]) for row in data("today")["by_project"]} == {
            meter / "projects/shop"
        }
    finally:
        outside.kill()
        tmuxmeter("down", "--all", check=False)


def test_a_disk_that_fills_while_history_is_read_is_no_end(
    meter: Path, small_disk: Path, tmux_server: TmuxServer
) -> None:
    tmuxmeter("up", "--home", meter, "--socket", tmux_server.socket)
    following(meter)
    kill_watcher(meter)
    time_ms = now_ms() - 7_200_000
    session = ClaudeSession(Random(4), "/work/shop", "main")
    for _ in range(400):
        time_ms = write_turn(meter, session, time_ms)
    fill(small_disk / "ballast")
    configured(meter, OFTEN)
    watcher = start_watcher(meter)
    wait_until(lambda: "not saved" in tmux_server.format("#{TMUXMETER_PROBLEM}"))
    # not even what it does can be written down, but that it runs is known
    running = json.loads(tmuxmeter("status", "--json", "--home", meter).stdout)
    assert (running["running"], running["pid"]) == (True, watcher.pid)
    assert watcher.poll() is None
    (small_disk / "ballast").unlink()
    wait_until(lambda: not tmux_server.format("#{TMUXMETER_PROBLEM}"))
    watcher.terminate()
    assert watcher.wait(timeout=30) == 0
    once = meter / "once"
    shutil.copytree(meter / ".claude", once / ".claude")
    assert data("days", "--home", meter)["total"]["requests"] > 400
    assert data("days", "--home", meter) == data("days", "--home", once)
