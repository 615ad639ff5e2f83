"""The process table agrees with the kernel, psutil and itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tmux_fixtures import wait_until

from tmuxmeter.agents.base import Root
from tmuxmeter.agents.claude import Claude
from tmuxmeter.panes.live import LiveFiles
from tmuxmeter.panes.processes import ProcessTable, Source
from tmuxmeter.panes.sources import ProcSource, PsutilSource

if TYPE_CHECKING:
    from tmux_fixtures import TmuxServer

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SOURCES = [pytest.param(ProcSource, marks=linux_only), PsutilSource]


@pytest.fixture(params=SOURCES)
def table(request: pytest.FixtureRequest) -> ProcessTable:
    source: Source = request.param()
    return ProcessTable(source)


def test_a_process_is_described(table: ProcessTable, tmp_path: Path) -> None:
    before = time.time() * 1000
    argv = [sys.executable, "-c", "import time; time.sleep(60)", "a b", ""]
    child = subprocess.Popen(argv, cwd=tmp_path, env={"MARK": "1=2"})
    try:
        wait_until(lambda: "-c" in psutil.Process(child.pid).cmdline())
        table.scan()
        entry = table.get(child.pid)
        assert entry is not None
        assert entry.ppid == os.getpid()
        assert before - 2_000 <= entry.started_ms <= time.time() * 1000 + 2_000
        assert table.argv(entry)[:4] == tuple(argv[:4])
        assert table.environ(entry)["MARK"] == "1=2"
        process = table.process(entry, with_cwd=True)
        assert process.cwd == os.path.realpath(tmp_path)
        assert [above.pid for above in table.ancestors(child.pid)][:2] == [child.pid, os.getpid()]
        assert child.pid in {below.pid for below in table.descendants(os.getpid())}
    finally:
        child.kill()
        # Ended but not waited for: it runs no more.
        wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        table.scan()
        assert table.get(child.pid) is None
        child.wait()


@linux_only
def test_start_marks_are_those_agents_write_down(table: ProcessTable) -> None:
    table.scan()
    entry = table.get(os.getpid())
    assert entry is not None
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    token = table.process(entry).start_token
    assert token == (fields[19] if table.source.has_start_token else "")


@linux_only
def test_start_times_are_exact_to_a_tick() -> None:
    table = ProcessTable(ProcSource())
    before = time.time() * 1000
    child = subprocess.Popen(["sleep", "60"])
    after = time.time() * 1000
    try:
        table.scan()
        entry = table.get(child.pid)
        assert entry is not None
        assert before - 30 <= entry.started_ms <= after + 30
    finally:
        child.kill()
        child.wait()


@linux_only
def test_a_start_time_once_told_stays() -> None:
    source = ProcSource()
    table = ProcessTable(source)
    table.scan()
    first = table.get(os.getpid())
    source._boot_ms += 3_600_000  # the clock was set
    table.scan()
    assert table.get(os.getpid()) == first


@linux_only
def test_an_exec_under_the_same_name_is_noticed() -> None:
    code = "import os, sys; sys.stdin.read(1); e = sys.executable; os.execv(e, [e, *sys.argv[1:]])"
    then = "import time; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, "-c", then], stdin=subprocess.PIPE)
    try:
        table = ProcessTable(ProcSource())

        def argv() -> tuple[str, ...]:
            table.scan()
            entry = table.get(child.pid)
            assert entry is not None
            return table.argv(entry)

        wait_until(lambda: argv()[1:3] == ("-c", code))
        assert child.stdin is not None
        child.stdin.write(b"x")
        child.stdin.flush()
        wait_until(lambda: argv()[1:] == ("-c", then))
    finally:
        child.kill()
        child.wait()


@linux_only
def test_names_with_brackets_and_blanks(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "60"])
    try:
        table = ProcessTable(ProcSource())

        def name() -> str:
            table.scan()
            entry = table.get(child.pid)
            assert entry is not None
            assert entry.ppid == os.getpid()
            return entry.name

        assert wait_until(lambda: name() == "a) R 1 (b")
    finally:
        child.kill()
        child.wait()


def test_open_files_are_told(table: ProcessTable, tmp_path: Path) -> None:
    path = tmp_path / "log"
    for mode in ("a", "r+"):
        with path.open(mode):
            assert os.path.realpath(path) in table.source.open_files(os.getpid())
    # Another's log that is only looked into is not the process's own.
    with path.open():
        assert os.path.realpath(path) not in table.source.open_files(os.getpid())
    assert os.path.realpath(path) not in table.source.open_files(os.getpid())


def test_a_process_that_is_not_there_has_nothing(table: ProcessTable) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    source = table.source
    assert source.argv(child.pid) == ()
    assert source.environ(child.pid) == {}
    assert (source.cwd(child.pid), source.open_files(child.pid)) == ("", [])


def live_content(pid: int, session: str) -> str:
    return json.dumps({"pid": pid, "sessionId": session, "procStart": "5", "status": "idle"})


def test_live_files_are_read_again_only_when_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    files = LiveFiles([Claude()])
    root = Root("claude", tmp_path)
    assert files.read([root, Root("claude", tmp_path / "none"), Root("other", tmp_path)]) == []
    path = folder / "7.json"
    path.write_text(live_content(7, "one"))
    (found,) = files.read([root])
    assert (found.agent, found.account, found.session.session) == ("claude", str(tmp_path), "one")
    assert files.read([root])[0] is found
    path.write_text(live_content(7, "another"))
    assert files.read([root])[0].session.session == "another"
    path.write_text('{"pid": 7, "sess')
    assert files.read([root])[0].session.session == "another"
    path.unlink()
    assert files.read([root]) == []


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    os.mkfifo(folder / "1.json")
    (folder / "2.json").mkdir()
    secret = tmp_path / "elsewhere"
    secret.write_text(live_content(3, "s"))
    (folder / "3.json").symlink_to(secret)
    assert LiveFiles([Claude()]).read([Root("claude", tmp_path)]) == []


@linux_only
@pytest.mark.parametrize("stopped", [False, True])
def test_both_sources_tell_the_same_of_one_process(tmux_server: TmuxServer, stopped: bool) -> None:
    # below a shell: tmux would let its own child go on at once
    pane = tmux_server.window("sleep 60; true")
    shell = int(tmux_server.format("#{pane_pid}", pane))
    child = wait_until(lambda: next(iter(psutil.Process(shell).children()), None))
    assert child is not None
    wait_until(lambda: child.name() == "sleep")
    if stopped:
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: child.status() == psutil.STATUS_STOPPED)
    ours, other = ProcSource().now(child.pid), PsutilSource().now(child.pid)
    assert ours is not None
    assert other is not None
    for name in ("pid", "ppid", "name", "group", "session", "tty", "foreground"):
        assert getattr(ours, name) == getattr(other, name), name
    assert (ours.state == "T", other.state == "T") == (stopped, stopped)
    child.kill()
    wait_until(lambda: ProcSource().now(child.pid) is None)
    assert PsutilSource().now(child.pid) is None
