"""Agents as real processes in real panes: each way of starting them, found by what it leaves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from build_codex_log import DebugLog
from panes_bench import Bench, main_of, new_id, now_ms, pane_of
from tmux_fixtures import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmux_fixtures import TmuxServer

    from tmuxmeter.panes.picture import Picture


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    it = Bench(tmp_path)
    yield it
    it.close()


@pytest.fixture
def server(bench: Bench, tmux_server: TmuxServer) -> TmuxServer:
    bench.servers.append(tmux_server)
    return tmux_server


SHELLS = [name for name in ("bash", "zsh", "fish") if shutil.which(name)]
BARE = {"bash": "bash --norc --noprofile", "zsh": "zsh -f", "fish": "fish --no-config"}


@pytest.mark.parametrize("shell", SHELLS)
def test_agent_typed_at_a_shell_is_bound_to_its_pane(
    bench: Bench, server: TmuxServer, shell: str
) -> None:
    session = new_id()
    pane = server.window(BARE[shell])
    server.send(pane, bench.claude(session, "--status=busy"))
    picture = bench.until(lambda p: session in bench.agents(p))
    assert bench.agents(picture)[session] == pane
    main = main_of(picture, pane)
    assert main is not None
    assert (main.agent, main.state, main.evidence) == ("claude", "working", "live-file, tree")
    assert main.confidence == 0.99
    row = bench.history("claude", session)[0]
    assert (row.where_kind, row.pane, row.end_ms) == ("pane", pane, None)
    assert row.start_ms == main.started_ms
    assert abs(now_ms() - row.start_ms) < 60_000


WRAPPED = {
    "pane command": "{agent}",
    "sh -c stays parent": "cd / && {agent}; true",
    "env -i": "env -i {agent}",
    "nested shells": "sh -c \"sh -c '{agent}; true'; true\"",
    "pipeline": "{agent} | cat",
    "inner terminal": "script -qc '{agent}' /dev/null",
    "session of its own": "setsid --wait {agent}",
    "su": "su root -c '{agent}; true'",
    "double fork": "({agent} &) ; sleep 600",
    "detached": "setsid --fork nohup {agent} >/dev/null 2>&1; sleep 600",
    "env -i double fork": "(env -i {agent} &) ; sleep 600",
}
HOW = {
    "double fork": "environment",
    "detached": "environment",
    "env -i double fork": "terminal",
}


@pytest.mark.parametrize("case", WRAPPED)
def test_every_way_of_starting_leads_to_the_pane(
    bench: Bench, server: TmuxServer, case: str
) -> None:
    session = new_id()
    pane = server.window(WRAPPED[case].format(agent=bench.claude(session)))
    expected = f"live-file, {HOW.get(case, 'tree')}"

    def evidence(picture: Picture) -> str:
        main = main_of(picture, pane)
        return main.evidence if main and session in bench.agents(picture) else ""

    # until the processes between have ended it may still be in the tree
    picture = bench.until(lambda p: evidence(p) == expected)
    assert bench.agents(picture) == {session: pane}


def test_an_agent_outside_tmux_is_outside(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    process = subprocess.Popen(["/bin/sh", "-c", bench.claude(session)], start_new_session=True)
    try:
        bench.live_file(session)
        # Seen once it may still be on its way into a pane.
        assert bench.agents(bench.tick()) == {}
        assert bench.open_bindings() == {}
        assert bench.agents(bench.tick()) == {session: "outside"}
        assert bench.open_bindings() == {session: ("outside", "")}
    finally:
        process.kill()
        process.wait()


def test_two_agents_in_one_folder_keep_their_own_sessions(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    one, two = new_id(), new_id()
    first = server.window(bench.claude(one), cwd=tmp_path)
    second = server.window(bench.claude(two), cwd=tmp_path)
    for session in (one, two):
        bench.session("claude", session, tmp_path)
    picture = bench.until(lambda p: len(bench.agents(p)) == 2)
    assert bench.agents(picture) == {one: first, two: second}


def test_a_reused_pid_is_not_believed(bench: Bench, server: TmuxServer, tmp_path: Path) -> None:
    stale = new_id()
    pane = server.window(bench.claude(stale, "--proc-start=1"), cwd=tmp_path)
    bench.live_file(stale)
    picture = bench.until(lambda p: main_of(p, pane) is not None)
    main = main_of(picture, pane)
    assert main is not None
    assert (main.session, main.state, main.confidence) == ("", "", 0.0)
    assert bench.open_bindings() == {}


def test_a_headless_run_inside_an_agent_never_stands_for_the_pane(
    bench: Bench, server: TmuxServer
) -> None:
    outer, inner = new_id(), new_id()
    nested = bench.claude(inner, "-p")
    pane = server.window(bench.claude(outer, f"--run={nested}; true"))
    picture = bench.until(lambda p: len(bench.agents(p)) == 2)
    found = pane_of(picture, pane)
    assert found.main is not None
    assert found.main.session == outer
    assert [(agent.session, agent.nested) for agent in found.others] == [(inner, True)]
    assert bench.open_bindings() == {outer: ("pane", pane), inner: ("pane", pane)}


def test_clear_switches_the_binding_over(bench: Bench, server: TmuxServer) -> None:
    old, new = new_id(), new_id()
    pane = server.window(bench.claude(old))
    bench.until(lambda p: old in bench.agents(p))
    before = now_ms()
    picture = bench.tick()
    after = now_ms()
    bench.rewrite_live(old, sessionId=new, status="busy")
    picture = bench.tick()
    assert bench.agents(picture) == {new: pane}
    closed, opened = bench.history("claude", old)[0], bench.history("claude", new)[0]
    assert before <= opened.start_ms <= after
    assert closed.end_ms is not None
    assert closed.end_ms >= opened.start_ms
    assert opened.end_ms is None
    bench.rewrite_live(new, sessionId=old)
    bench.tick()
    assert [row.end_ms is None for row in bench.history("claude", old)] == [False, True]
    assert bench.open_bindings() == {old: ("pane", pane)}


def test_state_follows_what_the_agent_says(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    pane = server.window(
        bench.claude(session, "--status=waiting", "--waiting-for=permission prompt")
    )
    picture = bench.until(lambda p: session in bench.agents(p))
    main = main_of(picture, pane)
    assert main is not None
    assert (main.state, main.waiting_for) == ("waiting", "permission prompt")
    bench.rewrite_live(session, status="idle", waitingFor="")
    main = main_of(bench.tick(), pane)
    assert main is not None
    assert (main.state, main.waiting_for) == ("idle", "")


def test_a_finished_agent_ends_its_binding_and_is_gone(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    pane = server.window("sh")
    server.send(pane, bench.claude(session))
    bench.until(lambda p: session in bench.agents(p))
    server.run("send-keys", "-t", pane, "C-c")
    picture = bench.until(lambda p: session not in bench.agents(p))
    main = main_of(picture, pane)
    assert main is not None
    assert (main.session, main.state) == (session, "gone")
    (row,) = bench.history("claude", session)
    assert row.end_ms is not None
    assert row.end_ms >= row.start_ms


def test_a_session_that_ran_elsewhere_is_not_given_to_the_next_agent(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    session = new_id()
    pane = server.window("sh", cwd=tmp_path)
    server.send(pane, bench.claude())
    # later than both starts, so that only where it ran tells that it is not the second one's
    later = now_ms() + 60_000
    bench.session("claude", session, tmp_path, account="", last_prompt_ms=later)
    bench.until(lambda p: bench.agents(p) == {session: pane})
    server.run("send-keys", "-t", pane, "C-c")
    bench.until(lambda p: session not in bench.agents(p))
    server.send(pane, bench.claude())
    bench.until(lambda p: main_of(p, pane).state != "gone")  # type: ignore[union-attr]
    # the first one is forgotten by then
    bench.later_ms = 11 * 60_000
    assert bench.agents(bench.tick()) == bench.agents(bench.tick()) == {}


def test_moving_panes_keeps_their_run(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    pane = server.split(bench.claude(session))
    ref = pane_of(bench.until(lambda p: session in bench.agents(p)), pane).ref
    server.run("break-pane", "-d", "-s", pane, "-n", "broken out")
    picture = bench.tick()
    assert pane_of(picture, pane).ref == ref
    assert pane_of(picture, pane).pane.window_name == "broken out"
    server.run("join-pane", "-d", "-s", pane, "-t", "main:0")
    server.run("new-session", "-d", "-s", "other")
    server.run("move-pane", "-d", "-s", pane, "-t", "other:0")
    picture = bench.tick()
    assert pane_of(picture, pane).ref == ref
    assert pane_of(picture, pane).pane.session_name == "other"
    (row,) = bench.history("claude", session)
    assert (row.pane, row.end_ms) == (pane, None)


def test_a_respawned_pane_is_a_new_run(bench: Bench, server: TmuxServer) -> None:
    old, new = new_id(), new_id()
    pane = server.window(bench.claude(old))
    first = pane_of(bench.until(lambda p: old in bench.agents(p)), pane).ref
    server.run("respawn-pane", "-k", "-t", pane, bench.claude(new))
    picture = bench.until(lambda p: new in bench.agents(p))
    assert pane_of(picture, pane).ref != first
    assert bench.agents(picture) == {new: pane}
    (ended,), (begun,) = bench.history("claude", old), bench.history("claude", new)
    assert ended.end_ms is not None
    assert begun.pane_id != ended.pane_id


def test_what_survives_a_respawn_is_not_in_the_new_run(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    command = f"setsid --fork nohup {bench.claude(session)} >/dev/null 2>&1; sleep 600"
    pane = server.window(command)
    bench.until(lambda p: session in bench.agents(p))
    server.run("respawn-pane", "-k", "-t", pane, "sleep 600")
    picture = bench.until(lambda p: bench.agents(p).get(session) == "outside")
    assert main_of(picture, pane) is None
    assert [row.where_kind for row in bench.history("claude", session)] == ["pane", "outside"]


def test_a_restarted_server_reuses_ids_for_other_panes(bench: Bench, server: TmuxServer) -> None:
    one, two = new_id(), new_id()
    pane = server.window(bench.claude(one))
    bench.until(lambda p: one in bench.agents(p))
    server.kill()
    picture = bench.until(lambda p: p.panes == ())
    assert list(picture.down) == [server.socket]
    server.start()
    assert server.window(bench.claude(two)) == pane
    picture = bench.until(lambda p: two in bench.agents(p))
    assert bench.agents(picture) == {two: pane}
    (ended,), (begun,) = bench.history("claude", one), bench.history("claude", two)
    assert ended.end_ms is not None
    assert (ended.pane, begun.pane) == (pane, pane)
    assert ended.pane_id != begun.pane_id


def test_a_server_that_only_hangs_keeps_its_panes(bench: Bench, server: TmuxServer) -> None:
    import signal

    session = new_id()
    pane = server.window(bench.claude(session))
    bench.until(lambda p: session in bench.agents(p))
    pid = int(server.format("#{pid}"))
    bench.tracker._surveyor._timeout = 0.3
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            picture = bench.tick()
            assert bench.agents(picture) == {session: pane}
            assert list(picture.down) == [server.socket]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert bench.open_bindings() == {session: ("pane", pane)}


@pytest.mark.parametrize("inner_metered", [True, False])
def test_tmux_inside_tmux(
    bench: Bench,
    server: TmuxServer,
    tmux_servers: Callable[..., TmuxServer],
    inner_metered: bool,
) -> None:
    session = new_id()
    inner = tmux_servers()
    inner.start()
    if inner_metered:
        bench.servers.append(inner)
    inner_pane = inner.window(bench.claude(session))
    outer_pane = server.window(f"env -u TMUX tmux -S {inner.socket} attach")
    picture = bench.until(lambda p: bench.agents(p).get(session, "outside") != "outside")
    (row,) = [row for row in bench.writer.open_bindings() if row.session == session]
    if inner_metered:
        assert (row.socket, row.pane) == (str(inner.socket), inner_pane)
    else:
        assert (row.socket, row.pane) == (str(server.socket), outer_pane)
        assert pane_of(picture, outer_pane).main is not None
        inner.run("detach-client", "-s", "main")
        bench.until(lambda p: bench.agents(p).get(session) == "outside")


def test_being_outside_is_believed_at_the_second_sight(bench: Bench, server: TmuxServer) -> None:
    session = new_id()
    pane = server.window(bench.claude(session))
    bench.until(lambda p: session in bench.agents(p))
    bench.servers.clear()
    picture = bench.tick()
    assert session not in bench.agents(picture)
    assert bench.open_bindings() == {session: ("pane", pane)}
    assert bench.agents(bench.tick()) == {session: "outside"}
    assert bench.open_bindings() == {session: ("outside", "")}
    first, second = bench.history("claude", session)
    assert first.end_ms == second.start_ms


def test_bindings_go_on_after_the_watcher_was_started_anew(
    bench: Bench, server: TmuxServer
) -> None:
    stays, leaves = new_id(), new_id()
    pane = server.window(bench.claude(stays))
    other = server.window(bench.claude(leaves))
    bench.until(lambda p: len(bench.agents(p)) == 2)
    server.run("kill-pane", "-t", other)
    before = now_ms()
    bench.restart()
    bench.until(lambda p: bench.agents(p) == {stays: pane})
    (kept,) = bench.history("claude", stays)
    (ended,) = bench.history("claude", leaves)
    assert kept.end_ms is None
    assert ended.end_ms is not None
    assert ended.end_ms >= before


def test_codex_without_daemon_is_known_by_its_open_log(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    day = bench.codex_root / "sessions" / "2026" / "11" / "21"
    day.mkdir(parents=True)
    thread = "019a1111-1111-7111-8111-111111111111"
    log = day / f"rollout-2026-11-21T10-00-00-{thread}.jsonl"
    bench.mine.add(thread)
    pane = server.window(bench.codex(f"--open={log}"), cwd=tmp_path)
    picture = bench.until(lambda p: thread in bench.agents(p))
    assert bench.agents(picture) == {thread: pane}
    main = main_of(picture, pane)
    assert main is not None
    assert (main.evidence, main.confidence) == ("open-log, tree", 0.95)


def test_accounts_that_share_their_logs_by_a_link_are_told_by_start(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sessions").symlink_to(bench.codex_root / "sessions")
    command = bench.codex().replace(f"={bench.codex_root}", f"={other}")
    pane = server.window(command, cwd=tmp_path)
    main = main_of(bench.until(lambda p: main_of(p, pane) is not None), pane)
    assert main is not None
    # Found below the folder that the link leads to: that is its account.
    thread = new_id()
    bench.session("codex", thread, tmp_path, started_ms=main.started_ms + 5)
    assert bench.agents(bench.tick()) == {thread: pane}


def test_codex_daemon_serves_panes_one_to_one_and_outlives_them(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    day = bench.codex_root / "sessions" / "2026" / "11" / "21"
    day.mkdir(parents=True)
    ids = [f"019a2222-2222-7222-8222-22222222222{n}" for n in range(2)]
    logs = [day / f"rollout-2026-11-21T10-00-0{n}-{key}.jsonl" for n, key in enumerate(ids)]
    # The first pane's program starts the daemon, which inherits that pane's environment.
    daemon = " && ".join(
        f"setsid --fork {bench.codex('app-server', f'--open={log}')}" for log in logs
    )
    first = server.window(f"({daemon}) >/dev/null 2>&1; {bench.codex()}", cwd=tmp_path)
    started = bench.until(lambda p: main_of(p, first) is not None)
    main = main_of(started, first)
    assert main is not None
    second = server.window(bench.codex(), cwd=tmp_path)
    picture = bench.until(lambda p: main_of(p, second) is not None)
    other = main_of(picture, second)
    assert other is not None
    starts = (main.started_ms, other.started_ms)
    for key, start in zip(ids, starts, strict=True):
        bench.session("codex", key, tmp_path, started_ms=start + 5, last_ms=start + 10)
    picture = bench.tick()
    assert bench.agents(picture) == dict(zip(ids, (first, second), strict=True))
    server.run("kill-pane", "-t", second)
    bench.until(lambda p: ids[1] not in bench.open_bindings())
    later = now_ms() + 1
    bench.session("codex", ids[1], tmp_path, started_ms=starts[1] + 5, last_ms=later)
    bench.until(lambda p: ids[1] in [agent.session for agent in p.without_pane])
    in_pane, without = bench.history("codex", ids[1])
    assert (in_pane.where_kind, without.where_kind) == ("pane", "without-pane")
    assert in_pane.end_ms == without.start_ms


def test_codexs_own_log_tells_programs_apart_that_started_at_once(
    bench: Bench, server: TmuxServer, tmp_path: Path
) -> None:
    panes = [server.window(bench.codex(), cwd=tmp_path) for _ in range(3)]
    picture = bench.until(lambda p: all(main_of(p, pane) for pane in panes))
    found = [main_of(picture, pane) for pane in panes]
    created = max(agent.started_ms for agent in found if agent) + 500
    ids = [f"019a3333-3333-7333-8333-33333333333{n}" for n in range(3)]
    log = DebugLog()
    for n, (key, agent) in enumerate(zip(ids, reversed(found), strict=True)):
        assert agent is not None
        began = created + 200 * n
        bench.session("codex", key, tmp_path, started_ms=began, last_ms=began)
        log.began(began, agent.pid, n, key)
    assert bench.agents(bench.tick()) == {}
    with log.write(bench.codex_root / "logs_2.sqlite"):
        bench.later_ms = 20_000
        own = dict(zip(ids, reversed(panes), strict=True))
        assert bench.agents(bench.tick()) == own
        assert bench.open_bindings() == {key: ("pane", pane) for key, pane in own.items()}
    evidence = {main.evidence for pane in panes if (main := main_of(bench.tick(), pane))}
    assert evidence == {"own-log, tree"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_agent_is_seen_in_our_panes_only(bench: Bench, server: TmuxServer) -> None:
    become = "import os, signal; os.setuid(65534); signal.pause()"
    codex = shlex.join([str(bench.bin / "codex"), "-c", become])
    pane = server.window(f"{codex}; sleep 600")
    # Its environment, which root can read, names one of our panes.
    where = f"TMUX={server.socket},{server.format('#{pid}')},0 TMUX_PANE={pane}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec env {where} HOME=/elsewhere {codex}"], start_new_session=True
    )
    try:
        wait_until(lambda: Path(f"/proc/{process.pid}").stat().st_uid == 65534)
        bench.until(lambda p: main_of(p, pane) is not None)
        for _ in range(2):
            picture = bench.tick()
            assert process.pid not in {agent.pid for agent in picture.outside}
            assert pane_of(picture, pane).others == ()
        assert not {r for r in bench.tracker.found_roots if str(r.path).startswith("/elsewhere")}
    finally:
        process.kill()
        process.wait()
