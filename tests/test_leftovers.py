"""What tests leave running is found and ended, and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from leftovers import left_behind, processes_of
from tmux_fixtures import wait_until

from tmuxmeter.panes.sources import default_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tmux_fixtures import TmuxServer

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(300)"]


def test_processes_are_known_by_the_folder_they_were_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leftovers.ENDING_S", 0.2)
    mine = tmp_path / "run-1"
    mine.mkdir()
    ways = [
        subprocess.Popen([*SLEEP, f"{mine}/log"], env={}),
        subprocess.Popen([*SLEEP, f"--home={mine}"], env={}),
        subprocess.Popen(SLEEP, env={"HOME": f"{mine}"}),
        subprocess.Popen(SLEEP, env={}, cwd=mine),
    ]
    # another run's folder may begin with the same words
    other = subprocess.Popen([*SLEEP, f"{mine}0/log"], env={})
    try:
        wait_until(lambda: {p.pid for p in processes_of(mine)} == {way.pid for way in ways})
        told = left_behind(mine)
        assert len(told) == len(ways)
        assert all(way.wait(30) for way in ways)
        assert left_behind(mine) == []
        assert other.poll() is None
    finally:
        for process in (*ways, other):
            process.kill()
            process.wait()


@pytest.fixture
def outlived() -> Iterator[list[int]]:
    """What ran on a test's server; looked at once the server's fixture is done."""
    pids: list[int] = []
    yield pids
    assert pids
    for pid in pids:
        wait_until(lambda pid=pid: default_source().now(pid) is None)


def test_what_outlives_its_pane_ends_with_the_test(
    outlived: list[int], tmux_servers: Callable[..., TmuxServer], tmp_path: Path
) -> None:
    if shutil.which("script") is None:
        pytest.fail("script(1) is missing")
    told = tmp_path / "told"
    told.mkdir()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntrap '' HUP\n: >'{told}'/$$\nexec sleep 300\n")
    program.chmod(0o755)
    server = tmux_servers()
    server.start(f"script -qec 'exec {program}' /dev/null")
    server.window(f"setsid --fork {program}; sleep 300")
    wait_until(lambda: len(list(told.iterdir())) == 2)
    outlived += [int(file.name) for file in told.iterdir()]
    assert os.getpid() not in outlived
    # orphans, as tests of servers that die make them
    server.kill()
    assert all(default_source().now(pid) for pid in outlived)
