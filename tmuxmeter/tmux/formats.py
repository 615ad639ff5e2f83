"""The ``#{tmuxmeter…}`` placeholders and the tmux format each one stands for.

Values reach tmux as hidden environment values (:func:`variable` names them), so a format finds them
without any process and a change costs a redraw of the status line only. Three rules hold here:

- A value is only ever the last thing looked up, never expanded again: what an agent wrote into its
  log (a model's name) can't run ``#(…)`` or use ``#{…}``. Where ``E:`` appears below, it expands a
  *name* made of constants and tmux's own pane or window id; measured with tmux 3.3a, that is 20
  times cheaper than cutting a pane's value out of one long text by a regular expression
  (8 panes, 200 values: 6 ms of the server's time a push instead of 142).
- Every value holds until the lease only: ``%s`` is the current epoch second, so a format turns
  stale by itself when nobody renews the lease.
- No format contains a per cent sign besides ``%s``, because tmux passes it through ``strftime``.
"""

from __future__ import annotations

import re

LEASE = "TMUXMETER_LEASE"
"""Hidden value: the epoch second until which all the others hold."""

PREFIX = "TMUXMETER_"

SEGMENT_PIECES = ("segment", "segment_light", "segment_rest")
"""The composed segment; the middle piece has the verdict's style."""

GLOBAL_NAMES = (
    "total",
    "tokens",
    "output",
    "hit",
    "working",
    "waiting",
    "idle",
    "paused",
    "outside",
    "without_pane",
    "unmetered",
    "problem",
    "light",
    "verdict",
    "reason",
    "calibrated",
    "gauge",
    "line",
    "line_share",
    "ratio",
    "needed",
    "possible",
    "budget",
    "handoffs",
    "pending",
    "flags",
)
WINDOW_NAMES = (
    "window_cost",
    "window_tokens",
    "window_output",
    "window_working",
    "window_waiting",
    "window_paused",
    "window_state",
    "window_flags",
)
PANE_NAMES = (
    "pane_cost",
    "pane_tokens",
    "pane_output",
    "pane_hit",
    "pane_agent",
    "pane_model",
    "pane_state",
    "pane_waiting_for",
    "pane_paused",
    "pane_context",
    "pane_problem",
    "pane_flags",
)

VERDICT_STYLES = {
    "green": "#[fg=black]#[bg=green]",
    "amber": "#[fg=black]#[bg=yellow]",
    "red": "#[fg=white]#[bg=red]",
}
"""Legible on bars of any colour; ``@tmuxmeter_style_green`` and so on are used instead."""
ALARM_STYLE = "#[fg=white]#[bg=red]"
"""Of a pane that spends although it is paused; ``@tmuxmeter_style_spending`` is used instead."""
STALE_TEXT = "#[dim]meter stopped#[default]"


def variable(name: str, tmux_id: str = "") -> str:
    """Return the hidden environment value that holds a figure.

    Parameters
    ----------
    name : str
        A placeholder's name without ``tmuxmeter_``, such as ``total`` or ``pane_cost``;
        ``segment`` (in three pieces, ``segment_light`` and ``segment_rest`` follow it), ``window``
        and ``pane`` for the composed ones.
    tmux_id : str
        The pane's (``%3``) or window's (``@1``) id; "" for a global figure.
    """
    return PREFIX + name.upper() + (f"_{tmux_id[1:]}" if tmux_id else "")


def _value(name: str) -> str:
    """Return the format that looks a value up, for the pane or window it is drawn for."""
    if name.startswith(("pane", "window")):
        of = "pane_id" if name.startswith("pane") else "window_id"
        # "##{" and "#}" make a plain "{" and "}", so E: sees the finished name and nothing else.
        return "#{E:##{" + variable(name) + "_#{s/^.//:" + of + "}#}}"
    return "#{" + variable(name) + "}"


def _leased(format_: str, stale: str = "") -> str:
    return "#{?#{e|>:#{" + LEASE + "},%s}," + format_ + "," + stale + "}"


def _styled(name: str, style: str) -> str:
    """Return a value in a style that may be empty; then the style before it stays as it was."""
    text = _value(name)
    return "#{?" + text + "," + style + text + "#{?" + style + ",#[default],},}"


def _state_style(of: str) -> str:
    """Return the style of a pane or window by its state, and by what is wrong with it."""
    state, style = _value(f"{of}_state"), "#{@tmuxmeter_style_"
    other = style + "idle}"
    for name in ("paused", "working", "waiting"):
        other = "#{?#{==:" + state + "," + name + "}," + style + name + "}," + other + "}"
    alarm = "#{?@tmuxmeter_style_spending," + style + "spending}," + ALARM_STYLE + "}"
    return "#{?#{m:*spending*," + _value(f"{of}_flags") + "}," + alarm + "," + other + "}"


def _verdict_style() -> str:
    verdict, styles = _value("verdict"), ""
    for name, default in reversed(VERDICT_STYLES.items()):
        style = "@tmuxmeter_style_" + name
        chosen = "#{?" + style + ",#{" + style + "}," + default + "}"
        styles = "#{?#{==:" + verdict + "," + name + "}," + chosen + "," + styles + "}"
    return styles


def _segment() -> str:
    waiting = "#{?" + variable("waiting") + ",#{@tmuxmeter_style_waiting},}"
    style = "#{?" + variable("problem") + ",#{@tmuxmeter_style_problem}," + waiting + "}"
    # "#[default]" ends every style, so after the light the one around it begins again
    light = _styled("segment_light", style + _verdict_style())
    text = _styled("segment", style) + light + _styled("segment_rest", style)
    stopped = "#{?@tmuxmeter_stale,#{@tmuxmeter_stale}," + STALE_TEXT + "}"
    # Without a lease the meter ended in order: there is nothing to warn of.
    return _leased(text, "#{?" + LEASE + "," + stopped + ",}")


PLACEHOLDERS: dict[str, str] = {
    "tmuxmeter": _segment(),
    "tmuxmeter_window": _leased(_styled("window", _state_style("window"))),
    "tmuxmeter_pane": _leased(_styled("pane", _state_style("pane"))),
    **{
        f"tmuxmeter_{name}": _leased(_value(name))
        for name in (*GLOBAL_NAMES, *WINDOW_NAMES, *PANE_NAMES)
    },
}
"""Every placeholder, without ``#{}``, and its format."""

_LOOKS_UP = tuple("=bdnpqsw")
"""How modifiers begin that take a name, as in ``#{=20:pane_title}``, and no text or format."""
_WANTED = re.compile(r"(?<!#)#\{(?:\?|[^#{}(),]*:)?(tmuxmeter\w*)(?=[},])")

_LONGEST_FIRST = sorted(PLACEHOLDERS.items(), key=lambda item: -len(item[1]))


def interpolate(text: str) -> str:
    """Replace the placeholders in a tmux format by what they stand for.

    Left as they are: literals (``##{…}``, ``#{l:…}``), shell commands (``#(…)``, where a value
    would become a part of the command line) and what ``E:`` or ``T:`` would expand twice. A name
    may stand bare where tmux looks names up: as a condition, and behind modifiers.
    """
    out: list[str] = []
    at = 0
    while (hash_ := text.find("#", at)) >= 0:
        out.append(text[at:hash_])
        following = text[hash_ + 1 : hash_ + 2]
        if following == "{":
            end = _end_of_braces(text, hash_ + 2)
            out.append(_replaced(text[hash_ + 2 : end], text[end : end + 1]))
            at = end + 1
        elif following == "(":
            at = _end_of_parentheses(text, hash_ + 2)
            out.append(text[hash_:at])
        else:
            at = hash_ + 2
            out.append(text[hash_:at])
    out.append(text[at:])
    return "".join(out)


def unknown_names(text: str) -> list[str]:
    """Return what a tmux format asks of us and no placeholder is called."""
    return [name for name in _WANTED.findall(text) if name not in PLACEHOLDERS]


def restore(text: str) -> str:
    """Put the placeholders back: the inverse of :func:`interpolate`.

    A name that stood bare comes back as a placeholder, which means the same.
    """
    for name, format_ in _LONGEST_FIRST:
        text = text.replace(format_, "#{" + name + "}")
    return text


def _replaced(inside: str, closing: str) -> str:
    if closing and inside in PLACEHOLDERS:
        return PLACEHOLDERS[inside]
    modifiers, colon, _ = inside.partition(":")
    if colon and not {"E", "T", "l"}.isdisjoint(modifiers.split(";")):
        return "#{" + inside + closing
    # as tmux's own names may stand: #{?tmuxmeter_waiting,…} and #{=20:tmuxmeter_pane}
    condition, comma, rest = inside[1:].partition(",")
    if inside.startswith("?") and comma and condition in PLACEHOLDERS:
        return "#{?" + PLACEHOLDERS[condition] + "," + interpolate(rest) + closing
    head, _, name = inside.rpartition(":")
    if closing and head.startswith(_LOOKS_UP) and name in PLACEHOLDERS:
        return "#{" + interpolate(head) + ":" + PLACEHOLDERS[name] + closing
    return "#{" + interpolate(inside) + closing


def _end_of_braces(text: str, at: int) -> int:
    """Return where the brace closes that opened before ``at``, as tmux finds it, or the end."""
    depth = 1
    while at < len(text):
        if text.startswith("#{", at):
            depth += 1
            at += 2
        elif text[at] == "#" and text[at + 1 : at + 2] in {",", "#", "}", ":"}:
            at += 2
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
            at += 1
        else:
            at += 1
    return len(text)


def _end_of_parentheses(text: str, at: int) -> int:
    """Return the position after the parenthesis that closes the one opened before ``at``."""
    depth = 1
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at
