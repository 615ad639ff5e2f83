"""Options that take one of a few values, or don't go together: nonsense is said to be some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from watching import tmuxmeter

from tmuxmeter.tmux.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = "'standard', 'fast', 'priority', 'flex', 'batch'"
DATE = "takes a date such as 2026-07-01, not 'soon'"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("prices --tier nonsense", KNOWN),
        ("prices claude-opus-4-6 --tier nonsense", KNOWN),
        ("prices --date soon", f"--date {DATE}"),
        ("reprice --since soon", f"--since {DATE}"),
        ("sessions --since soon", f"--since {DATE}"),
        ("days --until soon", f"--until {DATE}"),
        ("week --date soon", f"--date {DATE}"),
        ("breakeven --date soon", f"--date {DATE}"),
        ("calibrate --since soon", f"--since {DATE}"),
        ("today --by x", "'pane', 'agent', 'model', 'project', 'branch'"),
        ("days --by x", "'agent', 'model', 'project', 'pane'"),
        ("week --tasks x", "'commits', 'handoffs', 'done'"),
        ("calibrate --tasks x", "'commits', 'handoffs', 'done'"),
        ("pause --how x", "'hold', 'freeze', 'interrupt'"),
        ("pause --agent x", "'x' is no agent that is known: claude, codex"),
        ("resume --agent x", "'x' is no agent that is known: claude, codex"),
        ("agents check x", "there is no agent 'x'; known are claude, codex"),
        ("hooks diff x", "'claude', 'codex', 'gemini', 'cursor', 'opencode'"),
        ("calibrate --show --tasks done", "--reset, --show, and fitting anew exclude each other"),
        ("calibrate --from x.csv --tasks done", "--from takes a table as it is"),
        ("calibrate --from x.csv --since 2026-07-01", "--from takes a table as it is"),
        ("config --path --json", "--path prints the path alone"),
        ("week --plot x.gif", "--plot takes a file named *.png or *.svg, not 'x.gif'"),
        ("breakeven --plot x.gif", "--plot takes a file named *.png or *.svg, not 'x.gif'"),
    ],
)
def test_what_makes_no_sense_is_refused(home: Path, words: str, said: str) -> None:
    done = tmuxmeter(*words.split(), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_picture_that_was_not_made_is_not_said_to_be_saved(home: Path, tmp_path: Path) -> None:
    done = tmuxmeter("week", "--plot", tmp_path / "curve.svg")
    assert "nothing was spent in these days, so there is no curve" in done.stderr
    assert "Saved" not in done.stdout
    assert not (tmp_path / "curve.svg").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("up", "--socket", ""),
        ("pause", "--socket", ""),
        ("handoff", "--pane", ""),
        ("done", "--pane", " "),
        ("prices", ""),
        ("import", "cursor", "x.csv", "--user", ""),
    ],
)
def test_a_name_that_is_empty_is_none_that_was_left_out(home: Path, words: tuple[str, ...]) -> None:
    done = tmuxmeter(*words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is empty" in done.stderr


def test_an_empty_home_is_not_ones_own(home: Path) -> None:
    for words in (["--home", "", "today"], ["today", "--home", ""], ["doctor", "--home", ""]):
        done = tmuxmeter(*words, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "tmuxmeter: --home '': there is no such folder\n"


def test_all_agents_of_a_server_that_is_not_there(home: Path, tmp_path: Path) -> None:
    socket = tmp_path / "no-server"
    for words in (["pause", "--all"], ["pause", "--agent", "claude"], ["toggle", "--all"]):
        done = tmuxmeter(*words, "--socket", socket, check=False)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == f"tmuxmeter: the tmux server at {socket}: not running\n"
    # what was paused in a server that ended can still be let go
    assert tmuxmeter("resume", "--all", "--socket", socket).stdout == "Nothing is paused.\n"


def test_a_server_that_never_was_is_not_said_to_be_off(home: Path, tmp_path: Path) -> None:
    socket = tmp_path / "no-server"
    done = tmuxmeter("down", "--socket", socket, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"there is no tmux server at {socket}, and none was metered there" in done.stderr
    # one that ended while it was metered is forgotten
    Servers(home / ".local/state/tmuxmeter/run").register(socket)
    assert "The meter is off" in tmuxmeter("down", "--socket", socket).stdout


def test_a_width_that_is_no_number_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tmuxmeter("today").stdout
    for said in ("-1", "0", "²", "wide", ""):
        monkeypatch.setenv("COLUMNS", said)
        assert tmuxmeter("today").stdout == whole


@pytest.mark.parametrize("said", ["garbage", "/x,²,0", ",1,0", "/x,,", ""])
def test_a_tmux_variable_that_names_no_server(
    home: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("TMUX", said)
    done = tmuxmeter("pause", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tmuxmeter: outside tmux, say which server: --socket PATH\n"


def test_no_models_met_yet(home: Path) -> None:
    assert tmuxmeter("prices").stdout.startswith("No models met in your logs yet")
    assert tmuxmeter("prices", "--json").stdout == "[]\n"
