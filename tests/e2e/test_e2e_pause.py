"""Pausing the real agents: no request while paused, nothing lost or doubled afterwards."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from meter import Meter
from play import thread_age
from slow_sum import records
from tmux_fixtures import wait_until
from world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs
    from stub import Stub
    from world import World

pytestmark = pytest.mark.e2e

QUIET_S = 5.0
STEPS = 14
RUN = f"{sys.executable} -m tmuxmeter run --"


@dataclass
class Show:
    """A world with the meter on, and what the tests ask of it."""

    world: World
    meter: Meter

    def tell(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a pausing command on the world's server; return its rows, whatever its code."""
        result = self.meter.run(*arguments, "--socket", str(self.world.server.socket), "--json")
        assert result.stdout, result.stderr
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        return rows

    def pause(self, name: str, *options: str) -> dict[str, Any]:
        (row,) = self.tell("pause", self.world.panes[name], *options)
        return row

    def resume(self, name: str) -> list[dict[str, Any]]:
        return self.tell("resume", self.world.panes[name])


@pytest.fixture(scope="module")
def show(programs: Programs) -> Iterator[Show]:
    folder = Path(tempfile.mkdtemp(prefix="tmp-", dir="/tmp"))
    try:
        with world(folder, programs) as made:
            meter = Meter(made)
            meter.turn_on()
            try:
                yield Show(made, meter)
            finally:
                meter.run("resume", "--all")
                meter.run("down", "--all")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def begin(
    show: Show, stub: Stub, name: str, marker: str, steps: int = STEPS, before: str = ""
) -> None:
    """Ask for many tool calls, each known by its text, and wait until the turn is under way.

    Not too many: agents take a long text for a paste, which Enter doesn't send. ``before`` is a
    command that makes each of them slower.
    """
    script = " then ".join([*(f"run {before}echo {marker}-{n}" for n in range(steps)), "say"])
    show.world.say(marker, script, pane=name)
    stub.wait_for(lambda _: len(stub.of(marker)) >= 3)


def number(stub: Stub, marker: str) -> int:
    """Return how many requests there were, those that no log shows as well."""
    return len([one for one in stub.served.copy() if one.marker == marker])


def is_quiet(stub: Stub, marker: str) -> None:
    """Fail if a request arrives."""
    before = number(stub, marker)
    time.sleep(QUIET_S)
    assert number(stub, marker) == before


def completes(stub: Stub, marker: str, steps: int = STEPS) -> None:
    """Wait for the turn's last request, and see that there was none too many."""
    stub.wait_for(lambda _: len(stub.of(marker)) >= steps + 1)
    time.sleep(0.5)
    assert len(stub.of(marker)) == steps + 1


def counted(calls: dict[str, str], results: dict[str, int], marker: str) -> list[tuple[str, int]]:
    return sorted(
        (text.partition("echo ")[2], results.get(key, 0))
        for key, text in calls.items()
        if f"echo {marker}-" in text
    )


def claude_calls(world: World, marker: str) -> list[tuple[str, int]]:
    """Return each tool call of a prompt's turn by its command, with its number of results."""
    calls: dict[str, str] = {}
    results: dict[str, int] = {}
    for path in (world.claude / "projects").glob("*/*.jsonl"):
        for record in records(path):
            content = record.get("message", {}).get("content")
            # it also writes down what it sends, which holds the same results again
            said = record["type"] in ("user", "assistant") and isinstance(content, list)
            for block in content if said else []:
                if block.get("type") == "tool_use":
                    calls[block["id"]] = block["input"].get("command", "")
                elif block.get("type") == "tool_result":
                    key = block["tool_use_id"]
                    results[key] = results.get(key, 0) + 1
    return counted(calls, results, marker)


def codex_calls(world: World, marker: str) -> list[tuple[str, int]]:
    """Return the same of Codex."""
    calls: dict[str, str] = {}
    results: dict[str, int] = {}
    for path in (world.codex / "sessions").rglob("*.jsonl"):
        for record in records(path):
            payload = record.get("payload", {})
            if payload.get("type") == "function_call":
                calls[payload["call_id"]] = json.loads(payload["arguments"]).get("cmd", "")
            elif payload.get("type") == "function_call_output":
                key = payload["call_id"]
                results[key] = results.get(key, 0) + 1
    return counted(calls, results, marker)


def expected_calls(marker: str, steps: int = STEPS) -> list[tuple[str, int]]:
    return sorted((f"{marker}-{n}", 1) for n in range(steps))


CLAUDES = {
    "claude-shell": ("claude", "tcflow"),
    "claude-run": (f"{RUN} claude", "subtree"),
}


@pytest.mark.parametrize("name", CLAUDES)
def test_claude_is_frozen_and_goes_on(show: Show, name: str) -> None:
    world, stub = show.world, show.world.anthropic
    command, method = CLAUDES[name]
    world.open(name, command, world.repo)
    world.wait_screen(name, "❯")
    begin(show, stub, name, name)
    row = show.pause(name, "--how", "freeze")
    assert (row["did"], row["method"]) == ("paused", method), row
    is_quiet(stub, name)
    (resumed,) = show.resume(name)
    assert resumed["did"] == "resumed", resumed
    completes(stub, name)
    wait_until(lambda: claude_calls(world, name) == expected_calls(name), 10)


def test_claude_as_the_pane_s_own_command(show: Show) -> None:
    world, stub, name = show.world, show.world.anthropic, "claude-pane"
    options = ["-d", "-t", "main:", "-P", "-F", "#{pane_id}", "-c", str(world.repo)]
    world.panes[name] = world.server.run("new-window", *options, "claude", "--verbose").strip()
    world.wait_screen(name, "❯")
    begin(show, stub, name, name)
    row = show.pause(name)
    assert (row["did"], row["method"]) == ("paused", "tcflow"), row
    is_quiet(stub, name)
    show.resume(name)
    completes(stub, name)
    wait_until(lambda: claude_calls(world, name) == expected_calls(name), 10)


def test_pausing_one_leaves_the_other_alone(show: Show) -> None:
    world, stub = show.world, show.world.anthropic
    for name in ("one", "other"):
        world.open(name, "claude", world.repo)
    for name in ("one", "other"):
        world.wait_screen(name, "❯")
    begin(show, stub, "one", "one", 20)
    begin(show, stub, "other", "other", 20)
    show.pause("one")
    before = number(stub, "other")
    is_quiet(stub, "one")
    assert number(stub, "other") > before
    completes(stub, "other", 20)
    show.resume("one")
    completes(stub, "one", 20)
    wait_until(lambda: claude_calls(world, "one") == expected_calls("one", 20), 10)


def test_claude_is_interrupted_only_while_it_works(show: Show) -> None:
    world, stub, name = show.world, show.world.anthropic, "claude-key"
    world.open(name, "claude", world.repo)
    world.wait_live(name, status="idle")
    world.wait_screen(name, "❯")
    idle = show.pause(name, "--how", "interrupt")
    assert (idle["did"], idle["method"]) == ("paused", "input"), idle
    world.server.run("send-keys", "-t", world.panes[name], "-l", "dropped")
    show.resume(name)
    assert not world.shows(name, "dropped")
    begin(show, stub, name, name)
    row = show.pause(name, "--how", "interrupt")
    assert (row["did"], row["method"]) == ("paused", "key"), row
    is_quiet(stub, name)
    assert world.live(name)["status"] == "idle"
    world.server.run("send-keys", "-t", world.panes[name], "-l", "unheard")
    show.resume(name)
    world.say("claude-key-on", "say", pane=name)
    stub.wait_for(lambda served: any(s.marker == "claude-key-on" for s in served))
    assert not world.shows(name, "unheard")


CODEXES = {
    "codex-shell": ("codex --no-daemon", "suspend"),
    "codex-run": (f"{RUN} codex --no-daemon", "subtree"),
}


@pytest.mark.parametrize("name", CODEXES)
def test_codex_without_its_daemon_is_frozen_and_goes_on(show: Show, name: str) -> None:
    world, stub = show.world, show.world.openai
    command, method = CODEXES[name]
    world.open(name, command, world.repo)
    world.wait_screen(name, "Ask Codex")
    begin(show, stub, name, name)
    row = show.pause(name, "--how", "freeze")
    assert (row["did"], row["method"]) == ("paused", method), row
    is_quiet(stub, name)
    (resumed,) = show.resume(name)
    assert resumed["did"] == "resumed", resumed
    completes(stub, name)
    wait_until(lambda: codex_calls(world, name) == expected_calls(name), 10)


def test_codex_with_its_daemon(show: Show) -> None:
    world, stub = show.world, show.world.openai
    names = ("codex-a", "codex-b")
    world.open(names[0], "codex", world.repo)
    wait_until(lambda: thread_age(world) > 1.5, 90, 0.1)
    world.open(names[1], "codex", world.other)
    for name in names:
        world.wait_screen(name, "Ask Codex")
    for name in names:
        begin(show, stub, name, name, before="sleep 2;")
    refused = show.pause(names[0], "--how", "freeze")
    assert refused["did"] == "failed-to-pause"
    assert "daemon" in refused["seen"]
    row = show.pause(names[0], "--how", "freeze", "--daemon")
    assert (row["did"], row["method"]) == ("paused", "daemon"), row
    assert "ALL codex panes" in row["seen"]
    is_quiet(stub, names[1])
    show.resume(names[0])
    # its own key ends the turn of one pane only
    interrupted = show.pause(names[0])
    assert (interrupted["did"], interrupted["method"]) == ("paused", "key"), interrupted
    before = number(stub, names[1])
    is_quiet(stub, names[0])
    assert number(stub, names[1]) > before
    completes(stub, names[1])
    wait_until(lambda: codex_calls(world, names[1]) == expected_calls(names[1]), 10)
    show.resume(names[0])
