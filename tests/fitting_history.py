"""Weeks of agents' logs and commits with known constants, that can carry a fit."""

from __future__ import annotations

import subprocess
from itertools import groupby
from typing import TYPE_CHECKING

from breakeven_data import history
from build_claude import Transcript, session_id, usage
from build_codex import Rollout, Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.breakeven.hours import Hour

ME = "me@example.org"
TRUE = {"k_high": 2.6, "k_low": 1.1, "knee": 900_000.0}
DAYS = 40
CLAUDE, CODEX = "claude-opus-4-5", "gpt-5.5"
"""Both $5 a million and $0.50 cached: what tokens count for is the same in every mix of them."""
HOURS = history(1, days=DAYS, worked_least=1.0, **TRUE)
MINUTES = (1, 10, 19, 28, 37, 46, 55)
"""When an agent at work makes a request; all but the last ask of the human to go on."""
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def shared(hour: Hour, agents: int) -> list[tuple[int, int]]:
    """Return fresh and cached input of each request of an hour, which sum to the hour's."""
    count = agents * len(MINUTES)
    read = (hour.input_tokens - hour.price_equivalent) / 0.9
    fresh = hour.input_tokens - read
    return [
        (
            round(fresh * (n + 1) / count) - round(fresh * n / count),
            round(read * (n + 1) / count) - round(read * n / count),
        )
        for n in range(count)
    ]


def write_claude(script: Transcript, begin: int, requests: list[tuple[int, int]]) -> None:
    """Write an hour of Claude Code: asked seven times, at work between."""
    for minute, (fresh, read) in zip(MINUTES, requests, strict=True):
        script.now_ms = begin + minute * MINUTE_MS - 30_000
        if minute in MINUTES[::3]:
            script.prompt("go on")
        script.now_ms = begin + minute * MINUTE_MS
        script.reply(
            f"m{script.session[:8]}{script.now_ms}",
            tokens=usage(fresh, 1, read, 0, 0),
            model=CLAUDE,
            stop=None,
        )
    script.now_ms = begin + 59 * MINUTE_MS
    script.turn_duration()


def write_codex(rollout: Rollout, begin: int, requests: list[tuple[int, int]]) -> None:
    """Write an hour of Codex, one turn."""
    rollout.now = begin + 30_000
    rollout.begin(CODEX).prompt("go on")
    for minute, (fresh, read) in zip(MINUTES, requests, strict=True):
        rollout.now = begin + minute * MINUTE_MS
        rollout.request(Tokens(fresh + read, read, 1))
    rollout.now = begin + 59 * MINUTE_MS
    rollout.complete()


def write_day(home: Path, repo: Path, morning: int, hours: list[Hour]) -> None:
    """Write a day's logs: one agent at work, or Claude Code twice and Codex once."""
    name = str(morning)
    first = Transcript(session_id(name), cwd=str(repo))
    second = Transcript(session_id(name + "b"), cwd=str(repo))
    third = Rollout(morning)
    third.meta(cwd=str(repo), git={})
    for number, hour in enumerate(hours):
        begin = morning + number * HOUR_MS
        agents = 1 if hour.agents_working == 1 else 3
        requests = shared(hour, agents)
        write_claude(first, begin, requests[::agents])
        if agents > 1:
            write_claude(second, begin, requests[1::agents])
            write_codex(third, begin, requests[2::agents])
    first.now_ms = morning + len(hours) * HOUR_MS - 1000
    first.prompt("thank you")
    for script in (first, second):
        if script.records:
            script.write(home / ".claude")
    folder = home / ".codex/sessions/2026/01/01"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / third.name).write_bytes(third.content())


def commit(repo: Path, times: list[int]) -> None:
    """Make commits of the user's at these times (epoch seconds)."""
    subprocess.run(["git", "init", "-q", "-b", "main", repo], check=True)
    subprocess.run(["git", "-C", repo, "config", "user.email", ME], check=True)
    stream = "".join(
        f"commit refs/heads/main\ncommitter Me <{ME}> {time} +0000\ndata 1\nx\n" for time in times
    )
    subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=stream.encode(), check=True)


def write_history(home: Path, repo: Path, midnight_ms: int) -> None:
    """Write the logs and commits of forty days, the last of which ends at ``midnight_ms``."""
    done: list[int] = []
    for number, (_, day) in enumerate(groupby(HOURS, key=lambda hour: hour.day)):
        some = list(day)
        morning = midnight_ms - (DAYS - number) * 24 * HOUR_MS + 9 * HOUR_MS
        write_day(home, repo, morning, some)
        for at, hour in enumerate(some):
            begin = (morning + at * HOUR_MS) // 1000
            done += [begin + 3600 * n // int(hour.tasks) for n in range(int(hour.tasks))]
    commit(repo, done)
