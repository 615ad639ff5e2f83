from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from logs_agent import Book
from logs_stores import STORE, store_at

from tmuxmeter.agents.totals import Totals
from tmuxmeter.errors import LogBusyError, LogError
from tmuxmeter.logs.documents import BROKEN, read_document
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, book: Book) -> int:
    log = store_at(path)
    return book.add(read_log(STORE, log, book.at(log), now_ns=time.time_ns()))


def write(path: Path, total: int) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"total": total}))
    draft.replace(path)


def total(book: Book) -> int:
    return sum(book.outputs().values())


def test_totals_are_booked_as_what_they_grew_by(tmp_path: Path) -> None:
    path, book = tmp_path / "x.json", Book()
    for now in (10, 10, 25, 60):
        write(path, now)
        read(path, book)
        assert total(book) == now
    assert sorted(book.outputs().values()) == [10, 15, 35]
    assert read(path, book) == 0


def test_a_total_that_went_down_begins_anew(tmp_path: Path) -> None:
    path, book = tmp_path / "x.json", Book()
    for now in (10, 4, 10):
        write(path, now)
        read(path, book)
    assert total(book) == 20


def test_a_half_written_document_is_tried_again_and_loses_nothing(tmp_path: Path) -> None:
    path, book = tmp_path / "x.json", Book()
    write(path, 10)
    read(path, book)
    path.write_text('{"total": 2')
    with pytest.raises(LogBusyError, match="being written"):
        read(path, book)
    write(path, 25)
    read(path, book)
    assert sorted(book.outputs().values()) == [10, 15]


def test_a_broken_document_is_counted_once_it_rests(tmp_path: Path) -> None:
    path, book, log = tmp_path / "x.json", Book(), store_at(tmp_path / "x.json")
    path.write_text('{"total": 2')
    (chunk,) = read_document(STORE, log, book.at(log), now_ns=time.time_ns() + 61 * 10**9)
    book.add([chunk])
    assert chunk.restart
    assert book.reasons() == [BROKEN]
    assert read(path, book) == 0


def test_one_that_is_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write(path, 10)
    with pytest.raises(LogError, match="larger than 0 MiB, not read"):
        list(read_document(STORE, store_at(path), Book().at(store_at(path)), limit=5))


def test_what_totals_say() -> None:
    totals = Totals()
    assert totals.grown("a", [0, 0]) is None
    first = totals.grown("a", [3, 1])
    assert first
    assert first.counts == (3, 1)
    assert totals.grown("a", [3, 1]) is None
    second = totals.grown("a", [3, 2])
    other = totals.grown("b", [3, 2])
    assert second
    assert other
    assert second.counts == (0, 1)
    assert second.identity != other.identity
    anew = totals.grown("a", [2, 2])
    assert anew
    assert anew.counts == (2, 2)
    back = totals.grown("a", [3, 2])
    assert back
    assert back.counts == (1, 0)
    assert back.identity != second.identity
