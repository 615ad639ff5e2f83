"""The real watcher against twenty agents on a bad day; the ledger must come out as if nothing was.

    python bench/soak.py [--seconds 600] [--writers 20] [--kill-every 60] [--seed 1]

Twenty writers (see ``wrecker.py``) in real panes. Meanwhile panes and a whole server are killed and
opened anew, the watcher's wall clock jumps by hours and days, its disk is full for a while (a small
tmpfs where root can mount one; elsewhere that part is left out and said so), and every minute the
watcher is killed with SIGKILL and started again, but for the last quarter, in which one process has
to stay flat. Then: every request and event equal to one pass over all that was ever written, and
that equal to an independent sum; nothing leaked, nothing left behind. Exit code 1 on a difference.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from measuring import MIB, cpu_seconds, machine, meter, run, tree
from soak_held import STATE, Sample, naming, sample, state
from stage import Stage, wait_for
from sums import compared, independent_sums, ledger_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCH = Path(__file__).parent

TMPFS_MB = 256
CLOCKS = (0.0, 3_600.0, -7_200.0, 2 * 86_400.0, -30 * 86_400.0, 0.4, 0.0)
SAMPLE_S = 2.0


class Soak:
    """One run. The stage must be entered."""

    def __init__(
        self, stage: Stage, seconds: float, writers: int, kill_every: float, seed: int
    ) -> None:
        self.stage = stage
        self.home, self.archive = stage.home, stage.folder / "archive"
        self.archive.mkdir()
        self.rng = Random(seed)
        self.seconds, self.writers, self.kill_every = seconds, writers, kill_every
        self.stop = stage.folder / "stop"
        self.clock = stage.folder / "clock"
        self.clock.write_text("0")
        self.panes: list[tuple[Path, str]] = []
        self.samples: list[Sample] = []
        self.count = 0
        self.kills = self.killed_panes = self.killed_servers = self.jumps = 0
        self.cpu = 0.0
        self.faults: list[str] = []
        self.disk = self._mount()
        (stage.folder / "codex").symlink_to(Path(sys.executable).resolve())
        packages = [entry for entry in sys.path if "site-packages" in entry]
        self.python_path = os.pathsep.join([str(BENCH.parent), *packages])

    def _mount(self) -> bool:
        """Give the ledger a small disk of its own."""
        folder = self.home / STATE
        folder.mkdir(parents=True, mode=0o700)
        command = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={TMPFS_MB}m,mode=0700",
            "tmpfs",
            str(folder),
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        if self.disk:
            subprocess.run(["umount", "-l", str(self.home / STATE)], check=False)

    def open_pane(self, socket: Path) -> None:
        """Start another writer."""
        kind = "codex" if self.count % 4 == 3 else "claude"
        program = self.stage.folder / kind
        words = [program, BENCH / "wrecker.py", self.home, self.archive]
        words += [f"{self.rng.random()}", kind, self.stop]
        command = f"PYTHONPATH={shlex.quote(self.python_path)} exec {shlex.join(map(str, words))}"
        self.panes.append((socket, self.stage.pane(command, socket=socket)))
        self.count += 1

    def close_pane(self) -> None:
        """Close one of the writers' panes and open another."""
        socket, pane = self.panes.pop(self.rng.randrange(len(self.panes)))
        self.stage.tmux("kill-pane", "-t", pane, socket=socket, check=False)
        self.killed_panes += 1
        self.open_pane(socket)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the watcher."""
        self.born = time.monotonic()
        launch = [
            sys.executable,
            str(BENCH / "launch.py"),
            str(self.home),
            "--clock",
            str(self.clock),
        ]
        return self.stage.watch(launch, ready=False)

    def kill(self, watcher: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """Kill the watcher at once; its workers have to go too."""
        self.cpu += cpu_seconds(watcher.pid)
        watcher.kill()
        watcher.wait()
        self.kills += 1
        time.sleep(self.rng.random())
        orphans = [pid for pid, line in naming(self.home).items() if "launch.py" in line]
        deadline = time.monotonic() + 5
        while orphans and time.monotonic() < deadline:
            time.sleep(0.1)
            orphans = [pid for pid in orphans if state(pid)]
        if orphans:
            self.faults.append(f"{len(orphans)} workers outlived a killed watcher")
        return self.start()

    def fill_disk(self) -> None:
        """Leave no room on the ledger's disk."""
        ballast = self.home / STATE / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * 65536):
                pass

    def storm(self) -> subprocess.Popen[bytes]:
        """Let everything go wrong for the whole time; return the last watcher."""
        first, second = self.stage.server(), self.stage.server()
        for socket in (first, second):
            self.stage.register(socket)
        for number in range(self.writers):
            self.open_pane(second if number % 5 == 0 else first)
        self.stage.attach()
        watcher = self.start()
        begin = time.monotonic()
        events = sorted(self._plan(begin, second))
        sampled = 0.0
        while (now := time.monotonic()) < begin + self.seconds:
            if watcher.poll() is not None:
                words = (self.stage.folder / "watcher.log").read_text().strip().splitlines()
                self.faults.append(
                    f"the watcher ended by itself ({watcher.returncode}): {words[-1]}"
                )
                watcher = self.start()
            if events and events[0][0] <= now:
                what = events.pop(0)[2]
                watcher = what(watcher) or watcher
            if now - sampled >= SAMPLE_S:
                sampled = now
                found = sample(watcher.pid, now - self.born, self.home)
                if found and found.age > 1:
                    self.samples.append(found)
            time.sleep(0.1)
        return watcher

    def _plan(self, begin: float, second: Path) -> Iterator[tuple[float, int, Any]]:
        """Yield when what goes wrong."""
        order = iter(range(10**9))
        for part in range(1, int(self.seconds / 5)):
            yield begin + part * 5.0, next(order), lambda _: self.close_pane()
        for part in range(1, int(self.seconds / 20)):
            offset = CLOCKS[part % len(CLOCKS)]
            yield (
                begin + part * 20.0 + 1,
                next(order),
                lambda _, offset=offset: self._set_clock(offset),
            )
        last_kill = self.seconds * 0.75
        for part in range(1, int(last_kill / self.kill_every) + 1):
            yield begin + part * self.kill_every, next(order), self.kill
        for part in range(1, int(self.seconds / 60) + 1):
            yield begin + part * 60.0 - 25, next(order), lambda _: self._allow_long_line()
        for share in (0.35, 0.7):
            yield begin + self.seconds * share, next(order), lambda _: self._kill_server(second)
        if self.disk:
            yield begin + self.seconds * 0.5, next(order), lambda _: self.fill_disk()
            length = min(45.0, self.seconds * 0.1)
            ballast = self.home / STATE / "ballast"
            yield begin + self.seconds * 0.5 + length, next(order), lambda _: ballast.unlink()

    def _set_clock(self, offset: float) -> None:
        self.jumps += 1
        self.clock.write_text(str(offset))

    def _allow_long_line(self) -> None:
        (self.home / ".soak-long").unlink(missing_ok=True)

    def _kill_server(self, socket: Path) -> None:
        """Kill a server with all its panes, and start it again on the same socket."""
        self.stage.tmux("kill-server", socket=socket, check=False)
        self.killed_servers += 1
        self.panes = [pane for pane in self.panes if pane[0] != socket]
        wait_for(lambda: not socket.exists() or not self._answers(socket), "a server's end")
        self.stage.sockets.remove(socket)
        self.stage.server_at(socket)
        self.stage.register(socket)
        while len(self.panes) < self.writers:
            self.open_pane(socket)

    def _answers(self, socket: Path) -> bool:
        return bool(self.stage.tmux("display-message", "-p", "#{pid}", socket=socket, check=False))

    def calm(self, watcher: subprocess.Popen[bytes]) -> float:
        """Let the writers end and the watcher catch up; return its CPU share while nothing happens."""
        self.stop.touch()
        self._set_clock(0.0)
        program = str(BENCH / "wrecker.py")
        wait_for(
            lambda: not any(program in line for line in naming(self.home).values()),
            "the writers' end",
            120,
        )
        wait_for(lambda: self.stage.state(watcher) == "following", "the watcher", 300)
        time.sleep(20)
        if [child for child in tree(watcher.pid)[1:] if state(child) == "Z"]:
            self.faults.append("zombies")
        before, begin = cpu_seconds(watcher.pid), time.monotonic()
        time.sleep(20)
        return (cpu_seconds(watcher.pid) - before) / (time.monotonic() - begin)

    def end(self, watcher: subprocess.Popen[bytes]) -> None:
        """End the watcher as a user would."""
        self.cpu += cpu_seconds(watcher.pid)
        watcher.terminate()
        if watcher.wait(20):
            self.faults.append(f"the watcher ended with {watcher.returncode} when asked to")
        left = [line for line in naming(self.home).values() if "launch.py" in line]
        if left:
            self.faults.append(f"left behind: {left[0]}")

    def compare(self) -> None:
        """Hold the ledger against one pass over all that was written, and that against plain sums."""
        run(meter("scan", "--home", self.archive), self.stage.env)
        ledgers = (self.archive / STATE / "ledger.db", self.home / STATE / "ledger.db")
        counts, faults = compared(*ledgers)
        print("  one pass over all that was written: " + ", ".join(counts))
        self.faults += faults
        right, found = independent_sums(self.archive), ledger_sums(ledgers[0])
        for key in sorted(right.keys() | found.keys()):
            if right.get(key) != found.get(key):
                self.faults.append(f"sum of {key}: {right.get(key)}, one pass: {found.get(key)}")


def verdict(soak: Soak, idle: float) -> int:
    """Print what came out; return the number of faults."""
    long_lived = [s for s in soak.samples if s.pid == soak.samples[-1].pid]
    half = len(long_lived) // 2
    print(
        f"  {soak.kills} SIGKILLs, {soak.killed_panes} panes and {soak.killed_servers} servers killed,"
        f" {soak.jumps} clock jumps, full disk: {'yes' if soak.disk else 'left out, needs root'}"
    )
    print(f"  {'':<18}{'least':>10}{'median':>10}{'most':>10}   last process: 1st half, 2nd half")
    for name, unit in (
        ("rss", MIB),
        ("fds", 1),
        ("watches", 1),
        ("children", 1),
        ("zombies", 1),
        ("ledger", MIB),
    ):
        values = [getattr(s, name) / unit for s in soak.samples]
        halves = [
            statistics.median([getattr(s, name) / unit for s in part] or [0])
            for part in (long_lived[:half], long_lived[half:])
        ]
        print(
            f"  {name + (' MiB' if unit > 1 else ''):<18}{min(values):>10.1f}"
            f"{statistics.median(values):>10.1f}{max(values):>10.1f}"
            f"   {halves[0]:.1f}, {halves[1]:.1f}"
        )
    folders = sum(1 for name in (".claude", ".codex") for _ in walk(soak.home / name))
    files = sum(
        len(found) for name in (".claude", ".codex") for *_, found in walk(soak.home / name)
    )
    written = sum(f.stat().st_size for f in soak.archive.rglob("*.jsonl"))
    print(
        f"  explained by: {folders:,} folders, {files:,} files, {written / 1e6:.0f} MB written,"
        " lines of 50 MB"
    )
    print(
        f"  CPU {soak.cpu / soak.seconds:.1%} of a core in the storm, {idle:.2%} in the calm after it"
    )
    if half and long_lived[-1].fds > long_lived[half].fds + 8:
        soak.faults.append("file descriptors grow")
    if max(s.watches for s in soak.samples) > folders + 64:
        soak.faults.append("more watches than folders")
    if idle > 0.02:
        soak.faults.append(f"{idle:.1%} of a core while nothing happens")
    for fault in soak.faults:
        print(f"  FAULT: {fault}")
    print(
        "  verdict: "
        + (f"{len(soak.faults)} faults" if soak.faults else "equal, and nothing leaked")
    )
    return len(soak.faults)


def walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Return a folder's folders with their files."""
    yield from os.walk(folder)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument("--kill-every", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="copy ledgers and the watcher's words there")
    arguments = parser.parse_args()
    print(machine())
    with Stage() as stage:
        soak = Soak(
            stage, arguments.seconds, arguments.writers, arguments.kill_every, arguments.seed
        )
        try:
            watcher = soak.storm()
            idle = soak.calm(watcher)
            soak.end(watcher)
            print(
                f"soak of {arguments.seconds:g} s, {arguments.writers} writers, load {os.getloadavg()[0]:.1f}"
            )
            soak.compare()
            faults = verdict(soak, idle)
        finally:
            if arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                for name, home in (("watched", stage.home), ("once", soak.archive)):
                    with contextlib.suppress(OSError):
                        shutil.copy(home / STATE / "ledger.db", arguments.keep / f"{name}.db")
                shutil.copy(stage.folder / "watcher.log", arguments.keep)
            soak.unmount()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
