"""What agents' hooks left in the inbox, carried to where it belongs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from ledger_data import NOON
from msgspec import structs

from tmuxmeter.agents.base import Root
from tmuxmeter.errors import LedgerUnwritableError
from tmuxmeter.events import Chunk, LogFile, Position, Prompt, Usage
from tmuxmeter.hooks.facts import EXPIRED, HELD, UNUSABLE
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.watcher.reported import Reported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tmuxmeter.events import Event


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path / "state") as writer:
        yield writer


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def drop(inbox: Path, event: str, agent: str = "claude", at_ms: int = NOON, **body: Any) -> None:
    """Leave a drop as shell/hook.sh does."""
    path = inbox / f"{len(list(inbox.iterdir()))}.{event}"
    head = f"tmuxmeter-hook 1\nagent {agent}\nevent {event}\npids 7:1\ntmux \npane \n\n"
    path.write_text(head + json.dumps(body))
    os.utime(path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))


def status_line(inbox: Path, dollars: float, at_ms: int = NOON, **more: Any) -> None:
    body = {"session_id": "s", "cost": {"total_cost_usd": dollars}, **more}
    drop(inbox, "statusLine", at_ms=at_ms, **body)


def costs(writer: Writer) -> list[Any]:
    return writer._connection.execute("SELECT told, billed FROM account_cost").fetchall()


def book(writer: Writer, file: LogFile, events: Sequence[Event]) -> None:
    writer.book([Chunk(file, list(events), Position())], lambda *_: None)


def test_the_newest_cost_of_a_session_is_booked(writer: Writer, inbox: Path) -> None:
    reported = Reported(inbox, ["claude"])
    status_line(inbox, 0.0)
    assert reported.take(writer, [], NOON).booked
    for number in range(5):
        status_line(inbox, 0.01 * (number + 1), NOON + 1000 * number)
    assert reported.take(writer, [], NOON).booked
    assert costs(writer) == [(50_000, 50_000)]
    assert not reported.take(writer, [], NOON).booked
    assert list(inbox.iterdir()) == []


def test_plan_windows_are_those_of_the_account_the_transcript_is_in(
    writer: Writer, inbox: Path, tmp_path: Path
) -> None:
    roots = [Root("claude", tmp_path / ".claude"), Root("claude", tmp_path / ".claude-work")]
    limits = {
        "five_hour": {"used_percentage": 42.5, "resets_at": NOON // 1000 + 60},
        "seven_day": {"used_percentage": 7},
    }
    transcript = str(tmp_path / ".claude-work/projects/x/s.jsonl")
    status_line(inbox, 0.0, rate_limits=limits, transcript_path=transcript)
    Reported(inbox, ["claude"]).take(writer, roots, NOON)
    rows = [
        (row.account, row.window_minutes, row.used_percent, row.resets_ms)
        for row in writer.reader().rate_limits()
    ]
    assert rows == [
        (str(tmp_path / ".claude-work"), 300, 42.5, NOON + 60_000),
        (str(tmp_path / ".claude-work"), 10_080, pytest.approx(7), 0),
    ]


def test_a_transcript_of_nobody_s_account_tells_no_window(writer: Writer, inbox: Path) -> None:
    limits = {"five_hour": {"used_percentage": 42.5, "resets_at": 1}}
    status_line(inbox, 0.0, rate_limits=limits, transcript_path="/elsewhere/s.jsonl")
    Reported(inbox, ["claude"]).take(writer, [], NOON)
    assert writer.reader().rate_limits() == []


def test_sessions_go_to_the_panes_and_unmetered_agents_nowhere(writer: Writer, inbox: Path) -> None:
    drop(inbox, "SessionStart", session_id="s", source="clear")
    drop(inbox, "SessionStart", agent="cursor", session_id="t")
    drop(inbox, "stop", agent="cursor", session_id="t", input_tokens=5, output_tokens=1)
    news = Reported(inbox, ["claude", "codex"]).take(writer, [], NOON)
    assert [(report.session, report.source) for report in news.sessions] == [("s", "clear")]
    assert not news.booked


def test_turns_of_cursor_are_spend_once_and_not_where_an_import_told_them(
    writer: Writer, inbox: Path
) -> None:
    counts = {"input_tokens": 1000, "cache_read_tokens": 600, "cache_write_tokens": 300}
    turn = {"session_id": "t", "generation_id": "g1", "model": "gpt-5", "output_tokens": 7}
    reported = Reported(inbox, ["cursor"])
    for at_ms in (NOON, NOON + 1000):
        drop(inbox, "stop", agent="cursor", at_ms=at_ms, **turn, **counts)
    reported.take(writer, [], NOON)
    first, again = reported.spent(writer.reader())
    (usage,) = first.events
    assert isinstance(usage, Usage)
    assert (usage.fresh, usage.cache_read, usage.cache_write_5m, usage.output) == (100, 600, 300, 7)
    assert [event.key for event in again.events] == [usage.key]
    assert reported.spent(writer.reader()) == []

    imported = structs.replace(first, file=LogFile("cursor", "import", "usage", ""))
    writer.book([imported], lambda *_: None)
    drop(inbox, "stop", agent="cursor", at_ms=NOON, **{**turn, "generation_id": "g2"}, **counts)
    reported.take(writer, [], NOON)
    assert reported.spent(writer.reader()) == []


@pytest.mark.parametrize(
    ("requests", "rest"),
    [
        ([], (100, 600, 300, 7)),
        # of this turn: the hook tells them again in its sum
        ([(NOON - 9_000, 60, 100, 300, 2), (NOON - 1_000, 40, 100, 0, 1)], (0, 400, 0, 4)),
        ([(NOON - 9_000, 100, 600, 200, 6), (NOON - 1_000, 0, 0, 100, 1)], None),
        # of the turn before, and of a time after it
        ([(NOON - 200_000, 60, 100, 300, 2), (NOON + 1, 1, 1, 1, 1)], (100, 600, 300, 7)),
        # more than the turn: whatever it was, it is known
        ([(NOON - 9_000, 101, 0, 0, 0)], None),
    ],
)
def test_what_an_import_told_of_a_turn_that_went_on_counts_once(
    writer: Writer,
    inbox: Path,
    requests: list[tuple[int, int, int, int, int]],
    rest: tuple[int, int, int, int] | None,
) -> None:
    prompts = [
        Prompt(key=number, session="t", time_ms=at_ms, human=True)
        for number, at_ms in enumerate((NOON - 300_000, NOON - 30_000))
    ]
    rows = [
        Usage(
            key=number,
            session="t",
            time_ms=at_ms,
            model="gpt-5",
            fresh=fresh,
            cache_read=read,
            cache_write_5m=written,
            output=output,
        )
        for number, (at_ms, fresh, read, written, output) in enumerate(requests)
    ]
    book(writer, LogFile("cursor", "/r", "t.jsonl", ""), prompts)
    book(writer, LogFile("cursor", "import", "usage", ""), rows)
    counts = {"input_tokens": 1000, "cache_read_tokens": 600, "cache_write_tokens": 300}
    turn = {"session_id": "t", "generation_id": "g1", "model": "gpt-5", "output_tokens": 7}
    reported = Reported(inbox, ["cursor"])
    for _ in range(2):
        drop(inbox, "stop", agent="cursor", **turn, **counts)
        reported.take(writer, [], NOON)
        events = [event for chunk in reported.spent(writer.reader()) for event in chunk.events]
        found = [(e.fresh, e.cache_read, e.cache_write_5m, e.output) for e in events]
        assert found == ([rest] if rest else [])
        # told again it is the same
        book(writer, LogFile("cursor", "hook", "stop", ""), events)


@pytest.mark.parametrize(("event", "told"), [(HELD, 0), (EXPIRED, 1), (UNUSABLE, 1)])
def test_the_human_hears_of_holds_that_end_by_themselves(
    writer: Writer, inbox: Path, event: str, told: int
) -> None:
    drop(inbox, "Hold", session_id="6fee5285-303d", hold=event, text="so it was")
    drop(inbox, "Hold", hold=event, text="nobody's")
    news = Reported(inbox, ["claude"]).take(writer, [], NOON)
    told_of = ["claude 6fee5285: so it was", "claude: nobody's"]
    assert sorted(news.notices) == told_of * told


class FullDisk:
    """A ledger that refuses, once."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.full = True

    def account_cost(self, *facts: Any) -> bool:
        if self.full:
            raise LedgerUnwritableError
        return self._writer.account_cost(*facts)

    def plan_window(self, *facts: Any) -> bool:
        return self._writer.plan_window(*facts)


def test_what_a_full_disk_refused_is_booked_later(writer: Writer, inbox: Path) -> None:
    reported, disk = Reported(inbox, ["claude"]), FullDisk(writer)
    status_line(inbox, 0.5)
    with pytest.raises(LedgerUnwritableError):
        reported.take(disk, [], NOON)
    disk.full = False
    assert reported.take(disk, [], NOON).booked
    assert costs(writer) == [(500_000, 0)]
