"""Running the real command line and the real watcher in a test's own home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def environment() -> dict[str, str]:
    """Return the test's environment; a package that isn't installed is found where it stands."""
    return dict(os.environ)


def midday_zone() -> str:
    """Return a value for TZ with which it is between twelve and one, so today has a past."""
    # the sign of a POSIX zone says how far it is behind UTC
    return f"XXX{datetime.now(UTC).hour - 12:+d}"


def tmuxmeter(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tmuxmeter", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
        stdin=subprocess.DEVNULL,
    )
    if check:
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def data(*arguments: str | Path) -> Any:
    """Run a reporting command with ``--json`` and return what it prints."""
    return json.loads(tmuxmeter(*arguments, "--json").stdout)


def start_watcher(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``tmuxmeter watch`` as a process of its own; its log is beside the home."""
    with (home.parent / "watcher.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tmuxmeter", "watch", "--home", str(home), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
        )
