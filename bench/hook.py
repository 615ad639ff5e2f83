"""What our hook adds to a tool call: the installed command line, against a shell that does nothing.

    python bench/hook.py [--rounds 200] [--kilobytes 2]

Four cases: nobody is held; nobody is held and the call is large (a file about to be written); another
session is held, so that flags are looked at; and a drop of the status line. `sh -c :` reading the same
input is the floor: what it takes to start any hook at all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import machine, spread

from tmuxmeter.hooks.wanted import Program
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.watcher.process import WatcherLock

SCRIPT = Path(__file__).parents[1] / "shell" / "hook.sh"
TARGET_MS = 15.0


def call(command: str, content: bytes) -> float:
    """Run a hook as agents do and return its seconds."""
    begin = time.perf_counter()
    subprocess.run(["/bin/sh", "-c", command], input=content, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--kilobytes", type=int, default=2, help="what an agent tells of a call")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="tmuxmeter-hook-") as folder:
        runtime = Path(folder) / "tmuxmeter"
        (runtime / "inbox").mkdir(parents=True)
        lock = WatcherLock(runtime)
        lock.acquire()
        program = Program(SCRIPT, Path(sys.executable), runtime)
        small = _content(arguments.kilobytes)
        measure("nobody is held", program, "PreToolUse", small, arguments.rounds)
        measure("nobody is held, 500 KB", program, "PreToolUse", _content(500), arguments.rounds)
        measure("the status line", program, "statusLine", small, arguments.rounds)
        HoldFlags(runtime / "hold").set("claude", "another", "bench", 1)
        measure("another session is held", program, "PreToolUse", small, arguments.rounds)
        lock.release()


def _content(kilobytes: int) -> bytes:
    value = {"session_id": "s", "tool_name": "Write", "tool_input": {"content": ""}}
    value["tool_input"] = {"content": "x" * (kilobytes << 10)}
    return json.dumps(value).encode()


def measure(what: str, program: Program, event: str, content: bytes, rounds: int) -> None:
    """Run a case and its floor in turn, and print what the hook adds."""
    ours, floor = [], []
    for _ in range(max(rounds, 1)):
        floor.append(call("exec cat >/dev/null", content))
        ours.append(call(program.command("claude", event), content))
    added = [a - b for a, b in zip(ours, floor, strict=True)]
    print(
        f"{what}: {spread(ours, 'ms', 1000)}; a shell that only reads: {spread(floor, 'ms', 1000)}"
    )
    middle = statistics.median(added) * 1000
    verdict = f"{'within' if middle < TARGET_MS else 'NOT within'} {TARGET_MS:.0f} ms"
    told = "no tool call waits for it" if event == "statusLine" else verdict
    print(f"  added: median {middle:.2f} ms, {told}")


if __name__ == "__main__":
    main()
