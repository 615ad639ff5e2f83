"""Live figures as the texts of the composed segments: plain text, not yet escaped for anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.reports.live import (
    CLAIM,
    DRIFT,
    FURTHER,
    GONE,
    IDLE,
    LOOP,
    OVERLAP,
    PAUSED,
    SPENDING,
    WAITING,
    WORKING,
)
from tmuxmeter.status.text import (
    AGENT_LENGTH,
    MODEL_LENGTH,
    PROBLEM_LENGTH,
    REASON_LENGTH,
    clean,
    line,
    money,
    share,
    tokens,
    verdict_sign,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.reports.live import Live, LiveLight, LivePane, LiveWindow
    from tmuxmeter.status.options import StatusOptions

UNSURE_BELOW = 0.8
"""Spend whose pane is less sure than this is shown with a ``~``."""


@dataclass(frozen=True, slots=True)
class _Signs:
    working: str
    waiting: str
    idle: str
    paused: str
    gone: str
    hit: str
    tokens: str
    output: str
    context: str
    outside: str
    without_pane: str
    problem: str
    budget: str
    handoffs: str
    flags: Mapping[str, str]

    def state(self, state: str) -> str:
        signs = {WORKING: self.working, WAITING: self.waiting, IDLE: self.idle, GONE: self.gone}
        return {**signs, PAUSED: self.paused}.get(state, "")


_ICONS = _Signs(
    *("▶", "⏳", "·", "⏸", "✗", "↻", "", "↑", "ctx ", "⇱", " no pane", "⚠ ", "≤", "⇥"),
    {SPENDING: "⏸!", LOOP: "∞", OVERLAP: "⧉", CLAIM: "≠", FURTHER: "⊕", DRIFT: "≈", WAITING: "⏳"},
)
_ASCII = _Signs(
    *(
        " run",
        " wait",
        "idle",
        " paused",
        "gone",
        "hit ",
        " tok",
        "out ",
        "ctx ",
        "outside ",
        " no pane",
    ),
    *("! ", "budget ", " to review"),
    {flag: flag for flag in (SPENDING, LOOP, OVERLAP, CLAIM, FURTHER, DRIFT, WAITING)},
)


def signs(options: StatusOptions) -> _Signs:
    """Return the symbols or words in use."""
    return _ICONS if options.icons else _ASCII


@dataclass(frozen=True, slots=True)
class Segment:
    """``#{tmuxmeter}`` in three pieces: ``light`` has the verdict's style, the others don't."""

    head: str
    light: str
    rest: str

    def __str__(self) -> str:
        return self.head + self.light + self.rest


def segment(live: Live, options: StatusOptions) -> Segment:
    """Return ``#{tmuxmeter}``: ``$12.34 ▲? 212k/331k ↻62% 2▶ 1⏳``.

    A problem and the word ``demo`` are always in it. Light and gauge have the verdict's style as
    far as they stand together.
    """
    sign = signs(options)
    plain = not options.icons
    budget = live.light.budget_share
    parts = {
        "cost": money(live.cost_microdollars, live.unpriced_tokens or live.unmetered),
        "light": light_glyph(live.light, options) if live.input_tokens else "",
        "gauge": _gauge_part(live, options),
        "tokens": tokens(live.input_tokens) + sign.tokens if live.input_tokens else "",
        "output": sign.output + tokens(live.output_tokens) if live.output_tokens else "",
        "hit": "" if live.cache_hit_rate is None else sign.hit + share(live.cache_hit_rate),
        "agents": _agents(live.working, live.waiting, live.paused, sign, live.without_pane),
        # those that wait are counted among the agents already
        "flags": _joined(
            *(
                f"{count if count > 1 else ''}{sign.flags[flag]}"
                for flag, count in live.flags
                if flag in options.flags and (flag != WAITING or "agents" not in options.segment)
            )
        ),
        "outside": _outside(live, sign),
        "budget": ""
        if budget is None or budget * 100 < options.budget_from
        else sign.budget + share(budget),
        "handoffs": f"{live.light.pending}{sign.handoffs}" if live.light.pending else "",
    }
    problem = clean(live.problem, PROBLEM_LENGTH, ascii_only=plain)
    words = [("", "demo" if live.demo else "")]
    words += [(name, parts[name]) for name in options.segment]
    words += [("", sign.problem + problem if problem else "")]
    return _in_three([(name, text) for name, text in words if text])


def _in_three(words: list[tuple[str, str]]) -> Segment:
    """Cut a segment's words around the run of light and gauge."""
    lit = [number for number, (name, _) in enumerate(words) if name in {"light", "gauge"}]
    begin = lit[0] if lit else len(words)
    end = begin
    while end in lit:
        end += 1
    texts = [text for _, text in words]
    head, light, rest = (" ".join(part) for part in (texts[:begin], texts[begin:end], texts[end:]))
    return Segment(
        head + (" " if head and light else ""), light, (" " if light and rest else "") + rest
    )


def light_glyph(light: LiveLight, options: StatusOptions) -> str:
    """Return the verdict as a sign, with a mark where it isn't the user's own scale; "" unknown."""
    ascii_only = not options.icons
    return verdict_sign(light.verdict, calibrated=light.calibrated, ascii_only=ascii_only)


def gauge(live: Live, options: StatusOptions) -> str:
    """Return today's input tokens and the line: ``212k/331k``; only the tokens while it is new."""
    light = live.light
    if not light.verdict:
        return tokens(live.input_tokens)
    return f"{tokens(light.input_tokens)}/{line(light.line_tokens, ascii_only=not options.icons)}"


def _gauge_part(live: Live, options: StatusOptions) -> str:
    light = live.light
    if not live.input_tokens:
        return ""
    if light.line_tokens and light.input_tokens * 100 < options.gauge_from * light.line_tokens:
        return ""
    return gauge(live, options) + ("" if light.verdict else signs(options).tokens)


def window_segment(window: LiveWindow, options: StatusOptions) -> str:
    """Return ``#{tmuxmeter_window}``: ``$3.10 1▶``."""
    sign = signs(options)
    parts = {
        "cost": money(window.cost_microdollars, window.unpriced_tokens or window.unmetered),
        "tokens": tokens(window.input_tokens) + sign.tokens if window.input_tokens else "",
        "output": sign.output + tokens(window.output_tokens) if window.output_tokens else "",
        "agents": _agents(window.working, window.waiting, window.paused, sign),
        "flags": flag_signs(window.flags, options, waiting="agents" not in options.window_segment),
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
        "tokens": pane_input(pane) + sign.tokens if pane_input(pane) != "0" else "",
        "output": sign.output + pane_output(pane) if pane_output(pane) != "0" else "",
        "hit": "" if pane.cache_hit_rate is None else sign.hit + share(pane.cache_hit_rate),
        "context": ""
        if pane.context_fill is None or pane.context_fill * 100 < options.context_from
        else sign.context + share(pane.context_fill),
        "state": _state(pane, sign, plain=plain),
        "flags": flag_signs(_untold(pane, options), options, waiting=True),
    }
    problem = clean(pane.problem, PROBLEM_LENGTH, ascii_only=plain)
    return _joined(
        *(parts[name] for name in options.pane_segment), sign.problem + problem if problem else ""
    )


def flag_signs(flags: Iterable[str], options: StatusOptions, *, waiting: bool) -> str:
    """Return flags as signs; ``waiting``: also that one, which another part may show already."""
    sign = signs(options)
    shown = [f for f in flags if f in options.flags and (waiting or f != WAITING)]
    return ("" if options.icons else " ").join(sign.flags[flag] for flag in shown)


def pane_cost(pane: LivePane) -> str:
    """Return what a pane has spent, with a ``~`` where the pane is not quite sure."""
    unsure = "~" if pane.confidence < UNSURE_BELOW else ""
    return unsure + money(pane.cost_microdollars, pane.unpriced_tokens or pane.unmetered)


def pane_input(pane: LivePane) -> str:
    """Return a pane's input tokens; with a ``~`` where nothing but an estimate is known of them."""
    return _told_or_guessed(pane.input_tokens, pane.estimated_input)


def pane_output(pane: LivePane) -> str:
    """Return a pane's output tokens, in the same way."""
    return _told_or_guessed(pane.output_tokens, pane.estimated_output)


def _told_or_guessed(told: int, guessed: int) -> str:
    return f"~{tokens(guessed)}" if guessed and not told else tokens(told)


def _outside(live: Live, sign: _Signs) -> str:
    if not live.outside_cost_microdollars and not live.outside_unpriced_tokens:
        return ""
    cost = money(live.outside_cost_microdollars, live.outside_unpriced_tokens)
    return sign.outside + cost


def _agents(working: int, waiting: int, paused: int, sign: _Signs, without_pane: int = 0) -> str:
    return _joined(
        f"{working}{sign.working}" if working else "",
        f"{waiting}{sign.waiting}" if waiting else "",
        f"{paused}{sign.paused}" if paused else "",
        f"{without_pane}{sign.without_pane}" if without_pane else "",
    )


def _state(pane: LivePane, sign: _Signs, *, plain: bool) -> str:
    state = sign.state(pane.state).strip()
    if pane.state == PAUSED:
        if SPENDING in pane.flags:
            return f"{state}! still spending"
        return f"{state} {paused_text(pane, plain=plain)}"
    reason = clean(pane.waiting_for, REASON_LENGTH, ascii_only=plain)
    if pane.state != WAITING or not reason:
        return state
    return f"{state}:{reason}" if plain else f"{state}{reason}"


def paused_text(pane: LivePane, *, plain: bool) -> str:
    """Return who paused a pane and since when: ``you 14:05``; "" where nobody did."""
    return _joined(clean(pane.paused_by, REASON_LENGTH, ascii_only=plain), pane.paused_since)


def _untold(pane: LivePane, options: StatusOptions) -> list[str]:
    """Return the flags of a pane that its state doesn't tell already."""
    told = {WAITING, SPENDING} if "state" in options.pane_segment else set()
    return [flag for flag in pane.flags if flag not in told]


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
