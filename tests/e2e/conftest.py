"""The scenario is played once; every test looks at what it left."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from meter import Meter, Screen
from play import Played, play
from programs import Programs, banner, install
from tmux_fixtures import TmuxServer
from world import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that nothing was tested, also in a quiet run."""
    if banner():
        terminalreporter.write_line("")
        terminalreporter.write_line(banner(), red=True, bold=True)


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The real agents, or a loud skip."""
    return install()


@pytest.fixture(scope="session")
def stage(programs: Programs) -> Iterator[World]:
    """An empty world with short paths (a socket's must stay under 108 bytes), the meter on."""
    folder = Path(tempfile.mkdtemp(prefix="tme-", dir="/tmp"))
    try:
        with world(folder, programs) as made:
            Meter(made).turn_on()
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def played(stage: World) -> Played:
    """The world after the scenario."""
    return play(stage)


@pytest.fixture(scope="session")
def meter(played: Played) -> Meter:
    """The meter that has watched the scenario from its beginning."""
    return Meter(played.world)


@pytest.fixture(scope="session")
def screen(stage: World) -> Iterator[Screen]:
    """The screen of a client that is wide enough for every window's name."""
    outer = TmuxServer(stage.folder, "outer", 240, 50)
    outer.environment = stage.environment
    outer.start()
    try:
        yield Screen(outer, stage.server.show_in(outer))
    finally:
        outer.kill()
