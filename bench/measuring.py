"""Running whole programs and measuring them: wall time, CPU with all children, memory of the tree."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SAMPLE_S = 0.02
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program. Seconds; bytes, 0 where not measured."""

    wall: float
    cpu: float
    largest: int
    tree: int
    output: bytes


def run(
    command: Sequence[str], env: Mapping[str, str], *, memory: bool = False, cores: int = 0
) -> Run:
    """Run a program to its end.

    Parameters
    ----------
    command, env
        What to run, and its whole environment.
    memory : bool
        Also sample the memory of the whole process tree, which costs some of the machine's time.
    cores : int
        Give it so many cores; 0: all.

    Raises
    ------
    SystemExit
        The program fails; its standard error is shown.
    """
    allowed = sorted(os.sched_getaffinity(0))[: cores or None]
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.sched_setaffinity(process.pid, allowed)
    peak = [0]
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(process.pid, done, peak), daemon=True)
    if memory:
        sampler.start()
    errors: list[bytes] = []
    assert process.stdout and process.stderr
    listener = threading.Thread(target=lambda: errors.append(process.stderr.read()))  # type: ignore[union-attr]
    listener.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    listener.join()
    if memory:
        sampler.join()
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        text = b"".join(errors).decode(errors="replace")
        msg = f"{' '.join(command)}\nended with {process.returncode}:\n{text}"
        raise SystemExit(msg)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, peak[0], output)


def _sample(pid: int, done: threading.Event, peak: list[int]) -> None:
    while not done.wait(SAMPLE_S):
        peak[0] = max(peak[0], sum(proportional(each) for each in tree(pid)))


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found, at = [pid], 0
    while at < len(found):
        try:
            for task in Path(f"/proc/{found[at]}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            pass
        at += 1
    return found


def proportional(pid: int) -> int:
    """Return a process' share of the memory (PSS): pages of several processes count once in all."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def resident(pid: int) -> int:
    """Return a process' resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended and were reaped."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def alternate(programs: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run programs in turn, so that a busy moment of the machine hits all of them alike."""
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for number in range(rounds):
        names = list(programs)
        for name in names if number % 2 == 0 else reversed(names):
            runs[name].append(programs[name]())
    return runs


def spread(values: Sequence[float], unit: str = "s", scale: float = 1.0) -> str:
    """Return median, least and greatest as text."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle * scale:.3g} {unit} ({least * scale:.3g}–{most * scale:.3g})"


def print_runs(runs: Mapping[str, Sequence[Run]], *, ours: str) -> None:
    """Print each program's figures, and the median ratios of ours to each of the others."""
    for name, done in runs.items():
        print(
            f"  {name:<28} wall {spread([r.wall for r in done]):<26}"
            f" CPU {spread([r.cpu for r in done]):<26}"
            f" largest process {max(r.largest for r in done) / MIB:.0f} MiB"
        )
    for name, done in runs.items():
        if name != ours:
            pairs = list(zip(runs[ours], done, strict=True))
            print(
                f"  {ours} / {name}: wall {spread([a.wall / b.wall for a, b in pairs], '×')},"
                f" CPU {spread([a.cpu / b.cpu for a, b in pairs], '×')}"
            )


def machine() -> str:
    """Return what a figure has to be read with: cores, processor, load, versions."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=False).stdout
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{len(os.sched_getaffinity(0))} cores ({model}), load {load}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {tmux.strip()}"
    )


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment in which programs see this home, UTC and nothing of the user's."""
    keep = ("PATH", "LANG", "LC_ALL", "TERM")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    return {**env, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "TZ": "UTC"}


def meter(*arguments: str | Path) -> list[str]:
    """Return the command that runs this Python's tmuxmeter, the installed program where it is."""
    program = Path(sys.executable).with_name("tmuxmeter")
    start = [str(program)] if program.exists() else [sys.executable, "-m", "tmuxmeter"]
    return [*start, *map(str, arguments)]
