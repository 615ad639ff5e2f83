"""A played agent for the live benches: a process in a pane that looks like Claude Code at work.

    claude player.py HOME SESSION [--rate LINES_PER_SECOND --seconds S --times FILE]

It writes ``sessions/<pid>.json`` as the real one does. With a rate it also writes its log: every
second line is a request with ``TOKENS`` of output. ``--times`` gets the monotonic nanoseconds and
the sum of output after each of them. Without a rate it sits there. Nothing but the standard library:
fifty of them have to start quickly.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

TOKENS = 50


def log_of(home: Path, session: str) -> Path:
    """Return where a played session is logged."""
    return home / ".claude/projects/-work-bench" / f"{session}.jsonl"


def stamp() -> str:
    """Return the time as the agents log it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(
    session: str, number: int, kind: str, message: dict[str, object], now: str = ""
) -> bytes:
    """Return one line of a transcript."""
    line = {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/work/bench",
        "sessionId": session,
        "version": "2.1.197",
        "gitBranch": "main",
        "type": kind,
        "message": message,
        "requestId": f"req_{session}_{number}",
        "uuid": f"{session}-{number}",
        "timestamp": now or stamp(),
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def request(session: str, number: int, output: int, now: str = "") -> bytes:
    """Return the line of a reply with so many tokens of output."""
    usage = {
        "input_tokens": 3,
        "output_tokens": output,
        "cache_read_input_tokens": 20_000,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0},
    }
    call = {"type": "tool_use", "id": f"toolu_{session}_{number}", "name": "Bash", "input": {}}
    message = {
        "id": f"msg_{session}_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [call],
        "stop_reason": "tool_use",
        "usage": usage,
    }
    return record(session, number, "assistant", message, now)


def result(session: str, number: int, size: int = 1_000) -> bytes:
    """Return the line of a tool's result."""
    block = {
        "type": "tool_result",
        "tool_use_id": f"toolu_{session}_{number - 1}",
        "content": "x" * size,
    }
    return record(session, number, "user", {"role": "user", "content": [block]})


def tell(home: Path, session: str, status: str) -> None:
    """Write the live file."""
    folder = home / ".claude/sessions"
    folder.mkdir(parents=True, exist_ok=True)
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    now = time.time_ns() // 1_000_000
    facts = {
        "pid": os.getpid(),
        "sessionId": session,
        "cwd": "/work/bench",
        "startedAt": now,
        "procStart": start,
        "version": "2.1.197",
        "status": status,
        "updatedAt": now,
    }
    draft = folder / f".{os.getpid()}.draft"
    draft.write_text(json.dumps(facts))
    draft.replace(folder / f"{os.getpid()}.json")


def write_steadily(log: Path, session: str, rate: float, seconds: float, times: Path) -> None:
    """Write lines at a rate, one write each, and note when how much had been told."""
    written: list[str] = []
    total = 0
    begin = time.monotonic()
    with log.open("ab", buffering=0) as file:
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            if number % 2:
                file.write(result(session, number))
                continue
            total += TOKENS
            moment = time.monotonic_ns()
            file.write(request(session, number, TOKENS))
            written.append(f"{moment} {total}")
    times.write_text("\n".join(written) + "\n")


def main() -> None:
    """Play until the pane is closed."""
    home, session = Path(sys.argv[1]), sys.argv[2]
    options = dict(zip(sys.argv[3::2], sys.argv[4::2], strict=True))
    log = log_of(home, session)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    tell(home, session, "idle")
    if "--rate" in options:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.pause()
        tell(home, session, "busy")
        times = Path(options["--times"])
        write_steadily(log, session, float(options["--rate"]), float(options["--seconds"]), times)
        tell(home, session, "idle")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
