from __future__ import annotations

import contextlib
import os
import select
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import psutil
import pytest
from pictures import agent, in_pane, picture
from test_watcher_live import ask, configure, meter, up
from tmux_fixtures import PATIENCE_S, wait_until

from tmuxmeter.watcher.exits import Exits, whose_end_matters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmux_fixtures import TmuxServer

__all__ = ["meter"]

FAKE = Path(__file__).with_name("fake_agent.py")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system tells no ends")


@pytest.fixture
def exits() -> Iterator[Exits]:
    exits = Exits()
    yield exits
    exits.close()


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen(["sleep", "600"]) for _ in range(3)]
    yield made
    for process in made:
        process.kill()
        process.wait()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def hear(exits: Exits, seconds: float = PATIENCE_S) -> bool:
    select.select(exits.descriptors(), [], [], seconds)
    return exits.ended()


def test_an_end_is_heard_once_and_of_those_listened_to(
    exits: Exits, sleepers: list[subprocess.Popen[bytes]]
) -> None:
    first, second, third = sleepers
    exits.listen([first.pid, second.pid, second.pid])
    assert not hear(exits, 0)
    third.kill()
    third.wait()
    assert not hear(exits, 0.1)
    first.kill()
    # heard before anybody has waited for it, and not again: its parent may never
    assert hear(exits)
    exits.listen([first.pid, second.pid])
    assert not hear(exits, 0.1)
    exits.listen([third.pid])
    second.kill()
    assert not hear(exits, 0.1)
    exits.listen([second.pid])
    assert hear(exits)


def test_descriptors_are_given_back(sleepers: list[subprocess.Popen[bytes]]) -> None:
    before = descriptors()
    exits = Exits()
    for _ in range(3):
        exits.listen([process.pid for process in sleepers])
        exits.listen([])
    exits.listen([process.pid for process in sleepers])
    sleepers[0].kill()
    assert hear(exits)
    exits.close()
    assert descriptors() == before


def test_servers_panes_and_agents_matter() -> None:
    seen = picture(in_pane("%1", agent("a")), in_pane("%2"))
    pids = whose_end_matters(seen)
    assert {server.server_pid for server in seen.servers} <= set(pids)
    assert {pane.pane.pid for pane in seen.panes} <= set(pids)
    mains = [pane.main for pane in seen.panes if pane.main]
    assert mains
    assert {main.pid for main in mains} <= set(pids)


def test_a_killed_agent_is_noticed_long_before_the_next_look(
    meter: Path, tmux_server: TmuxServer
) -> None:
    # looks are a minute apart, with nobody in front twice that: no test waits so long
    configure(meter, "[watch]\nlook_seconds = 60\n")
    program = meter / "bin/claude"
    program.parent.mkdir()
    program.symlink_to(os.path.realpath(sys.executable))
    live = [f"--live={meter / '.claude'}", f"--session={UUID(int=1)}"]
    # idle: who works is looked at every two seconds
    pane = tmux_server.window(shlex.join([str(program), str(FAKE), *live]))
    up(meter, tmux_server)
    opened = f"SELECT count(*) FROM pane WHERE pane = '{pane}' AND ended_ms IS NULL"
    wait_until(lambda: ask(meter, opened) == [(1,)])
    # it can't take its own file away any more, which would be heard
    process = psutil.Process(int(tmux_server.format("#{pane_pid}", pane)))
    for each in [*process.children(), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    wait_until(lambda: ask(meter, opened) == [(0,)])
