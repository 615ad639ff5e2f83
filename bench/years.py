"""Years of work straight into a ledger, through its own writer: what no log corpus is needed for.

    python bench/years.py HOME [--days 730] [--requests 1000000] [--seed 1]

Every working day has the same shape: sessions in six panes, some with a sub-agent, turns that ask,
read, edit, fail and hand over. The newest day is today, and full up to now.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmuxmeter.events import (
    Chunk,
    FileTouch,
    LogFile,
    Position,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
    event_key,
)
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.paths import places
from tmuxmeter.prices import PriceBook
from tmuxmeter.watcher.freshness import remember

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
PANES = 6
PROJECTS = tuple(f"/work/project{number}" for number in range(8))
FILES = 60
PER_SESSION = 35
"""Requests of a session, sub-agents apart."""
PER_TURN = 12
MODELS = (("claude", "claude-sonnet-4-6"), ("claude", "claude-haiku-4-5"), ("codex", "gpt-5.5"))


class Session:
    """One session's events."""

    def __init__(self, chance: random.Random, agent: str, model: str, name: str) -> None:
        self.chance, self.agent, self.model, self.name = chance, agent, model, name
        self.events: list[Any] = []
        self.project = chance.choice(PROJECTS)
        self.context = 0

    def add(self, kind: Any, time_ms: int, **facts: Any) -> None:
        """Add an event."""
        key = event_key(self.agent, kind.__name__, f"{self.name}.{len(self.events)}")
        self.events.append(kind(key=key, session=self.name, time_ms=time_ms, **facts))

    def request(self, time_ms: int) -> None:
        """Add a request, with what its tools did."""
        chance = self.chance
        if not self.context:
            fresh, read, write = 8, 0, 18_000
        else:
            fresh, read, write = chance.randint(2, 900), self.context, chance.randint(200, 2_500)
        self.context += fresh + write
        self.add(
            Usage,
            time_ms,
            model=self.model,
            fresh=fresh,
            cache_read=read,
            cache_write_5m=write if self.agent == "claude" else 0,
            output=chance.randint(20, 900),
            cwd=self.project,
            branch="main",
        )
        self.add(ToolResult, time_ms + 900, tool="Bash", ok=chance.random() > 0.08)
        if chance.random() < 0.5:
            path = f"{self.project}/src/file{chance.randrange(FILES)}.py"
            self.add(FileTouch, time_ms + 950, path=path, edit=chance.random() < 0.4)

    def live(self, begin_ms: int, end_ms: int, requests: int, *, human: bool) -> None:
        """Work, turn by turn, at most up to a time."""
        now = begin_ms
        while requests > 0 and now < end_ms:
            self.add(Prompt, now, human=human, corrects=human and self.chance.random() < 0.1)
            for _ in range(min(requests, self.chance.randint(PER_TURN // 2, PER_TURN * 3 // 2))):
                requests -= 1
                now += self.chance.randint(4_000, 40_000)
                if now < end_ms:
                    self.request(now)
            now += 2_000
            if now < end_ms:
                self.add(TurnEnd, now, reason="done", asked=self.chance.random() < 0.2)
            now += self.chance.randint(MINUTE_MS, 20 * MINUTE_MS)
        # what a day cuts off was never done
        self.events = [event for event in self.events if event.time_ms < end_ms]


def day_of_work(
    chance: random.Random, begin_ms: int, end_ms: int, requests: int, name: str
) -> Iterator[tuple[Session, int]]:
    """Yield one day's sessions, each with its pane; -1: a sub-agent, where its parent is."""
    left = requests
    number = 0
    while left > 0:
        share = min(left, PER_SESSION)
        left -= share
        agent, model = chance.choice(MODELS)
        start = begin_ms + 8 * HOUR_MS + chance.randrange(8 * HOUR_MS)
        session = Session(chance, agent, model, f"{name}-{number}")
        session.add(SessionStart, start - 1000, cwd=session.project, branch="main")
        child = chance.random() < 0.3
        session.live(start, end_ms, share * 2 // 3 if child else share, human=True)
        yield session, number % PANES
        if child:
            helper = Session(chance, agent, model, f"{name}-{number}-sub")
            helper.project = session.project
            helper.add(
                SessionStart,
                start + MINUTE_MS,
                cwd=session.project,
                parent=session.name,
                spawned=True,
            )
            helper.live(start + MINUTE_MS, end_ms, share // 3, human=False)
            yield helper, -1
        number += 1


def write_years(home: Path, days: int, requests: int, seed: int) -> dict[str, int]:
    """Write a ledger and return how many requests each day (UTC) has."""
    chance = random.Random(seed)
    where = places(home, os.environ)
    price = PriceBook().cost_of
    now = round(time.time() * 1000)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    truth: Counter[str] = Counter()
    with Writer.open(where.state) as writer:
        for number in range(days):
            begin = round((today - timedelta(days=days - 1 - number)).timestamp() * 1000)
            runs = [
                PaneRun(
                    "/tmp/tmux-0/default", 7, begin // 1000, f"%{pane}", pane, "1", "main", pane
                )
                for pane in range(PANES)
            ]
            panes = [writer.pane(run, begin) for run in runs]
            chunks, stays = [], []
            end = min(begin + DAY_MS, now)
            for session, pane in day_of_work(chance, begin, end, requests // days, f"d{number}"):
                if not session.events:
                    continue
                truth.update(
                    f"{datetime.fromtimestamp(event.time_ms / 1000, UTC):%Y-%m-%d}"
                    for event in session.events
                    if isinstance(event, Usage)
                )
                log = LogFile(session.agent, f"/gone/.{session.agent}", f"{session.name}.jsonl", "")
                chunks.append(Chunk(log, session.events, Position(size=1, offset=1)))
                if pane >= 0:
                    stays.append((session, panes[pane]))
            writer.book(chunks, price)
            for session, pane_id in stays:
                first, last = session.events[0].time_ms, session.events[-1].time_ms
                bound = writer.bind(
                    *(session.agent, session.name, "pane", pane_id, 1, "1"),
                    *(first, "test", 1.0, first),
                )
                if last < now - HOUR_MS:
                    writer.end_binding(bound, last + HOUR_MS // 2)
        remember(writer, where, [], {}, [], [], 0)
    return dict(truth)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.home.mkdir(parents=True, exist_ok=True)
    truth = write_years(arguments.home, arguments.days, arguments.requests, arguments.seed)
    print(f"{sum(truth.values()):,} requests in {arguments.days} days")


if __name__ == "__main__":
    main()
