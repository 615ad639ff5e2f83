"""What the user may choose about the composed segments, in tmux options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.reports.live import FLAGS

if TYPE_CHECKING:
    from collections.abc import Mapping

SEGMENT_PARTS = (
    *("cost", "light", "gauge", "tokens", "output", "hit", "agents", "flags"),
    *("outside", "budget", "handoffs"),
)
WINDOW_PARTS = ("cost", "tokens", "output", "agents", "flags")
PANE_PARTS = ("agent", "model", "cost", "tokens", "output", "hit", "context", "state", "flags")

_OFF = frozenset({"off", "0", "no", "false"})


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """How composed segments look. The parts are in the order they are shown in.

    Attributes
    ----------
    icons : bool
        ``@tmuxmeter_icons``: symbols; off: everything in ASCII.
    segment, window_segment, pane_segment : tuple of str
        ``@tmuxmeter_segment`` and so on: which parts ``#{tmuxmeter}``, ``#{tmuxmeter_window}`` and
        ``#{tmuxmeter_pane}`` are made of.
    flags : tuple of str
        ``@tmuxmeter_flags``: which flags the composed segments show.
    gauge_from, context_from, budget_from : int
        ``@tmuxmeter_gauge_from`` and so on: the per cent (of the line, of the context window, of
        the budget) from which these parts are shown.
    """

    icons: bool = True
    segment: tuple[str, ...] = ("cost", "light", "gauge", "hit", "agents", "flags")
    window_segment: tuple[str, ...] = ("cost", "agents", "flags")
    pane_segment: tuple[str, ...] = ("agent", "cost", "tokens", "context", "state", "flags")
    flags: tuple[str, ...] = FLAGS
    gauge_from: int = 0
    context_from: int = 0
    budget_from: int = 0


OPTION_NAMES = (
    "@tmuxmeter_icons",
    "@tmuxmeter_segment",
    "@tmuxmeter_window_segment",
    "@tmuxmeter_pane_segment",
    "@tmuxmeter_flags",
    "@tmuxmeter_gauge_from",
    "@tmuxmeter_context_from",
    "@tmuxmeter_budget_from",
)

MOST_PERCENT = 1000


def parse_options(
    values: Mapping[str, str], *, icons: bool = True
) -> tuple[StatusOptions, tuple[str, ...]]:
    """Return the options that tmux option values make, and a complaint for each odd word in them.

    An option that is missing or empty has its default (for symbols: ``icons``); an unknown part is
    left out.
    """
    defaults = StatusOptions()
    complaints: list[str] = []

    def parts(name: str, known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        words = values.get(name, "").replace(",", " ").split()
        odd = [word for word in words if word not in known]
        complaints.extend(f"{name}: no part {word!r}; there are {', '.join(known)}" for word in odd)
        return tuple(word for word in words if word in known) or default

    def percent(name: str) -> int:
        text = values.get(name, "").strip().removesuffix("%").rstrip()
        if not text:
            return 0
        if text.isascii() and text.isdigit() and int(text[:9]) <= MOST_PERCENT:
            return int(text[:9])
        complaints.append(
            f"{name}: a whole number from 0 to {MOST_PERCENT} is wanted: {text[:20]!r}"
        )
        return 0

    said = values.get("@tmuxmeter_icons", "").strip().lower()
    flags = values.get("@tmuxmeter_flags", "").strip().lower()
    options = StatusOptions(
        icons=said not in _OFF if said else icons,
        segment=parts("@tmuxmeter_segment", SEGMENT_PARTS, defaults.segment),
        window_segment=parts("@tmuxmeter_window_segment", WINDOW_PARTS, defaults.window_segment),
        pane_segment=parts("@tmuxmeter_pane_segment", PANE_PARTS, defaults.pane_segment),
        flags=() if flags == "none" else parts("@tmuxmeter_flags", FLAGS, defaults.flags),
        gauge_from=percent("@tmuxmeter_gauge_from"),
        context_from=percent("@tmuxmeter_context_from"),
        budget_from=percent("@tmuxmeter_budget_from"),
    )
    return options, tuple(complaints)
