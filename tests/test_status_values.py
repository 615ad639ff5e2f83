from __future__ import annotations

from dataclasses import replace

from test_status_segments import LIGHT, LIVE, PANE

from tmuxmeter.status.options import StatusOptions
from tmuxmeter.status.values import tmux_values
from tmuxmeter.tmux.formats import GLOBAL_NAMES, PANE_NAMES, SEGMENT_PIECES, WINDOW_NAMES, variable

FULL = replace(
    LIVE,
    problem="disk full",
    light=LIGHT,
    flags=(("loop", 1), ("waiting", 2)),
    panes=(
        replace(
            PANE,
            state="waiting",
            waiting_for="permission",
            problem="odd",
            flags=("loop", "waiting"),
            paused_by="you",
            paused_since="14:05",
        ),
    ),
)


def test_every_placeholder_has_a_value() -> None:
    values = tmux_values(FULL, StatusOptions())
    names = {variable(name) for name in (*SEGMENT_PIECES, *GLOBAL_NAMES)}
    names |= {variable(name, "@1") for name in ("window", *WINDOW_NAMES)}
    names |= {variable(name, "%3") for name in ("pane", *PANE_NAMES)}
    assert set(values) == names


def test_values_are_the_figures() -> None:
    values = tmux_values(FULL, StatusOptions())
    assert values["TMUXMETER_TOTAL"] == "$12.34"
    assert values["TMUXMETER_TOKENS"] == "1.2M"
    assert values["TMUXMETER_HIT"] == "62%"
    assert (values["TMUXMETER_WORKING"], values["TMUXMETER_WAITING"]) == ("2", "1")
    assert values["TMUXMETER_WINDOW_1"] == "$1.20 1⏳ ∞"
    assert values["TMUXMETER_SEGMENT"] == "$12.34 "
    assert values["TMUXMETER_SEGMENT_LIGHT"] == "▲ 212k/331k"
    assert values["TMUXMETER_SEGMENT_REST"] == " ↻62% 2▶ 1⏳ ∞ ⚠ disk full"
    assert values["TMUXMETER_LIGHT"] == "▲"
    assert values["TMUXMETER_VERDICT"] == "green"
    assert values["TMUXMETER_REASON"] == "needs 1.6×, gets 2.4×"
    assert values["TMUXMETER_CALIBRATED"] == "yes"
    assert values["TMUXMETER_GAUGE"] == "212k/331k"
    assert (values["TMUXMETER_LINE"], values["TMUXMETER_LINE_SHARE"]) == ("331k", "64%")
    assert (values["TMUXMETER_RATIO"], values["TMUXMETER_BUDGET"]) == ("1.5", "71%")
    assert (values["TMUXMETER_NEEDED"], values["TMUXMETER_POSSIBLE"]) == ("1.6", "2.4")
    assert (values["TMUXMETER_HANDOFFS"], values["TMUXMETER_PENDING"]) == ("4", "2")
    assert values["TMUXMETER_PANE_PAUSED_3"] == "you 14:05"
    assert values["TMUXMETER_FLAGS"] == values["TMUXMETER_PANE_FLAGS_3"] == "loop waiting"
    assert values["TMUXMETER_WINDOW_FLAGS_1"] == "loop waiting"
    assert values["TMUXMETER_WINDOW_STATE_1"] == "waiting"
    assert values["TMUXMETER_PANE_COST_3"] == "$1.20"
    assert values["TMUXMETER_PANE_MODEL_3"] == "claude-sonnet-4-6"
    assert values["TMUXMETER_PANE_CONTEXT_3"] == "43%"


def test_unknown_is_unknown_and_empty_is_left_out() -> None:
    pane = replace(PANE, cost_microdollars=None, context_fill=None, model="", state="")
    values = tmux_values(replace(LIVE, cache_hit_rate=None, panes=(pane,)), StatusOptions())
    assert values["TMUXMETER_HIT"] == "?"
    assert values["TMUXMETER_PANE_COST_3"] == "?"
    assert values["TMUXMETER_PANE_CONTEXT_3"] == "?"
    assert "TMUXMETER_PANE_MODEL_3" not in values
    assert "TMUXMETER_PANE_STATE_3" not in values
    assert "TMUXMETER_PROBLEM" not in values
    for name in ("LINE", "LINE_SHARE", "RATIO", "NEEDED", "POSSIBLE", "BUDGET"):
        assert values[f"TMUXMETER_{name}"] == "?"
    assert "TMUXMETER_LIGHT" not in values
    assert "TMUXMETER_VERDICT" not in values


def test_an_estimate_is_marked() -> None:
    pane = replace(PANE, input_tokens=0, output_tokens=0, estimated_input=12_000)
    values = tmux_values(
        replace(LIVE, panes=(replace(pane, estimated_output=340),)), StatusOptions()
    )
    assert (values["TMUXMETER_PANE_TOKENS_3"], values["TMUXMETER_PANE_OUTPUT_3"]) == (
        "~12k",
        "~340",
    )


def test_words_from_logs_are_escaped_and_bounded() -> None:
    pane = replace(PANE, model="#(touch x)\n#{pane_id}\x1b" + "m" * 99, agent="#[fg=red]")
    values = tmux_values(replace(LIVE, panes=(pane,)), StatusOptions())
    assert values["TMUXMETER_PANE_AGENT_3"] == "##[fg=red]"
    assert values["TMUXMETER_PANE_3"].startswith("##[fg=red] $1.20")
    model = values["TMUXMETER_PANE_MODEL_3"]
    assert model.startswith("##(touch x) ##{pane_id} mmm")
    assert len(model) == 40 + 2
