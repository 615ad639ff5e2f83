"""What the meter takes for granted about the running programs, held against them.

A failure here after an update of the pinned versions means: look again, then mend the meter and
docs/observed.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from slow_sum import records
from tmux_fixtures import wait_until
from world import children

if TYPE_CHECKING:
    from play import Played
    from world import World

pytestmark = pytest.mark.e2e


def start_ticks(pid: int) -> str:
    """Return field 22 of the process's stat."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def session_of(pid: int) -> int:
    """Return field 6 of the process's stat: the session leader."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])


def environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def open_rollouts(pid: int) -> set[str]:
    """Return the names of the rollouts a process has open."""
    paths = [p.readlink() for p in Path(f"/proc/{pid}/fd").iterdir()]
    return {path.name for path in paths if path.name.startswith("rollout-")}


def metas(world: World) -> dict[str, dict[str, Any]]:
    """Return every rollout's first record, by the file's name."""
    return {p.name: next(records(p)) for p in (world.codex / "sessions").rglob("*.jsonl")}


def daemon(world: World) -> int:
    content = json.loads((world.codex / "app-server-daemon" / "daemon.pid").read_text())
    pid: int = content["pid"]
    assert str(content["processIdentity"]["startTicks"]) == start_ticks(pid)
    return pid


def test_claude_names_its_session_process_and_pane(played: Played) -> None:
    world = played.world
    for name, marker in (("left", "left-cleared"), ("far", "far")):
        live = world.live(name)
        assert live["sessionId"] == world.anthropic.of(marker)[0].session
        assert live["procStart"] == start_ticks(live["pid"])
        where = world.server.format("#{session_name}:#{window_id}.#{pane_id}", world.panes[name])
        assert live["tmux"] == where


def test_a_clear_gives_the_same_process_another_session(played: Played) -> None:
    live = played.world.live("left")
    assert live["pid"] == played.first_left["pid"]
    assert live["sessionId"] != played.first_left["sessionId"]


def test_an_agent_that_left_takes_its_live_file_along(played: Played) -> None:
    world = played.world
    shell = int(world.server.format("#{pane_pid}", world.panes["right"]))
    wait_until(lambda: not children(shell))
    files = {path.stem for path in (world.claude / "sessions").glob("*.json")}
    assert files == {str(world.process("left")), str(world.process("far"))}


def test_claude_s_status_follows_the_turn(played: Played) -> None:
    world = played.world
    world.anthropic.hold()
    try:
        world.say("left-cleared", "hold", pane="left")
        world.wait_live("left", status="busy")
    finally:
        world.anthropic.release()
    world.wait_live("left", status="idle")
    world.say("left-cleared", f"write {world.repo}/new.txt then say", pane="left")
    world.wait_live("left", status="waiting", waitingFor="permission prompt")
    world.allow("left")
    world.wait_live("left", status="idle")
    assert (world.repo / "new.txt").exists()


def test_the_sub_agent_has_a_log_of_its_own(played: Played) -> None:
    served = played.world.anthropic.of("far-sub")
    assert {s.session for s in served} == {played.world.anthropic.of("far")[0].session}
    (thread,) = {s.thread for s in served}
    (path,) = (played.world.claude / "projects").rglob(f"subagents/agent-{thread}.jsonl")
    ids = {r["message"]["id"] for r in records(path) if r["type"] == "assistant"}
    assert ids == {f"msg_stub{s.number:04}" for s in served}


def test_the_daemon_looks_like_a_part_of_the_first_pane(played: Played) -> None:
    world = played.world
    pid = daemon(world)
    assert session_of(pid) == pid
    assert pid in children(world.process("codex-a"))
    assert environment(pid)["TMUX_PANE"] == world.panes["codex-a"]


def test_the_daemon_has_the_rollouts_of_its_panes_open(played: Played) -> None:
    world = played.world
    threads = {name: world.openai.of(name)[0].thread for name in ("codex-a", "codex-b")}
    opened = open_rollouts(daemon(world))
    for name, thread in threads.items():
        assert any(thread in rollout for rollout in opened), name
        assert not open_rollouts(world.process(name))


def test_a_pane_without_the_daemon_has_its_own_rollout_open(played: Played) -> None:
    world = played.world
    (rollout,) = open_rollouts(world.process("codex-alone"))
    assert world.openai.of("codex-alone")[0].thread in rollout


def test_a_thread_s_source_tells_whether_the_daemon_runs_it(played: Played) -> None:
    world = played.world
    sources = {m["payload"]["id"]: m["payload"]["source"] for m in metas(world).values()}
    for name, source in (("codex-a", "vscode"), ("codex-b", "vscode"), ("codex-alone", "cli")):
        assert sources[world.openai.of(name)[0].thread] == source


def test_a_thread_begins_with_its_program_and_its_rollout_with_the_first_prompt(
    played: Played,
) -> None:
    for name, meta in metas(played.world).items():
        created = meta["payload"]["timestamp"]
        assert created < meta["timestamp"]
        assert name.startswith(f"rollout-{created[:19].replace(':', '-')}")


def test_a_request_shows_twice_in_a_rollout(played: Played) -> None:
    for path in (played.world.codex / "sessions").rglob("*.jsonl"):
        kinds = [r["payload"].get("type", r["type"]) for r in records(path)]
        assert kinds.count("token_usage_record") == kinds.count("token_count") > 0
