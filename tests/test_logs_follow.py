from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from logs_agent import TINY, Book, line, outputs

from tmuxmeter.agents.base import Root
from tmuxmeter.logs.follow import Follower, follow
from tmuxmeter.logs.mounts import file_system, is_silent
from tmuxmeter.logs.observer import ObserverWatches
from tmuxmeter.logs.tail import read_file
from tmuxmeter.logs.watches import Watches, open_watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tmuxmeter.logs.found import Changes

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
DEADLINE = 30.0
AWAITING = 1
"""The watch on the root for those of its log folders that aren't there."""

# watchdog registers folders twice that appear while it lists their parent.
pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "logs").mkdir(parents=True)
    return root


@pytest.fixture(params=["system", "observer"])
def watches(request: pytest.FixtureRequest) -> Watches:
    """Real file events, both ways."""
    opened = open_watches(10_000) if request.param == "system" else ObserverWatches()
    assert opened
    return opened


class Clock:
    """A steady and a wall clock that run with the real ones and can be set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.wall_ahead = 0.0

    def __call__(self) -> tuple[float, int]:
        wall = time.time() + self.ahead + self.wall_ahead
        return time.monotonic() + self.ahead, int(wall * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(root: Path, clock: Clock) -> Iterator[Callable[..., Follower]]:
    started: list[Follower] = []

    def start_with(watches: Watches | None, mounts: str = "") -> Follower:
        now, now_ns = clock()
        roots = [(TINY, Root("tiny", root))]
        follower = Follower(roots, watches=watches, mounts=mounts, now=now, now_ns=now_ns)
        started.append(follower)
        return follower

    yield start_with
    for follower in started:
        follower.close()


def put(path: Path, content: bytes = b"", mode: str = "ab") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(content or line("a"))
    return path


def names(changes: Changes) -> set[str]:
    return {log.name for log in changes.logs}


def hear(follower: Follower, clock: Clock, *expected: str) -> None:
    """Take, woken by events alone, until all that is expected was named."""
    missing = set(expected)
    deadline = time.monotonic() + DEADLINE
    while missing:
        left = deadline - time.monotonic()
        assert left > 0, f"not heard of: {missing}"
        ready, _, _ = select.select([follower.fileno()], [], [], left)
        if ready:
            changes = follower.take(*clock())
            missing -= names(changes) | {Path(live.path).name for live in changes.live}


def test_a_write_wakes(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/p/x.jsonl")
    follower = start(watches)
    assert [entry.path for entry in follower.catalog.entries()] == [str(path)]
    put(path)
    hear(follower, clock, "p/x.jsonl")
    put(root / "logs/p/y.jsonl")
    hear(follower, clock, "p/y.jsonl")


def test_nothing_new_at_the_start(root: Path, clock: Clock, start: Callable[..., Follower]) -> None:
    put(root / "logs/p/x.jsonl")
    put(root / "live/1.json")
    changes = start(open_watches(100)).take(*clock())
    assert not changes.logs
    assert not changes.live


def test_new_nested_folders_at_once(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    follower = start(watches)
    put(root / "logs/a/b/c/d/x.jsonl")
    hear(follower, clock, "a/b/c/d/x.jsonl")
    put(root / "logs/a/b/c/d/x.jsonl")
    hear(follower, clock, "a/b/c/d/x.jsonl")
    put(root / "logs/a/b/y.jsonl")
    hear(follower, clock, "a/b/y.jsonl")


def test_many_writes_are_one_change(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl")
    follower = start(watches)
    for _ in range(500):
        put(path)
    taken = []
    # the observer's thread may still be at it when the first of them wake
    while select.select([follower.fileno()], [], [], DEADLINE if not taken else 0.5)[0]:
        time.sleep(0.3)
        taken.append([log.name for log in follower.take(*clock()).logs])
    assert [names for names in taken if names][:1] == [["x.jsonl"]]
    assert len(taken) < 10


def test_replaced_and_moved_files(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl")
    follower = start(watches)
    put(root / "fresh").replace(path)
    hear(follower, clock, "x.jsonl")
    path.rename(root / "logs/z.jsonl")
    hear(follower, clock, "z.jsonl")
    assert [entry.path for entry in follower.catalog.entries()] == [f"{root}/logs/z.jsonl"]


def test_moved_folders_are_still_heard_of(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    put(root / "logs/a/b/x.jsonl")
    follower = start(open_watches(100))
    (root / "logs/a").rename(root / "logs/z")
    hear(follower, clock, "z/b/x.jsonl")
    put(root / "logs/z/b/x.jsonl")
    hear(follower, clock, "z/b/x.jsonl")
    (root / "logs/z/b").rename(root / "outside")
    (root / "logs/z/b").mkdir()
    put(root / "logs/z/b/y.jsonl")
    hear(follower, clock, "z/b/y.jsonl")
    (root / "outside").rename(root / "logs/back")
    hear(follower, clock, "back/x.jsonl")
    put(root / "logs/back/x.jsonl")
    hear(follower, clock, "back/x.jsonl")


@linux
@pytest.mark.parametrize("number_is_taken", [True, False])
def test_folder_deleted_and_made_again_between_two_looks(
    root: Path, clock: Clock, start: Callable[..., Follower], number_is_taken: bool
) -> None:
    path = put(root / "logs/a/x.jsonl")
    follower = start(open_watches(100))
    path.unlink()
    path.parent.rmdir()
    # Else the new folder may get the old one's inode number.
    if number_is_taken:
        (root / "filler").mkdir()
    put(path)
    hear(follower, clock, "a/x.jsonl")
    put(path)
    hear(follower, clock, "a/x.jsonl")
    assert held_watches(follower.fileno()) == 2 + AWAITING


@linux
def test_watch_of_a_moved_folder_belongs_to_its_new_path(root: Path) -> None:
    watches = open_watches(100)
    assert watches
    old, new = root / "logs/old", root / "logs/new"
    old.mkdir()
    watches.add(str(old))
    old.rename(new)
    watches.add(str(new))
    watches.remove(str(old))
    watches.take()
    put(new / "x.jsonl")
    assert watches.take().paths == {str(new / "x.jsonl")}
    watches.close()


def test_files_of_running_processes(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    path = put(root / "live/12.json", b"idle")
    follower = start(watches)
    put(path, b"busy", "wb")
    hear(follower, clock, "12.json")
    path.unlink()
    hear(follower, clock, "12.json")


@linux
def test_listing_and_reading_wake_nobody(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    for i in range(300):
        put(root / f"logs/p{i}/x.jsonl")
    follower = start(open_watches(1000))
    for entry in follower.catalog.entries():
        assert entry.log
        Book().add(read_file(TINY, entry.log, Book().at(entry.log)))
    for folder, _, _ in os.walk(root):
        assert folder
    assert select.select([follower.fileno()], [], [], 0.2)[0] == []


@linux
def test_more_events_than_the_kernel_keeps(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    keeps = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if keeps > 20_000:
        pytest.skip("this kernel keeps too many events to overflow quickly")
    paths = [put(root / f"logs/{i}.jsonl") for i in range(2)]
    late = put(root / "logs/late.jsonl")
    follower = start(open_watches(100))
    descriptors = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in paths]
    # Two files in turn: equal events in a row would be kept as one.
    for i in range(keeps + 10):
        os.write(descriptors[i % 2], b" ")
    put(late)
    put(root / "logs/new/x.jsonl")
    for descriptor in descriptors:
        os.close(descriptor)
    assert names(follower.take(*clock())) == {"0.jsonl", "1.jsonl", "late.jsonl", "new/x.jsonl"}


def test_what_events_missed_is_found_by_looking(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl")
    old = put(root / "logs/old.jsonl")
    os.utime(old, ns=(0, 0))
    follower = start(watches)
    watches.silence()
    put(path)
    put(root / "logs/new/y.jsonl")
    assert not follower.take(*clock()).logs
    clock.ahead += 11
    assert names(follower.take(*clock())) == {"x.jsonl", "new/y.jsonl"}
    put(old)
    clock.ahead += 61
    assert names(follower.take(*clock())) == {"old.jsonl"}


def test_root_that_appears_later(tmp_path: Path, clock: Clock) -> None:
    now, now_ns = clock()
    roots = [(TINY, Root("tiny", tmp_path / "later"))]
    follower = Follower(roots, watches=ObserverWatches(), mounts="", now=now, now_ns=now_ns)
    try:
        put(tmp_path / "later/logs/x.jsonl")
        assert not follower.take(*clock()).logs
        assert follower.wait(clock()[0]) <= 2
        clock.ahead += 2
        assert names(follower.take(*clock())) == {"x.jsonl"}
        put(tmp_path / "later/logs/x.jsonl")
        hear(follower, clock, "x.jsonl")
    finally:
        follower.close()


@linux
def test_a_root_that_appears_is_heard_of_at_once(home: Path, clock: Clock) -> None:
    now, now_ns = clock()
    roots = [(TINY, Root("tiny", home / "share/later"))]
    watches = open_watches(100)
    assert watches
    follower = Follower(roots, watches=watches, mounts="", now=now, now_ns=now_ns)
    try:
        # What else is made in the folders above is no news.
        put(home / "notes.txt")
        assert not watches.take().appeared

        def happens(do: Callable[[], object], *, begins: bool = False) -> None:
            do()
            assert select.select([follower.fileno()], [], [], DEADLINE)[0]
            changes = follower.take(now, now_ns)
            assert (changes.logs, changes.began) == ([], begins)

        happens((home / "share").mkdir)
        happens((home / "share").rmdir)
        for folder in ("share", "share/later"):
            happens((home / folder).mkdir)
        happens((home / "share/later/logs").mkdir, begins=True)
        put(home / "share/later/logs/x.jsonl")
        hear(follower, clock, "x.jsonl")
        for folder in ("archive", "live"):
            happens((home / "share/later" / folder).mkdir, begins=True)
        # Nothing is awaited any more.
        (home / "share/later/more").mkdir()
        assert not watches.take().appeared
    finally:
        follower.close()


@linux
@pytest.mark.parametrize("late", [False, True])
def test_folders_made_just_before_one_listens_for_them_are_heard_of_at_once(
    home: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    now, now_ns = clock()
    watches = open_watches(100)
    assert watches
    roots = [(TINY, Root("tiny", home / "share/later"))]
    follower = Follower(roots, watches=watches, mounts="", now=now, now_ns=now_ns)
    to_come = [home / "share/later", home / "share/later/logs"]
    listen = watches.await_in

    def meanwhile(folders: Iterable[str]) -> None:
        if late:
            listen(folders)
        if to_come:
            to_come.pop(0).mkdir()
        if not late:
            listen(folders)

    monkeypatch.setattr(watches, "await_in", meanwhile)
    try:
        (home / "share").mkdir()
        began = False
        while not began:
            assert select.select([follower.fileno()], [], [], 5)[0]
            began = follower.take(now, now_ns).began
        put(home / "share/later/logs/x.jsonl")
        hear(follower, clock, "x.jsonl")
    finally:
        follower.close()


def test_sleep_and_clock_jumps_make_it_look_at_everything(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl")
    os.utime(path, ns=(0, 0))
    watches = open_watches(100)
    assert watches
    follower = start(watches)
    watches.silence()
    put(path)
    clock.wall_ahead -= 3
    assert not follower.take(*clock()).logs
    clock.wall_ahead += 3600
    assert names(follower.take(*clock())) == {"x.jsonl"}
    put(path)
    clock.wall_ahead -= 7200
    assert names(follower.take(*clock())) == {"x.jsonl"}
    assert not follower.take(*clock()).logs


def test_without_events_recent_files_are_looked_at_often(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl")
    old = put(root / "logs/old.jsonl")
    os.utime(old, ns=(0, 0))
    live = put(root / "live/1.json")
    follower = start(None)
    assert follower.fileno() == -1
    assert follower.wait(clock()[0]) <= 0.25
    put(path)
    put(live, b"12")
    clock.ahead += 0.3
    changes = follower.take(*clock())
    assert names(changes) == {"x.jsonl"}
    assert [found.path for found in changes.live] == [str(live)]
    put(root / "logs/new/y.jsonl")
    put(old)
    clock.ahead += 1.1
    assert names(follower.take(*clock())) == {"new/y.jsonl"}
    clock.ahead += 5
    assert names(follower.take(*clock())) == {"old.jsonl"}
    put(old)
    clock.ahead += 0.3
    assert names(follower.take(*clock())) == {"old.jsonl"}


@linux
@pytest.mark.parametrize("limit", [0, 1, 5])
def test_watch_limit_makes_it_poll(
    root: Path, clock: Clock, start: Callable[..., Follower], limit: int
) -> None:
    for i in range(8):
        put(root / f"logs/p{i}/x.jsonl")
    follower = start(open_watches(limit))
    assert held_watches(follower.fileno()) == 0
    assert {problem.reason for problem in follower.problems()} == {
        "polled: no file watches left (fs.inotify.max_user_watches)"
    }
    put(root / "logs/p7/x.jsonl")
    clock.ahead += 0.3
    assert names(follower.take(*clock())) == {"p7/x.jsonl"}


@linux
def test_watch_limit_reached_later(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    put(root / "logs/a/x.jsonl")
    follower = start(open_watches(4))
    assert held_watches(follower.fileno()) == 2 + AWAITING
    assert not follower.problems()
    for i in range(8):
        put(root / f"logs/b{i}/x.jsonl")
    hear(follower, clock, *(f"b{i}/x.jsonl" for i in range(8)))
    assert held_watches(follower.fileno()) == 0
    put(root / "logs/b7/x.jsonl")
    clock.ahead += 0.3
    assert names(follower.take(*clock())) == {"b7/x.jsonl"}


@linux
def test_removed_folders_give_their_watches_back(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    follower = start(open_watches(100))
    for round_ in range(3):
        path = put(root / f"logs/a/{round_}/x.jsonl")
        hear(follower, clock, f"a/{round_}/x.jsonl")
        assert held_watches(follower.fileno()) == 3 + AWAITING
        path.unlink()
        path.parent.rmdir()
        path.parent.parent.rmdir()
        deadline = time.monotonic() + DEADLINE
        while held_watches(follower.fileno()) > 1 + AWAITING or len(follower.catalog.folders()) > 1:
            follower.take(*clock())
            assert time.monotonic() < deadline


def held_watches(descriptor: int) -> int:
    """How many watches the kernel itself says there are."""
    return Path(f"/proc/self/fdinfo/{descriptor}").read_text().count("inotify wd:")


def test_network_folders_are_polled(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    put(root / "logs/x.jsonl")
    mounts = f"/dev/vda / ext4 rw 0 0\nserver:/home {root} nfs4 rw 0 0\n"
    follower = start(open_watches(100), mounts)
    assert {problem.reason for problem in follower.problems()} == {
        "polled: nfs4 gives no file events"
    }
    put(root / "logs/x.jsonl")
    assert not follower.take(*clock()).logs
    clock.ahead += 0.3
    assert names(follower.take(*clock())) == {"x.jsonl"}


def test_file_system_of_a_path(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/mnt/with space/below")
    mounts = "\n".join(
        (
            "/dev/vda / ext4 rw 0 0",
            "me@host:/ /mnt/with\\040space fuse.sshfs rw 0 0",
            "tmpfs /mnt tmpfs rw 0 0",
            "broken",
        )
    )
    assert file_system("/mnt/with space/x", mounts) == "fuse.sshfs"
    assert file_system(str(link), mounts) == "fuse.sshfs"
    assert file_system("/mnt/with spaces", mounts) == "tmpfs"
    assert file_system("/home", mounts) == "ext4"
    assert file_system("/home", "") == ""
    assert [is_silent(kind) for kind in ("fuse.sshfs", "9p", "ext4", "fuseblk", "")] == [
        *(True, True),
        *(False, False, False),
    ]


def test_looking_again_at_an_unfinished_line(
    root: Path, clock: Clock, start: Callable[..., Follower]
) -> None:
    path = put(root / "logs/x.jsonl", line("a") + line("b", 3)[:-1])
    os.utime(path, ns=(0, 0))
    follower = start(open_watches(100))
    [entry] = follower.catalog.entries()
    assert entry.log
    now, now_ns = clock()
    follower.look_again(entry.log, now + 1)
    assert follower.wait(now) <= 1
    assert not follower.take(*clock()).logs
    clock.ahead += 1
    [log] = follower.take(*clock()).logs
    book = Book()
    book.add(read_file(TINY, log, book.at(log), now_ns=now_ns))
    assert book.outputs() == outputs(a=1, b=3)
    assert not follower.take(*clock()).logs


def test_follow_reads_the_limit_from_the_system(root: Path, tmp_path: Path, clock: Clock) -> None:
    put(root / "logs/a/x.jsonl")
    limit = put(tmp_path / "proc/sys/fs/inotify/max_user_watches", b"2\n")
    now, now_ns = clock()
    roots = [(TINY, Root("tiny", root))]
    follower = follow(roots, now=now, now_ns=now_ns, proc=tmp_path / "proc")
    polled = bool(follower.problems())
    follower.close()
    # Half of it is one watch: too few for two folders.
    assert polled == (sys.platform == "linux")
    limit.write_text("200\n")
    follower = follow(roots, now=now, now_ns=now_ns, proc=tmp_path / "proc")
    assert not follower.problems()
    follower.close()


WRITER = """
import sys, time
path, count = sys.argv[1], int(sys.argv[2])
with open(path, "ab", buffering=0) as log:
    for i in range(count):
        text = b'{"id": "%s-%d", "n": %d}\\n' % (path.encode(), i, i)
        cut = i % len(text)
        log.write(text[:cut]); log.write(text[cut:])
        if i % 20 == 0: time.sleep(0.002)
"""


def test_many_writers(
    root: Path, clock: Clock, watches: Watches, start: Callable[..., Follower]
) -> None:
    follower = start(watches)
    paths = [root / f"logs/{'n/' * (i % 4)}{i}.jsonl" for i in range(10)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, "200"]) for path in paths]
    book = Book()
    deadline = time.monotonic() + 2 * DEADLINE
    try:
        while len(book.usage) < 2000:
            assert time.monotonic() < deadline, f"{len(book.usage)} of 2000"
            select.select([follower.fileno()], [], [], 0.5)
            for log in follower.take(*clock()).logs:
                book.add(read_file(TINY, log, book.at(log)))
    finally:
        for writer in writers:
            writer.wait()
    assert not book.skipped
    assert sum(event.output for event in book.usage.values()) == 10 * sum(range(200))
