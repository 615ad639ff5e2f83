"""Doctor's checks: which state is what, and that each says what to do."""

from __future__ import annotations

import doctest

import pytest

from tmuxmeter.ledger.queries import SkippedRow
from tmuxmeter.reports import words
from tmuxmeter.reports.doctor import (
    Check,
    FolderFacts,
    ServerFacts,
    WatcherFacts,
    doctor_report,
    folder_check,
    server_checks,
    watcher_checks,
)
from tmuxmeter.reports.doctor_data import (
    AgentFacts,
    LedgerFacts,
    agent_check,
    database_checks,
    ledger_check,
    skipped_check,
    unattributed_check,
    watches_check,
)
from tmuxmeter.views import fitting
from tmuxmeter.views.doctor import doctor_parts

GIGABYTE = 1 << 30
NOW = 1_800_000_000_000


@pytest.mark.parametrize("module", [words, fitting])
def test_examples_in_docstrings(module: object) -> None:
    outcome = doctest.testmod(module)  # type: ignore[arg-type]
    assert outcome.attempted
    assert not outcome.failed


def folder(**facts: object) -> FolderFacts:
    fine = FolderFacts("/s", exists=True, mode=0o700, free_bytes=GIGABYTE)
    return fine._replace(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (folder(), "ok"),
        (folder(exists=False), "note"),
        (folder(exists=False, writable=False), "bad"),
        (folder(own=False), "bad"),
        (folder(writable=False), "bad"),
        (folder(mode=0o750), "warn"),
        (folder(mode=0o701), "warn"),
        (folder(free_bytes=50 << 20), "warn"),
    ],
)
def test_folders(facts: FolderFacts, status: str) -> None:
    check = folder_check("state folder", facts)
    assert check.status == status
    assert bool(check.hint) == (status != "ok")


def watcher(**facts: object) -> WatcherFacts:
    fine = WatcherFacts(7, "/s/log", phase="following", following="file events", silent_s=2)
    return fine._replace(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "wanted", "statuses"),
    [
        (watcher(), True, ["ok"]),
        (watcher(pid=None), False, ["note"]),
        (watcher(pid=None), True, ["warn"]),
        (watcher(pid=None, left_behind=True), False, ["warn"]),
        (watcher(silent_s=None), True, ["note"]),
        (watcher(silent_s=61), True, ["bad"]),
        (watcher(outdated=True), True, ["warn"]),
        (watcher(problems=("disk full", "tmux too old")), True, ["ok", "warn", "warn"]),
    ],
)
def test_watchers(facts: WatcherFacts, wanted: bool, statuses: list[str]) -> None:
    checks = watcher_checks(facts, wanted=wanted)
    assert [check.status for check in checks] == statuses
    assert all(check.hint for check in checks if check.status != "ok")


def test_a_watcher_that_reads_history_says_how_far_it_is() -> None:
    (check,) = watcher_checks(watcher(phase="reading", progress=0.42), wanted=True)
    assert "reading history (42%)" in check.text


FOLLOWING, NONE = watcher(), watcher(pid=None)
STARTING, READING = watcher(silent_s=None), watcher(phase="reading", progress=0.4)


def server(**facts: object) -> ServerFacts:
    fine = ServerFacts("/t", in_place=("status-right",), lease_s=20)
    return fine._replace(**facts)  # type: ignore[arg-type]


def test_placeholders_that_there_are_not_are_told() -> None:
    fine, wrong = server_checks([server(unknown=("status-left: there is no #{x}",))], FOLLOWING)
    assert (fine.status, wrong.status) == ("ok", "warn")
    assert "status-left: there is no #{x}" in wrong.text


@pytest.mark.parametrize(
    ("facts", "by", "status", "words"),
    [
        (server(), FOLLOWING, "ok", "figures hold 20 s more"),
        (server(), READING, "ok", "figures hold 20 s more"),
        (server(), NONE, "warn", "no figures come"),
        (server(lease_s=0), FOLLOWING, "bad", "its figures are stale"),
        (server(lease_s=None), FOLLOWING, "bad", "it has no figures"),
        # they are on their way: shown never, or by a watcher before this one
        (server(lease_s=None), STARTING, "note", "the watcher is just starting"),
        (server(lease_s=-90), STARTING, "note", "the watcher is just starting"),
        (server(lease_s=None), READING, "note", "the watcher reads history (40%)"),
        (server(lease_s=-90), READING, "note", "the watcher reads history (40%)"),
        (server(lease_s=None, registered_s=59), FOLLOWING, "note", "metered since 59 s"),
        (server(lease_s=None, registered_s=60), FOLLOWING, "bad", "it has no figures"),
        # a watcher that hangs brings none, whatever it was at
        (server(lease_s=-90), READING._replace(silent_s=61), "bad", "stale"),
        (server(lease_s=None, registered_s=1), watcher(silent_s=61), "bad", "no figures"),
        (server(in_place=()), FOLLOWING, "warn", "no format shows the meter"),
        (server(waiting=("b",)), FOLLOWING, "warn", "not replaced in b"),
        (server(running=False, reason="not running"), FOLLOWING, "note", "not running"),
        (server(reason="tmux did not answer within 5 s"), FOLLOWING, "warn", "did not answer"),
    ],
)
def test_servers(facts: ServerFacts, by: WatcherFacts, status: str, words: str) -> None:
    (check,) = server_checks([facts], by)
    assert check.status == status
    assert "/t" in check.text
    assert words in check.text
    assert bool(check.hint) == (status != "ok")


def agent(**facts: object) -> AgentFacts:
    fine = AgentFacts("Claude Code", "/bin/claude", False, ["/r"], 2, 5_000, 0, NOW - 60_000)
    return fine._replace(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        (agent(), "ok", "2 logs, 4.9 KB, below /r; the newest 1 minute ago; all read"),
        (agent(program=""), "ok", "not on the PATH"),
        (agent(program="", roots=[]), "ok", "no logs"),
        (agent(roots=[]), "note", "no logs"),
        (agent(files=0), "note", "0 logs"),
        (agent(unread=1), "note", "1 not read to the end yet"),
        (agent(sessions=1), "ok", "all read"),
        (agent(sessions=0), "note", "all read, but no session was found in them"),
        (agent(disabled=True), "note", "switched off"),
        (agent(newest_ms=NOW + 10 * 60_000), "warn", "10 minutes in the future"),
    ],
)
def test_agents(facts: AgentFacts, status: str, words: str) -> None:
    check = agent_check(facts, NOW)
    assert check.status == status
    assert words in check.text
    assert bool(check.hint) == (status != "ok")


def test_a_database_that_cant_be_read_says_what_helps() -> None:
    hints = {
        "is damaged or no database (x)": "see whether its agent opens it",
        "Permission denied": "readable for you",
        "no input_tokens": "update tmuxmeter too",
    }
    for reason, told in hints.items():
        (check,) = database_checks({"/r/store.db": reason})
        assert (check.status, check.text) == ("warn", f"/r/store.db: {reason}")
        assert told in check.hint


def test_ledgers() -> None:
    fine = LedgerFacts("/s/ledger.db", True, 5_000, 1, counts={"usage": 1, "session": 2})
    assert ledger_check(fine) == Check(
        "ledger", "ok", "/s/ledger.db: 4.9 KB, schema 1, 1 request, 2 sessions, 0 files"
    )
    assert ledger_check(fine._replace(damage=[])).text.endswith("; all of it checked and sound")
    assert ledger_check(fine._replace(damage=["page 3"])).status == "bad"
    assert ledger_check(fine._replace(error="it is damaged")).status == "bad"
    assert ledger_check(fine._replace(exists=False)).status == "note"


def test_skipped_records_are_counted_by_reason_and_named_by_file() -> None:
    rows = [
        SkippedRow("claude", "/r", f"n{i}", f"/r/n{i}", "not JSON" if i else "cut", 2, 70)
        for i in range(7)
    ]
    text = skipped_check(rows).text
    assert text.startswith("14 (not JSON 12, cut 2) in /r/n0 (2, last at byte 70); ")
    assert text.endswith("/r/n4 (2, last at byte 70) and 2 more")


def test_unattributed_spend_needs_a_watcher_or_evidence() -> None:
    spent = {"requests": 3, "cost_microdollars": 1_239_999, "unpriced_requests": 1}
    with_watcher = unattributed_check({"unattributed": spent}, watching=True)
    assert with_watcher.text == "$1.23 in 3 requests, 1 of them unpriced"
    assert "tmuxmeter up" in unattributed_check({"unattributed": spent}, watching=False).hint
    assert "tmuxmeter up" not in with_watcher.hint
    assert unattributed_check({"unattributed": {"requests": 0}}, watching=True).status == "ok"


def test_file_watches_must_suffice_for_all_folders_and_leave_others_some() -> None:
    assert watches_check(500, 1_000, "").status == "ok"
    short = watches_check(501, 1_000, "")
    assert (short.status, short.hint) == ("warn", "sudo sysctl fs.inotify.max_user_watches=65536")
    assert "=80000" in watches_check(20_000, 1_000, "").hint
    assert watches_check(10**6, None, "").status == "ok"
    assert watches_check(1, 1_000, 'watch.poll is "always"').status == "note"


def test_the_worst_check_is_the_reports() -> None:
    checks = [Check("a", "ok", "x"), Check("b", "warn", "y", "do"), Check("c", "note", "z", "do")]
    assert doctor_report(checks)["status"] == "warn"
    assert doctor_report([*checks, Check("d", "bad", "x", "do")])["status"] == "bad"
    assert doctor_report([])["status"] == "ok"
    lines = [part.text for part in doctor_parts(doctor_report(checks))]
    assert lines == [
        *("ok    a: x", "WARN  b: y", "      → do", "note  c: z", "      → do"),
        "1 ok, 1 note, 1 warn",
    ]
