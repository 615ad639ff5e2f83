"""Golden status strings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tmuxmeter.reports.live import Live, LivePane, LiveWindow, windows
from tmuxmeter.status.options import StatusOptions, parse_options
from tmuxmeter.status.segments import pane_segment, segment, window_segment

ICONS = StatusOptions()
ASCII = StatusOptions(icons=False)

LIVE = Live(
    cost_microdollars=12_340_000,
    input_tokens=1_234_567,
    output_tokens=45_678,
    cache_hit_rate=0.62,
    working=2,
    waiting=1,
    idle=3,
)
PANE = LivePane(
    pane="%3",
    window="@1",
    session="$0",
    cost_microdollars=1_200_000,
    input_tokens=212_000,
    output_tokens=4_400,
    cache_hit_rate=0.5,
    agent="Claude Code",
    model="claude-sonnet-4-6",
    state="working",
    context_fill=0.43,
)


@pytest.mark.parametrize(
    ("changes", "icons", "ascii_"),
    [
        ({}, "$12.34 1.2M ↻62% 2▶ 1⏳", "$12.34 1.2M tok hit 62% 2 run 1 wait"),
        ({"working": 0, "waiting": 0}, "$12.34 1.2M ↻62%", "$12.34 1.2M tok hit 62%"),
        (
            {"unpriced_tokens": 5},
            "$12.34+? 1.2M ↻62% 2▶ 1⏳",
            "$12.34+? 1.2M tok hit 62% 2 run 1 wait",
        ),
        (
            {"cost_microdollars": None, "cache_hit_rate": None},
            "? 1.2M 2▶ 1⏳",
            "? 1.2M tok 2 run 1 wait",
        ),
        (
            {"without_pane": 1},
            "$12.34 1.2M ↻62% 2▶ 1⏳ 1 no pane",
            "$12.34 1.2M tok hit 62% 2 run 1 wait 1 no pane",
        ),
        (
            {"problem": "disk full", "demo": True},
            "demo $12.34 1.2M ↻62% 2▶ 1⏳ ⚠ disk full",
            "demo $12.34 1.2M tok hit 62% 2 run 1 wait ! disk full",
        ),
    ],
)
def test_global_segment(changes: dict[str, object], icons: str, ascii_: str) -> None:
    live = replace(LIVE, **changes)  # type: ignore[arg-type]
    assert segment(live, ICONS) == icons
    assert segment(live, ASCII) == ascii_


def test_global_segment_of_a_day_without_anything() -> None:
    assert segment(Live(cost_microdollars=0), ICONS) == "$0.00"


def test_global_segment_has_the_parts_asked_for_in_their_order() -> None:
    options = replace(ICONS, segment=("agents", "output", "cost", "outside"))
    assert segment(LIVE, options) == "2▶ 1⏳ ↑46k $12.34"
    outside = replace(LIVE, outside_cost_microdollars=250_000)
    assert segment(outside, options) == "2▶ 1⏳ ↑46k $12.34 ⇱$0.25"
    unpriced = replace(LIVE, outside_unpriced_tokens=9)
    assert segment(unpriced, replace(options, icons=False)).endswith(" outside ?")


@pytest.mark.parametrize(
    ("changes", "icons", "ascii_"),
    [
        (
            {},
            "Claude Code $1.20 212k ctx 43% ▶",
            "Claude Code $1.20 212k tok ctx 43% run",
        ),
        (
            {"state": "waiting", "waiting_for": "permission prompt"},
            "Claude Code $1.20 212k ctx 43% ⏳permission prompt",
            "Claude Code $1.20 212k tok ctx 43% wait:permission prompt",
        ),
        (
            {"state": "idle", "waiting_for": "left over", "context_fill": None},
            "Claude Code $1.20 212k ·",
            "Claude Code $1.20 212k tok idle",
        ),
        (
            {"confidence": 0.5, "state": "gone", "unpriced_tokens": 7},
            "Claude Code ~$1.20+? 212k ctx 43% ✗",
            "Claude Code ~$1.20+? 212k tok ctx 43% gone",
        ),
        (
            {"cost_microdollars": None, "agent": "", "state": "", "problem": "log unreadable"},
            "? 212k ctx 43% ⚠ log unreadable",
            "? 212k tok ctx 43% ! log unreadable",
        ),
    ],
)
def test_pane_segment(changes: dict[str, object], icons: str, ascii_: str) -> None:
    pane = replace(PANE, **changes)  # type: ignore[arg-type]
    assert pane_segment(pane, ICONS) == icons
    assert pane_segment(pane, ASCII) == ascii_


def test_ascii_is_ascii_even_where_the_log_is_not() -> None:
    options = replace(ASCII, pane_segment=("model", "state"))
    pane = replace(PANE, model="modèle-ü" * 9, state="waiting", waiting_for="прошу")
    text = pane_segment(pane, options)
    assert text.isascii()
    assert text == "mod?le-?mod?le-?mod?le-?mod?le-?mod?l... wait:?????"


def test_windows_are_the_sums_of_their_panes() -> None:
    panes = (
        PANE,
        replace(PANE, pane="%4", window="@2", cost_microdollars=None, unpriced_tokens=9),
        replace(PANE, pane="%5", cost_microdollars=1_900_000, state="waiting"),
        replace(PANE, pane="%6", cost_microdollars=None, unpriced_tokens=4, state=""),
    )
    first, second = windows(panes)
    assert first == LiveWindow("@1", 3_100_000, 4, 636_000, 13_200, 1, 1, "waiting")
    assert second.cost_microdollars is None
    assert window_segment(first, ICONS) == "$3.10+? 1▶ 1⏳"
    assert window_segment(first, ASCII) == "$3.10+? 1 run 1 wait"
    assert window_segment(second, ICONS) == "? 1▶"


def test_options_come_from_tmux_with_defaults_and_complaints() -> None:
    assert parse_options({}) == (ICONS, ())
    options, complaints = parse_options(
        {
            "@tmuxmeter_icons": "off",
            "@tmuxmeter_segment": "cost, agents speed",
            "@tmuxmeter_pane_segment": "nonsense",
        }
    )
    assert options == replace(ASCII, segment=("cost", "agents"))
    assert [complaint.split(";")[0] for complaint in complaints] == [
        "@tmuxmeter_segment: no part 'speed'",
        "@tmuxmeter_pane_segment: no part 'nonsense'",
    ]


def test_every_part_that_can_be_asked_for_exists() -> None:
    words = "cost tokens output hit agents outside agent model context state"
    options, _ = parse_options(
        {f"@tmuxmeter_{name}segment": words for name in ("", "window_", "pane_")}
    )
    assert segment(LIVE, options)
    assert window_segment(windows([PANE])[0], options)
    assert pane_segment(PANE, options).startswith("$1.20")
