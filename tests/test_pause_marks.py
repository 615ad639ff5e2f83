"""Signals reach the process that was meant, and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tmux_fixtures import wait_until

from tmuxmeter.panes.sources import PsutilSource, default_source
from tmuxmeter.pause.marks import (
    STOPPED,
    Mark,
    marks_from,
    marks_to,
    proceed,
    running,
    send,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.panes.processes import Source


@pytest.fixture(params=["default", "psutil"])
def source(request: pytest.FixtureRequest) -> Source:
    return default_source() if request.param == "default" else PsutilSource()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def mark_of(source: Source, process: subprocess.Popen[bytes]) -> Mark:
    entry = source.now(process.pid)
    assert entry is not None
    return Mark.of(entry)


def test_stopped_and_continued(source: Source, sleeper: subprocess.Popen[bytes]) -> None:
    mark = mark_of(source, sleeper)

    def stopped() -> bool:
        entry = running(source, mark)
        assert entry
        return entry.state in STOPPED

    assert not stopped()
    assert send(source, mark, signal.SIGSTOP)
    wait_until(stopped)
    assert proceed(source, [mark]) == 1
    wait_until(lambda: not stopped())


def test_another_process_with_the_pid_gets_nothing(
    source: Source, sleeper: subprocess.Popen[bytes]
) -> None:
    mark = mark_of(source, sleeper)
    other = mark._replace(start=f"{mark.start}1")
    assert not send(source, other, signal.SIGKILL)
    assert proceed(source, [other]) == 0
    assert sleeper.poll() is None
    assert running(source, other) is None


def test_a_process_that_ended_gets_nothing(
    source: Source, sleeper: subprocess.Popen[bytes]
) -> None:
    mark = mark_of(source, sleeper)
    sleeper.kill()
    # still a zombie: it doesn't run
    wait_until(lambda: running(source, mark) is None)
    assert not send(source, mark, signal.SIGCONT)
    sleeper.wait()
    assert not send(source, mark, signal.SIGCONT)


def test_the_first_process_is_never_signalled(source: Source) -> None:
    entry = source.now(1)
    if entry is not None:
        assert not send(source, Mark.of(entry), signal.SIGCONT)
    assert not send(source, Mark(0, "0"), signal.SIGCONT)
    assert not send(source, Mark(-1, "0"), signal.SIGCONT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's process")
def test_another_user_s_process_gets_nothing(source: Source) -> None:
    process = subprocess.Popen(["/bin/sleep", "60"], user=65534, group=65534, extra_groups=[])
    try:
        assert not send(source, mark_of(source, process), signal.SIGTERM)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_without_process_descriptors_the_mark_still_counts(
    source: Source, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    mark = mark_of(source, sleeper)
    assert not send(source, mark._replace(start="1"), signal.SIGKILL)
    assert sleeper.poll() is None
    assert send(source, mark, signal.SIGKILL)
    assert sleeper.wait() == -signal.SIGKILL


def test_marks_in_a_record_are_checked() -> None:
    marks = [Mark(5, "6"), Mark(7, "8")]
    assert marks_from(marks_to(marks)) == marks
    assert marks_from([[5, 6], "x", [True, "1"], [5], None]) == []
    assert marks_from("nothing") == []
