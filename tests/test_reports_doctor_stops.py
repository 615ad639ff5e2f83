"""What doctor says of pauses, hooks and the guard."""

from __future__ import annotations

import pytest

from tmuxmeter.config.settings import GuardSettings
from tmuxmeter.reports.doctor_stops import (
    HookFacts,
    PauseFacts,
    guard_check,
    hooks_check,
    pauses_check,
)

HELD = PauseFacts("%3", "claude", "hold", "you", 0, over="")
OVER = HELD._replace(pane="%4", over="its flag is gone")


@pytest.mark.parametrize(
    ("pauses", "broken", "watching", "status", "words"),
    [
        ([], [], False, "ok", "nothing is paused"),
        ([HELD], [], True, "note", "1 agent paused: %3 (claude) by you (hold)"),
        ([HELD], [], False, "warn", "by you"),
        (
            *([HELD, OVER], [], True, "warn"),
            "1 agent paused: %3 (claude) by you (hold); that of %4 (claude) is over: its flag",
        ),
        ([OVER], [], False, "warn", "nothing is paused; that of %4 (claude) is over: its flag"),
        ([OVER._replace(spent_after=9)], [], False, "warn", "is over"),
        ([HELD._replace(spent_after=9)], [], True, "bad", "still spending: %3"),
        ([HELD], ["x is no record"], True, "warn", "x is no record"),
    ],
)
def test_pauses(
    pauses: list[PauseFacts], broken: list[str], watching: bool, status: str, words: str
) -> None:
    check = pauses_check(pauses, broken, watching=watching)
    assert check.status == status
    assert words in check.text
    assert bool(check.hint) == (status != "ok")


def test_what_is_over_is_taken_away_by_a_command_that_is_named() -> None:
    assert "`resume --all` or `down`" in pauses_check([OVER], [], watching=False).hint
    assert "the watcher" in pauses_check([OVER], [], watching=True).hint


def test_hooks() -> None:
    there = HookFacts("claude", "installed", "", "")
    assert hooks_check([]).text == "not installed"
    assert hooks_check([there, HookFacts("codex", "missing", "", "")]).text == "installed: claude"
    odd = HookFacts("codex", "untrusted", "Codex was not told to trust them", "start codex")
    check = hooks_check([there, odd])
    assert (check.status, check.hint) == ("warn", "start codex")
    assert check.text == "codex: untrusted, Codex was not told to trust them"
    old = HookFacts("claude", "outdated", "", "tmuxmeter hooks install claude")
    assert hooks_check([old, odd]).hint == "`tmuxmeter hooks install claude`, start codex"


@pytest.mark.parametrize(
    ("settings", "watching", "status", "text"),
    [
        (GuardSettings(), False, "ok", "no limit is set"),
        (GuardSettings(day_tokens=5_000), True, "ok", "5,000 input tokens a day: notify"),
        (GuardSettings(loop=5), False, "warn", "an error loop of 5: notify; nobody watches"),
        (
            GuardSettings(action="hold", pane_dollars=2.5),
            True,
            "note",
            "$2.50 a day in a pane: hold, 30 s after the notice",
        ),
    ],
)
def test_guard(settings: GuardSettings, watching: bool, status: str, text: str) -> None:
    check = guard_check(settings, watching=watching)
    assert (check.status, check.text) == (status, text)
