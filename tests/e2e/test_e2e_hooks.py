"""Hooks in the real agents: they hold without losing anything, and report what logs can't tell."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from slow_sum import records
from tmux_fixtures import wait_until
from world import World, world

from tmuxmeter.hooks.facts import (
    END,
    HELD,
    REFUSED,
    RELEASED,
    START,
    CostReport,
    HoldReport,
    Report,
    SessionReport,
)
from tmuxmeter.hooks.inbox import FOLDER, Inbox
from tmuxmeter.hooks.install import Installer
from tmuxmeter.hooks.record import Records
from tmuxmeter.hooks.status import installed, trusted
from tmuxmeter.hooks.targets import Target
from tmuxmeter.hooks.wanted import Program
from tmuxmeter.paths import places, private_folder
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.watcher.process import WatcherLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from programs import Programs
    from stub import Stub

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).parents[2] / "shell" / "hook.sh"
PAUSED_SECONDS = 5


@dataclass
class Hooked:
    """A world whose agents have the hooks, and what they reported so far."""

    world: World
    installer: Installer
    targets: tuple[Target, Target]
    before: bytes
    flags: HoldFlags
    inbox: Inbox
    reports: list[Report] = field(default_factory=list)

    def wait_for(self, holds: Callable[[Report], bool], seconds: float = 30) -> Report:
        """Wait for a report that satisfies ``holds``."""

        def found() -> list[Report]:
            self.reports += self.inbox.take(time.time_ns() // 1_000_000)
            return [report for report in self.reports if holds(report)]

        try:
            return wait_until(found, seconds, 0.05)[-1]
        except BaseException:
            print(*self.reports, sep="\n")
            raise

    def hold_event(self, session: str, event: str) -> HoldReport:
        report = self.wait_for(
            lambda r: isinstance(r, HoldReport) and (r.session, r.event) == (session, event)
        )
        assert isinstance(report, HoldReport)
        return report


@pytest.fixture(scope="module")
def hooked(programs: Programs) -> Iterator[Hooked]:
    folder = Path(tempfile.mkdtemp(prefix="tmh-", dir="/tmp"))
    try:
        with world(folder, programs) as made:
            here = places(made.home, {})
            private_folder(here.runtime)
            private_folder(here.runtime / FOLDER)
            settings = made.claude / "settings.json"
            value = json.loads(settings.read_text())
            command = """printf 'mine: %s\\n' "$(cut -c 1-15)" """
            value["statusLine"] = {"type": "command", "command": command}
            settings.write_text(json.dumps(value, indent=4))
            before = settings.read_bytes()
            program = Program(SCRIPT, Path(sys.executable), here.runtime)
            installer = Installer(program, "", Records(here.state / "hooks"))
            targets = Target("claude", made.claude), Target("codex", made.codex)
            for target in targets:
                installer.carry_out(installer.install(target), 0)
            # a watcher is there, as far as hooks can tell
            lock = WatcherLock(here.runtime)
            assert lock.acquire()
            yield Hooked(
                made,
                installer,
                targets,
                before,
                HoldFlags(here.runtime / "hold"),
                Inbox(here.runtime / FOLDER),
            )
            lock.release()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quiet(stub: Stub, marker: str) -> int:
    """Return how many requests of a marker there are, after a while without another."""
    count = len(stub.of(marker))
    end = time.monotonic() + PAUSED_SECONDS
    while time.monotonic() < end:
        assert len(stub.of(marker)) == count
        time.sleep(0.1)
    return count


def test_claude_tells_its_session_its_process_and_its_pane(hooked: Hooked) -> None:
    made = hooked.world
    made.open("c", "claude", made.repo)
    live = made.wait_live("c", status="idle")
    made.wait_screen("c", "❯")
    report = hooked.wait_for(lambda r: isinstance(r, SessionReport) and r.agent == "claude")
    assert isinstance(report, SessionReport)
    assert (report.session, report.event) == (live["sessionId"], START)
    assert report.source == "startup"
    assert report.cwd == str(made.repo)
    assert report.transcript.endswith(f"{live['sessionId']}.jsonl")
    assert report.origin.pane == made.panes["c"]
    assert report.origin.tmux.startswith(str(made.server.socket))
    first = report.origin.pids[0]
    assert (first.pid, first.start) == (live["pid"], live["procStart"])
    assert int(made.server.format("#{pane_pid}", made.panes["c"])) in [
        mark.pid for mark in report.origin.pids
    ]


def test_claude_s_own_cost_arrives_and_the_user_s_status_line_stays(hooked: Hooked) -> None:
    made = hooked.world
    made.say("c", "run echo one then say")
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("c")) == 2)
    live = made.wait_live("c", status="idle")
    made.wait_screen("c", 'mine: {"session_id":')
    # input 3/M, 5 m writes 3.75/M, 1 h writes 6/M, reads 0.30/M, output 15/M: titles included
    spent = sum(
        s.tokens.fresh * 3.0
        + s.tokens.cache_read * 0.3
        + s.tokens.cache_write_5m * 3.75
        + s.tokens.cache_write_1h * 6.0
        + s.tokens.output * 15.0
        for s in made.anthropic.served
    )
    report = hooked.wait_for(
        lambda r: (
            isinstance(r, CostReport)
            and r.total_cost_microdollars is not None
            and abs(r.total_cost_microdollars - spent) < 1
        )
    )
    assert isinstance(report, CostReport)
    assert report.session == live["sessionId"]
    assert report.model == "claude-sonnet-4-6"


def test_claude_is_held_at_its_next_tool_call_and_loses_nothing(hooked: Hooked) -> None:
    made = hooked.world
    session = made.live("c")["sessionId"]
    made.anthropic.hold()
    made.say("c-held", "hold run echo two >> ran.txt then say", pane="c")
    made.wait_live("c", status="busy")
    hooked.flags.set("claude", session, "you", 1)
    made.anthropic.release()
    hooked.hold_event(session, HELD)
    assert quiet(made.anthropic, "c-held") == 1
    assert not (made.repo / "ran.txt").exists()
    assert made.live("c")["status"] == "busy"
    hooked.flags.clear("claude", session)
    hooked.hold_event(session, RELEASED)
    made.anthropic.wait_for(lambda _: len(made.anthropic.of("c-held")) == 2)
    made.wait_live("c", status="idle")
    assert (made.repo / "ran.txt").read_text() == "two\n"
    made.settle()
    (log,) = (made.claude / "projects").glob(f"*/{session}.jsonl")
    results = [
        block["tool_use_id"]
        for record in records(log)
        if record["type"] == "user" and isinstance(record["message"]["content"], list)
        for block in record["message"]["content"]
        if block["type"] == "tool_result"
    ]
    # this one, and the one of the turn before
    assert len(results) == len(set(results)) == 2


def test_a_prompt_while_held_is_refused_and_can_be_sent_again(hooked: Hooked) -> None:
    made = hooked.world
    session = made.live("c")["sessionId"]
    hooked.flags.set("claude", session, "you", 1)
    before = len(made.anthropic.served)
    made.say("c-refused", "say", pane="c", heard=False)
    made.wait_screen("c", "Paused by you: this prompt was not sent.")
    hooked.hold_event(session, REFUSED)
    assert len(made.anthropic.served) == before
    hooked.flags.clear("claude", session)
    # once in the refusal, and back in the line where it was typed
    wait_until(lambda: made.shows("c", "[c-refused] say", times=2))
    made.press("c", "Enter", lambda: made.anthropic.of("c-refused"))
    made.wait_live("c", status="idle")


def test_clear_tells_the_end_of_one_session_and_the_start_of_another(hooked: Hooked) -> None:
    made = hooked.world
    old = made.live("c")["sessionId"]
    made.type("c", "/clear", lambda: made.live("c").get("sessionId") != old)
    end = hooked.wait_for(lambda r: isinstance(r, SessionReport) and r.event == END)
    assert isinstance(end, SessionReport)
    assert (end.session, end.source) == (old, "clear")
    start = hooked.wait_for(
        lambda r: isinstance(r, SessionReport) and (r.event, r.source) == (START, "clear")
    )
    assert isinstance(start, SessionReport)
    assert start.session != old
    assert wait_until(lambda: made.live("c")["sessionId"] == start.session)


@pytest.mark.parametrize("command", ["codex", "codex --no-daemon"])
def test_codex_is_held_and_loses_nothing(hooked: Hooked, command: str) -> None:
    made = hooked.world
    name = f"x{len(command)}"
    made.open(name, command, made.other)
    if not trusted(made.codex):
        assert not installed("codex", made.codex)
        made.trust_hooks(name)
    made.wait_screen(name, "Ask Codex", "permissions: YOLO")
    assert installed("codex", made.codex)

    made.say(name, "say")
    made.openai.wait_for(lambda _: len(made.openai.of(name)) == 1)
    thread = made.openai.of(name)[0].thread
    start = hooked.wait_for(lambda r: isinstance(r, SessionReport) and r.session == thread)
    assert isinstance(start, SessionReport)
    assert (start.agent, start.event, start.cwd) == ("codex", START, str(made.other))

    file = made.other / f"{name}.txt"
    made.openai.hold()
    made.say(f"{name}-held", f"hold run echo two >> {file} then say", pane=name)
    # its hook for the prompt has run by then
    wait_until(lambda: made.openai.kept_back == 1, 30)
    hooked.flags.set("codex", thread, "you", 1)
    made.openai.release()
    hooked.hold_event(thread, HELD)
    assert quiet(made.openai, f"{name}-held") == 1
    assert not file.exists()
    hooked.flags.clear("codex", thread)
    made.openai.wait_for(lambda _: len(made.openai.of(f"{name}-held")) == 2)
    assert file.read_text() == "two\n"

    made.wait_screen(name, "Ask Codex")
    hooked.flags.set("codex", thread, "the guard", 1)
    made.say(f"{name}-refused", "say", pane=name, heard=False)
    made.wait_screen(name, "Paused by the guard")
    assert not made.openai.of(f"{name}-refused")
    hooked.flags.clear("codex", thread)


def test_settings_are_as_they_were_after_all_that(hooked: Hooked) -> None:
    made = hooked.world
    for target in hooked.targets:
        assert installed(target.agent, target.root)
        hooked.installer.carry_out(hooked.installer.uninstall(target), 0)
        assert not installed(target.agent, target.root)
    assert (made.claude / "settings.json").read_bytes() == hooked.before
    assert not (made.codex / "hooks.json").exists()
