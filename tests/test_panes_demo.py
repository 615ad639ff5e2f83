"""A demo that is played on the same machine reaches nobody's ledger but its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until
from watching import data, environment

from tmuxmeter.agents.base import Root
from tmuxmeter.agents.codex import Codex
from tmuxmeter.demo.play import actor_command
from tmuxmeter.panes.folders import is_played
from tmuxmeter.panes.processes import ProcessTable
from tmuxmeter.panes.sources import default_source
from tmuxmeter.panes.survey import Surveyor
from tmuxmeter.paths import DEMO_MARK

if TYPE_CHECKING:
    from pathlib import Path

ALONE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""In a process table of its own: a watcher without --home follows every account it sees."""


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


def homes(folder: Path) -> dict[str, str]:
    """Lay out a demo's home and an account; return a command that plays an agent in each."""
    commands = {}
    for name in ("demo", "other"):
        (folder / name / "projects" / "shop").mkdir(parents=True)
        words = ["env", f"CODEX_HOME={folder / name / '.codex'}", "bash", "-c"]
        commands[name] = shlex.join([*words, actor_command(folder / name, "codex", "shop")])
    (folder / "demo" / DEMO_MARK).touch()
    return commands


@pytest.mark.skipif(not has_namespaces(), reason="needs process namespaces")
def test_a_plain_watcher_follows_agents_elsewhere_but_no_demo(home: Path, tmp_path: Path) -> None:
    play = "".join(f"{command} >/dev/null & " for command in homes(tmp_path).values())
    watch = f"exec {shlex.quote(sys.executable)} -m tmuxmeter watch"
    with (tmp_path / "watcher.log").open("ab") as log:
        watcher = subprocess.Popen(
            [*ALONE, "bash", "-c", play + watch],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:

        def projects() -> set[str]:
            return {row["project"] for row in data("sessions")["sessions"]}

        own = str(tmp_path / "other" / "projects" / "shop")
        played = tmp_path / "demo" / ".codex" / "sessions"
        wait_until(lambda: any(path.stat().st_size for path in played.rglob("*.jsonl")))
        wait_until(lambda: own in projects(), every=0.2)
        assert projects() == {own}
    finally:
        watcher.kill()
        watcher.wait()


def test_who_is_told_of_a_demos_folder_meters_it(tmp_path: Path) -> None:
    actor = subprocess.Popen(
        shlex.split(homes(tmp_path)["demo"]), env=environment(), stdout=subprocess.DEVNULL
    )
    try:
        surveyor = Surveyor([Codex()], ProcessTable(default_source()))
        root = Root("codex", tmp_path / "demo" / ".codex")

        def seen(*roots: Root) -> bool:
            survey = surveyor.look([], roots, 0)
            return actor.pid in {run.process.pid for run in survey.runs}

        wait_until(lambda: seen(root))
        assert root in surveyor.found_roots
        assert not seen()
        assert root not in surveyor.found_roots
    finally:
        actor.kill()
        actor.wait()


def test_everything_below_the_mark_is_played(tmp_path: Path) -> None:
    (tmp_path / "demo" / ".claude").mkdir(parents=True)
    assert not is_played(str(tmp_path / "demo" / ".claude"))
    (tmp_path / "demo" / DEMO_MARK).touch()
    assert is_played(str(tmp_path / "demo" / ".claude"))
    assert is_played(str(tmp_path / "demo" / ".config" / "claude"))
    assert not is_played(str(tmp_path / "demo"))
    assert not is_played("relative")
