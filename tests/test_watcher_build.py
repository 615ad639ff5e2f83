from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from test_watcher import following, meter
from watching import data, tmuxmeter

import tmuxmeter as package

if TYPE_CHECKING:
    import pytest
    from tmux_fixtures import TmuxServer

__all__ = ["meter"]


def test_up_starts_the_watcher_anew_after_an_update_alone(
    meter: Path, tmux_server: TmuxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "installed"
    folder = Path(package.__file__).parent
    shutil.copytree(folder, copy / folder.name)
    for name in ("shell", "tmuxmeter.tmux"):
        (copy / name).symlink_to(folder.parent / name)
    monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.chdir(copy)

    def up() -> int:
        tmuxmeter("up", "--quiet", "--home", meter, "--socket", tmux_server.socket)
        pid: int = following(meter)["pid"]
        return pid

    def watcher_check() -> str:
        checks = data("doctor", "--home", meter)["checks"]
        (check,) = [check for check in checks if check["name"] == "watcher"]
        return f"{check['status']} {check['hint']}"

    first = up()
    assert up() == first
    assert watcher_check().startswith("ok")
    changed = copy / folder.name / "watcher/word.py"
    later = time.time() + 60
    os.utime(changed, (later, later))
    assert watcher_check() == "warn `tmuxmeter up` starts it anew"
    second = up()
    assert second != first
    assert up() == second
    assert watcher_check().startswith("ok")
