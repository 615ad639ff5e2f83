"""Calibration from end to end: agents' logs and commits in, the user's own light out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from build_claude import Transcript, session_id, text
from fitting_history import DAYS, HOUR_MS, HOURS, TRUE, write_day, write_history
from tmux_fixtures import wait_until
from watching import data, tmuxmeter

from tmuxmeter.breakeven.calibrate import calibrate
from tmuxmeter.breakeven.estimates import Fit
from tmuxmeter.breakeven.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmux_fixtures import TmuxServer


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))


@pytest.fixture
def metered(home: Path) -> Iterator[Path]:
    """Give a home whose watcher, once one is started, ends with the test."""
    yield home
    tmuxmeter("down", "--all", "--home", home, check=False)


def test_a_history_of_logs_and_commits_is_fitted(home: Path, midday: None, tmp_path: Path) -> None:
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    write_history(home, tmp_path / "repo", round(today.timestamp() * 1000))
    fit = data("calibrate", "--home", home, "--apply")
    assert (fit["fitted"], fit["applied"], fit["days"]) == (True, True, DAYS)
    alone = sum(hour.agents_working == 1 for hour in HOURS)
    sides = (fit["baseline_hours"], fit["treatment_hours"])
    assert sides == pytest.approx((alone, len(HOURS) - alone), rel=0.01)
    # the way through logs, ledger and git changes next to nothing
    straight = calibrate(HOURS, Model())
    assert isinstance(straight, Fit)
    for name, true in TRUE.items():
        low, high = fit["intervals"][name]
        assert low <= true <= high
        assert fit[name] == pytest.approx(getattr(straight, name).value, rel=0.03)
    assert fit["M"] == pytest.approx(straight.multiplier.value, rel=0.03)
    yesterday = str(date.today() - timedelta(days=1))
    now = data("breakeven", "--home", home)
    assert now["calibrated"]
    assert now["constants"]["knee"] == pytest.approx(fit["knee"])
    then: dict[str, Any] = data("today", "--home", home, "--date", yesterday)
    assert then["light"]["calibrated"]
    assert then["light"]["verdict"] in {"green", "amber", "red", "neutral"}
    assert "?" not in tmuxmeter("breakeven", "--home", home).stdout.splitlines()[0]
    tmuxmeter("calibrate", "--home", home, "--reset")
    assert not data("breakeven", "--home", home)["calibrated"]


def test_folders_without_commits_are_counted_and_one_is_named(home: Path, midday: None) -> None:
    yesterday = round(time() * 1000) - 24 * HOUR_MS  # today isn't over, and left out
    for name in ("/gone/a", "/gone/b", "/gone/c"):
        transcript = Transcript(session_id(name), cwd=name, now_ms=yesterday)
        transcript.prompt("hello")
        transcript.reply(name, text("Done."))
        transcript.write(home / ".claude")
    done = tmuxmeter("calibrate", "--home", home, check=False)
    assert done.returncode == 1
    # doctor knows nothing of repositories
    gone = "/gone/a: no longer there, its commits are not counted (and 2 more like it)"
    assert done.stderr == f"tmuxmeter: {gone}\n"


def test_the_first_up_calibrates_by_itself_and_its_light_is_unmarked(
    metered: Path, midday: None, tmp_path: Path, tmux_servers: Any
) -> None:
    home = metered
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    midnight = round(hour.timestamp() * 1000) - 12 * HOUR_MS
    write_history(home, tmp_path / "repo", midnight)
    # this morning three agents worked for an hour, far below the knee
    three = (each for each in HOURS if each.agents_working == 3)
    calm = min(three, key=lambda each: each.price_equivalent)
    write_day(home, tmp_path / "repo", midnight + 9 * HOUR_MS, [calm])

    server: TmuxServer = tmux_servers(160, 30)
    outer: TmuxServer = tmux_servers(160, 30)
    server.start("cat")
    outer.start()
    screen = server.show_in(outer)
    server.run("set", "-g", "status-right", "|#{tmuxmeter}|#{tmuxmeter_calibrated}|")
    server.run("set", "-g", "status-right-length", "90")
    server.run("set", "-g", "@tmuxmeter_segment", "light gauge")
    tmuxmeter("up", "--quiet", "--home", home, "--socket", server.socket)

    def told() -> str:
        return str(server.run("show-messages"))

    wait_until(lambda: "calibrated on your days from " in told(), 90, every=0.2)
    wait_until(lambda: "|yes|" in outer.capture(screen), 30, every=0.1)
    light = outer.capture(screen).rpartition("|yes|")[0].rpartition("|")[2]
    fit = data("calibrate", "--home", home, "--show")
    low, high = fit["intervals"]["knee"]
    assert low <= TRUE["knee"] <= high
    today = data("today", "--home", home)
    assert today["light"]["constants"]["knee"] == fit["knee"]
    # a colour without the mark of a scale that is somebody else's
    assert today["light"]["verdict"] == "green"
    assert light.startswith("\u25b2 "), light
    assert "?" not in light
    # and the day's budget is that of the own line, the same in the status line and in `today`
    assert today["budget"]["input_tokens"] not in (0, 300_000)
