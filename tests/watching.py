"""Running the real command line and the real watcher in a test's own home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tmux_fixtures import wait_until

from tmuxmeter.watcher.process import running_pid

if TYPE_CHECKING:
    from pathlib import Path


def environment() -> dict[str, str]:
    """Return the test's environment; a package that isn't installed is found where it stands."""
    return dict(os.environ)


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


def kill_watcher(home: Path) -> None:
    """Kill a home's watcher as a crash would; returns once it is gone, for the next one to come."""
    runtime = home / ".local/state/tmuxmeter/run"
    pid = running_pid(runtime)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running_pid(runtime) != pid)
