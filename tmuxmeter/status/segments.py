"""Live figures as the texts of the composed segments: plain text, not yet escaped for anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.reports.live import GONE, IDLE, WAITING, WORKING
from tmuxmeter.status.text import (
    AGENT_LENGTH,
    MODEL_LENGTH,
    PROBLEM_LENGTH,
    REASON_LENGTH,
    clean,
    money,
    share,
    tokens,
)

if TYPE_CHECKING:
    from tmuxmeter.reports.live import Live, LivePane, LiveWindow
    from tmuxmeter.status.options import StatusOptions

UNSURE_BELOW = 0.8
"""Spend whose pane is less sure than this is shown with a ``~``."""


@dataclass(frozen=True, slots=True)
class _Signs:
    working: str
    waiting: str
    idle: str
    gone: str
    hit: str
    tokens: str
    output: str
    context: str
    outside: str
    without_pane: str
    problem: str

    def state(self, state: str) -> str:
        signs = {WORKING: self.working, WAITING: self.waiting, IDLE: self.idle, GONE: self.gone}
        return signs.get(state, "")


_ICONS = _Signs("▶", "⏳", "·", "✗", "↻", "", "↑", "ctx ", "⇱", " no pane", "⚠ ")
_ASCII = _Signs(
    " run", " wait", "idle", "gone", "hit ", " tok", "out ", "ctx ", "outside ", " no pane", "! "
)


def signs(options: StatusOptions) -> _Signs:
    """Return the symbols or words in use."""
    return _ICONS if options.icons else _ASCII


def segment(live: Live, options: StatusOptions) -> str:
    """Return ``#{tmuxmeter}``: ``$12.34 212k ↻62% 2▶ 1⏳``.

    A problem and the word ``demo`` are always in it.
    """
    sign = signs(options)
    parts = {
        "cost": money(live.cost_microdollars, live.unpriced_tokens),
        "tokens": tokens(live.input_tokens) + sign.tokens if live.input_tokens else "",
        "output": sign.output + tokens(live.output_tokens) if live.output_tokens else "",
        "hit": "" if live.cache_hit_rate is None else sign.hit + share(live.cache_hit_rate),
        "agents": _agents(live.working, live.waiting, sign, live.without_pane),
        "outside": _outside(live, sign),
    }
    problem = clean(live.problem, PROBLEM_LENGTH, ascii_only=not options.icons)
    return _joined(
        "demo" if live.demo else "",
        *(parts[name] for name in options.segment),
        sign.problem + problem if problem else "",
    )


def window_segment(window: LiveWindow, options: StatusOptions) -> str:
    """Return ``#{tmuxmeter_window}``: ``$3.10 1▶``."""
    sign = signs(options)
    parts = {
        "cost": money(window.cost_microdollars, window.unpriced_tokens),
        "tokens": tokens(window.input_tokens) + sign.tokens if window.input_tokens else "",
        "output": sign.output + tokens(window.output_tokens) if window.output_tokens else "",
        "agents": _agents(window.working, window.waiting, sign),
    }
    return _joined(*(parts[name] for name in options.window_segment))


def pane_segment(pane: LivePane, options: StatusOptions) -> str:
    """Return ``#{tmuxmeter_pane}``: ``Claude Code $1.20 212k ctx 43% ⏳permission prompt``."""
    sign = signs(options)
    plain = not options.icons
    parts = {
        "agent": clean(pane.agent, AGENT_LENGTH, ascii_only=plain),
        "model": clean(pane.model, MODEL_LENGTH, ascii_only=plain),
        "cost": pane_cost(pane),
        "tokens": tokens(pane.input_tokens) + sign.tokens if pane.input_tokens else "",
        "output": sign.output + tokens(pane.output_tokens) if pane.output_tokens else "",
        "hit": "" if pane.cache_hit_rate is None else sign.hit + share(pane.cache_hit_rate),
        "context": "" if pane.context_fill is None else sign.context + share(pane.context_fill),
        "state": _state(pane, sign, plain=plain),
    }
    problem = clean(pane.problem, PROBLEM_LENGTH, ascii_only=plain)
    return _joined(
        *(parts[name] for name in options.pane_segment), sign.problem + problem if problem else ""
    )


def pane_cost(pane: LivePane) -> str:
    """Return what a pane has spent, with a ``~`` where the pane is not quite sure."""
    unsure = "~" if pane.confidence < UNSURE_BELOW else ""
    return unsure + money(pane.cost_microdollars, pane.unpriced_tokens)


def _outside(live: Live, sign: _Signs) -> str:
    if not live.outside_cost_microdollars and not live.outside_unpriced_tokens:
        return ""
    cost = money(live.outside_cost_microdollars, live.outside_unpriced_tokens)
    return sign.outside + cost


def _agents(working: int, waiting: int, sign: _Signs, without_pane: int = 0) -> str:
    return _joined(
        f"{working}{sign.working}" if working else "",
        f"{waiting}{sign.waiting}" if waiting else "",
        f"{without_pane}{sign.without_pane}" if without_pane else "",
    )


def _state(pane: LivePane, sign: _Signs, *, plain: bool) -> str:
    state = sign.state(pane.state).strip()
    reason = clean(pane.waiting_for, REASON_LENGTH, ascii_only=plain)
    if pane.state != WAITING or not reason:
        return state
    return f"{state}:{reason}" if plain else f"{state}{reason}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
