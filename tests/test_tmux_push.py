"""Pushing to real tmux servers; what their clients' terminals really get."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from test_status_segments import LIVE, PANE
from tmux_fixtures import wait_until

from tmuxmeter.errors import TmuxError
from tmuxmeter.status.options import StatusOptions
from tmuxmeter.status.values import tmux_values
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.install import install_formats
from tmuxmeter.tmux.push import BYTES_PER_S, Pusher, _ClientState, redraw_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tmux_fixtures import Client, TmuxServer


class RecordingTmux(Tmux):
    """A real tmux whose calls are kept, so that a test can count them."""

    def __init__(self, socket: Path) -> None:
        super().__init__(socket)
        self.calls: list[list[str]] = []

    def run(self, arguments: Sequence[str]) -> str:
        self.calls.append(list(arguments))
        return super().run(arguments)

    def source(self, lines: Iterable[str]) -> str:
        kept = list(lines)
        self.calls.append(kept)
        return super().source(kept)


@pytest.fixture
def tmux_server(tmux_servers: Callable[..., TmuxServer]) -> TmuxServer:
    """A server whose pane never writes a byte of its own, so that all bytes counted are ours."""
    server = tmux_servers()
    server.start("cat")
    return server


def place(server: TmuxServer, right: str = "", window: str = "", border: str = "") -> None:
    """Set formats with placeholders and install them."""
    server.run("set-option", "-g", "status-right-length", "150")
    server.run("set-option", "-g", "status-right", right)
    if window:
        server.run("set-option", "-gw", "window-status-current-format", window)
    if border:
        server.run("set-option", "-gw", "pane-border-format", border)
        server.run("set-option", "-gw", "pane-border-status", "top")
    install_formats(Tmux(server.socket))


def epoch() -> float:
    return time.time()


def clients(server: TmuxServer) -> list[str]:
    return server.run("list-clients", "-F", "#{client_name}").split()


def test_figures_stand_on_the_clients_screen(tmux_servers: Callable[..., TmuxServer]) -> None:
    inner, outer = tmux_servers(), tmux_servers(width=150)
    inner.start("cat")
    outer.start()
    second = inner.split("cat")
    place(
        inner,
        right="[#{tmuxmeter}]",
        window="#I #{tmuxmeter_window}",
        border="#{pane_id} #{tmuxmeter_pane} #{tmuxmeter_pane_model}.",
    )
    screen = inner.show_in(outer)
    wait_until(lambda: clients(inner))
    panes = (
        replace(PANE, pane="%0", window="@0"),
        replace(PANE, pane=second, window="@0", agent="Codex", model="gpt-5.5", state="idle"),
    )
    live = replace(LIVE, panes=panes)
    pusher = Pusher(Tmux(inner.socket))
    assert pusher.push(tmux_values(live, StatusOptions()), clients(inner), 0, epoch()) is None
    shown = wait_until(lambda: "[$12.34" in outer.capture(screen) and outer.capture(screen))
    assert "[$12.34 1.2M ↻62% 2▶ 1⏳]" in shown
    assert "0 $2.40 1▶" in shown
    assert "%0 Claude Code $1.20 212k ctx 43% ▶ claude-sonnet-4-6." in shown
    assert f"{second} Codex $1.20 212k ctx 43% · gpt-5.5." in shown

    live = replace(live, cost_microdollars=12_350_000, panes=(panes[0],))
    pusher.push(tmux_values(live, StatusOptions()), clients(inner), 10, epoch())
    shown = wait_until(lambda: "[$12.35" in outer.capture(screen) and outer.capture(screen))
    assert "0 $1.20 1▶" in shown
    assert f"{second}  ." in shown

    pusher.clear(clients(inner))
    shown = wait_until(lambda: "[]" in outer.capture(screen) and outer.capture(screen))
    assert "$" not in shown.splitlines()[-1]
    assert "%0  ." in shown
    assert "TMUXMETER" not in inner.run("show-environment", "-gh")


HOSTILE = (
    "#(touch {mark}) #{{pane_id}} %H",
    "#[fg=red]#[push-default]#",
    "'; run-shell 'touch {mark}' ;",
    '"$(touch {mark})`touch {mark}`"',
    "a,b}}c#,d#}}e;f:g|h\\i~ $HOME",
    "%if 1",
    "x\nrun-shell 'touch {mark}'\n%endif",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_an_agent_wrote_is_shown_and_never_run(
    tmux_servers: Callable[..., TmuxServer], tmp_path: Path, hostile: str
) -> None:
    inner, outer = tmux_servers(), tmux_servers(width=150)
    inner.start("cat")
    outer.start()
    mark = tmp_path / "m"
    text = hostile.format(mark=mark)[:40]
    place(
        inner,
        right="R#{tmuxmeter_pane_model}.",
        window="W#{tmuxmeter_pane_model}.",
        border="B#{tmuxmeter_pane_model}. #{?#{==:#{tmuxmeter_pane_model},x},,}",
    )
    screen = inner.show_in(outer)
    wait_until(lambda: clients(inner))
    pane = replace(PANE, pane="%0", window="@0", model=text, agent=text, waiting_for=text)
    live = replace(LIVE, problem=text, panes=(pane,))
    pusher = Pusher(Tmux(inner.socket))
    pusher.push(tmux_values(live, StatusOptions()), clients(inner), 0, epoch())
    literal = " ".join(text.split())
    shown = wait_until(lambda: f"R{literal}." in outer.capture(screen) and outer.capture(screen))
    assert f"W{literal}." in shown
    assert f"B{literal}." in shown
    time.sleep(0.2)
    assert not mark.exists()


def test_an_unchanged_push_is_no_call_and_an_unseen_one_no_bytes(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach()
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux)
    values = {"TMUXMETER_TOTAL": "$1", "TMUXMETER_HIT": "62%"}
    pusher.push(values, [client.tty], 0, 1000)
    client.settle()
    calls = len(tmux.calls)
    for now in range(1, 14):
        assert pusher.push(values, [client.tty], now, 1000 + now) is None
    assert len(tmux.calls) == calls
    before = client.settle()
    pusher.push({**values, "TMUXMETER_HIT": "63%"}, [client.tty], 20, 1001)
    assert len(tmux.calls) == calls + 1
    assert client.settle() == before


def test_a_change_is_one_small_call(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach(200, 50)
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux)
    pusher.push({"TMUXMETER_TOTAL": "$1", "TMUXMETER_HIT": "1%"}, [client.tty], 0, epoch())
    before, tmux.calls = client.settle(), []
    pusher.push({"TMUXMETER_TOTAL": "$2"}, [client.tty], 1, epoch())
    client.wait_for("$2", before)
    after = client.settle()
    (lines,) = tmux.calls
    assert [line.split(" '")[0] for line in lines] == [
        "set-environment -gh TMUXMETER_TOTAL",
        "set-environment -ghu TMUXMETER_HIT",
        "refresh-client -S -t",
        "list-clients -F",
    ]
    assert not any("set-option" in line for line in lines)
    assert 0 < after - before < 600
    assert b"$2" in client.output(before)


def test_every_client_gets_it_and_one_that_left_harms_nobody(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="<#{tmuxmeter_total}>")
    first, second = tmux_server.attach(), tmux_server.attach(90, 30)
    names = [first.tty, "/dev/pts/nobody", "it's gone", second.tty]
    pusher = Pusher(Tmux(tmux_server.socket))
    pusher.push({"TMUXMETER_TOTAL": "$1.11"}, names, 0, epoch())
    first.wait_for("<$1.11>")
    second.wait_for("<$1.11>")
    pusher.push({"TMUXMETER_TOTAL": "$2.22"}, names, 10, epoch())
    first.wait_for("2.22")
    second.wait_for("2.22")


def test_a_client_that_came_between_two_pushes_is_refreshed(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="<#{tmuxmeter_total}>")
    pusher = Pusher(Tmux(tmux_server.socket))
    late = tmux_server.attach()
    # It attached before this push, which didn't know of it yet.
    pusher.push({"TMUXMETER_TOTAL": "$1.11"}, [], 0, epoch())
    late.settle()
    assert b"$1.11" not in late.output()
    pusher.push({"TMUXMETER_TOTAL": "$1.11"}, [late.tty], 1, epoch())
    late.wait_for("$1.11")


def split(server: TmuxServer, panes: int, layout: str) -> None:
    for _ in range(panes - 1):
        server.split("cat")
        server.run("select-layout", layout)


@pytest.mark.parametrize(
    ("width", "height", "panes", "layout", "lines"),
    [
        (80, 24, 1, "tiled", "on"),
        (200, 50, 4, "tiled", "on"),
        (200, 50, 6, "even-vertical", "on"),
        (200, 50, 6, "even-horizontal", "on"),
        (300, 80, 9, "tiled", "3"),
    ],
)
def test_the_estimate_of_a_redraw_is_an_upper_bound(
    tmux_servers: Callable[..., TmuxServer],
    width: int,
    height: int,
    panes: int,
    layout: str,
    lines: str,
) -> None:
    server = tmux_servers(width, height)
    server.start("cat")
    split(server, panes, layout)
    colours = "#[fg=#102030,bg=#a0b0c0]é#[default]é" * 6
    place(server, right=colours + "#{tmuxmeter_total}", border="#{tmuxmeter_total} #{pane_title}")
    server.run("set-option", "-g", "status", lines)
    client = server.attach(width, height)
    pusher = Pusher(Tmux(server.socket))
    pusher.push({"TMUXMETER_TOTAL": "$1"}, [client.tty], 0, epoch())
    estimate = pusher._clients[client.tty].charged
    before = client.settle()
    pusher.push({"TMUXMETER_TOTAL": "$2"}, [client.tty], 10, epoch())
    wait_until(lambda: client.count > before)
    drawn = client.settle() - before
    assert 100 < drawn <= estimate < 12 * drawn


def test_redraw_cost_counts_status_lines_and_borders() -> None:
    assert redraw_cost("80 off off 80 24 1") == 0
    assert redraw_cost("80 on off 80 24 1") == 540
    assert redraw_cost("80 3 off 80 24 1") == 1620
    assert redraw_cost("80 off top 40 24 0 39 24 1") == 669


def drive(pusher: Pusher, client: Client, seconds: float, tick: float = 1 / 16) -> tuple[int, int]:
    """Change a figure at every tick of a simulated time; return pushes made and bytes drawn."""
    before, pushes, now, count = client.settle(), 0, 100.0, 0
    base = epoch()
    while now < 100 + seconds:
        count += 1
        sent = dict(pusher._sent or {})
        pusher.push({"TMUXMETER_TOTAL": f"${count:04}"}, [client.tty], now, base)
        if pusher._sent != sent:
            pushes += 1
            client.settle(0.03)
        now += tick
    return pushes, client.settle() - before


PROMISED = 4096
"""Bytes a second; what is aimed at leaves room for a redraw that costs more than the last one."""


def test_no_client_redraws_more_than_four_times_a_second(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach(100, 30)
    pusher = Pusher(Tmux(tmux_server.socket))
    pusher.push({}, [client.tty], 0, epoch())
    pushes, drawn = drive(pusher, client, seconds=2)
    assert pushes == 8
    assert drawn <= 2 * PROMISED


def test_costly_redraws_are_rarer(tmux_servers: Callable[..., TmuxServer]) -> None:
    server = tmux_servers(240, 70)
    server.start("cat")
    split(server, 6, "tiled")
    place(server, right="#{tmuxmeter_total}", border="#{tmuxmeter_total}")
    client = server.attach(240, 70)
    pusher = Pusher(Tmux(server.socket))
    pusher.push({}, [client.tty], 0, epoch())
    pushes, drawn = drive(pusher, client, seconds=6, tick=1 / 8)
    # without a limit there would be four a second; what one costs depends on tmux
    assert 2 <= pushes <= 12
    assert drawn <= 6 * PROMISED
    assert drawn > pushes * 1000


def test_redraws_are_charged_what_they_cost(tmux_servers: Callable[..., TmuxServer]) -> None:
    server = tmux_servers(200, 50)
    server.start("cat")
    split(server, 4, "tiled")
    place(server, right="#{tmuxmeter_total}", border="#{tmuxmeter_total}")
    client = server.attach(200, 50)
    pusher = Pusher(Tmux(server.socket))
    pusher.push({}, [client.tty], 0, epoch())
    most = pusher._clients[client.tty].charged
    pushes, drawn = drive(pusher, client, seconds=6)
    # by the most that they may cost there would be fewer
    assert pushes > 6 * BYTES_PER_S / most + 1
    assert drawn <= 6 * PROMISED


def test_a_busy_pane_is_not_charged_and_a_costly_redraw_is_made_up_for() -> None:
    shape = "80 on off 80 24 1"
    state = _ClientState(owed=True)
    state.redraw(f"10000 {shape}", now=1)
    assert (state.charged, state.free_at) == (540, 1 + 540 / BYTES_PER_S)
    state.redraw(f"10100 {shape}", now=2)
    assert (state.charged, state.free_at) == (100, 2 + 100 / BYTES_PER_S)
    # the pane wrote too: the redraw can't have been more than the most, which isn't paid yet
    state.redraw(f"90000 {shape}", now=2.1)
    assert state.charged == 540
    assert state.free_at == pytest.approx(2 + 2 * 540 / BYTES_PER_S)
    # a tmux that doesn't tell
    state.redraw(f"0 {shape}", now=4)
    assert (state.charged, state.free_at) == (540, 4 + 540 / BYTES_PER_S)
    state.redraw(f"0 {shape}", now=5)
    assert (state.charged, state.free_at) == (540, 5 + 540 / BYTES_PER_S)
    assert not state.weigh(f"0 {shape}")
    assert state.free_at == 5 + 540 / BYTES_PER_S


def test_a_figure_does_not_wait_for_values_that_nobody_shows(
    tmux_servers: Callable[..., TmuxServer],
) -> None:
    server = tmux_servers(200, 50)
    server.start("cat")
    split(server, 4, "tiled")
    place(server, right="#{tmuxmeter_total}", border="#{tmuxmeter_total}")
    client = server.attach(200, 50)
    pusher = Pusher(Tmux(server.socket))
    base = epoch()

    def push(now: float, **values: str) -> float | None:
        later = pusher.push({f"TMUXMETER_{k}": v for k, v in values.items()}, names, now, base)
        client.settle()
        return later

    names = [client.tty]
    push(0, TOTAL="$1.00", HIT="1%")
    push(10, TOTAL="$2.00", HIT="1%")
    cost = pusher._clients[client.tty].charged
    before = client.settle()
    assert push(20, TOTAL="$2.00", HIT="2%") is None
    assert client.settle() == before
    # a redraw would have blocked it for as long as this
    assert cost / BYTES_PER_S > 0.25
    assert push(20.001, TOTAL="$3.00", HIT="2%") == pytest.approx(20.02)
    assert push(20.02, TOTAL="$3.00", HIT="2%") is None
    client.wait_for("$3.00", before)
    # this one did draw: the next has to wait, asked or not
    free = push(20.05, TOTAL="$4.00", HIT="2%")
    assert free is not None
    assert free > 20.25
    assert push(free - 0.01, TOTAL="$4.00", HIT="2%") == free
    assert b"$4.00" not in client.output()
    assert push(free, TOTAL="$4.00", HIT="2%") is None
    client.wait_for("$4.00", before)


def test_what_had_to_wait_comes_when_the_budget_allows(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach()
    pusher = Pusher(Tmux(tmux_server.socket))
    base = epoch()
    assert pusher.push({"TMUXMETER_TOTAL": "$1"}, [client.tty], 0, base) is None
    client.wait_for("$1")
    due = pusher.push({"TMUXMETER_TOTAL": "$2"}, [client.tty], 0.1, base)
    assert due is not None
    assert due >= 0.25
    assert b"$2" not in client.output()
    assert pusher.push({"TMUXMETER_TOTAL": "$3"}, [client.tty], due, base) is None
    wait_until(lambda: "=$3" in tmux_server.run("show-environment", "-gh"))


def test_without_clients_calls_are_bounded_too(tmux_server: TmuxServer) -> None:
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux)
    for i in range(20):
        pusher.push({"TMUXMETER_TOTAL": f"${i}"}, [], i / 10, 1000)
    assert 7 <= len(tmux.calls) - 1 <= 8
    assert pusher.push({"TMUXMETER_TOTAL": "$19"}, [], 9, 1000) is None
    assert tmux_server.format("#{TMUXMETER_TOTAL}") == "$19"


def test_the_lease_is_renewed_at_half_time_for_no_bytes(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach()
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux, lease_s=30)
    start = epoch()
    values = {"TMUXMETER_TOTAL": "$1"}
    pusher.push(values, [client.tty], 0, start)
    before, tmux.calls = client.settle(), []
    for second in range(1, 31):
        pusher.push(values, [client.tty], second, start + second)
        left = int(tmux_server.format("#{TMUXMETER_LEASE}")) - (start + second)
        assert 14 <= left <= 30
    assert 1 <= len(tmux.calls) <= 2
    assert all(len(call) == 1 for call in tmux.calls)
    assert client.settle() == before


def test_figures_do_not_wait_for_a_renewed_lease(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="#{tmuxmeter_total}")
    client = tmux_server.attach(100, 30)
    pusher = Pusher(Tmux(tmux_server.socket), lease_s=30)
    base = epoch()
    pusher.push({}, [client.tty], 0, base)
    assert pusher.push({}, [client.tty], 20, base + 20) is None
    before = client.settle()
    assert pusher.push({"TMUXMETER_TOTAL": "$12.34"}, [client.tty], 20.01, base + 20) is None
    client.wait_for("$12.34", before)


def test_a_clock_set_back_does_not_leave_a_lease_for_hours(tmux_server: TmuxServer) -> None:
    pusher = Pusher(Tmux(tmux_server.socket))
    pusher.push({"TMUXMETER_TOTAL": "$1"}, [], 0, 100_000)
    pusher.push({"TMUXMETER_TOTAL": "$1"}, [], 1, 50_000)
    assert tmux_server.format("#{TMUXMETER_LEASE}") == "50030"


def test_after_a_sleep_the_figures_come_back_to_the_screen(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="<#{tmuxmeter}#{tmuxmeter_total}>")
    client = tmux_server.attach()
    pusher = Pusher(Tmux(tmux_server.socket))
    values = {"TMUXMETER_TOTAL": "$1.11"}
    # Pushed an hour ago as the wall clock has it: nothing holds any more.
    pusher.push(values, [client.tty], 0, epoch() - 3600)
    client.wait_for("meter stopped")
    before = client.settle()
    pusher.push(values, [client.tty], 10, epoch())
    client.wait_for("$1.11", since=before)


def test_a_dead_watchers_figures_go_stale_by_themselves(
    tmux_servers: Callable[..., TmuxServer],
) -> None:
    inner, outer = tmux_servers(), tmux_servers(width=150)
    inner.start("cat")
    outer.start()
    inner.run("set-option", "-g", "status-interval", "1")
    text = "<#{tmuxmeter_total}|#{tmuxmeter}|#{tmuxmeter_pane_cost}|#{tmuxmeter_window_cost}>"
    place(inner, right="R" + text, window="W" + text, border="B" + text)
    screen = inner.show_in(outer)
    wait_until(lambda: clients(inner))
    pusher = Pusher(Tmux(inner.socket), lease_s=3)
    values = {
        "TMUXMETER_TOTAL": "$1.11",
        "TMUXMETER_SEGMENT": "all",
        "TMUXMETER_PANE_COST_0": "$2.22",
        "TMUXMETER_WINDOW_COST_0": "$3.33",
    }

    def everywhere(text: str) -> bool:
        shown = outer.capture(screen)
        return all(place + text in shown for place in "RWB")

    def pushed(text: str) -> bool:
        # again and again: until it is drawn it must not go stale
        pusher.push(values, clients(inner), time.monotonic(), epoch())
        return everywhere(text)

    wait_until(lambda: pushed("<$1.11|all|$2.22|$3.33>"))
    # Nobody pushes any more.
    wait_until(lambda: everywhere("<|meter stopped||>"))


def test_what_an_earlier_watcher_left_is_taken_over(tmux_server: TmuxServer) -> None:
    tmux_server.run("set-environment", "-gh", "OTHER", "stays")
    Pusher(Tmux(tmux_server.socket)).push(
        {"TMUXMETER_TOTAL": "$1", "TMUXMETER_PANE_COST_7": "$7"}, [], 0, epoch()
    )
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux)
    pusher.push({"TMUXMETER_TOTAL": "$1"}, [], 0, epoch())
    hidden = tmux_server.run("show-environment", "-gh")
    assert "TMUXMETER_TOTAL=$1" in hidden
    assert "PANE_COST" not in hidden
    Pusher(Tmux(tmux_server.socket)).clear()
    assert tmux_server.run("show-environment", "-gh") == "OTHER=stays\n"


def test_values_are_hidden_from_the_panes(tmux_server: TmuxServer) -> None:
    Pusher(Tmux(tmux_server.socket)).push({"TMUXMETER_TOTAL": "$1"}, [], 0, epoch())
    pane = tmux_server.window("env; echo done; cat")
    shown = wait_until(lambda: "done" in tmux_server.capture(pane) and tmux_server.capture(pane))
    assert "TMUXMETER" not in shown


def test_a_server_that_is_gone_is_an_error(tmux_server: TmuxServer) -> None:
    pusher = Pusher(Tmux(tmux_server.socket))
    pusher.push({"TMUXMETER_TOTAL": "$1"}, [], 0, epoch())
    tmux_server.kill()
    with pytest.raises(TmuxError):
        pusher.push({"TMUXMETER_TOTAL": "$2"}, [], 1, epoch())


def test_hundreds_of_panes_are_one_call(tmux_server: TmuxServer) -> None:
    place(tmux_server, right="<#{tmuxmeter_pane}>")
    client = tmux_server.attach()
    panes = tuple(
        replace(PANE, pane=f"%{i}", window=f"@{i // 4}", model="m" * 99) for i in range(300)
    )
    tmux = RecordingTmux(tmux_server.socket)
    pusher = Pusher(tmux)
    pusher.push(tmux_values(replace(LIVE, panes=panes), StatusOptions()), [client.tty], 0, epoch())
    assert len(tmux.calls) == 2
    client.wait_for("<Claude Code $1.20")
