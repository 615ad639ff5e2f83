"""What the human tells by hand, on the real command line, and what the watcher notes of him."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

import pytest
from histories import CHILD, Happening, book
from ledger_data import NOON, chunk, log, price, usage
from watching import tmuxmeter

from tmuxmeter.breakeven.levers import levers
from tmuxmeter.errors import UsageError
from tmuxmeter.events import FileTouch, SessionStart, event_key
from tmuxmeter.ledger import human
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.notes import Notes
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

MINUTE = 60_000
FOREVER = (0, 1 << 50)


def metered(folder: Path, socket: str = "/tmp/s") -> int:
    """Make a ledger that knows one pane with an agent in it; return the pane's id."""
    with Writer.open(folder) as writer:
        pane = writer.pane(PaneRun(socket, 1, 1, "%5", 9, "1"), NOON)
        writer.book(
            [
                chunk(
                    log(),
                    [
                        SessionStart(key=1, session="s1", time_ms=NOON, cwd="/work/repo"),
                        usage("m", "s1", NOON, fresh=1),
                    ],
                )
            ],
            price,
        )
        writer.bind("claude", "s1", "pane", pane, 9, "1", NOON, "test", 1.0, NOON)
    return pane


def connection(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder}/ledger.db?mode=ro", uri=True)


def test_a_handoff_is_logged_while_the_watcher_holds_the_ledger(tmp_path: Path) -> None:
    pane = metered(tmp_path)
    with Writer.open(tmp_path) as writer, Notes.open(tmp_path) as notes:
        notes.hand_off(NOON, pane, 7.5, "the API")
        notes.hand_off(NOON + 1, None, None, "")
        writer.attention([pane], NOON + 2)
        facts = writer.reader().span_facts(NOON, NOON + MINUTE)
    assert [
        (row.minutes, row.pane and row.pane.pane, row.note) for row in facts.logged_handoffs
    ] == [
        (7.5, "%5", "the API"),
        (None, None, ""),
    ]
    assert [row.pane.pane for row in facts.attention] == ["%5"]


def test_the_last_one_is_taken_back_and_then_the_one_before(tmp_path: Path) -> None:
    with Notes.open(tmp_path) as notes:
        for number in range(2):
            notes.hand_off(NOON + number, None, number, f"n{number}")
        undone = [notes.take_back_hand_off(NOON + 5) for _ in range(3)]
    assert [note and note.note for note in undone] == ["n1", "n0", None]
    assert human.logged_handoffs(connection(tmp_path), *FOREVER) == []


def test_marks_are_apart_from_handoffs(tmp_path: Path) -> None:
    with Notes.open(tmp_path) as notes:
        notes.done(NOON, None, "merged")
        assert notes.take_back_hand_off(NOON) is None
    rows = human.done_marks(connection(tmp_path), *FOREVER)
    assert [row.note for row in rows] == ["merged"]


def test_a_pane_nobody_meters_is_refused(tmp_path: Path) -> None:
    metered(tmp_path)
    with Notes.open(tmp_path) as notes, pytest.raises(UsageError, match="no pane %6 is metered"):
        notes.pane_id("/tmp/s", "%6")


def test_a_new_claim_takes_the_place_of_the_old_one_also_after_a_respawn(tmp_path: Path) -> None:
    first = metered(tmp_path)
    with Writer.open(tmp_path) as writer, Notes.open(tmp_path) as notes:
        notes.claim(first, "/w", ["a/**"], "one", NOON)
        second = writer.pane(PaneRun("/tmp/s", 1, 1, "%5", 10, "2"), NOON)
        notes.claim(second, "/w", ["b/**", "c"], "two", NOON + MINUTE)
    rows = human.claims(connection(tmp_path), *FOREVER)
    assert [(row.patterns, row.ended_ms) for row in rows] == [
        (("a/**",), NOON + MINUTE),
        (("b/**", "c"), None),
    ]


def test_a_claim_ends_with_its_pane(tmp_path: Path) -> None:
    pane = metered(tmp_path)
    with Writer.open(tmp_path) as writer, Notes.open(tmp_path) as notes:
        notes.claim(pane, "/w", ["a"], "why", NOON)
        writer.end_pane(pane, NOON + MINUTE)
        reader = writer.reader()
        held = reader.span_facts(NOON, NOON + MINUTE).claims
        later = reader.span_facts(NOON + 2 * MINUTE, NOON + 3 * MINUTE).claims
    assert (len(held), later) == (1, [])


def test_a_claim_is_checked_against_the_files_edited(tmp_path: Path) -> None:
    pane = metered(tmp_path)

    def edit(session: str, minute: int, path: str) -> FileTouch:
        key = event_key("claude", "edit", f"{session}{minute}")
        time = NOON + minute * MINUTE
        return FileTouch(key=key, session=session, time_ms=time, edit=True, path=path)

    with Writer.open(tmp_path) as writer, Notes.open(tmp_path) as notes:
        notes.claim(pane, "/work/repo", ["src/**"], "why", NOON + MINUTE)
        writer.book(
            [
                chunk(
                    log("b"),
                    [
                        usage("n", "s2", NOON, fresh=1),
                        edit("s1", 0, "/work/repo/before"),
                        edit("s1", 2, "/work/repo/src/x.py"),
                        edit("s1", 3, "/work/repo/README"),
                        edit("s1", 4, "/work/repo/later"),
                        edit("s2", 5, "/work/repo/docs/y"),
                        edit("s2", 6, "/work/repo/src/y.py"),
                    ],
                )
            ],
            price,
        )
        (check,) = levers(writer.reader().span_facts(NOON, NOON + 60 * MINUTE)).claims
    assert not check.kept
    assert check.outside is not None
    assert check.intruder is not None
    assert (check.outside.path, check.intruder.path) == (
        "/work/repo/README",
        "/work/repo/src/y.py",
    )


def test_looks_that_follow_closely_become_one_interval(tmp_path: Path) -> None:
    pane = metered(tmp_path)
    with Writer.open(tmp_path) as writer:
        for second in (0, 5, 35, 66, 69):
            writer.attention([pane, pane], NOON + second * 1000)
    rows = human.attention(connection(tmp_path), *FOREVER)
    assert [((row.start_ms - NOON) // 1000, (row.end_ms - NOON) // 1000) for row in rows] == [
        (0, 35),
        (66, 69),
    ]


def test_a_budgets_mark_is_told_once(tmp_path: Path) -> None:
    with Writer.open(tmp_path) as writer:
        assert writer.crossed("2026-07-08", "tokens", 50, NOON)
        assert not writer.crossed("2026-07-08", "tokens", 50, NOON + 1)
        assert writer.crossed("2026-07-08", "tokens", 80, NOON + 1)
        assert writer.crossed("2026-07-09", "tokens", 50, NOON + 2)


def test_unit_prices_are_those_of_the_price_list(tmp_path: Path) -> None:
    metered(tmp_path)
    with Writer.open(tmp_path) as writer:
        writer.book([chunk(log("b"), [usage("x", "s1", NOON, model="unpriced")])], price)
    found = {row.model: row[5:] for row in human.unit_prices(connection(tmp_path)).values()}
    month = 1 + (NOON // (30 * 86_400_000)) % 7
    assert found == {
        "claude-sonnet-4-6": (
            *(1_000_000 * month, 1_000_000 * month, 0, 0),
            5_000_000 * month,
        ),
        "unpriced": (None,) * 5,
    }


def test_what_is_noted_stays_known_while_the_disk_is_full(tmp_path: Path) -> None:
    pane = metered(tmp_path)
    with Notes.open(tmp_path) as notes:
        notes.hand_off(NOON, pane, 5, "")
        notes.claim(pane, "/w", ["a"], "why", NOON)
    with Writer.memory(tmp_path, NOON - MINUTE) as stand_in:
        facts = stand_in.reader().span_facts(NOON, NOON + MINUTE)
    assert (len(facts.logged_handoffs), len(facts.claims), len(facts.prices)) == (1, 1, 1)


@pytest.fixture
def home(home: Path, tmp_path: Path) -> Path:
    """A home whose ledger knows a pane."""
    tmuxmeter("scan", "--home", home)
    (state,) = {path.parent for path in tmp_path.rglob("ledger.db")}
    metered(state, str(tmp_path / "socket"))
    return home


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tmuxmeter(*arguments, "--home", home, "--socket", home.parent / "socket", check=False)


def test_commands_say_what_they_did(home: Path) -> None:
    assert run(home, "handoff", "--pane", "%5", "--minutes", "7").stdout == (
        "Logged a hand-off of %5, 7 min.\n"
    )
    assert run(home, "handoff", "--undo").stdout == "Took back the last hand-off of %5, 7 min.\n"
    assert run(home, "handoff", "--undo").stdout == "There is no hand-off logged by hand.\n"
    assert run(home, "done", "--note", "merged").stdout == "Marked a task as done.\n"
    assert run(home, "done", "--undo").stdout == "Took back the last mark: merged.\n"
    assert "'--pane': it is empty" in run(home, "handoff", "--pane", "").stderr
    (ledger,) = home.parent.rglob("ledger.db")
    with Notes.open(ledger.parent) as notes:
        notes.hand_off(NOON, None, None, "old")
    assert run(home, "handoff", "--undo").stdout == (
        "Took back the last hand-off: old (of 2026-07-08).\n"
    )
    claimed = run(home, "claim", "%5", "src/api/**", "--why", "the tests agree")
    assert claimed.stdout == "%5 claims src/api/** in /work/repo.\n"
    assert run(home, "claim", "%5", "--drop").stdout == "Ended the claim of %5.\n"
    assert run(home, "claim", "%5", "--drop").stdout == "%5 has no claim.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("claim", "%5"), "name the files"),
        (("claim", "%5", "", "--why", "x"), "name the files"),
        (("claim", "%5", "src", " ", "--why", "x"), "name the files"),
        (("claim", "%5", "src"), "--why is missing"),
        (("claim", "%7", "src", "--why", "x"), "no pane %7 is metered"),
        (("handoff", "--undo", "--note", "x"), "goes with no other option"),
        (("handoff", "--minutes", "-3"), "--minutes"),
        (("handoff", "--minutes", "nan"), "--minutes"),
    ],
)
def test_commands_that_make_no_sense_are_refused(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    answer = run(home, *arguments)
    assert answer.returncode == 2
    assert words in answer.stderr


def test_no_question_reads_a_whole_table_of_history() -> None:
    asked: list[str] = []
    with Writer.memory(None, 0) as writer:
        what = {"fresh": 1, "cache_read": 0, "cache_write_5m": 0, "cache_write_1h": 0, "output": 1}
        request = {**what, "model": "claude-sonnet-4-6"}
        book(
            writer,
            [
                Happening("s0", -60, "request", request),
                *(
                    Happening("s0", minute, "prompt", {"human": True, "corrects": False})
                    for minute in range(9)
                ),
                Happening("s0", 20, "request", request),
                Happening("s0", 20, "touch", {"path": "a.py", "edit": True}),
                Happening(CHILD, 21, "request", request),
            ],
        )
        ledger = writer._connection
        ledger.set_trace_callback(asked.append)
        spans = [(NOON, NOON + 15 * MINUTE), (NOON + 15 * MINUTE, NOON + 60 * MINUTE)]
        reader = writer.reader()
        reader.spans_facts(spans)
        reader.slices(*spans[1])
        assert reader.total(*spans[1]).requests == 2
        reader.folders(*spans[1])
        ledger.set_trace_callback(None)
        # what is open now, claims, models, and the sessions that are asked for: none of them grows
        # with what agents ever did
        small = (
            r"SCAN (binding USING INDEX binding_open|[cms]|g|\d+ CONSTANT ROWS?|\(subquery-\d+\))"
        )
        statements = {text for text in asked if not text.startswith(("BEGIN", "ROLLBACK"))}
        for statement in statements:
            plan = ledger.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            scans = [row[3] for row in plan if "SCAN" in row[3] and not re.fullmatch(small, row[3])]
            assert scans == [], statement
    assert len(statements) >= 20
