"""A real watcher and what is paused: shown, booked, looked after, and an alarm where it leaks."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from pausing import Stage
from pictures import agent, in_pane, picture
from test_pause_records import pause as recorded
from test_watcher import STATE, actor, following, now_ms
from tmux_fixtures import wait_until
from watching import data, kill_watcher, tmuxmeter

from tmuxmeter.demo.script import ClaudeSession
from tmuxmeter.errors import PauseError
from tmuxmeter.ledger.session_queries import RequestAfter
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.pause.look import ALARMED, DIMMED
from tmuxmeter.pause.records import RESUMING, Pause, PauseStore
from tmuxmeter.pause.ways import pause, resume
from tmuxmeter.watcher.pauses import Pauses, pause_means

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmux_fixtures import TmuxServer


@pytest.fixture
def meter(home: Path, midday: None) -> Iterator[Path]:
    """Give a home whose watcher, if one is started, ends with the test; it is about noon there."""
    (home / "projects" / "shop").mkdir(parents=True)
    yield home
    tmuxmeter("resume", "--all", "--home", home, check=False)
    tmuxmeter("down", "--all", "--home", home, check=False)


def up(home: Path, server: TmuxServer) -> None:
    tmuxmeter("up", "--quiet", "--home", home, "--socket", server.socket)
    following(home)


def agent_in(home: Path, server: TmuxServer) -> str:
    """Start a played Claude Code below a shell that only waits for it; return its pane."""
    pane = server.window(f"{actor(home, 'claude')}; true")
    wait_until(lambda: list((home / ".claude/projects").rglob("*.jsonl")))
    return pane


def act(home: Path, server: TmuxServer, *words: str) -> str:
    return tmuxmeter(*words, "--home", home, "--socket", server.socket).stdout


def value(server: TmuxServer, name: str, pane: str) -> str:
    return server.format(f"#{{TMUXMETER_PANE_{name}_{pane[1:]}}}")


def ask(home: Path, statement: str) -> list[Any]:
    with sqlite3.connect(f"file:{home / STATE / 'ledger.db'}?mode=ro", uri=True) as connection:
        return connection.execute(statement).fetchall()


def records(home: Path) -> list[Any]:
    folder = home / STATE / "pauses"
    return [json.loads(path.read_text()) for path in folder.glob("*.json")]


def row_of(home: Path, pane: str) -> Any:
    rows = data("panes", "--home", home)["panes"]
    return next((row for row in rows if row["pane"] == pane), None)


def style(server: TmuxServer, pane: str) -> str:
    return server.run("show-options", "-pqv", "-t", pane, "window-style").strip()


def test_a_pause_is_shown_booked_and_outlives_the_watcher(
    meter: Path, tmux_server: TmuxServer
) -> None:
    pane = agent_in(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane))
    # today has a row for a pane once it spent something
    wait_until(lambda: [r for r in data("today", "--home", meter)["by_pane"] if r["pane"] == pane])
    before = now_ms()
    assert "paused" in act(meter, tmux_server, "pause", pane, "--how", "freeze")
    wait_until(lambda: value(tmux_server, "STATE", pane) == "paused")
    assert value(tmux_server, "PAUSED", pane).startswith("you ")
    assert "⏸ you " in tmux_server.format(f"#{{TMUXMETER_PANE_{pane[1:]}}}")
    assert style(tmux_server, pane) == DIMMED
    row = row_of(meter, pane)
    assert (row["state"], row["paused"][0]["who"], row["paused"][0]["way"]) == (
        *("paused", "you", "freeze"),
    )
    assert "paused by you since" in tmuxmeter("panes", "--home", meter).stdout
    [today] = [r for r in data("today", "--home", meter)["by_pane"] if r["pane"] == pane]
    assert (today["state"], today["paused"]["who"]) == ("paused", "you")

    kill_watcher(meter)
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane) == "paused")
    act(meter, tmux_server, "resume", pane)
    wait_until(lambda: value(tmux_server, "STATE", pane) not in {"", "paused"})
    assert (value(tmux_server, "PAUSED", pane), records(meter)) == ("", [])
    assert style(tmux_server, pane) == ""
    # one row from its begin to its end, though nobody watched in between
    [(why, start, end)] = wait_until(
        lambda: ask(meter, "SELECT why, start_ms, end_ms FROM standstill WHERE why = 'paused'")
    )
    assert why == "paused"
    assert before <= start < end <= now_ms()


def test_a_pause_that_leaks_is_an_alarm_once(meter: Path, tmux_server: TmuxServer) -> None:
    pane = agent_in(meter, tmux_server)
    client = tmux_server.attach()
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane))
    act(meter, tmux_server, "pause", pane, "--how", "freeze")
    [record] = wait_until(lambda: records(meter))
    assert record["session"]
    [log] = (meter / ".claude/projects").rglob(f"{record['session']}.jsonl")
    session = ClaudeSession(Random(3), str(meter / "projects/shop"), "main", session=log.stem)

    def spend(after_s: float) -> None:
        at = record["since_ms"] + round(after_s * 1000)
        message = {
            "id": f"msg_leak{at}",
            "type": "message",
            "role": "assistant",
            "model": session.model,
            "content": [{"type": "text", "text": "still here"}],
            "usage": {"input_tokens": 1200, "output_tokens": 34},
        }
        line = session._record(at, "assistant", requestId=f"req{at}", message=message)
        with log.open("a") as file:
            file.write(line + "\n")

    # a line that was on its way is none
    spend(1)
    wait_until(lambda: ask(meter, "SELECT 1 FROM usage WHERE output = 34"))
    assert value(tmux_server, "FLAGS", pane) in {"", "overlap"}
    since = client.count
    spend(20)
    client.wait_for("still spends although it is paused (freeze): 1.2k tokens since", since)
    wait_until(lambda: "spending" in value(tmux_server, "FLAGS", pane))
    wait_until(lambda: style(tmux_server, pane) == ALARMED)
    assert [known["spent_after"] for known in records(meter)] == [1234]
    assert "STILL SPENDING (1.2k tokens)" in tmuxmeter("panes", "--home", meter).stdout

    # a new watcher knows that it was told
    kill_watcher(meter)
    since = client.count
    up(meter, tmux_server)
    spend(30)
    wait_until(lambda: [known["spent_after"] for known in records(meter)] == [2468])
    assert b"still spends" not in client.output(since)
    act(meter, tmux_server, "resume", pane)
    assert style(tmux_server, pane) == ""
    wait_until(lambda: "spending" not in value(tmux_server, "FLAGS", pane))


class Spends:
    """A ledger whose session made a request ten seconds after a pause."""

    def requests_after(
        self, agent: str, session: str, time_ms: int, late_ms: int
    ) -> list[RequestAfter]:
        return [RequestAfter(1, 1, time_ms + 10_000, 1234, 1, 1)]


def test_who_is_being_resumed_does_not_leak(home: Path, tmux_server: TmuxServer) -> None:
    """It goes on a moment before its record is gone; what it does then is as it should be."""
    stage = Stage(home, tmux_server)
    counted = stage.start("wrapper")
    target = replace(stage.target(counted.pane), session="s")
    made = pause(stage.means, target, "freeze", "you", now_ms())
    pauses = Pauses(stage.means)
    pauses.read(now_ms())
    alarms: list[Any] = []

    class Store(PauseStore):
        """Looks for alarms at each moment at which there could be a false one."""

        def replace(self, pause: Pause) -> None:
            super().replace(pause)
            if RESUMING in pause.undo:
                alarms.extend(pauses.check(Spends()))

        def remove(self, pause_id: str) -> bool:
            assert counted.counts_on()
            alarms.extend(pauses.check(Spends()))
            return super().remove(pause_id)

    watched = replace(stage.means, store=Store(stage.means.store.folder))
    assert resume(watched, made) == "goes on"
    assert (alarms, style(tmux_server, counted.pane)) == ([], "")
    # what could not be resumed is paused as before, and then it does leak
    again = pause(stage.means, target, "freeze", "you", now_ms())
    pauses.read(now_ms() + 1_000)
    stuck = replace(again, method="suspend", undo={**again.undo, "stopped": [], "shell": []})
    with pytest.raises(PauseError):
        resume(stage.means, stuck)
    assert stage.means.store.all() == [stuck]
    assert [each.id for each in pauses.check(Spends())] == [again.id]


class Told:
    """What would be booked of pauses."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, int, int]] = []

    def paused(self, agent: str, session: str, since_ms: int, now_ms: int) -> None:
        self.spans.append((session, since_ms, now_ms))


def test_what_was_over_before_anybody_looked_is_no_pause_until_then(
    home: Path, tmux_server: TmuxServer
) -> None:
    """Its agent worked on while no watcher ran: those hours are work."""
    stage = Stage(home, tmux_server)
    counted = stage.start("wrapper")
    target = replace(stage.target(counted.pane), session="s")
    made = pause(stage.means, target, "freeze", "you", now_ms())
    book, before, after = Told(), Pauses(stage.means), Pauses(stage.means)
    before.look(book, made.since_ms + 1_000)
    assert book.spans == [("s", made.since_ms, made.since_ms + 1_000)]
    # that watcher is gone, and somebody lets the agent go on
    os.kill(counted.pid, signal.SIGCONT)
    assert counted.counts_on()
    later = made.since_ms + 3_600_000
    after.look(book, later)
    assert [each.id for each, _ in after.tend(later)] == [made.id]
    after.look(book, later + 1_000)
    assert len(book.spans) == 1


def test_what_is_not_paused_yet_is_neither_booked_nor_an_alarm(tmp_path: Path) -> None:
    means = pause_means(tmp_path, tmp_path / "run", lambda _: "")
    means.store.add(recorded(session="s", way="freeze", seen=""))
    pauses, book = Pauses(means), Told()
    pauses.look(book, now_ms())
    assert pauses.check(Spends()) == []
    means.store.remove(pauses.all()[0].id)
    pauses.look(book, now_ms() + 1_000)
    assert book.spans == []


@pytest.mark.parametrize(("state", "alarms"), [("idle", 1), ("working", 0)])
def test_an_agent_held_while_idle_that_makes_one_request_is_an_alarm(
    tmp_path: Path, state: str, alarms: int
) -> None:
    class One:
        def requests_after(
            self, agent: str, session: str, time_ms: int, late_ms: int
        ) -> list[RequestAfter]:
            return [RequestAfter(1, 1, time_ms + 30_000, 1234, 1, 0)]

    means = pause_means(tmp_path, tmp_path / "run", lambda _: "")
    means.store.add(recorded(session="s", way="hold", state=state))
    pauses = Pauses(means)
    pauses.read(now_ms())
    assert len(pauses.check(One())) == alarms


@pytest.mark.parametrize(
    ("session", "confidence", "found"),
    [
        ("", 0.85, "new"),  # it has none to lose
        ("", 0.7, ""),
        ("old", 0.85, "old"),
        ("old", 0.99, "new"),
    ],
)
def test_a_session_that_becomes_known_is_its_pause_s(
    tmp_path: Path, session: str, confidence: float, found: str
) -> None:
    def asked(_: object) -> str:
        return ""

    means = pause_means(tmp_path, tmp_path / "run", asked)
    means.store.add(recorded(session=session, pid=9, way="freeze"))
    pauses = Pauses(means)
    pauses.read(now_ms())
    now = replace(agent("new"), confidence=confidence)
    pauses.follow(picture(in_pane("%1", now)), now_ms())
    assert [each.session for each in pauses.all()] == [found]
    assert [each.session for each in means.store.all()] == [found]


def test_a_pane_closed_while_paused_cleans_up(meter: Path, tmux_server: TmuxServer) -> None:
    pane = agent_in(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane))
    act(meter, tmux_server, "pause", pane, "--how", "freeze")
    wait_until(lambda: value(tmux_server, "STATE", pane) == "paused")
    tmux_server.run("kill-pane", "-t", pane)
    wait_until(lambda: not records(meter))
    assert row_of(meter, pane) is None


def test_who_goes_on_without_being_resumed_is_told(meter: Path, tmux_server: TmuxServer) -> None:
    pane = agent_in(meter, tmux_server)
    client = tmux_server.attach(160)
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane))
    act(meter, tmux_server, "pause", pane, "--how", "freeze")
    wait_until(lambda: value(tmux_server, "STATE", pane) == "paused")
    [record] = records(meter)
    os.kill(record["pid"], signal.SIGCONT)
    client.wait_for(f"{pane} (Claude Code) goes on: somebody else let it go on")
    wait_until(lambda: value(tmux_server, "STATE", pane) not in {"", "paused"})
    assert style(tmux_server, pane) == ""


def test_a_watcher_that_is_killed_leaves_a_look_that_doctor_tells_of_and_down_takes_away(
    meter: Path, tmux_server: TmuxServer
) -> None:
    """As OpenCode's plugin lets go: it takes the flag away and nothing else."""
    pane = agent_in(meter, tmux_server)
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", pane))
    tmux_server.run("set-option", "-p", "-t", pane, "window-style", "fg=red")
    flags = HoldFlags(meter / STATE / "run" / "hold")
    act(meter, tmux_server, "pause", pane, "--how", "freeze")
    kill_watcher(meter)
    store = PauseStore(meter / STATE / "pauses")
    [made] = store.all()
    os.kill(made.pid, signal.SIGCONT)
    store.replace(replace(made, way="hold", method="hold"))
    flags.set(made.agent, made.session, "you", now_ms())

    def check() -> Any:
        done = tmuxmeter("doctor", "--json", "--home", meter, check=False)
        [row] = [row for row in json.loads(done.stdout)["checks"] if row["name"] == "pauses"]
        return row

    assert f"1 agent paused: {pane} (claude) by you (hold)" in check()["text"]
    assert "holds let go" in check()["hint"]
    flags.clear(made.agent, made.session)
    assert style(tmux_server, pane) == DIMMED
    assert f"nothing is paused; that of {pane} (claude) is over" in check()["text"]
    assert "`down`" in check()["hint"]
    said = act(meter, tmux_server, "down")
    assert f"Not paused any more: {pane} (claude): its flag is gone" in said
    assert (style(tmux_server, pane), records(meter)) == ("fg=red", [])


@pytest.mark.parametrize(
    # without its record the next guard would think that a human let it go on
    ("who", "stays"),
    [("you", False), ("guard: day limit of $20.00 passed ($20.31)", True)],
)
def test_down_lets_go_who_is_held_and_says_who_stays_paused(
    meter: Path, tmux_server: TmuxServer, who: str, stays: bool
) -> None:
    frozen, held = agent_in(meter, tmux_server), tmux_server.window("sh -c 'sleep 500; true'")
    up(meter, tmux_server)
    wait_until(lambda: value(tmux_server, "STATE", frozen))
    act(meter, tmux_server, "pause", held)
    store, flags = PauseStore(meter / STATE / "pauses"), HoldFlags(meter / STATE / "run" / "hold")
    [made] = store.all()
    os.kill(made.pid, signal.SIGCONT)
    # as its hook holds it
    flags.set("claude", "s", "you", now_ms())
    as_held = replace(made, agent="claude", session="s", way="hold", method="hold", who=who)
    store.replace(as_held)
    act(meter, tmux_server, "pause", frozen, "--how", "freeze")
    said = act(meter, tmux_server, "down")
    assert f"Not paused any more: {held} (claude): holding takes a watcher" in said
    assert f"Still paused: {frozen} (claude). `tmuxmeter resume --all`" in said
    assert (flags.active(), style(tmux_server, held)) == ([], "")
    assert style(tmux_server, frozen) == DIMMED
    assert (as_held in store.all()) == stays
