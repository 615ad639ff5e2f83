"""Golden status strings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tmuxmeter.reports.live import FLAGS, Live, LiveLight, LivePane, LiveWindow, windows
from tmuxmeter.status.options import StatusOptions, parse_options
from tmuxmeter.status.segments import (
    Segment,
    gauge,
    light_glyph,
    pane_segment,
    segment,
    window_segment,
)

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
        ({"unmetered": 1}, "$12.34+? 1.2M ↻62% 2▶ 1⏳", "$12.34+? 1.2M tok hit 62% 2 run 1 wait"),
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
            {"paused": 1, "flags": (("spending", 1),)},
            "$12.34 1.2M ↻62% 2▶ 1⏳ 1⏸ ⏸!",
            "$12.34 1.2M tok hit 62% 2 run 1 wait 1 paused spending",
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
    assert str(segment(live, ICONS)) == icons
    assert str(segment(live, ASCII)) == ascii_


def test_global_segment_of_a_day_without_anything() -> None:
    assert str(segment(Live(cost_microdollars=0), ICONS)) == "$0.00"


def test_global_segment_has_the_parts_asked_for_in_their_order() -> None:
    options = replace(ICONS, segment=("agents", "output", "cost", "outside"))
    assert str(segment(LIVE, options)) == "2▶ 1⏳ ↑46k $12.34"
    outside = replace(LIVE, outside_cost_microdollars=250_000)
    assert str(segment(outside, options)) == "2▶ 1⏳ ↑46k $12.34 ⇱$0.25"
    unpriced = replace(LIVE, outside_unpriced_tokens=9)
    assert str(segment(unpriced, replace(options, icons=False))).endswith(" outside ?")


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
            {"unmetered": True, "cost_microdollars": None, "input_tokens": 0},
            "Claude Code ? ctx 43% ▶",
            "Claude Code ? ctx 43% run",
        ),
        (
            {"confidence": 0.5, "state": "gone", "unpriced_tokens": 7},
            "Claude Code ~$1.20+? 212k ctx 43% ✗",
            "Claude Code ~$1.20+? 212k tok ctx 43% gone",
        ),
        (
            {"state": "paused", "paused_by": "you", "paused_since": "14:05"},
            "Claude Code $1.20 212k ctx 43% ⏸ you 14:05",
            "Claude Code $1.20 212k tok ctx 43% paused you 14:05",
        ),
        (
            {"state": "paused", "paused_by": "you", "flags": ("spending", "loop")},
            "Claude Code $1.20 212k ctx 43% ⏸! still spending ∞",
            "Claude Code $1.20 212k tok ctx 43% paused! still spending loop",
        ),
        (
            {"cost_microdollars": None, "input_tokens": 0, "unmetered": True}
            | {"estimated_input": 12_000, "context_fill": None},
            "Claude Code ? ~12k ▶",
            "Claude Code ? ~12k tok run",
        ),
        (
            # what is told beside it counts, and is no estimate
            {"unmetered": True, "estimated_input": 12_000, "context_fill": None},
            "Claude Code $1.20+? 212k ▶",
            "Claude Code $1.20+? 212k tok run",
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
    words = "cost light gauge tokens output hit agents outside budget handoffs flags"
    words += " agent model context state"
    options, _ = parse_options(
        {f"@tmuxmeter_{name}segment": words for name in ("", "window_", "pane_")}
    )
    assert str(segment(LIVE, options))
    assert window_segment(windows([PANE])[0], options)
    assert pane_segment(PANE, options).startswith("$1.20")


LIGHT = LiveLight(
    verdict="green",
    reason="needs 1.6×, gets 2.4×",
    calibrated=True,
    input_tokens=212_000,
    line_tokens=331_400.0,
    needed=1.6,
    possible=2.4,
    ratio=1.5,
    budget_share=0.71,
    handoffs=4,
    pending=2,
)
LIT = replace(LIVE, light=LIGHT)


@pytest.mark.parametrize(
    ("verdict", "calibrated", "icons", "ascii_"),
    [
        ("green", True, "▲", "+"),
        ("green", False, "▲?", "+?"),
        ("amber", True, "◆", "="),
        ("red", False, "▼?", "!?"),
        ("neutral", False, "–", "-"),
        ("", False, "", ""),
    ],
)
def test_each_verdict_has_a_sign_of_its_own(
    verdict: str, calibrated: bool, icons: str, ascii_: str
) -> None:
    light = replace(LIGHT, verdict=verdict, calibrated=calibrated)
    assert light_glyph(light, ICONS) == icons
    assert light_glyph(light, ASCII) == ascii_


@pytest.mark.parametrize(
    ("changes", "icons", "ascii_"),
    [
        ({}, "212k/331k", "212k/331k"),
        ({"line_tokens": float("inf")}, "212k/∞", "212k/inf"),
        ({"line_tokens": None}, "212k/?", "212k/?"),
        ({"line_tokens": 0.0}, "212k/0", "212k/0"),
        ({"verdict": ""}, "1.2M", "1.2M"),
    ],
)
def test_gauge(changes: dict[str, object], icons: str, ascii_: str) -> None:
    live = replace(LIT, light=replace(LIGHT, **changes))  # type: ignore[arg-type]
    assert gauge(live, ICONS) == icons
    assert gauge(live, ASCII) == ascii_


def test_light_and_gauge_are_the_piece_that_has_the_verdicts_style() -> None:
    assert segment(LIT, ICONS) == Segment("$12.34 ", "▲ 212k/331k", " ↻62% 2▶ 1⏳")
    assert str(segment(LIT, ASCII)) == "$12.34 + 212k/331k hit 62% 2 run 1 wait"
    apart = replace(ICONS, segment=("light", "cost", "gauge"))
    assert segment(LIT, apart) == Segment("", "▲", " $12.34 212k/331k")
    alone = replace(ICONS, segment=("cost", "gauge"))
    assert segment(LIT, alone) == Segment("$12.34 ", "212k/331k", "")
    assert segment(LIVE, replace(ICONS, segment=("cost",))) == Segment("$12.34", "", "")
    empty = replace(LIT, input_tokens=0, light=replace(LIGHT, verdict="neutral", input_tokens=0))
    assert str(segment(empty, replace(ICONS, segment=("light", "gauge", "cost")))) == "$12.34"


def test_parts_appear_from_the_per_cent_asked_for() -> None:
    at = replace(ICONS, segment=("gauge", "budget"), gauge_from=63, budget_from=71)
    assert str(segment(LIT, at)) == "212k/331k ≤71%"
    above = replace(at, gauge_from=64, budget_from=72)
    assert str(segment(LIT, above)) == ""
    context = replace(ICONS, pane_segment=("context",), context_from=43)
    assert pane_segment(PANE, context) == "ctx 43%"
    assert pane_segment(PANE, replace(context, context_from=44)) == ""


def test_flags_are_signs_with_their_number() -> None:
    live = replace(LIT, flags=(("loop", 1), ("further", 2), ("waiting", 1)))
    assert str(segment(live, ICONS)) == "$12.34 ▲ 212k/331k ↻62% 2▶ 1⏳ ∞ 2⊕"
    only = replace(ICONS, segment=("flags",), flags=("further", "waiting"))
    assert str(segment(live, only)) == "2⊕ ⏳"
    pane = replace(PANE, flags=("loop", "drift", "waiting"), state="waiting")
    assert pane_segment(pane, ICONS).endswith(" ctx 43% ⏳ ∞≈")
    assert pane_segment(pane, ASCII).endswith(" ctx 43% wait loop drift")
    assert pane_segment(pane, replace(ICONS, pane_segment=("flags",))) == "∞≈⏳"
    window = windows([pane, replace(PANE, flags=("overlap",))])[0]
    assert window.flags == ("loop", "overlap", "drift", "waiting")
    assert window_segment(window, ICONS) == "$2.40 1▶ 1⏳ ∞⧉≈"


def test_thresholds_and_flags_come_from_tmux() -> None:
    options, complaints = parse_options(
        {
            "@tmuxmeter_gauge_from": "50",
            "@tmuxmeter_context_from": " 80% ",
            "@tmuxmeter_budget_from": "-1",
            "@tmuxmeter_flags": "loop nonsense",
        }
    )
    assert options == replace(ICONS, gauge_from=50, context_from=80, flags=("loop",))
    assert [complaint.split(":")[0] for complaint in complaints] == [
        "@tmuxmeter_flags",
        "@tmuxmeter_budget_from",
    ]
    assert parse_options({"@tmuxmeter_flags": "none"}) == (replace(ICONS, flags=()), ())
    assert parse_options({"@tmuxmeter_gauge_from": "٣" * 2})[1]
    assert parse_options({"@tmuxmeter_gauge_from": "9" * 5000})[1]
    assert set(ICONS.flags) == set(FLAGS)
