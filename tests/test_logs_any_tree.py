"""Whatever happens to the tree of logs, events alone tell what a fresh walk would find."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from logs_agent import TINY

from tmuxmeter.agents.base import Root
from tmuxmeter.logs.discover import Catalog, discover
from tmuxmeter.logs.follow import Follower
from tmuxmeter.logs.watches import open_watches

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems tell events later")

NOW = 4_000_000_000 * 10**9
TOPS = st.sampled_from(["logs", "logs", "archive"])
PARTS = st.lists(st.sampled_from(["a", "b", "x.jsonl"]), max_size=3)
PATHS = st.builds(lambda top, parts: "/".join([top, *parts]), TOPS, PARTS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), PATHS, PATHS),
        st.tuples(st.sampled_from(["make", "remove", "move", "link", "pipe"]), PATHS, PATHS),
        st.tuples(st.just("take"), PATHS, PATHS),
    ),
    max_size=40,
)


def do(root: Path, step: str, at: str, to: str) -> None:
    path, other = root / at, root / to
    # Much of what is tried makes no sense, such as a file in a file.
    with contextlib.suppress(OSError, shutil.Error):
        if step == "append":
            path = path.with_name(f"{path.name}.jsonl")
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK)
            os.write(descriptor, b"{}\n")
            os.close(descriptor)
        elif step == "make":
            path.mkdir(parents=True)
        elif step == "remove":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif step == "move":
            path.rename(other)
        elif step == "link":
            other.symlink_to(path)
        else:
            os.mkfifo(path)


def found(catalog: Catalog) -> dict[str, str]:
    return {entry.log.name: entry.path for entry in catalog.entries() if entry.log}


def facts(paths: dict[str, str]) -> dict[str, tuple[int, int, int]]:
    looked = {name: Path(path).stat() for name, path in paths.items()}
    return {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in looked.items()}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
@example(
    steps=[
        ("append", "archive/x.jsonl/a", ""),
        ("take", "", ""),
        ("move", "archive", "logs/a"),
        ("append", "archive/x.jsonl/a", ""),
    ]
)
def test_events_tell_what_a_walk_finds(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        roots = [(TINY, Root("tiny", root))]
        (root / "logs").mkdir()
        follower = Follower(roots, watches=open_watches(1000), mounts="", now=0.0, now_ns=NOW)
        try:
            known: dict[str, tuple[int, int, int]] = {}
            for step, at, to in [*steps, ("take", "", "")]:
                if step != "take":
                    do(root, step, at, to)
                    continue
                # The log folders themselves are looked for by time, everything below is heard of.
                follower.catalog.check_roots(NOW)
                changes = follower.take(0.0, NOW)
                walked = discover(roots, now_ns=NOW)
                assert found(follower.catalog) == found(walked)
                assert set(follower.catalog.folders()) == set(walked.folders())
                now = facts(found(walked))
                changed = {name for name, fact in now.items() if known.get(name) != fact}
                assert changed <= {log.name for log in changes.logs}
                known = now
                watched = Path(f"/proc/self/fdinfo/{follower.fileno()}").read_text()
                folders = [p for p in walked.folders() if not Path(p).is_symlink()]
                folders = [p for p in folders if Path(p).is_dir()]
                assert watched.count("inotify wd:") >= len(folders)
        finally:
            follower.close()
