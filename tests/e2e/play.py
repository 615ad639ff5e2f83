"""The one scenario all end-to-end tests look at: six panes and one agent outside them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from stub import Stub
    from world import World

# Which prompts (by marker) ran in which pane; "outside" ran in none.
MARKERS = {
    "left": ("left", "left-cleared"),
    "right": ("right",),
    "far": ("far", "far-sub"),
    "codex-a": ("codex-a",),
    "codex-b": ("codex-b",),
    "codex-alone": ("codex-alone",),
    "outside": ("outside",),
}
THREAD_APART = 1.5
"""Seconds between one Codex thread's creation and the next program's start in its folder."""


@dataclass(frozen=True)
class Played:
    """The world after the scenario, everything still running but the right pane's agent."""

    world: World
    outside: dict[str, Any]
    first_left: dict[str, Any]


def answered(stub: Stub, marker: str, count: int) -> None:
    """Wait until that many logged requests with this marker were answered."""
    stub.wait_for(lambda served: sum(s.marker == marker and s.logged for s in served) >= count)


def play(world: World) -> Played:
    """Play the scenario; return when every request that belongs in a log stands in one."""
    anthropic, openai = world.anthropic, world.openai
    world.open("left", "claude", world.repo)
    world.open("codex-a", "codex", world.repo)
    world.open("right", "claude", world.repo)
    world.open("far", "claude", world.other)
    # The first start copies the whole program and starts the daemon, which then serves the next.
    # Starts that overlap until then can't be told apart, see test_e2e_overlap.py.
    wait_until(lambda: thread_age(world) > THREAD_APART, 90, 0.1)
    world.open("codex-b", "codex", world.repo)
    world.open("codex-alone", "codex --no-daemon", world.other)
    for name in ("left", "right", "far"):
        world.wait_live(name, status="idle")
        world.wait_screen(name, "❯")
    for name in ("codex-a", "codex-b", "codex-alone"):
        world.wait_screen(name, "Ask Codex")

    world.say("left", "run echo hello then fail then say")
    world.say("codex-a", "run echo hello then fail then say")
    world.say("right", "read notes.txt then say")
    world.say("codex-b", "run echo there then say")
    world.say("far", "agent [far-sub] run echo sub")
    world.say("codex-alone", "run echo alone then say")
    outside = world.print_mode("outside", "run echo outside then say")

    answered(anthropic, "left", 3)
    first_left = world.wait_live("left", status="idle")
    first = first_left["sessionId"]
    world.type("left", "/clear", lambda: world.live("left").get("sessionId") != first)
    world.say("left-cleared", "say", pane="left")
    answered(anthropic, "left-cleared", 1)
    answered(anthropic, "right", 2)
    # Two of the parent's turn, two of the sub-agent, one when the parent hears of its end.
    answered(anthropic, "far-sub", 2)
    answered(anthropic, "far", 3)
    answered(openai, "codex-a", 3)
    answered(openai, "codex-b", 2)
    answered(openai, "codex-alone", 2)
    for name in ("left", "right", "far"):
        world.wait_live(name, status="idle")
    world.type("right", "/exit", lambda: world.shows("right", "claude --resume"))
    world.settle()
    return Played(world, outside, first_left)


def thread_age(world: World) -> float:
    """Return how many seconds ago the newest Codex thread was created, -1 if there is none.

    Before the first prompt a thread has no rollout; this empty file is its only trace.
    """
    traces = (world.codex / "tui-thread-reference-capabilities").glob("*")
    created = [int(trace.name.replace("-", "")[:12], 16) / 1000 for trace in traces]
    return time.time() - max(created) if created else -1
