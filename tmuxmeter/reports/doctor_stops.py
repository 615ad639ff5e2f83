"""``doctor``'s checks of what stops agents: pauses, their hooks, the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.reports.doctor import BAD, NOTE, OK, WARN, Check
from tmuxmeter.reports.guard import NOTIFY
from tmuxmeter.reports.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.config.settings import GuardSettings

INSTALLED, MISSING = "installed", "missing"
NOTHING = "nothing is paused"


class PauseFacts(NamedTuple):
    """A pause. ``over``: why it holds nobody any more, "" if it does, as far as can be told."""

    pane: str
    agent: str
    way: str
    who: str
    spent_after: int
    over: str


class HookFacts(NamedTuple):
    """The hooks of one agent: in what state, why, and what to do about it."""

    agent: str
    state: str
    detail: str
    hint: str


def pauses_check(pauses: Sequence[PauseFacts], broken: Sequence[str], *, watching: bool) -> Check:
    """Check the pauses in force. ``broken`` are records that can't be read."""
    if broken:
        hint = "move it away; the agent it was about may have to be ended by hand"
        return Check("pauses", WARN, "; ".join(broken), hint)
    if not pauses:
        return Check("pauses", OK, NOTHING)
    held = [each for each in pauses if not each.over]
    names = [f"{each.pane} ({each.agent}) by {each.who} ({each.way})" for each in held]
    text = f"{count(len(held), 'agent')} paused: {', '.join(names)}" if held else NOTHING
    leaks = [each.pane for each in held if each.spent_after]
    if leaks:
        hint = "`tmuxmeter pause PANE --how` pauses in another way; interrupt ends the turn"
        return Check("pauses", BAD, f"{text}; still spending: {', '.join(leaks)}", hint)
    over = [
        f"that of {each.pane} ({each.agent}) is over: {each.over}" for each in pauses if each.over
    ]
    if over:
        hint = (
            "the watcher cleans up in a few seconds"
            if watching
            else "`tmuxmeter up`, `resume --all` or `down` takes away the pane's look"
        )
        return Check("pauses", WARN, f"{text}; {', '.join(over)}", hint)
    if not watching:
        hint = "`tmuxmeter up`: without a watcher nobody looks after them, and holds let go"
        return Check("pauses", WARN, text, hint)
    return Check("pauses", NOTE, text, "`tmuxmeter resume --all` lets them go on")


def hooks_check(hooks: Sequence[HookFacts]) -> Check:
    """Check the hooks in the agents' own settings."""
    wrong = [each for each in hooks if each.state not in (INSTALLED, MISSING)]
    if wrong:
        text = "; ".join(f"{each.agent}: {each.state}, {each.detail}" for each in wrong)
        hints = ", ".join(dict.fromkeys(_quoted(each.hint) for each in wrong if each.hint))
        return Check("hooks", WARN, text, hints or "`tmuxmeter hooks status` tells more")
    there = sorted({each.agent for each in hooks if each.state == INSTALLED})
    if not there:
        hint = "`tmuxmeter hooks install`: agents hold themselves when paused, and tell more"
        return Check("hooks", OK, "not installed", hint)
    return Check("hooks", OK, f"installed: {', '.join(there)}")


def _quoted(hint: str) -> str:
    """Return a hint, in marks if it is a command."""
    return f"`{hint}`" if hint.startswith("tmuxmeter ") else hint


def guard_check(settings: GuardSettings, *, watching: bool) -> Check:
    """Check what the guard keeps."""
    limits = []
    for whose, dollars, tokens in (
        ("a day", settings.day_dollars, settings.day_tokens),
        ("a day in a pane", settings.pane_dollars, settings.pane_tokens),
    ):
        limits += [f"${dollars:,.2f} {whose}"] if dollars else []
        limits += [f"{tokens:,} input tokens {whose}"] if tokens else []
    limits += [f"an error loop of {settings.loop}"] if settings.loop else []
    if not limits:
        return Check("guard", OK, "no limit is set")
    text = f"{', '.join(limits)}: {settings.action}"
    if settings.action != NOTIFY:
        text += f", {settings.grace_seconds} s after the notice"
    if not watching:
        return Check("guard", WARN, f"{text}; nobody watches", "`tmuxmeter up`")
    if (settings.day_dollars and not settings.day_tokens) or (
        settings.pane_dollars and not settings.pane_tokens
    ):
        hint = "models without a price are in no dollar limit: set one in tokens as well"
        return Check("guard", NOTE, text, hint)
    return Check("guard", OK, text)
