"""Sessions whose logs tell a total only: it counts once, whatever roots it is read from."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from agent_reading import lines
from ledger_data import price
from msgspec.structs import replace
from test_agents_copilot import NAME as EVENTS
from test_agents_copilot import shutdown, start
from test_agents_droid import SETTINGS, T0
from test_agents_droid import usage as droid_usage
from test_agents_goose import LEDGER, TABLES

from tmuxmeter.agents import agent_named
from tmuxmeter.events import LogFile, Usage
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "sessions/sessions.db"
ONE = "20261122_1"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path / "state") as writer:
        yield writer


def book(writer: Writer, agent: str, name: str, *roots: Path) -> None:
    """Read the log of this name below each root, and book all of it together."""
    chunks = []
    for root in roots:
        log = LogFile(agent, str(root), name, str(root / name))
        chunks += read_log(agent_named(agent), log, writer.reader().position(log))
    writer.book(chunks, price)


def totals(writer: Writer) -> tuple[int, ...]:
    """Return all input, output and reasoning that was booked."""
    sums = writer.reader().total(0, 1 << 50)
    return sums.input, sums.output, sums.reasoning


def write(root: Path, taken: int, given: int = 0, *, thought: int = 0, at: int = 0) -> None:
    """Write a Droid session's total."""
    path = root / SETTINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"model": "gpt-5.4", "tokenUsage": droid_usage(taken, given, 0, 0, thought)}
    path.write_text(json.dumps(content))
    os.utime(path, (T0 + at, T0 + at))


def test_a_folder_that_was_moved_counts_nothing_twice(writer: Writer, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, 100, 10, thought=4)
    book(writer, "droid", SETTINGS, old)
    write(old, 150, 12, thought=5, at=1)
    book(writer, "droid", SETTINGS, old)
    shutil.move(old, new)
    book(writer, "droid", SETTINGS, new)
    assert totals(writer) == (150, 12, 5)
    # what it grows by from there is new
    write(new, 180, 20, thought=9, at=2)
    book(writer, "droid", SETTINGS, new)
    assert totals(writer) == (180, 20, 9)


def test_what_grew_while_a_folder_was_moved_counts(writer: Writer, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, 100, 10, thought=4)
    book(writer, "droid", SETTINGS, old)
    write(new, 130, 30, thought=6, at=9)
    book(writer, "droid", SETTINGS, new)
    assert totals(writer) == (130, 30, 6)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_copies_the_largest_counts(
    writer: Writer, tmp_path: Path, order: tuple[int, ...], together: bool
) -> None:
    roots = [tmp_path / name for name in "abc"]
    for root, (taken, given) in zip(roots, [(150, 7), (200, 9), (170, 8)], strict=True):
        write(root, taken, given)
    read = [roots[number] for number in order]
    for each in [read] if together else [[root] for root in read]:
        book(writer, "droid", SETTINGS, *each)
    assert totals(writer) == (200, 9, 0)


def test_a_copy_that_is_brought_up_to_date_counts_nothing(writer: Writer, tmp_path: Path) -> None:
    used, copied = tmp_path / "used", tmp_path / "copied"
    for root in (used, copied):
        write(root, 200)
        book(writer, "droid", SETTINGS, root)
    for at, taken in enumerate((250, 300), start=1):
        write(used, taken, at=at)
        book(writer, "droid", SETTINGS, used)
    write(copied, 300, at=2)
    book(writer, "droid", SETTINGS, copied)
    assert totals(writer) == (300, 0, 0)


def test_a_total_that_began_anew_counts_beside_a_copy(writer: Writer, tmp_path: Path) -> None:
    used, copied = tmp_path / "used", tmp_path / "copied"
    for root in (used, copied):
        write(root, 200)
        book(writer, "droid", SETTINGS, root)
    write(used, 30, at=1)
    book(writer, "droid", SETTINGS, used)
    assert totals(writer) == (230, 0, 0)


class Sessions:
    """Goose's database below a root, as versions without requests write it."""

    def __init__(self, root: Path, tables: str = "") -> None:
        self.root = root
        (root / "sessions").mkdir(parents=True)
        with closing(self._open()) as connection:
            connection.executescript(TABLES + tables)

    def write(self, created: str, *counts: int) -> None:
        with closing(self._open()) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO sessions (id, working_dir, created_at, updated_at,"
                " accumulated_input_tokens, accumulated_output_tokens)"
                " VALUES (?, '/repo', ?, '2026-11-22 02:00:00', ?, ?)",
                (ONE, created, *counts),
            )

    def carry(self, *counts: int) -> None:
        """Carry a total forward into the ledger of requests that a newer version has."""
        with closing(self._open()) as connection:
            connection.execute(
                "INSERT INTO usage_ledger (session_id, created_timestamp, input_tokens,"
                " output_tokens, cost_source) VALUES (?, ?, ?, ?, 'carried_forward')",
                (ONE, T0, *counts),
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.root / DATABASE, isolation_level=None)


@pytest.mark.parametrize("together", [True, False])
def test_a_database_in_two_places_counts_once(
    writer: Writer, tmp_path: Path, together: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    store = Sessions(old)
    store.write("2026-11-22 01:00:00", 100, 10)
    if not together:
        book(writer, "goose", DATABASE, old)
    shutil.copytree(old, new)
    store.write("2026-11-22 01:00:00", 150, 12)
    for each in [[new, old]] if together else [[old], [new]]:
        book(writer, "goose", DATABASE, *each)
    assert totals(writer) == (150, 12, 0)


@pytest.mark.parametrize("together", [True, False])
def test_two_accounts_sessions_of_one_name_both_count(
    writer: Writer, tmp_path: Path, together: bool
) -> None:
    roots = [tmp_path / "mine", tmp_path / "theirs"]
    for hour, root in enumerate(roots, start=1):
        Sessions(root).write(f"2026-11-22 0{hour}:00:00", 100 * hour, 10)
    for each in [roots] if together else [[root] for root in roots]:
        book(writer, "goose", DATABASE, *each)
    assert totals(writer) == (300, 20, 0)


def test_what_a_moved_database_carries_forward_counts_once(writer: Writer, tmp_path: Path) -> None:
    created = "2026-11-22 01:00:00"
    old, new = Sessions(tmp_path / "old"), Sessions(tmp_path / "new", LEDGER)
    for counts in ((100, 10), (150, 12)):
        old.write(created, *counts)
        book(writer, "goose", DATABASE, old.root)
    new.write(created, 180, 15)
    new.carry(180, 15)
    book(writer, "goose", DATABASE, new.root)
    assert totals(writer) == (180, 15, 0)


def test_events_that_tell_every_total_are_the_same_anywhere(writer: Writer, tmp_path: Path) -> None:
    """Copilot's log keeps each total it told, so that a copy grows in the same steps."""
    first, second = (
        shutdown(30, gpt_5=(100, 20, 60, 0, 7)),
        shutdown(90, gpt_5=(250, 30, 100, 0, 9)),
    )
    for name, records in (("old", [first]), ("old", [first, second]), ("new", [first, second])):
        path = tmp_path / name / EVENTS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(start(), *records))
        book(writer, "copilot", EVENTS, tmp_path / name)
    assert totals(writer) == (250, 30, 9)


def test_what_was_counted_twice_before_comes_right_as_it_grows(
    writer: Writer, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, 100)
    book(writer, "droid", SETTINGS, old)
    write(new, 150, at=1)
    log = LogFile("droid", str(new), SETTINGS, str(new / SETTINGS))
    (chunk,) = read_log(agent_named("droid"), log, writer.reader().position(log))
    # as versions booked it that knew of no other files
    events = [replace(each, so_far=None) for each in chunk.events if isinstance(each, Usage)]
    writer.book([replace(chunk, events=events)], price)
    assert totals(writer) == (250, 0, 0)
    for at, (taken, known) in enumerate([(180, 250), (260, 260), (300, 300)], start=2):
        write(new, taken, at=at)
        book(writer, "droid", SETTINGS, new)
        assert totals(writer) == (known, 0, 0)
