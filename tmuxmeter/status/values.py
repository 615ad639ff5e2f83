"""Live figures as the values that the tmux placeholders show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.reports.live import windows
from tmuxmeter.status.segments import (
    gauge,
    light_glyph,
    pane_cost,
    pane_input,
    pane_output,
    pane_segment,
    paused_text,
    segment,
    window_segment,
)
from tmuxmeter.status.text import (
    AGENT_LENGTH,
    LIGHT_LENGTH,
    MODEL_LENGTH,
    PROBLEM_LENGTH,
    REASON_LENGTH,
    UNKNOWN,
    clean,
    factor,
    for_tmux,
    line,
    money,
    share,
    tokens,
)
from tmuxmeter.tmux.formats import variable

if TYPE_CHECKING:
    from tmuxmeter.reports.live import Live, LiveLight, LivePane, LiveWindow
    from tmuxmeter.status.options import StatusOptions


def tmux_values(live: Live, options: StatusOptions) -> dict[str, str]:
    """Return every hidden environment value for one tmux server, escaped for its status line.

    Empty texts are left out: their placeholder then shows nothing.
    """
    values = {variable(name): text for name, text in _global(live, options).items()}
    for window in windows(live.panes):
        texts = _window(window, options).items()
        values.update({variable(name, window.window): text for name, text in texts})
    for pane in live.panes:
        texts = _pane(pane, options).items()
        values.update({variable(name, pane.pane): text for name, text in texts})
    return {name: for_tmux(text) for name, text in values.items() if text}


def _global(live: Live, options: StatusOptions) -> dict[str, str]:
    composed, light = segment(live, options), live.light
    plain = not options.icons
    known = bool(light.verdict)
    return {
        "segment": composed.head,
        "segment_light": composed.light,
        "segment_rest": composed.rest,
        "total": money(live.cost_microdollars, live.unpriced_tokens or live.unmetered),
        "tokens": tokens(live.input_tokens),
        "output": tokens(live.output_tokens),
        "hit": share(live.cache_hit_rate),
        "working": str(live.working),
        "waiting": str(live.waiting),
        "idle": str(live.idle),
        "paused": str(live.paused),
        "outside": money(live.outside_cost_microdollars, live.outside_unpriced_tokens),
        "without_pane": str(live.without_pane),
        "unmetered": str(live.unmetered),
        "problem": clean(live.problem, PROBLEM_LENGTH, ascii_only=plain),
        "light": light_glyph(light, options),
        "verdict": light.verdict,
        "reason": clean(light.reason, LIGHT_LENGTH, ascii_only=plain),
        "calibrated": "yes" if light.calibrated else "no",
        "gauge": gauge(live, options),
        "line": line(light.line_tokens, ascii_only=plain) if known else UNKNOWN,
        "line_share": _line_share(light),
        "ratio": factor(light.ratio),
        "needed": factor(light.needed),
        "possible": factor(light.possible),
        "budget": share(light.budget_share),
        "handoffs": str(light.handoffs),
        "pending": str(light.pending),
        "flags": " ".join(flag for flag, _ in live.flags),
    }


def _line_share(light: LiveLight) -> str:
    """Return how far the line is used up; unknown without a line."""
    if not light.line_tokens:
        return share(None)
    return share(light.input_tokens / light.line_tokens)


def _window(window: LiveWindow, options: StatusOptions) -> dict[str, str]:
    return {
        "window": window_segment(window, options),
        "window_cost": money(window.cost_microdollars, window.unpriced_tokens or window.unmetered),
        "window_tokens": tokens(window.input_tokens),
        "window_output": tokens(window.output_tokens),
        "window_working": str(window.working),
        "window_waiting": str(window.waiting),
        "window_paused": str(window.paused),
        "window_state": window.state,
        "window_flags": " ".join(window.flags),
    }


def _pane(pane: LivePane, options: StatusOptions) -> dict[str, str]:
    plain = not options.icons
    return {
        "pane": pane_segment(pane, options),
        "pane_cost": pane_cost(pane),
        "pane_tokens": pane_input(pane),
        "pane_output": pane_output(pane),
        "pane_hit": share(pane.cache_hit_rate),
        "pane_agent": clean(pane.agent, AGENT_LENGTH, ascii_only=plain),
        "pane_model": clean(pane.model, MODEL_LENGTH, ascii_only=plain),
        "pane_state": clean(pane.state, AGENT_LENGTH, ascii_only=True),
        "pane_waiting_for": clean(pane.waiting_for, REASON_LENGTH, ascii_only=plain),
        "pane_paused": paused_text(pane, plain=plain),
        "pane_context": share(pane.context_fill),
        "pane_problem": clean(pane.problem, PROBLEM_LENGTH, ascii_only=plain),
        "pane_flags": " ".join(pane.flags),
    }
