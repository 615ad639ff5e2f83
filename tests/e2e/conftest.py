"""The scenario is played once; every test looks at what it left."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from play import Played, play
from programs import Programs, install
from world import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The real agents, or a loud skip."""
    return install()


@pytest.fixture(scope="session")
def stage(programs: Programs) -> Iterator[World]:
    """An empty world with short paths (a socket's must stay under 108 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="tme-", dir="/tmp"))
    try:
        with world(folder, programs) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def played(stage: World) -> Played:
    """The world after the scenario."""
    return play(stage)
