"""The bench programs work, and their truth check fails on a single wrong token. Never a time."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[1] / "bench"
LEDGER = ".local/state/tmuxmeter/ledger.db"


def program(
    name: str, *arguments: str | Path, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program of the bench."""
    done = subprocess.run(
        [sys.executable, str(BENCH / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=dict(os.environ),
    )
    assert bool(done.returncode) == fails, (done.returncode, done.stdout, done.stderr)
    return done


def checked(home: Path, *, fails: bool) -> str:
    """Hold a home's ledger against its truth the way every bench run does."""
    code = (
        "import sys; from pathlib import Path; from truth import check_ledger;"
        "check_ledger(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(BENCH)},
    )
    assert bool(done.returncode) == fails, (done.stdout, done.stderr)
    return done.stderr


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small corpus with its scanned ledger."""
    home = tmp_path_factory.mktemp("bench") / "corpus"
    home.mkdir()
    program("corpus.py", home, "--megabytes", "2", "--days", "3")
    subprocess.run(
        [sys.executable, "-m", "tmuxmeter", "scan", "--home", str(home)],
        check=True,
        timeout=60,
        env=dict(os.environ),
    )
    return home


@pytest.fixture
def ledger(scanned: Path, tmp_path: Path) -> Path:
    """Return a home of its own with the scanned ledger, the truth beside it."""
    home = tmp_path / "copy"
    (home / LEDGER).parent.mkdir(parents=True)
    with (
        closing(sqlite3.connect(scanned / LEDGER)) as source,
        closing(sqlite3.connect(home / LEDGER)) as target,
    ):
        source.backup(target)
    (home / "truth.json").write_bytes((scanned / "truth.json").read_bytes())
    return home


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / LEDGER)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_a_right_ledger_is_the_truth(ledger: Path) -> None:
    checked(ledger, fails=False)


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        (f"UPDATE usage SET {kind} = {kind} + 1 WHERE key = (SELECT min(key) FROM usage)", kind)
        for kind in ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    ]
    + [
        ("DELETE FROM usage WHERE key = (SELECT min(key) FROM usage)", "requests"),
        ("UPDATE usage SET time_ms = 0 WHERE key = (SELECT min(key) FROM usage)", "requests"),
        ("UPDATE usage SET cost = NULL WHERE key = (SELECT min(key) FROM usage)", "price"),
        ("DELETE FROM tool_result WHERE key = (SELECT min(key) FROM tool_result)", "tool_results"),
        ("DELETE FROM prompt WHERE key = (SELECT min(key) FROM prompt WHERE human)", "prompts"),
    ],
)
def test_one_wrong_token_or_event_fails_the_check(ledger: Path, statement: str, word: str) -> None:
    change(ledger, statement)
    answer = checked(ledger, fails=True)
    assert "WRONG" in answer
    assert word in answer


def test_a_corpus_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    truths = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        program("corpus.py", tmp_path / name, "--megabytes", "1", "--seed", seed, "--days", "3")
        truths.append((tmp_path / name / "truth.json").read_text())
    assert truths[0] == truths[1] != truths[2]


def test_a_corpus_looks_like_real_logs(scanned: Path) -> None:
    said = program("corpus.py", scanned, "--shape").stdout
    figures = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    of_lines, of_bytes = (
        float(part.split()[-1].rstrip("%"))
        for part in f"x {figures['lines with usage'].replace('of bytes: ', '')}".split(",")
    )
    # measured on 279 real sessions: 40 % of the lines, 18 % of the bytes, 55 % repeats
    assert 30 < of_lines < 55
    assert 10 < of_bytes < 30
    assert 40 < float(figures["usage lines per message"].split()[-1].rstrip("%")) < 65


def test_one_file_holds_it_all(tmp_path: Path) -> None:
    program("corpus.py", tmp_path, "--megabytes", "1", "--one-file", "--days", "3")
    sizes = sorted(f.stat().st_size for f in (tmp_path / ".claude/projects").glob("*/*.jsonl"))
    assert len(sizes) == 1
    assert sizes[0] > 500_000


def test_cold_and_today_print_figures(tmp_path: Path) -> None:
    folder = tmp_path / "corpora"
    said = program("cold.py", "--size", "4", "--rounds", "1", "--folder", folder).stdout
    assert "tmuxmeter scan" in said
    assert "equal to the truth in every run" in said
    said = program("accuracy.py", "--size", "4", "--folder", folder).stdout
    assert said.splitlines()[-1].split() == ["tmuxmeter", *["."] * 8]
    said = program("today.py", "--size", "4", "--rounds", "1", "--folder", folder).stdout
    assert said.count("tmuxmeter today") == 2


def test_reports_print_figures_and_fail_where_the_truth_is_another(tmp_path: Path) -> None:
    size = ("--days", "9", "--requests", "900", "--rounds", "1", "--folder", tmp_path)
    said = program("reports.py", *size).stdout
    assert "tmuxmeter week: " in said
    (truth,) = tmp_path.glob("*/truth.json")
    days: dict[str, int] = json.loads(truth.read_text())
    days[max(day for day in days if day != max(days))] += 1
    truth.write_text(json.dumps(days))
    assert "the live segment after an event: " in said
    assert "WRONG" in program("reports.py", *size, fails=True).stderr


def test_cold_fails_where_the_truth_is_another(tmp_path: Path) -> None:
    folder = tmp_path / "corpora"
    program("cold.py", "--size", "1", "--rounds", "1", "--folder", folder)
    truth = folder / "corpus-1/truth.json"
    data: dict[str, Any] = json.loads(truth.read_text())
    data["usage"][0]["output"] += 1
    truth.write_text(json.dumps(data))
    done = program("cold.py", "--size", "1", "--rounds", "1", "--folder", folder, fails=True)
    assert "WRONG" in done.stderr


def test_a_folder_that_is_no_corpus_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "corpus-1/precious"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = program("cold.py", "--size", "1", "--rounds", "1", "--folder", tmp_path, fails=True)
    assert "in the way" in done.stderr
    assert mine.read_text() == "mine"


def test_latency_sees_lines_arrive_and_agents_at_work() -> None:
    said = program("latency.py", "--writes", "2", "--seconds", "2", "--agents", "3").stdout
    assert "2 single lines" in said
    assert "behind" in said


def test_idle_counts_what_the_watcher_starts() -> None:
    said = program(
        "idle.py",
        "--panes",
        "3",
        "--processes",
        "0",
        "--folders",
        "20",
        "--seconds",
        "3",
        "--settle",
        "1",
    ).stdout
    assert "processes started" in said


@pytest.mark.slow
def test_a_short_soak_ends_with_an_equal_ledger() -> None:
    done = subprocess.run(
        [sys.executable, BENCH / "soak.py", "--seconds=30", "--writers=5", "--kill-every=8"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=dict(os.environ),
    )
    assert "one pass over all that was written" in done.stdout, done.stderr
    faults = [line for line in done.stdout.splitlines() if "FAULT" in line]
    # what a busy machine makes slow is for people to judge
    assert not [line for line in faults if not line.endswith(("while nothing happens", "zombies"))]
