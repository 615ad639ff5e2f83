"""From a log line's write to the changed text on a client's terminal.

    python bench/latency.py [--writes 100] [--seconds 60] [--agents 10]

A real tmux server, a client on a real terminal (200×50, four panes in view with metered borders),
a real watcher. First single lines, each after more than a quiet second. Then all agents write 50
lines a second each for a minute: how far the screen lags behind what is written, and how many
redraws and bytes the client gets.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import time
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from measuring import cpu_seconds, machine
from player import log_of, request
from stage import Client, Stage, wait_for

if TYPE_CHECKING:
    from pathlib import Path

STATUS = "out=#{tmuxmeter_output}="
_SHOWN = re.compile(rb"out=([0-9.]+)(k|M)?=")
_UNITS = {b"": 1, b"k": 1_000, b"M": 1_000_000}
SINGLE = 1_000
"""Output tokens of a single line: each changes the text that is shown."""
FIRST_SINGLE = 1_000_000
"""Numbers of single lines: no player's request may have the same id."""
RATE = 50.0


def shown(client: Client, since: int) -> list[tuple[int, float, float]]:
    """Return each redraw's time, the figure in it and the least figure that would look different."""
    found = []
    before = b""
    for moment, block in client.chunks[since:]:
        text = before + block
        end = 0
        for match in _SHOWN.finditer(text):
            unit = _UNITS[match[2] or b""]
            step = unit / 10 if b"." in match[1] else unit
            figure = float(match[1]) * unit
            found.append((moment, figure, figure + step / 2))
            end = match.end()
        before = text[max(end, len(text) - 32) :]
    return found


def single_lines(stage: Stage, client: Client, session: str, writes: int) -> list[float]:
    """Write lines one by one; return the milliseconds until each was seen."""
    rng = Random(1)
    took = []
    with log_of(stage.home, session).open("ab", buffering=0) as log:
        for number in range(writes + 1):
            time.sleep(1.0 + rng.random() * 0.4)
            since = len(client.chunks)
            line = request(session, FIRST_SINGLE + number, SINGLE)
            begin = time.monotonic_ns()
            log.write(line)
            wait_for(lambda since=since: shown(client, since), "the changed text", 20)
            moment, figure, _ = shown(client, since)[0]
            if round(figure / SINGLE) != number + 1:
                msg = f"WRONG: {(number + 1) * SINGLE} tokens, {figure:.0f} shown"
                raise SystemExit(msg)
            # the first one also starts the session: its own thing
            if number:
                took.append((moment - begin) / 1e6)
    return sorted(took)


def lags(
    times: list[tuple[int, int]], redraws: list[tuple[int, float, float]], base: float
) -> list[float]:
    """Return by how many seconds each redraw came after what made it due.

    Parameters
    ----------
    times
        When how many tokens had been written in all, ascending.
    redraws
        From :func:`shown`.
    base : float
        Tokens that were there before.
    """
    found = []
    at = 0
    due = base
    for moment, _, next_look in redraws:
        while at < len(times) and base + times[at][1] < due:
            at += 1
        if at < len(times) and times[at][0] <= moment:
            found.append((moment - times[at][0]) / 1e9)
        due = next_look
    return found


def all_writes(files: list[Path]) -> list[tuple[int, int]]:
    """Return when how many tokens had been written by all players together."""
    steps = []
    for file in files:
        before = 0
        for line in file.read_text().splitlines():
            moment, total = map(int, line.split())
            steps.append((moment, total - before))
            before = total
    steps.sort()
    total = 0
    return [(moment, total := total + step) for moment, step in steps]


def busiest(moments: list[tuple[int, int]], window_ns: int) -> int:
    """Return the greatest sum of weights within any window of that length."""
    most = held = first = 0
    for moment, weight in moments:
        held += weight
        while moments[first][0] <= moment - window_ns:
            held -= moments[first][1]
            first += 1
        most = max(most, held)
    return most


def crowd(
    stage: Stage, client: Client, watcher: int, agents: list[tuple[str, str]], seconds: float
) -> None:
    """Let all agents write at once and print how the screen kept up."""
    shown_before = shown(client, 0)
    base = shown_before[-1][1] if shown_before else 0.0
    time.sleep(2)
    since = len(client.chunks)
    files = [stage.folder / f"times-{session}" for session, _ in agents]
    cpu, begin = cpu_seconds(watcher), time.monotonic()
    for _, pane in agents:
        os.kill(int(stage.tmux("display-message", "-p", "-t", pane, "#{pane_pid}")), signal.SIGUSR1)
    wait_for(lambda: all(file.exists() for file in files), "the players", seconds * 3 + 30)
    cpu, took = cpu_seconds(watcher) - cpu, time.monotonic() - begin
    times = all_writes(files)
    right = base + times[-1][1]

    def all_there() -> bool:
        found = shown(client, since)
        return bool(found) and abs(found[-1][1] - right) <= found[-1][2] - found[-1][1]

    try:
        wait_for(all_there, f"{right:.0f} tokens on the screen")
    except SystemExit as error:
        msg = f"WRONG: {error}; {shown(client, since)[-1][1]:.0f} are shown"
        raise SystemExit(msg) from None
    last = shown(client, since)[-1]
    redraws = shown(client, since)
    behind = lags(times, redraws, base)
    blocks = [(moment, len(block)) for moment, block in client.chunks[since:]]
    span = (times[-1][0] - times[0][0]) / 1e9
    print(f"{len(agents)} agents, {RATE:g} lines/s each, {span:.0f} s")
    print(
        f"  behind: p50 {statistics.median(behind) * 1e3:.0f} ms, worst {max(behind) * 1e3:.0f} ms;"
        f" all shown {max(0.0, (last[0] - times[-1][0]) / 1e9):.2f} s after the last line"
    )
    print(
        f"  redraws: {len(redraws) / span:.1f}/s, at most"
        f" {busiest([(moment, 1) for moment, *_ in redraws], 10**9)} in any second; bytes:"
        f" {sum(size for _, size in blocks) / span / 1024:.2f} KB/s, at most"
        f" {busiest(blocks, 10**10) / 10 / 1024:.2f} KB/s over ten seconds"
    )
    print(f"  watcher: {cpu / took:.1%} of a core")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--writes", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--agents", type=int, default=10)
    arguments = parser.parse_args()
    print(machine())
    with Stage(STATUS) as stage:
        stage.server()
        sessions = [str(UUID(int=n + 1, version=4)) for n in range(arguments.agents)]
        agents = []
        for number, session in enumerate(sessions):
            times = stage.folder / f"times-{session}"
            options = (
                "--rate",
                str(RATE),
                "--seconds",
                str(arguments.seconds),
                "--times",
                str(times),
            )
            agents.append((session, stage.pane(stage.player(session, *options), split=number < 3)))
        live = stage.home / ".claude/sessions"
        wait_for(lambda: len(list(live.glob("*.json"))) == len(agents), "the players")
        client = stage.attach()
        stage.register()
        settings = stage.home / ".config/tmuxmeter/config.toml"
        settings.parent.mkdir(mode=0o700, parents=True)
        # a notice that the day's budget is used up covers the status line for six seconds
        settings.write_text("[budget]\ntokens = 0\n")
        settings.chmod(0o600)
        watcher = stage.watch()
        time.sleep(3)
        took = single_lines(stage, client, sessions[0], arguments.writes)
        ninety_nine = took[min(len(took) - 1, int(len(took) * 0.99))]
        print(f"{len(took)} single lines after a quiet second")
        print(
            f"  p50 {statistics.median(took):.1f} ms, p90 {took[int(len(took) * 0.9)]:.1f} ms,"
            f" p99 {ninety_nine:.1f} ms, worst {took[-1]:.1f} ms"
        )
        crowd(stage, client, watcher.pid, agents, arguments.seconds)
        print(f"  load now {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
