"""``breakeven`` and ``calibrate`` through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from breakeven_data import as_table, history
from build_claude import Transcript, session_id, text
from watching import data, tmuxmeter

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-11-21"
KEYS = {
    "input_tokens",
    "cache_hit_rate",
    "speedup",
    "ratio",
    "line_input_tokens",
    "verdict",
    "calibrated",
}


def reference(*what_if: str) -> dict[str, Any]:
    supposed = ["--what-if", *what_if] if what_if else []
    found: dict[str, Any] = data("breakeven", "--reference", *supposed)
    return found


def message(*arguments: str | Path) -> str:
    done = tmuxmeter(*arguments, check=False)
    assert done.returncode == 2
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "hours.csv"
    file.write_text(as_table(history(1)))
    return file


def test_reference_answers_on_a_machine_without_anything(home: Path) -> None:
    found = reference()
    assert set(found) >= KEYS
    assert found["input_tokens"] == 340_000
    assert found["line_input_tokens"] == pytest.approx(340_000, rel=0.005)
    assert (found["verdict"], found["calibrated"]) == ("amber", False)
    assert 180_000 < reference("cache_hit=0.2")["line_input_tokens"] < 195_000
    # it made no ledger, and no folder for one
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_time_to_the_line_is_at_the_days_burn() -> None:
    found = reference("input_tokens=160k")
    assert found["burn_tokens_per_hour"] == 20_000
    assert found["tokens_to_line"] == found["line_input_tokens"] - 160_000
    assert found["hours_to_line"] == pytest.approx(found["tokens_to_line"] / 20_000, rel=1e-4)
    beyond = reference("input_tokens=600k")
    assert beyond["tokens_to_line"] < 0
    assert beyond["hours_to_line"] is None


def test_several_figures_may_follow_one_what_if() -> None:
    found = reference("cache_hit=20%", "handoffs=16", "agents=2", "input_tokens=100k")
    assert (found["cache_hit_rate"], found["handoffs"], found["agents"]) == (0.2, 16, 2)
    assert found["input_tokens"] == 100_000
    assert found["possible_speedup"] == 2


def test_the_advice_for_one_task_is_one_agent_and_one_agent_is_neutral() -> None:
    assert reference("pool=1", "input_tokens=1000")["advice"] == "one agent"
    alone = reference("agents=1", "pool=1", "cache_hit=0.3")
    assert alone["verdict"] == "neutral"
    # its line, curve and levers are those that several would have, as in the status line's gauge
    several = reference("cache_hit=0.3")
    assert several["line_input_tokens"] > 0
    keys = ("line_input_tokens", "line_low", "line_high", "tokens_to_line", "curve", "believed")
    assert [alone[key] for key in keys] == [several[key] for key in keys]
    moves = {row["lever"]: row["line_tokens"] for row in alone["levers"]}
    assert moves["cache_hit"] < 0
    assert (alone["possible_speedup"], moves["pool"]) == (1, None)


def test_settings_change_the_model(home: Path) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[breakeven]\nknee = 1_000_000\nuncertainty = 0.1\n")
    found = reference()
    assert found["line_input_tokens"] > 900_000
    assert found["constants"]["knee"] == 1_000_000
    assert found["verdict"] == "green"
    config.write_text("[breakeven]\nhourly_rate = -5\n")
    said = message("breakeven", "--reference")
    assert "breakeven.hourly_rate must be a number of dollars from 0.01 to 10000, not -5" in said


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--what-if", "cache=1"], "did you mean cache_hit?"),
        (["--what-if", "cache_hit=2"], "cache_hit takes a number from 0 to 1"),
        (["cache_hit=0.2"], "did you mean --what-if cache_hit=0.2?"),
        (["--plot", "curve.gif"], "*.png or *.svg"),
        (["--plot", "nowhere/curve.svg"], "can't be written"),
        (["--date", DAY], "name two different days"),
    ],
)
def test_nonsense_is_one_line(arguments: list[str], part: str) -> None:
    assert part in message("breakeven", "--reference", *arguments)


def test_for_people_it_has_verdict_figures_curve_and_levers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = tmuxmeter("breakeven", "--reference", "--what-if", "input_tokens=212k").stdout
    lines = shown.splitlines()
    assert lines[0] == "▲? green: needs 1.2×, gets 2.5×"
    assert all(len(line) <= 80 for line in lines)
    (line,) = (each for each in lines if each.startswith("the line"))
    assert line.split()[2].replace(",", "").isdigit()
    assert "k left" in line
    assert any(each.startswith(("cache hit rate", "review per hour")) for each in lines)
    assert any("│" in each and "░" in each for each in lines)
    assert lines[-1].startswith("Not calibrated")


def test_curve_is_saved_as_a_picture(tmp_path: Path) -> None:
    png, svg = tmp_path / "curve.PNG", tmp_path / "curve.svg"
    assert f"Saved {png}" in tmuxmeter("breakeven", "--reference", "--plot", png).stdout
    tmuxmeter("breakeven", "--reference", "--plot", svg, "--json")
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    begin = content.index(b"IDAT")
    size = int.from_bytes(content[begin - 4 : begin])
    pixels = zlib.decompress(content[begin + 4 : begin + 4 + size])
    assert len(pixels) == 540 * (960 * 3 + 1)
    root = ET.fromstring(svg.read_bytes())
    words = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"the line: 340k", "reference"} <= set(words)


def test_a_day_of_the_ledger_is_judged_by_its_own_figures(home: Path) -> None:
    transcript = Transcript(session_id("one"))
    transcript.prompt("hello")
    for number in range(3):
        transcript.reply(f"r{number}", text("Done."))
    transcript.write(home / ".claude")
    found = data("breakeven", "--home", home, "--date", DAY)
    assert found["input_tokens"] == 3 * 40_903
    assert found["cache_hit_rate"] == pytest.approx(40_000 / 40_903)
    # $3, $0.30 and $6 a million make weights of 1, 0.1 and 2
    assert found["reference_tokens"] == round(3 * (3 + 4_000 + 1_800) / 0.442)
    assert found["agents"] == 1
    assert found["verdict"] == "neutral"
    what_if = data(
        *("breakeven", "--home", home, "--date", DAY),
        *("--what-if", "agents=2", "k_busy=1.9", "hours=1", "handoffs=0"),
    )
    assert what_if["input_tokens"] == found["input_tokens"]
    assert what_if["verdict"] == "green"
    # nothing was touched by supposing
    assert data("breakeven", "--home", home, "--date", DAY) == found


def test_time_to_the_line_counts_the_input_that_the_line_counts(home: Path, midday: None) -> None:
    transcript = Transcript(session_id("one"), now_ms=round(time.time() * 1000) - 600_000)
    transcript.prompt("hello")
    transcript.reply("r0", text("Done."))
    transcript.write(home / ".claude")
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    for counts, tokens in (("all", 40_903), ("uncached", 903)):
        config.write_text(f'[breakeven]\ninput_counts = "{counts}"\n')
        found = data("breakeven", "--home", home)
        assert (found["input_tokens"], found["burn_tokens_per_hour"]) == (tokens, tokens)
        assert data("today", "--home", home)["light"]["burn_tokens_per_hour"] == tokens


def test_tokens_without_a_price_are_no_dollars_in_the_bill(home: Path) -> None:
    transcript = Transcript(session_id("one"))
    transcript.prompt("hello")
    transcript.reply("r0", text("Done."), model="made-up-9")
    transcript.write(home / ".claude")
    arguments = ("breakeven", "--home", home, "--date", DAY)
    assert "tokens ?, review" in tmuxmeter(*arguments).stdout
    transcript.reply("r1", text("Done."))
    transcript.write(home / ".claude")
    assert "tokens $0.02+?, review" in tmuxmeter(*arguments).stdout


def test_a_heavy_days_figures_fit_80_columns(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    heavy = ("input_tokens=123456789", "spend=1234.5", "handoffs=99", "hours=12.5")
    lines = tmuxmeter("breakeven", "--reference", "--what-if", *heavy).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    (bill,) = (line for line in lines if line.startswith("speed-up needed"))
    assert bill.endswith("time $375.0, tokens $1235, review $594.0")


def test_an_empty_day_is_neutral_and_has_the_reference_line(home: Path) -> None:
    found = data("breakeven", "--home", home)
    assert (found["verdict"], found["input_tokens"]) == ("neutral", 0)
    assert found["line_input_tokens"] == pytest.approx(340_000, rel=0.005)
    assert found["cache_hit_rate"] is None
    shown = tmuxmeter("breakeven", "--home", home).stdout
    assert "nothing spent yet" in shown
    # there is no day of which these could be figures
    assert "work per dollar" not in shown
    assert "the line" in shown
    assert "● today" not in shown


def test_a_fit_is_printed_in_ascii_where_icons_are_off(home: Path, table: Path) -> None:
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[status]\nicons = false\n")
    assert tmuxmeter("calibrate", "--from", table).stdout.isascii()


def test_calibrating_a_table_prints_the_fit_and_changes_nothing(home: Path, table: Path) -> None:
    found = data("calibrate", "--from", table)
    assert found["fitted"] is True
    assert found["applied"] is False
    assert found["knee"] == pytest.approx(312_000, rel=0.1)
    low, high = found["intervals"]["k_high"]
    assert low < found["k_high"] < high
    assert found["days"] == 40
    assert data("calibrate", "--show") == {"fitted": False}
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_fit_is_applied_shown_used_and_undone(home: Path, table: Path) -> None:
    shown = tmuxmeter("calibrate", "--from", table, "--apply").stdout
    assert "In force now." in shown
    fit = data("calibrate", "--show")
    assert fit["fitted"] is True
    found = data("breakeven")
    assert found["calibrated"] is True
    assert found["constants"]["knee"] == pytest.approx(fit["knee"])
    assert found["constants"]["token_multiplier"] == pytest.approx(fit["M"])
    # the reference day stays that of the settings, and the configuration is the user's
    assert reference()["calibrated"] is False
    assert not (home / ".config").exists()
    # a new fit is suggested, also where the old one is used
    for command in (("calibrate", "--show"), ("breakeven",)):
        assert "days old: `tmuxmeter calibrate` fits anew." in tmuxmeter(*command).stdout
    assert "days old" not in tmuxmeter("breakeven", "--reference").stdout
    assert data("calibrate", "--reset") == {"reset": True}
    assert data("calibrate", "--reset") == {"reset": False}
    assert data("breakeven")["calibrated"] is False


def test_what_the_configuration_names_wins_over_the_fit(home: Path, table: Path) -> None:
    tmuxmeter("calibrate", "--from", table, "--apply")
    config = home / ".config/tmuxmeter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[breakeven]\nknee = 5_000_000\n")
    found = data("breakeven")
    assert found["constants"]["knee"] == 5_000_000
    assert found["constants"]["k_high"] != 2.55
    assert "wins for: breakeven.knee" in tmuxmeter("calibrate", "--show").stdout


def test_hours_that_carry_no_fit_are_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "flat.csv"
    file.write_text(as_table(history(1, k_low=2.55)))
    done = tmuxmeter("calibrate", "--from", file, "--apply", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("No fit: no knee")
    done = tmuxmeter("calibrate", "--from", file, "--json", check=False)
    found = json.loads(done.stdout)
    assert (found["fitted"], found["applied"]) == (False, False)
    assert found["reason"].startswith("no knee")
    assert data("calibrate", "--show") == {"fitted": False}


def test_a_ledger_with_too_little_is_refused(home: Path) -> None:
    transcript = Transcript(session_id("one"))
    transcript.prompt("hello")
    transcript.reply("r", text("Done."))
    transcript.write(home / ".claude")
    for tasks in ("commits", "handoffs", "done"):
        done = tmuxmeter(
            *("calibrate", "--home", home, "--tasks", tasks, "--since", DAY, "--json"), check=False
        )
        assert done.returncode == 1
        assert "too few hours with one agent" in json.loads(done.stdout)["reason"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--from", "none.csv"], "can't be read"),
        (["--reset", "--show"], "exclude each other"),
        (["--reset", "--from", "x.csv"], "exclude each other"),
        (["--since", "yesterday"], "--since takes a date"),
        (["--from", "x.csv", "--since", "2026-01-02"], "--from takes a table as it is"),
    ],
)
def test_calibrate_refuses_nonsense_in_one_line(arguments: list[str], part: str) -> None:
    assert part in message("calibrate", *arguments)


def test_a_spoilt_fit_is_said_and_not_used(home: Path) -> None:
    state = home / ".local/state/tmuxmeter"
    state.mkdir(parents=True, mode=0o700)
    (state / "calibration.json").write_text("{")
    done = tmuxmeter("breakeven", "--json")
    assert json.loads(done.stdout)["calibrated"] is False
    assert "calibration.json: not a calibration" in done.stderr
    assert "`tmuxmeter calibrate --reset` removes it" in done.stderr
    checks = data("doctor")["checks"]
    (told,) = [check for check in checks if check["name"] == "calibration"]
    assert told["status"] == "warn"
    assert "calibration.json: not a calibration" in told["text"]
    tmuxmeter("calibrate", "--reset")
    assert "calibration" not in {check["name"] for check in data("doctor")["checks"]}


def test_hypothetical_answers_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tmuxmeter.cli.group import cli\n"
        "cli.main(['breakeven', '--reference', '--json'], standalone_mode=False)\n"
        "heavy = {'genai_prices', 'msgspec', 'watchdog', 'psutil', 'rich', 'sqlite3'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
