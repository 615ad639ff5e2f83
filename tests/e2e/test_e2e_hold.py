"""``tmuxmeter pause`` with the hooks of each real agent: held, and nothing lost at release."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from meter import Meter
from programs import install_package
from stub_chat import ChatStub
from stub_google import GoogleStub
from test_e2e_gemini import START as GEMINI
from test_e2e_gemini import VERSION as GEMINI_VERSION
from test_e2e_gemini import GeminiStage
from test_e2e_guard import configure, used
from test_e2e_opencode import READY, OpenCodeStage, native_program
from tmux_fixtures import TmuxServer, wait_until
from world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs
    from stage import Stage
    from stub import Stub

pytestmark = pytest.mark.e2e

QUIET_S = 5.0
STEPS = 10
NOT_COMPACTED = "this compaction was not sent"
FETCHES_S = 200
"""OpenCode looks for its plugin package on the network, which isn't there, for two minutes."""


@contextmanager
def metered(stage: Stage) -> Iterator[Meter]:
    """Turn the meter on, and off again."""
    meter = Meter(stage)
    meter.turn_on()
    try:
        yield meter
    finally:
        meter.run("resume", "--all")
        meter.run("down", "--all")


def install(meter: Meter, agent: str) -> None:
    done = meter.run("hooks", "install", agent, "--yes")
    assert done.returncode == 0, done.stderr or done.stdout


def act(meter: Meter, command: str, name: str, *options: str) -> dict[str, Any]:
    """Pause or resume a pane; return what is told of it."""
    stage = meter.world
    where = ("--socket", str(stage.server.socket))
    [row] = meter.json(command, stage.panes[name], *where, *options)
    found: dict[str, Any] = row
    return found


def row_of(meter: Meter, name: str) -> dict[str, Any]:
    """Return a pane's row in ``panes``."""
    pane = meter.world.panes[name]
    [row] = [row for row in meter.json("panes")["panes"] if row["pane"] == pane]
    found: dict[str, Any] = row
    return found


def spent_in(meter: Meter, name: str) -> int:
    """Return how many requests are booked to a pane whose agent's state is known."""
    row = row_of(meter, name)
    assert row["state"] is not None
    requests: int = row["requests"]
    return requests


def script(file: Path) -> str:
    steps = [f"run sleep 0.5; echo {number} >> {file.name}" for number in range(STEPS)]
    return " then ".join(steps)


def is_held_and_loses_nothing(meter: Meter, stub: Stub, name: str, file: Path) -> None:
    """Ask for many tool calls, pause in their midst, look that nothing is sent, and resume."""
    meter.world.say(name, script(file))
    stub.wait_for(lambda _: len(stub.of(name)) >= 2)
    row = act(meter, "pause", name)
    assert (row["did"], row["way"]) == ("paused", "hold"), row
    # what ran is finished: its tool's result may make one request more
    time.sleep(2)
    sent = len(stub.of(name))
    assert sent < STEPS
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert len(stub.of(name)) == sent
        time.sleep(0.1)
    # and what ran is no alarm
    [pause] = row_of(meter, name)["paused"]
    assert (pause["way"], pause["spent_after"]) == ("hold", 0)
    assert act(meter, "resume", name)["did"] == "resumed"
    stub.wait_for(lambda _: len(stub.of(name)) >= STEPS + 1)
    wait_until(lambda: file.read_text().split() == [str(number) for number in range(STEPS)], 10)
    # what its hooks call the session is what the ledger calls it
    wait_until(lambda: spent_in(meter, name) == len(stub.of(name)), 20, 0.3)


def is_not_compacted_while_held(meter: Meter, stub: Stub, name: str, sign: str) -> None:
    """Pause an agent and ask for a smaller context, which is a request: it shows a sign instead."""
    act(meter, "pause", name)
    sent = len(stub.served)
    meter.world.type(name, "/compact")
    meter.world.wait_screen(name, sign)
    time.sleep(2)
    assert len(stub.served) == sent


def is_stopped_at_its_limit(
    meter: Meter, stub: Stub, name: str, file: Path, further: int = 1
) -> None:
    """Let the guard stop a pane in the midst of a turn, after so many further requests at most."""
    stage, marker = meter.world, f"{name}-limit"
    before = used(stub.of(name))
    limit = before + 3 * used(stub.of(name)[:1])
    configure(stage, action="hold", pane_tokens=limit, grace_seconds=0)
    time.sleep(6)
    stage.say(marker, script(file), pane=name)
    stub.wait_for(lambda _: before + used(stub.of(marker)) >= limit)
    time.sleep(3)
    sent = stub.of(marker)
    passed = next(n for n in range(len(sent) + 1) if before + used(sent[:n]) >= limit)
    assert len(sent) <= passed + further
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert len(stub.of(marker)) == len(sent) < STEPS
        time.sleep(0.1)
    configure(stage, action="hold", pane_tokens=1000 * limit, grace_seconds=0)
    stub.wait_for(lambda _: len(stub.of(marker)) >= STEPS + 1)
    wait_until(lambda: file.read_text().split() == [str(number) for number in range(STEPS)], 10)


def is_frozen_and_loses_nothing(meter: Meter, stub: Stub, name: str, method: str) -> None:
    """Freeze an agent in the midst of a turn, look that nothing is sent, and let it go on."""
    stage, marker = meter.world, f"{name}-ice"
    file = stage.repo / f"{marker}.txt"
    stage.say(marker, script(file), pane=name)
    stub.wait_for(lambda _: len(stub.of(marker)) >= 2)
    row = act(meter, "pause", name, "--how", "freeze")
    assert (row["did"], row["method"]) == ("paused", method), row
    sent = len(stub.of(marker))
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert len(stub.of(marker)) == sent < STEPS
        time.sleep(0.1)
    row = act(meter, "resume", name)
    assert row["did"] == "resumed", row
    stub.wait_for(lambda _: len(stub.of(marker)) >= STEPS + 1)
    wait_until(lambda: file.read_text().split() == [str(number) for number in range(STEPS)], 10)


def is_interrupted_and_takes_prompts_again(meter: Meter, stub: Stub, name: str) -> None:
    """End a turn by the agent's own key, look that nothing is sent, and ask anew."""
    stage, marker = meter.world, f"{name}-key"
    steps = [f"run sleep 1; echo {number}" for number in range(STEPS)]
    stage.say(marker, " then ".join(steps), pane=name)
    stub.wait_for(lambda _: len(stub.of(marker)) >= 2)
    row = act(meter, "pause", name, "--how", "interrupt")
    assert (row["did"], row["method"]) == ("paused", "key"), row
    sent = len(stub.of(marker))
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert len(stub.of(marker)) == sent < STEPS
        time.sleep(0.1)
    assert act(meter, "resume", name)["did"] == "resumed"
    stage.say(f"{name}-on", "say", pane=name)


def test_claude_takes_up_hooks_that_are_installed_while_it_runs(programs: Programs) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tmh-", dir="/tmp"))
    try:
        with world(folder, programs) as made, metered(made) as meter:
            made.open("claude", "claude", made.repo)
            made.wait_live("claude", status="idle")
            made.wait_screen("claude", "❯")
            install(meter, "claude")
            is_held_and_loses_nothing(meter, made.anthropic, "claude", made.repo / "n.txt")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_codex_below_its_daemon_is_held_once_it_was_started_with_its_hooks(
    programs: Programs,
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tmh-", dir="/tmp"))
    try:
        with world(folder, programs) as made, metered(made) as meter:
            made.open("older", "codex", made.repo)
            made.wait_screen("older", "Ask Codex")
            made.say("older", "say")
            made.openai.wait_for(lambda _: len(made.openai.of("older")) == 1)
            time.sleep(3)
            install(meter, "codex")
            made.open("codex", "codex", made.other)
            made.trust_hooks("codex")
            made.wait_screen("codex", "Ask Codex", "permissions: YOLO")
            is_held_and_loses_nothing(meter, made.openai, "codex", made.other / "n.txt")
            is_not_compacted_while_held(meter, made.openai, "codex", NOT_COMPACTED)
            act(meter, "resume", "codex")
            is_stopped_at_its_limit(meter, made.openai, "codex", made.other / "limit.txt")
            # who was there before runs none: to say that it is held would be untrue
            where = ("--socket", str(made.server.socket), "--how", "hold")
            done = meter.run("pause", made.panes["older"], *where)
            assert done.returncode == 7
            assert "started before its hooks were installed" in done.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_gemini_is_held_frozen_and_interrupted() -> None:
    program = install_package("@google/gemini-cli", GEMINI_VERSION) / "bundle" / "gemini.js"
    folder = Path(tempfile.mkdtemp(prefix="tmh-", dir="/tmp"))
    try:
        with GoogleStub.running() as google:
            made = GeminiStage(folder, TmuxServer(folder, "s", 150, 50), google)
            made.lay_out(program)
            with made.running(), metered(made) as meter:
                install(meter, "gemini")
                made.open("gemini", GEMINI, made.repo)
                made.wait_screen("gemini", "Type your message")
                is_held_and_loses_nothing(meter, google, "gemini", made.repo / "n.txt")
                is_stopped_at_its_limit(meter, google, "gemini", made.repo / "limit.txt")
                is_frozen_and_loses_nothing(meter, google, "gemini", "subtree")
                is_interrupted_and_takes_prompts_again(meter, google, "gemini")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_opencode_is_held_by_its_plugin_frozen_and_interrupted() -> None:
    folder = Path(tempfile.mkdtemp(prefix="tmh-", dir="/tmp"))
    try:
        with ChatStub.running() as chat:
            made = OpenCodeStage(folder, TmuxServer(folder, "s", 150, 50), chat)
            made.lay_out(native_program())
            with made.running(), metered(made) as meter:
                install(meter, "opencode")
                made.open("opencode", "opencode", made.repo)
                made.wait_screen("opencode", READY, seconds=FETCHES_S)
                is_held_and_loses_nothing(meter, chat, "opencode", made.repo / "n.txt")
                is_not_compacted_while_held(meter, chat, "opencode", " Compaction ")
                sent = len(chat.served)
                act(meter, "resume", "opencode")
                chat.wait_for(lambda _: len(chat.served) > sent)
                # it writes a request's tokens down when the tools are done, and asks anew at once
                limit = made.repo / "limit.txt"
                is_stopped_at_its_limit(meter, chat, "opencode", limit, further=2)
                is_frozen_and_loses_nothing(meter, chat, "opencode", "suspend")
                is_interrupted_and_takes_prompts_again(meter, chat, "opencode")
                # its data lies elsewhere, and nothing of ours in it
                assert not list((made.home / ".local/share/opencode").rglob("tmuxmeter*"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
