"""Codex's own log ties programs to threads, and what it can't tell stays untold."""

from __future__ import annotations

import pytest
from build_codex_log import DebugLog, uuid
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.agents.base import Began
from tmuxmeter.agents.codex_processes import FLUSH_MS, CodexProcessLog

T = 1_795_301_497_000
LATER = T + 60_000
A, B, C = uuid(1), uuid(2), uuid(3)


def told(log: DebugLog, now_ms: int = LATER) -> set[tuple[int, str]]:
    return {(began.pid, began.session) for began in CodexProcessLog().began(log.told(), now_ms)}


def test_the_program_at_the_other_end_began_the_thread() -> None:
    log = DebugLog()
    log.began(T, 10, 2, A)
    assert CodexProcessLog().began(log.told(), LATER) == [Began(10, A, T)]


def test_three_programs_one_after_the_other_are_told_apart() -> None:
    log = DebugLog()
    for n, (pid, thread) in enumerate([(12, C), (10, A), (11, B)]):
        log.began(T + n * 200, pid, n, thread)
    assert told(log) == {(10, A), (11, B), (12, C)}


def test_what_overlaps_is_told_only_where_one_reading_is_left() -> None:
    log = DebugLog()
    log.asked(T, 1)
    log.asked(T + 10, 2)
    log.session(T + 20, 11)
    log.connected(T + 30, 2)
    log.session(T + 40, 10)
    log.connected(T + 50, 1)
    log.named(T + 60, 1, A)
    log.named(T + 60, 2, B)
    assert told(log) == {(10, A), (11, B)}
    # Both rows before the first end: either could be either's.
    log = DebugLog()
    log.asked(T, 1)
    log.asked(T + 10, 2)
    log.session(T + 20, 11)
    log.session(T + 25, 10)
    log.connected(T + 30, 2)
    log.connected(T + 50, 1)
    log.named(T + 60, 1, A)
    log.named(T + 60, 2, B)
    assert told(log) == set()


def test_nothing_is_told_before_every_process_has_written_its_rows() -> None:
    log = DebugLog()
    log.began(T, 10, 2, A)
    assert told(log, T + 80 + FLUSH_MS - 1) == set()
    assert told(log, T + 80 + FLUSH_MS) == {(10, A)}


def test_a_lost_row_is_made_up_for_by_nobody_elses() -> None:
    log = DebugLog()
    log.began(T, 10, 1, A)
    log.began(T + 20, 11, 2, B)
    log.rows = [row for row in log.rows if row[1] != 10]
    assert told(log) == set()


def test_later_threads_of_a_connection_are_its_programs() -> None:
    log = DebugLog()
    log.began(T, 10, 2, A)
    # A /new, and two connections at once elsewhere, one of which is known by its first thread.
    log.asked(T + 5_000, 2, "8")
    log.asked(T + 5_001, 3, "8")
    log.session(T + 5_010, 11)
    log.session(T + 5_011, 10)
    log.connected(T + 5_020, 2, "8")
    log.connected(T + 5_021, 3, "8")
    log.named(T + 5_030, 2, B, "8")
    log.named(T + 5_030, 3, C, "8")
    assert told(log) == {(10, A), (10, B)}


def test_a_resumed_thread_is_told_as_well() -> None:
    log = DebugLog()
    log.asked(T, 2, "11", "resume")
    log.session(T + 60, 10)
    log.connected(T + 80, 2, "11", "resume")
    log.named(T + 90, 2, A, "11", "resume")
    assert told(log) == {(10, A)}


def test_title_threads_and_other_servers_are_no_part_of_it() -> None:
    log = DebugLog()
    log.asked(T - 10, 1, "temporary-structured-1")
    log.began(T, 10, 2, A)
    assert told(log) == {(10, A)}
    log.rows = [row for row in log.rows if row[3] != "rmcp::service"]
    log.connected(T + 80, 2, server="docs")
    assert told(log) == set()


def test_a_request_that_failed_competes_for_a_while_only() -> None:
    log = DebugLog()
    log.asked(T - 60_000, 1)
    log.began(T, 10, 2, A)
    assert told(log) == {(10, A)}
    log.asked(T - 1_000, 3)
    assert told(log) == set()


def test_a_program_without_the_daemon_writes_it_all_itself() -> None:
    log = DebugLog()
    log.named(T + 90, 0, A, pid=10, transport="in-process")
    # Its own row never counts as another's.
    log.asked(T + 50, 2)
    log.session(T + 60, 10)
    log.connected(T + 70, 2)
    log.named(T + 80, 2, B)
    assert told(log) == {(10, A)}


def test_a_request_of_two_threads_tells_nothing() -> None:
    log = DebugLog()
    log.began(T, 10, 2, A)
    log.named(T + 95, 2, B)
    assert told(log) == set()


@given(st.data())
def test_no_thread_is_ever_given_to_another_program(data: st.DataObject) -> None:
    log = DebugLog()
    truth = set()
    for n in range(data.draw(st.integers(1, 4))):
        begin = T + data.draw(st.integers(0, 300))
        session = begin + data.draw(st.integers(0, 150))
        log.asked(begin, n)
        if data.draw(st.booleans()) or n:
            log.session(session, 10 + n)
        log.connected(session + data.draw(st.integers(0, 150)), n)
        log.named(begin + 400, n, uuid(n))
        truth.add((10 + n, uuid(n)))
    assert told(log) <= truth


@pytest.mark.parametrize(
    "row",
    [
        (),
        (None, None, None, None, None),
        ("1", "pid:1:x", None, "rmcp::service", "body"),
        (1, "nonsense", None, "rmcp::transport::streamable_http_server::session::local", "create"),
        (1, "pid:1:x", b"\xff", "codex_core::shell_snapshot", "app_server.request{"),
        (1, "pid:1:x", 7, "codex_core::shell_snapshot", b"blob"),
    ],
)
def test_rows_of_another_form_are_passed_over(row: tuple[object, ...]) -> None:
    log = DebugLog()
    log.began(T, 10, 2, A)
    assert CodexProcessLog().began([*log.told(), row], LATER) == [Began(10, A, T)]
