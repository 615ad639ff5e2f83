"""What the human looks at, in few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_data import NOON, chunk, log, price, usage
from pictures import agent, client, in_pane, picture

from tmuxmeter.ledger.human import attention
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.watcher.attention import IN_USE_MS, SAMPLE_MS, Attention, panes_in_front

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmuxmeter.panes.picture import Picture

SECOND = 1_000


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path) as writer:
        yield writer


def scene(pane: str, at_ms: int, used_ms: int | None = None, state: str = "idle") -> Picture:
    seen = client(pane, at_ms if used_ms is None else used_ms)
    panes = [in_pane("%1", agent("a", state, pane="%1")), in_pane("%2", agent("b", "idle"))]
    return picture(*panes, now_ms=at_ms, clients=(seen,))


def rows(writer: Writer) -> list[tuple[str, int, int]]:
    found = attention(writer._connection, 0, NOON * 2)
    return [(row.pane.pane, row.start_ms - NOON, row.end_ms - NOON) for row in found]


def test_a_pane_in_front_is_one_row_until_another_is(writer: Writer) -> None:
    watch = Attention()
    for second in range(0, 61, 2):
        watch.sample(scene("%1", NOON + second * SECOND), writer)
    for second in range(62, 100, 2):
        watch.sample(scene("%2", NOON + second * SECOND), writer)
    watch.sample(scene("%1", NOON + 100 * SECOND), writer)
    first, second, third = rows(writer)
    assert (first, second) == (("%1", 0, 60_000), ("%2", 62_000, 98_000))
    assert third == ("%1", 100_000, 100_000)


def test_little_is_written_while_nothing_changes(writer: Writer) -> None:
    watch = Attention()
    changes = writer._connection.total_changes
    for second in range(0, 60, 2):
        watch.sample(scene("%1", NOON + second * SECOND), writer)
    # the pane's row, then one for the interval and three times its end
    assert writer._connection.total_changes - changes <= 2 + 60_000 // SAMPLE_MS


def test_nobody_looks_through_a_client_that_is_not_used(writer: Writer) -> None:
    at = NOON + IN_USE_MS
    assert len(panes_in_front(scene("%1", at, NOON))) == 1
    assert panes_in_front(scene("%1", at + SECOND, NOON)) == {}
    control = client("%1", NOON, control=True)
    assert panes_in_front(picture(in_pane("%1", agent("a")), clients=(control,))) == {}
    Attention().sample(scene("%1", at + SECOND, NOON), writer)
    assert rows(writer) == []


def test_who_waits_stands_still(writer: Writer) -> None:
    writer.book([chunk(log(), [usage("m", "a", NOON)])], price)
    watch = Attention()
    for second in range(0, 31, 2):
        watch.sample(scene("%1", NOON + second * SECOND, state="waiting"), writer)
    watch.sample(scene("%1", NOON + 32 * SECOND, state="working"), writer)
    found = writer._connection.execute(
        "SELECT s.key, why, start_ms, end_ms FROM standstill JOIN session s ON s.id = session_id"
    ).fetchall()
    assert found == [("a", "waiting", NOON, NOON + 30_000)]
