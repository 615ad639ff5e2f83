"""What the live segment costs on an event: ``python bench/live.py [REQUESTS] [PANES]``.

Fills a ledger with one long day, then books one request at a time and measures what follows it in
the watcher: sums, light and every value for tmux. Beside it, a look at every row of the day, which
the watcher takes at most a twentieth of the time for.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from tmuxmeter.config import parse
from tmuxmeter.events import (
    Chunk,
    FileTouch,
    LogFile,
    Position,
    Prompt,
    ToolResult,
    TurnEnd,
    Usage,
    event_key,
)
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.panes.locate import PaneRef
from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture
from tmuxmeter.status.options import StatusOptions
from tmuxmeter.status.values import tmux_values
from tmuxmeter.tmux.snapshot import Pane, ServerSnapshot
from tmuxmeter.watcher.figures import Day
from tmuxmeter.watcher.scale import OwnScale

if TYPE_CHECKING:
    from tmuxmeter.events import Event

NOON = 1_783_512_000_000
HOUR = 3_600_000
HOURS = 10
TURN = 12
EVENTS = 200
SOCKET = "/tmp/tmux-1/default"
CONFIG = parse(Path("config.toml"), '[day]\ntimezone = "UTC"\n')


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    panes = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    with tempfile.TemporaryDirectory() as folder, Writer.open(Path(folder)) as writer:
        for number in range(panes):
            fill(writer, number, requests // panes)
        print(f"a day of {requests} requests in {panes} panes")
        measure(writer, picture(panes), OwnScale(Path(folder), CONFIG))


def fill(writer: Writer, number: int, requests: int) -> None:
    """Book one session's day and bind it to a pane."""
    session, rng = f"s{number}", Random(number)
    begin = NOON - HOURS * HOUR + number * 1_000
    events: list[Event] = []
    for step in range(requests):
        at = begin + step * HOURS * HOUR // requests
        if step % TURN == 0:
            events.append(
                Prompt(key=key("p", session, step), session=session, time_ms=at, human=True)
            )
        events.append(request(session, step, at + 500))
        ok = rng.random() < 0.8
        events.append(
            ToolResult(
                key=key("t", session, step), session=session, time_ms=at + 900, tool="Bash", ok=ok
            )
        )
        events.append(
            FileTouch(
                key=key("f", session, step),
                session=session,
                time_ms=at + 950,
                edit=rng.random() < 0.4,
                path=f"/w/p{number}/f{rng.randrange(50)}.py",
            )
        )
        if step % TURN == TURN - 1:
            events.append(
                TurnEnd(
                    key=key("e", session, step), session=session, time_ms=at + 1_200, reason="done"
                )
            )
    book(writer, session, events)
    at = ref(number)
    run = PaneRun(SOCKET, 7, 1, at.pane, at.pid, at.pid_start)
    pane = writer.pane(run, begin)
    writer.bind("claude", session, "pane", pane, at.pid, "1", begin, "argv", 1.0, begin)


def measure(writer: Writer, seen: Picture, scale: OwnScale) -> None:
    day, reader = Day(), writer.reader()
    recent = {(row.agent, row.session): row for row in reader.recent_sessions(NOON - 36 * HOUR)}
    began = time.perf_counter()
    day.weigh(reader, CONFIG, NOON)
    weighed = time.perf_counter() - began
    took = []
    for number in range(EVENTS):
        book(writer, "s0", [request("s0", 10**6 + number, NOON + number)])
        day.changed()
        began = time.perf_counter()
        found = day.figures(
            reader, CONFIG, scale, seen, recent, NOON + number, problem="", demo=False
        )
        tmux_values(found.lives[0][1], StatusOptions())
        took.append(time.perf_counter() - began)
    took.sort()
    shares = f"{took[0] * 1e3:.2f} ms at best, {took[int(EVENTS * 0.95)] * 1e3:.2f} ms at 95 %"
    print(f"an event:     {median(took) * 1e3:.2f} ms ({shares})")
    print(f"the whole day: {weighed * 1e3:.0f} ms")


def picture(panes: int) -> Picture:
    server = ServerSnapshot(Path(SOCKET), 7, 1, "3.3a", (), ())
    shown = tuple(
        PaneNow(
            ref(number),
            Pane(
                f"%{number}", 9, "", "$0", "main", "@0", 0, "w", number, True, True, 1, False, "/w"
            ),
            AgentNow(
                "claude", f"s{number}", "working", "", "argv", 1.0, 9, NOON, False, ref(number)
            ),
        )
        for number in range(panes)
    )
    return Picture(NOON, (server,), {}, shown, (), ())


def ref(number: int) -> PaneRef:
    return PaneRef(SOCKET, 7, 1, f"%{number}", 100 + number, "1")


def request(session: str, number: int, time_ms: int) -> Usage:
    return Usage(
        key=key("u", session, number),
        session=session,
        time_ms=time_ms,
        model="claude-sonnet-4-6",
        fresh=20,
        cache_read=60_000,
        cache_write_5m=800,
        output=300,
    )


def book(writer: Writer, session: str, events: list[Event]) -> None:
    log = LogFile("claude", "/w", f"{session}.jsonl", f"/w/{session}.jsonl")
    writer.book([Chunk(log, events, Position())], lambda _agent, usage: usage.output * 15)


def key(kind: str, session: str, number: int) -> int:
    return event_key("claude", kind, f"{session} {number}")


if __name__ == "__main__":
    main()
